"""Results in parts: what ``compute(..., by=...)`` adds for classes and for groups of examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from klue_metrics.functional.classes import f1_scores, plain, ratio
from klue_metrics.functional.inputs import FloatArray, IntArray, as_texts

ScoresFrom = Callable[[FloatArray], dict[str, FloatArray]]


def check_by(task: str, by: str | None, allowed: Sequence[str]) -> None:
    """Raise ValueError where a task has no such breakdown."""
    if by is not None and by not in allowed:
        raise ValueError(f"{task}: there is no breakdown by {by!r}; expected one of {', '.join(allowed)}.")


def by_class(names: Sequence[str], counts: FloatArray) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 (0 to 100; NaN where undefined) and support of each class.

    Args:
        names: The classes.
        counts: Shape (3, classes): how often each is right, predicted, in the references.
    """
    hits, predicted, actual = counts
    columns = ratio(hits, predicted), ratio(hits, actual), f1_scores(hits, predicted, actual)
    return {
        name: {
            "precision": 100 * float(columns[0][index]),
            "recall": 100 * float(columns[1][index]),
            "f1": 100 * float(columns[2][index]),
            "support": int(actual[index]),
        }
        for index, name in enumerate(names)
    }


def by_class_confused(names: Sequence[str], counts: FloatArray, matrix: IntArray) -> dict[str, Any]:
    """``by_class``, and for each class ``predicted_as``: its row of the confusion matrix."""
    table = by_class(names, counts)
    for row, scores in zip(matrix.tolist(), table.values(), strict=True):
        scores["predicted_as"] = dict(zip(names, row, strict=True))
    return table


def by_group(groups: Sequence[str], rows: FloatArray, scores_from: ScoresFrom) -> dict[str, dict[str, Any]]:
    """The metric's own scores within each group of units, and the group's size as ``support``.

    Args:
        groups: The group of each unit, n of them.
        rows: Their statistics, shape (n, k).
        scores_from: Summed statistics to scores.
    """
    names, index = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return {
        name: {
            **plain(scores_from(rows[index == number].sum(axis=0))),
            "support": int((index == number).sum()),
        }
        for number, name in enumerate(names.tolist())
    }


def by_source(
    sources: object, rows: FloatArray, scores_from: ScoresFrom, task: str
) -> dict[str, dict[str, Any]]:
    """``by_group`` for the sources that the examples come from; ValueError without one for each."""
    if sources is None:
        raise ValueError(
            f"{task}: by='source' needs sources=, the source of each example, in the same order."
        )
    return by_group(as_texts(sources, len(rows), task=task, role="sources"), rows, scores_from)
