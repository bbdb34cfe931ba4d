"""Export of a folder for the Hub with a Parquet file per split and a data card."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData
import pyarrow as pa
import yaml
from pyarrow import parquet

from hub_cards import render
from klue_datasets.builder import KlueBuilder
from klue_datasets.download import official_splits
from klue_datasets.loading import build, make_builder
from klue_datasets.ontology import FILE as ONTOLOGY
from klue_datasets.ontology import ontology_beside
from klue_datasets.statistics import QUANTILES, describe
from klue_datasets.tasks import CITATION, DEFAULT_VERSION, HOMEPAGE, LICENSE, LICENSE_ID, TASKS, get_task
from klue_datasets.validation import known_defects

ROW_GROUP = 10_000  # rows per group; the viewer and streaming read group by group
BENCHMARK = "eval.yaml"
FRAMEWORK = "klue-hub"  # not yet one of the names that the Hub knows
MARKER = "klue-hub-export"  # tag in the card that identifies our exports


def export(
    output_dir: str | Path,
    *,
    tasks: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    hub_compatible: bool = False,
    cache_dir: str | Path | None = None,
    repo_id: str | None = None,
) -> dict[str, dict[str, int]]:
    """Write a folder that ``load_dataset(output_dir, task)`` reads offline, without this package.

    An earlier export in the same folder is replaced as a whole, and left unchanged if the export fails.

    Args:
        output_dir: The folder, such as ``hub/klue``.
        tasks: Names of tasks; by default all.
        data_dir: Folder of raw KLUE files; by default, unless ``mini`` is set, the official files are
            downloaded.
        mini: Whether to use the mini corpus.
        version: KLUE version, 1.1.0 or 1.0.0.
        hub_compatible: Whether rows and columns are exactly those of ``klue/klue`` on the Hub, see ``load``.
        cache_dir: Datasets cache; by default the usual one.
        repo_id: Repository id for the examples in the card; by default they load the folder.

    Returns:
        Task -> split -> number of rows written.

    Raises:
        FileExistsError: ``output_dir`` holds files that are not an export, or an export of tasks that would
            be deleted.
        KlueDataError, KlueDownloadError, FileNotFoundError: As for ``load``.
    """
    names = [get_task(task).name for task in (tasks or TASKS)]
    target = Path(output_dir).expanduser().resolve()
    _check_replaceable(target, names)
    rows: dict[str, dict[str, int]] = {}
    infos: dict[str, datasets.DatasetInfo] = {}
    sections: list[dict[str, Any]] = []
    with _replacing(target) as folder:
        for name in names:
            builder = make_builder(
                name,
                data_dir=data_dir,
                mini=mini,
                version=version,
                hub_compatible=hub_compatible,
                cache_dir=cache_dir,
            )
            splits = build(builder)
            _write_parquet(splits, folder / name)
            infos[name] = _with_sizes(builder.info, folder / name)
            if name == "wos":
                _write_ontology(builder, folder / name)
            rows[name] = {split: table.num_rows for split, table in splits.items()}
            official = official_splits(get_task(name), builder.files or {}, version)
            sections.append(_section(name, splits, official))
        card = _card(
            infos, sections, mini=mini, version=version, hub_compatible=hub_compatible, repo_id=repo_id
        )
        (folder / "README.md").write_text(card, encoding="utf-8")
        (folder / BENCHMARK).write_text(_benchmark(names), encoding="utf-8")
    return rows


def _benchmark(names: Sequence[str]) -> str:
    """Describe the leaderboards, one per official metric, in the Hub's format."""
    described = {
        "name": "KLUE",
        "description": "Korean Language Understanding Evaluation: eight tasks and their official metrics. "
        "Scores are times 100, on the validation split.",
        "evaluation_framework": FRAMEWORK,
        "tasks": [
            {"id": leaderboard, "config": name, "split": "validation"}
            for name in names
            for leaderboard in TASKS[name].leaderboards.values()
        ],
    }
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True)


def _write_parquet(splits: datasets.DatasetDict, folder: Path) -> None:
    folder.mkdir()
    for split, table in splits.items():
        path = folder / f"{split}-00000-of-00001.parquet"
        # The metadata of the schema contains the features with the names of the labels.
        arrow = table.with_format("arrow")[:].cast(table.features.arrow_schema)
        parquet.write_table(arrow, path, row_group_size=ROW_GROUP, compression="zstd", write_page_index=True)


