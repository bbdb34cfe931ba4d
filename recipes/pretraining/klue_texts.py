"""The texts of KLUE's data sets, without labels, guids and sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from klue_datasets import load

NOT_TEXT = ("guid", "source", "url", "date")  # columns without text
SENTENCES = {  # task -> columns with whole sentences, or for wos the turns of a dialogue
    "ynat": ("title",),
    "sts": ("sentence1", "sentence2"),
    "nli": ("premise", "hypothesis"),
    "ner": ("sentence",),
    "re": ("sentence",),
    "dp": ("sentence",),
    "mrc": ("title", "context", "question"),
    "wos": ("dialogue",),
}


def texts_of_split(task: str, split: str, **source: Any) -> Iterator[str]:
    """Yield the texts of one split, row by row.

    Args:
        task: Name of the task.
        split: Name of the split.
        **source: Source of the data, as for ``klue_datasets.load``.
    """
    rows = load(task, split, **source)
    for row in rows.remove_columns([name for name in NOT_TEXT if name in rows.column_names]):
        yield from _strings(row)


def all_sentences(**source: Any) -> Iterator[str]:
    """Yield the sentences, passages and turns of all tasks and splits of a source.

    Raises:
        ValueError: The source has no data set of KLUE.
    """
    for task, splits in _tasks(source):
        for rows in splits.values():
            yield from _sentences(task, rows)


def sentences_of(split: str, **source: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield the tasks of a source that have a split, with their sentences, passages and turns.

    Args:
        split: Name of the split.
        **source: Source of the data, as for ``klue_datasets.load``.

    Raises:
        ValueError: The source has no data set of KLUE.
    """
    for task, splits in _tasks(source):
        if split in splits:
            yield task, list(_sentences(task, splits[split]))


def _tasks(source: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    found, missing = 0, ""
    for task in SENTENCES:
        try:
            splits = load(task, **source)
        except FileNotFoundError as error:  # a folder may have only some of the tasks
            missing = str(error)
            continue
        found += 1
        yield task, splits
    if not found:
        raise ValueError(f"There is no data set of KLUE: {missing}")


def _sentences(task: str, rows: Any) -> Iterator[str]:
    for row in rows.select_columns(list(SENTENCES[task])):
        for value in row.values():
            yield from ([value] if isinstance(value, str) else [turn["text"] for turn in value])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
