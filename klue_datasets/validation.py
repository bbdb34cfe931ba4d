"""Validation of raw files: ``python -m klue_datasets validate``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from klue_datasets.checks import (
    OPEN_SLOT,
    check_ontology,
    check_rows,
    outside_ontology,
)
from klue_datasets.checks_tsv import Finding, ner_entities
from klue_datasets.download import official_splits
from klue_datasets.loading import make_builder
from klue_datasets.ontology import read_ontology
from klue_datasets.raw_files import KlueDataError
from klue_datasets.reading import missing_fields
from klue_datasets.tasks import DEFAULT_VERSION, SPLIT_FILE, TASKS, Task, check_version, get_task

KNOWN_DEFECTS = Path(__file__).with_name("known_defects.json")


@dataclasses.dataclass(frozen=True)
class Defect:
    """A finding in a file, with the id of the known defect, or an empty id."""

    task: str
    split: str
    finding: Finding
    known: str = ""


@dataclasses.dataclass(frozen=True)
class SplitReport:
    """The report on one raw file.

    Attributes:
        task: Name of the task.
        split: Name of the split on the Hub.
        rows: Number of rows; None if the file is absent or cannot be read.
        published: Number of rows of the official file.
        hash: official, other, unknown (there is no published hash for the version), or absent.
        figures: Further counts, as text.
        remarks: Remarks that are not defects.
    """

    task: str
    split: str
    rows: int | None
    published: int
    hash: str
    figures: Mapping[str, int] = dataclasses.field(default_factory=dict)
    remarks: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class ValidationReport:
    """The findings of ``validate``."""

    splits: Sequence[SplitReport]
    defects: Sequence[Defect]

    @property
    def unknown(self) -> list[Defect]:
        """Return the defects that are not in the list of known defects."""
        return [defect for defect in self.defects if not defect.known]


def known_defects() -> list[dict[str, Any]]:
    """Return KLUE's known defects, each with guids, a summary and its source."""
    data: list[dict[str, Any]] = json.loads(KNOWN_DEFECTS.read_text(encoding="utf-8"))
    return data


def validate(
    *,
    tasks: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    cache_dir: str | Path | None = None,
) -> ValidationReport:
    """Compare raw files with the published ones and check their content; missing files are reported.

    Args:
        tasks: Names of tasks; by default all.
        data_dir: Folder of raw KLUE files; by default, unless ``mini`` is set, the official files are
            downloaded.
        mini: Whether to check the mini corpus.
        version: KLUE version, 1.1.0 or 1.0.0.
        cache_dir: Datasets cache for downloads; by default the usual one.

    Raises:
        FileNotFoundError: There are no raw files of these tasks.
        KlueDownloadError: As for ``load``.
    """
    version = check_version(version)
    splits: list[SplitReport] = []
    defects: list[Defect] = []
    missing: list[str] = []
    names = list(dict.fromkeys(get_task(task).name for task in (tasks or TASKS)))
    for name in names:
        task = get_task(name)
        try:
            builder = make_builder(name, data_dir=data_dir, mini=mini, version=version, cache_dir=cache_dir)
        except FileNotFoundError as error:
            missing.append(str(error))
            if name == "wos" and data_dir is not None:  # there may be an ontology without dialogues
                root = Path(data_dir).expanduser()
                defects += _ontology_defects({root / task.folder(version)})
            splits += [SplitReport(name, split, None, task.counts[split], "absent") for split in SPLIT_FILE]
            continue
        files = builder.files or {}
        official = official_splits(task, files, version)
        for split in SPLIT_FILE:
            if split not in files:
                splits.append(SplitReport(name, split, None, task.counts[split], "absent"))
                continue
            hash_ = "official" if split in official else "other"
            if split not in task.blobs.get(version, {}):
                hash_ = "unknown"
            report, found = _check_file(task, split, builder, files[split][0], hash_)
            splits.append(report)
            defects += found
        if name == "wos":
            defects += _ontology_defects({Path(paths[0]).parent for paths in files.values()})
    if len(missing) == len(names):
        raise FileNotFoundError(missing[0])
    return ValidationReport(splits, _with_known(defects, version))


