"""The data of a run: where it comes from, and whether its validation split is KLUE's official one."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
from pathlib import Path

import datasets

from klue_datasets.builder import KlueBuilder
from klue_datasets.content import content_version
from klue_datasets.download import git_blob_sha1, official_splits
from klue_datasets.loading import build, make_builder
from klue_datasets.tasks import DEFAULT_VERSION, get_task
from recipes.engine.arguments import RecipeArguments

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Data:
    """The splits of a run.

    Attributes:
        splits: Split name -> rows, truncated to the numbers asked for.
        name: What the data is called in cards: a Hub id, or what it was made from.
        is_official: Whether the validation split is, in full, the one that KLUE published.
        version: The newest KLUE version whose validation split has the content of the source's; None where
            it is another split, or its content could not be compared.
        is_comparable: Whether it could be compared: the source is raw files, or the content of KLUE's split
            is known.
        revision: The commit of a data set on the Hub, as far as it is known; None for other sources.
        hash: What ``source_hash`` gives.
    """

    splits: datasets.DatasetDict
    name: str
    is_official: bool
    version: str | None = None
    is_comparable: bool = True
    revision: str | None = None
    hash: str | None = None


def source_hash(task: str, arguments: RecipeArguments) -> str | None:
    """Identifies the local files that a task's data is read from by what they hold, wherever they lie.

    Returns:
        Twelve hexadecimal digits; None for data that is not local.

    Raises:
        FileNotFoundError: There are no raw files for the task.
    """
    record = get_task(task)
    source = Path(arguments.dataset_name)
    if builder := _local_builder(record.name, arguments):
        files = [Path(path) for paths in (builder.files or {}).values() for path in paths]
    elif source.exists():  # an exported folder has one folder a task
        root = source / record.name if (source / record.name).is_dir() else source
        files = [path for path in [root, *root.rglob("*")] if path.is_file() and path.suffix != ".md"]
    else:
        return None
    known = sorted(f"{path.name} {git_blob_sha1(path)}" for path in files)
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def _local_builder(task: str, arguments: RecipeArguments) -> KlueBuilder | None:
    """The builder of KLUE's or the user's own files; None for a data set by name."""
    if not (arguments.data_dir or arguments.mini or arguments.own_files):
        return None
    return make_builder(
        task,
        data_dir=arguments.data_dir,
        data_files=arguments.own_files or None,
        columns=arguments.columns,
        mini=arguments.mini,
    )


def load_data(task: str, arguments: RecipeArguments) -> Data:
    """Loads the rows that the arguments ask for.

    Raises:
        ValueError: A split that the run needs is not there, or a revision was given for data that is not on
            the Hub.
        FileNotFoundError: The source has nothing for this task.
    """
    record = get_task(task)
    builder = _local_builder(record.name, arguments)
    is_local = builder is not None or Path(arguments.dataset_name).exists()
    if arguments.dataset_revision and is_local:
        raise ValueError(
            f"--dataset_revision is {arguments.dataset_revision!r}, but the data comes from local files; "
            "expected a --dataset_name on the Hub, or no revision."
        )
    version = revision = None
    own = arguments.own_files
    if builder is not None:
        splits = build(builder)
        if not own and "validation" in official_splits(record, builder.files or {}):
            version = DEFAULT_VERSION
        source = arguments.data_dir or own.get("validation") or own.get("train") or own.get("test", "")
        name = "klue-hub mini corpus" if arguments.mini else Path(source).resolve().name
    else:
        hub_builder = datasets.load_dataset_builder(
            arguments.dataset_name, record.name, revision=arguments.dataset_revision
        )
        hub_builder.download_and_prepare()
        splits = hub_builder.as_dataset()
        name = Path(arguments.dataset_name).name if is_local else arguments.dataset_name
        revision = None if is_local else _commit(hub_builder) or arguments.dataset_revision
    if version is None and "validation" in splits and not own:  # scores of own files are no KLUE scores
        version = content_version(record.name, splits["validation"])
    is_comparable = builder is not None or bool(record.content)
    if not is_comparable:
        logger.warning(
            "%s: the validation split of %s cannot be compared with KLUE's official one, whose content is "
            "not known here: its scores do not count as official. For official scores give the raw KLUE "
            "files (--data_dir).",
            record.name, name,
        )  # fmt: skip
    needed = {
        "train": arguments.do_train,
        "validation": arguments.do_eval or (arguments.do_predict and "test" not in splits),
    }
    for split, is_needed in needed.items():
        if is_needed and split not in splits:
            raise ValueError(f"{record.name}: {name} has no {split} split (it has: {', '.join(splits)}).")
    official = version is not None
    for split, limit in (("train", arguments.max_train_samples), ("validation", arguments.max_eval_samples)):
        if limit is not None and split in splits and limit < splits[split].num_rows:
            splits[split] = splits[split].select(range(limit))
            official = official and split != "validation"
    found = source_hash(record.name, arguments)
    return Data(splits, name, official, version, is_comparable, revision, found)


def _commit(builder: datasets.DatasetBuilder) -> str | None:
    """The commit that the files of a data set on the Hub are read from: it is in their addresses."""
    addresses = [address for paths in (builder.config.data_files or {}).values() for address in paths]
    commits = {found[1] for address in addresses if (found := re.search(r"@([0-9a-f]{40})/", str(address)))}
    return commits.pop() if len(commits) == 1 else None
