"""Recognise KLUE's official validation splits by the content of their rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import datasets

from klue_datasets.tasks import get_task


def content_hash(task: str, rows: datasets.Dataset) -> str:
    """Compute the SHA-256 of the scored content of a split: model inputs and gold answers, in row order.

    The default and the Hub-compatible view of a raw file have the same hash. Other columns, such as guid,
    source and annotators, are ignored.

    Args:
        task: Name of the task.
        rows: A split with the columns of the task.

    Raises:
        ValueError: A column is missing.
    """
    record = get_task(task)
    missing = [name for name in record.scored_columns if name not in rows.column_names]
    if missing:
        raise ValueError(f"{record.name}: the rows have no column {', '.join(missing)}; expected it.")
    digest = hashlib.sha256()
    for row in _scored(record.name, rows.select_columns(list(record.scored_columns))):
        line = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def content_version(task: str, rows: datasets.Dataset) -> str | None:
    """Return the newest KLUE version whose validation split has exactly these rows, or None.

    Args:
        task: Name of the task.
        rows: A complete validation split.
    """
    record = get_task(task)
    if not record.content or rows.num_rows != record.counts["validation"]:
        return None
    found = content_hash(record.name, rows)
    return next((version for version, known in record.content.items() if known == found), None)


def _scored(task: str, rows: datasets.Dataset) -> Iterator[dict[str, Any]]:
    for row in rows.with_format(None):
        if task == "mrc":  # texts on the Hub are stripped, and plausible answers are included
            answers = row["answers"]
            if isinstance(
                answers, dict
            ):  # lists of a mapping; other versions of datasets give mappings of a list
                answers = [
                    dict(zip(answers, values, strict=True)) for values in zip(*answers.values(), strict=True)
                ]
            right = (
                []
                if row["is_impossible"]
                else [[one["answer_start"], one["text"].strip()] for one in answers]
            )
            texts = {name: row[name].strip() for name in ("question", "context")}
            row = {**row, **texts, "answers": right}
        yield row
