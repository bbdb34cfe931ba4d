"""Conversion between records and entries of ``.eval_results``, which report results on the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries

from hub_cards import PROJECT_URL
from klue_datasets.tasks import HUB_DATASET, TASKS
from klue_metrics.functional import METRICS
from recipes.engine.result_record import (
    FINE_TUNED,
    PUBLISHED,
    Method,
    MetricScore,
    Record,
    ScoredData,
    ScoredModel,
)

# Leaderboard -> task and key of the score.
LEADERBOARDS = {
    leaderboard: (task, key)
    for task, record in TASKS.items()
    for key, leaderboard in record.leaderboards.items()
}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"KLUE (\d+\.\d+\.\d+)")


def to_entries(record: Record, *, dataset_id: str = HUB_DATASET) -> list[EvalResultEntry]:
    """Convert a record to entries, one per official metric, or none for data that is not official.

    Args:
        record: The result.
        dataset_id: The data set on the Hub with the leaderboards.
    """
    data = record.data
    if not data.is_official or data.split != "validation":
        return []
    version = f"KLUE {data.version}" if data.version else "KLUE"
    task_version = f", task version {record.task_version}" if record.task_version else ""
    names = METRICS[record.task].names
    return [
        EvalResultEntry(
            dataset_id=dataset_id,
            task_id=leaderboard,
            value=record.scores[key].score,
            dataset_revision=data.hash if _COMMIT.fullmatch(data.hash or "") else None,
            date=record.date,
            source_name=f"klue-hub {record.package}" if record.package else "klue-hub",
            source_url=record.method.source or PROJECT_URL,
            notes=f"{names[key]} x 100, validation split of {version} in full{task_version}, "
            f"{_protocol(record.method)}",
        )
        for key, leaderboard in TASKS[record.task].leaderboards.items()
        if key in record.scores and record.scores[key].score is not None
    ]


def _protocol(method: Method) -> str:
    """Describe how a score was obtained."""
    words = [method.kind]
    if method.preset:
        words.append(f"preset {method.preset}")
    if method.changes:
        words.append(" ".join(method.changes))
    if method.shots is not None:
        words.append(f"{method.shots} shots")
    if method.seeds:
        words.append(f"seed {' '.join(map(str, method.seeds))}")
    return ", ".join(words)


def merged_file(old: str, entries: Sequence[EvalResultEntry]) -> str:
    """Merge entries into the content of a file in ``.eval_results``.

    Args:
        old: The content of the file; may be empty. Entries of other leaderboards are kept.
        entries: New entries, which replace those of the same data set and leaderboard.
    """
    new = {(entry.dataset_id, entry.task_id) for entry in entries}
    known = parse_eval_result_entries(yaml.safe_load(old) or []) if old else []
    kept = [entry for entry in known if (entry.dataset_id, entry.task_id) not in new]
    rows = eval_result_entries_to_yaml([*kept, *entries])
    return yaml.safe_dump(rows, allow_unicode=True, sort_keys=False)


def from_entries(
    model: str, entries: Iterable[EvalResultEntry], *, dataset_id: str = HUB_DATASET
) -> list[Record]:
    """Convert the entries of a model to records, one per task; skip entries of other data sets.

    Args:
        model: Hub id of the model.
        entries: Entries of the model.
        dataset_id: The data set on the Hub with the leaderboards.
    """
    by_task: dict[str, list[tuple[str, EvalResultEntry]]] = {}
    for entry in entries:
        is_number = isinstance(entry.value, int | float) and not isinstance(entry.value, bool)
        if entry.dataset_id == dataset_id and entry.task_id in LEADERBOARDS and is_number:
            task, key = LEADERBOARDS[entry.task_id]
            by_task.setdefault(task, []).append((key, entry))
    return [_record(model, task, rows) for task, rows in by_task.items()]


def _record(model: str, task: str, rows: Sequence[tuple[str, EvalResultEntry]]) -> Record:
    first = rows[0][1]
    version = _VERSION.search(first.notes or "")
    is_ours = FINE_TUNED in (first.notes or "") and version is not None
    return Record(
        task=task,
        data=ScoredData("KLUE", "validation", is_official=True, version=version[1] if version else None),
        scores={key: MetricScore(float(entry.value)) for key, entry in rows},
        model=ScoredModel(model),
        method=Method(FINE_TUNED if is_ours else PUBLISHED, source=first.source_url),
        date=first.date,
    )
