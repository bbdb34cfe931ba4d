"""Uploads to the Hub, which are checked in advance; each repository gets one commit."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from hub_cards import PROJECT_URL
from klue_datasets.export import MARKER
from klue_datasets.export import export as export_data
from klue_datasets.hub import PublishError, Upload, hub_errors, send
from klue_datasets.push import folder_upload
from klue_metrics.export_modules import MODULES
from klue_metrics.export_modules import export as export_metrics
from recipes.engine.eval_entries import merged_file, to_entries
from recipes.engine.results import EVAL_ENTRIES
from recipes.leaderboard.record_sources import find_records
from recipes.leaderboard.site import STATIC, space_card
from recipes.publishing.publishable import check_results, publishable

# Files of earlier uploads that are deleted.
STALE_MODEL = (
    "*.safetensors",
    "*.safetensors.index.json",
    "adapter_config.json",
    "example.svg",
    EVAL_ENTRIES,
)
STALE_METRIC = ("*.py",)
FOLDERS = {"model": "", "dataset": "datasets/", "space": "spaces/"}  # path prefixes in URLs


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A checked upload, and the files of its folder that are left out."""

    upload: Upload
    left_out: Sequence[str]


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.publish``.

    Raises:
        ValueError: Files must not be published, or there is nothing to publish.
        PublishError: The Hub refuses the upload or cannot be reached.
    """
    try:
        if arguments.kind == "scores":
            _propose_scores(arguments)
        else:
            publish(arguments)
    except PublishError:
        print(file=sys.stderr)  # a progress bar may occupy the current line
        raise


def publish(arguments: argparse.Namespace) -> None:
    """Prepare and check all uploads, then send them."""
    with _prepared(arguments) as uploads:
        for prepared in uploads:
            print("\n".join(_described(prepared, with_card=arguments.dry_run)), flush=True)
        if arguments.dry_run:
            print("Nothing was sent; without --dry_run each repository gets this in one commit.")
            return
        done: list[str] = []
        for prepared in uploads:
            try:
                print(send(prepared.upload, private=arguments.private), flush=True)
            except PublishError as error:
                before = f" Published before that: {', '.join(done)}." if done else ""
                raise PublishError(f"{error}{before}") from error
            done.append(prepared.upload.repo_id)


@contextlib.contextmanager
def _prepared(arguments: argparse.Namespace) -> Iterator[list[Prepared]]:
    """Yield the checked uploads, whose folders may be temporary."""
    with tempfile.TemporaryDirectory(prefix="klue-publish-") as temporary:
        kinds = {"model": _model, "dataset": _dataset, "metrics": _metrics, "board": _board}
        prepare = kinds[arguments.kind]
        yield [_checked(upload, arguments.max_file_mb) for upload in prepare(arguments, Path(temporary))]


def _model(arguments: argparse.Namespace, temporary: Path) -> list[Upload]:
    folder = Path(arguments.folder)
    check_results(folder)
    message = f"A KLUE model with its results, from {folder.resolve().name}"
    return [Upload(arguments.repo_id, "model", folder, (), message, STALE_MODEL)]


def _dataset(arguments: argparse.Namespace, temporary: Path) -> list[Upload]:
    source = {name: getattr(arguments, name) for name in ("tasks", "data_dir", "mini", "hub_compatible")}
    Upload(arguments.repo_id, "dataset", temporary, (), "")  # validate the name before building anything
    if arguments.folder is None:
        folder = temporary / "klue"
        rows = export_data(folder, version=arguments.version, repo_id=arguments.repo_id, **source)
        return [folder_upload(folder, arguments.repo_id, f"KLUE {arguments.version}: {', '.join(rows)}")]
    folder = Path(arguments.folder)
    if any(source.values()):
        raise ValueError("--folder was given with flags of a new export; expected one or the other.")
    card = folder / "README.md"
    if not card.is_file() or MARKER not in card.read_text(encoding="utf-8"):
        raise ValueError(f"{folder} was not written by `klue_datasets export`; expected its folder.")
    tasks = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return [folder_upload(folder, arguments.repo_id, f"KLUE: {', '.join(tasks)}")]


def _metrics(arguments: argparse.Namespace, temporary: Path) -> list[Upload]:
    namespace, _, name = arguments.repo_id.partition("/")
    if name and name not in MODULES:
        raise ValueError(
            f"{arguments.repo_id}: evaluate looks in a Space for a script of the same name; "
            f"expected {namespace}/ and one of {', '.join(MODULES)}, or {namespace} alone for all."
        )
    folders = export_metrics(temporary, [name] if name else MODULES, namespace=namespace)
    message = "The official metric of KLUE, for evaluate.load"
    return [
        Upload(f"{namespace}/{folder.name}", "space", folder, (), message, STALE_METRIC) for folder in folders
    ]


def _board(arguments: argparse.Namespace, temporary: Path) -> list[Upload]:
    source = Path(arguments.folder)
    if not all((source / name).is_file() for name in ("index.html", *STATIC)):
        raise ValueError(f"{source} holds no leaderboard; expected a folder that recipes.board has written.")
    folder = temporary / "board"
    shutil.copytree(source, folder)
    (folder / "README.md").write_text(space_card(arguments.repo_id), encoding="utf-8")
    message = "A leaderboard of KLUE results"
    return [Upload(arguments.repo_id, "space", folder, (), message, ("models/*", "tasks/*"), sdk="static")]


def _propose_scores(arguments: argparse.Namespace) -> None:
    """Open a pull request that adds official results to a model's repository."""
    records = [one.record for one in find_records(arguments.results)]
    entries = [entry for one in records for entry in to_entries(one, dataset_id=arguments.dataset_id)]
    if not entries:
        raise ValueError(
            f"none of the {len(records)} results is on KLUE's official validation split, in full; "
            "expected official results."
        )
    named = [entry.task_id for entry in entries]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ValueError(
            f"there are several results for {', '.join(twice)}; expected one: a model reports one value."
        )
    api, path = HfApi(), EVAL_ENTRIES
    with hub_errors(arguments.repo_id):
        there = api.file_exists(arguments.repo_id, path)
        old = Path(api.hf_hub_download(arguments.repo_id, path)).read_text("utf-8") if there else ""
    text = merged_file(old, entries)
    print(f"{path} of {arguments.repo_id}:\n\n{text}")
    if arguments.dry_run:
        print("Nothing was sent; without --dry_run this becomes a pull request.")
        return
    with hub_errors(arguments.repo_id):
        commit = api.create_commit(
            arguments.repo_id,
            [CommitOperationAdd(path, text.encode())],
            commit_message=f"Add KLUE results: {', '.join(named)}",
            commit_description=f"Evaluated with klue-hub, {PROJECT_URL}.",
            create_pr=True,
        )
    print(f"Opened a pull request: {commit.pr_url}")


def _checked(upload: Upload, limit_mb: int) -> Prepared:
    files, left_out = publishable(upload.folder, limit_mb=limit_mb)
    return Prepared(dataclasses.replace(upload, files=tuple(files)), left_out)


def _described(prepared: Prepared, *, with_card: bool) -> Iterator[str]:
    """Describe an upload: its files and target, other files in the folder, and the card."""
    upload = prepared.upload
    total = sum((upload.folder / path).stat().st_size for path in upload.files)
    where = FOLDERS[upload.repo_type] + upload.repo_id
    yield f"{upload.folder} -> {where}: {len(upload.files)} files, {total:,} bytes"
    yield from (f"  {line}" for line in upload.lines())
    if prepared.left_out:
        yield f"Left out, since only the run itself needs it: {', '.join(prepared.left_out)}"
    if with_card:
        card = upload.folder / "README.md"
        yield f"The card, README.md:\n\n{card.read_text(encoding='utf-8').rstrip()}\n"