def _check_file(
    task: Task, split: str, builder: Any, path: str, hash_: str
) -> tuple[SplitReport, list[Defect]]:
    published = task.counts[split]
    try:
        with missing_fields() as missing:
            columns = builder.columns(path)
        findings = check_rows(task.name, columns, Path(path).parent)
        figures, remarks = _figures(task.name, columns), _remarks(task.name, columns, Path(path).parent)
    except KlueDataError as error:
        finding = Finding(Path(path).name, "", "unreadable", str(error))
        return SplitReport(task.name, split, None, published, hash_), [Defect(task.name, split, finding)]
    remarks += [
        f"{field} is missing in {absent:,} of {total:,} records."
        for field, (absent, total) in missing.items()
    ]
    rows = len(columns["guid"])
    if rows != published:
        message = f"{rows:,} rows; the published file has {published:,}."
        if hash_ == "official":  # the error is then in the reader, not in the file
            findings.append(Finding(Path(path).name, "", "row count", message))
        else:
            remarks.append(message)
    defects = [Defect(task.name, split, finding) for finding in findings]
    return SplitReport(task.name, split, rows, published, hash_, figures, remarks), defects


def _figures(task: str, columns: Mapping[str, Any]) -> dict[str, int]:
    if task == "ner":
        return {"characters": len(columns["tokens"].flatten()), "entities": ner_entities(columns)[0].size}
    if task == "dp":
        return {"words": len(columns["head"].flatten())}
    if task == "wos":
        return {"turns": len(columns["dialogue"].flatten())}
    if task == "mrc":
        return {"unanswerable": sum(columns["is_impossible"].to_pylist())}
    return {}


def _remarks(task: str, columns: Mapping[str, Any], folder: Path) -> list[str]:
    if task != "wos":
        return []
    ontology = read_ontology(folder)
    if ontology is None:
        return ["no ontology.json beside the file: slots and values are not checked."]
    values = outside_ontology(columns, ontology)
    unlisted = sum(1 for _, slot, _ in values if slot in ontology and OPEN_SLOT.search(slot))
    return [f"{unlisted:,} names, places and times of dialogues are not in the ontology (an open list)."]


def _ontology_defects(folders: set[Path]) -> Iterator[Defect]:
    broken = {value: slot for entry in known_defects() for value, slot in (entry.get("values") or {}).items()}
    for folder in sorted(folders):
        try:
            ontology = read_ontology(folder)
        except KlueDataError:
            continue  # reported as a defect of each split
        for finding in check_ontology(ontology or {}, broken):
            yield Defect("wos", "ontology", finding)


def _with_known(defects: Sequence[Defect], version: str) -> list[Defect]:
    """Match defects with known ones, at most as often as those are known to occur."""
    entries = [entry for entry in known_defects() if version in entry["versions"]]
    times: Counter[str] = Counter()
    marked = []
    for defect in defects:
        for entry in entries:
            if _is(entry, defect) and times[entry["id"]] < entry.get("at_most", float("inf")):
                times[entry["id"]] += 1
                defect = dataclasses.replace(defect, known=entry["id"])
                break
        marked.append(defect)
    return marked


def _is(entry: Mapping[str, Any], defect: Defect) -> bool:
    guid = defect.finding.guid
    return (
        entry["task"] == defect.task
        and defect.finding.kind in entry["kinds"]
        and any(fnmatchcase(guid, pattern) for pattern in entry["guids"])
    )


def format_report(report: ValidationReport) -> str:
    """Format a report: a table of files, remarks, known defects, and unknown defects."""
    header = ("task", "split", "rows", "published", "file", "figures")
    table = [header] + [
        (
            split.task,
            split.split,
            "-" if split.rows is None else f"{split.rows:,}",
            f"{split.published:,}",
            split.hash,
            ", ".join(f"{count:,} {name}" for name, count in split.figures.items()),
        )
        for split in report.splits
    ]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in (2, 3) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
    lines += [f"{split.task} {split.split}: {remark}" for split in report.splits for remark in split.remarks]
    known = [defect for defect in report.defects if defect.known]
    for title, defects in (("Known defects", known), ("Defects that are not known", report.unknown)):
        lines += ["", f"{title}: {len(defects):,}"]
        for defect in defects:
            guid, field, kind, message = defect.finding
            place = " ".join(filter(None, (defect.task, defect.split, guid, field)))
            mark = f" [{defect.known}]" if defect.known else ""
            lines.append(f"  {place} ({kind}): {message}{mark}")
    if known:
        sources = {entry["id"]: entry["source"] for entry in known_defects()}
        lines += ["", "Sources"]
        lines += [f"  [{name}] {sources[name]}" for name in dict.fromkeys(defect.known for defect in known)]
    return "\n".join(lines)


def command(arguments: argparse.Namespace) -> int:
    """Run ``python -m klue_datasets validate``. Print the report; return 1 if there are unknown defects."""
    report = validate(**vars(arguments))
    print(format_report(report))
    return 1 if report.unknown else 0