def _write_ontology(builder: KlueBuilder, folder: Path) -> None:
    """Copy the ontology of WoS, which the recipes read but load_dataset does not."""
    files = [Path(path) for paths in (builder.files or {}).values() for path in paths]
    if ontology := ontology_beside(files):
        text = json.dumps(ontology, ensure_ascii=False, indent=2)
        (folder / ONTOLOGY).write_text(f"{text}\n", encoding="utf-8")


def _with_sizes(info: datasets.DatasetInfo, folder: Path) -> datasets.DatasetInfo:
    info = info.copy()
    info.download_size = sum(path.stat().st_size for path in folder.iterdir())
    info.dataset_size = sum(split.num_bytes for split in info.splits.values())
    return info


def _section(name: str, splits: datasets.DatasetDict, official: set[str]) -> dict[str, Any]:
    """Collect the card's variables for one task."""
    task = get_task(name)
    example = next(iter(splits.values()))[0]
    return {
        "task": task,
        "rows": {split: f"{table.num_rows:,}" for split, table in splits.items()},
        "published": {split: f"{count:,}" for split, count in task.counts.items()},
        "official": sorted(official),
        "example": json.dumps(example, ensure_ascii=False, indent=2),
        "statistics": {split: _described(name, table) for split, table in splits.items()},
    }


def _described(name: str, table: datasets.Dataset) -> dict[str, Any]:
    """Format the statistics of one split: counts as text, and lengths as table rows."""
    columns = table.with_format("arrow")[:].combine_chunks()
    combined = {field: _one_array(columns.column(field)) for field in columns.column_names}
    counted = describe(name, combined)
    labels = {
        what: ", ".join(f"{label} {count:,}" for label, count in counts.items())
        for what, counts in counted["labels"].items()
    }
    lengths = {
        what: [f"{value:,}" for value in points.values()]
        for what, points in counted["lengths"].items()
        if points
    }
    return {"labels": labels, "lengths": lengths}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _card(
    infos: dict[str, datasets.DatasetInfo],
    sections: list[dict[str, Any]],
    *,
    mini: bool,
    version: str,
    hub_compatible: bool,
    repo_id: str | None,
) -> str:
    data = DatasetCardData(
        language=["ko"],
        license=LICENSE_ID,
        pretty_name="KLUE",
        task_categories=sorted({section["task"].card_task for section in sections}),
        tags=[MARKER],
    )
    DatasetInfosDict(infos).to_dataset_card_data(data)
    files = {
        name: {"data_files": [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in info.splits]}
        for name, info in infos.items()
    }
    MetadataConfigs(files).to_dataset_card_data(data)
    return render(
        "dataset.md",
        metadata=data.to_yaml(),
        sections=sections,
        mini=mini,
        version=version,
        hub_compatible=hub_compatible,
        repo_id=repo_id,
        is_official=all(set(section["official"]) == set(section["rows"]) for section in sections),
        defects=[
            entry for entry in known_defects() if entry["task"] in infos and version in entry["versions"]
        ],
        quantiles=[*QUANTILES, "mean"],
        homepage=HOMEPAGE,
        license=LICENSE,
        citation=CITATION,
    )


def _check_replaceable(target: Path, names: Sequence[str]) -> None:
    if not target.exists():
        return
    card = target / "README.md"
    is_ours = card.is_file() and MARKER in card.read_text(encoding="utf-8")
    if not target.is_dir() or (any(target.iterdir()) and not is_ours):
        raise FileExistsError(
            f"{target} exists and was not written by an export; expected a new folder, an empty one, "
            "or an earlier export."
        )
    lost = [name for name in TASKS if (target / name).is_dir() and name not in names]
    if lost:
        raise FileExistsError(
            f"{target} holds {', '.join(lost)} too, which an export of {', '.join(names)} alone would delete"
            "; expected --tasks with all of them, or another folder."
        )


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a folder that replaces ``target`` on success and is deleted on failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    new, old = work / "new", work / "old"
    try:
        new.mkdir()
        yield new
        if target.exists():
            os.replace(target, old)
        os.replace(new, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def command(arguments: argparse.Namespace) -> None:
    """Run ``python -m klue_datasets export``, and print how many rows each split has."""
    for task, splits in export(**vars(arguments)).items():
        print(f"{task}: " + ", ".join(f"{count:,} {split}" for split, count in splits.items()))
    print(f"Written to {arguments.output_dir}")
