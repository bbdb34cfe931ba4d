"""Breakdowns of scores by class or by group of examples, for ``compute(..., by=...)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from klue_metrics.functional.classes import f1_scores, plain, ratio
from klue_metrics.functional.inputs import FloatArray, IntArray, as_texts

ScoresFrom = Callable[[FloatArray], dict[str, FloatArray]]


def check_by(task: str, by: str | None, allowed: Sequence[str]) -> None:
    """Raise ValueError if a task has no such breakdown."""
    if by is not None and by not in allowed:
        raise ValueError(f"{task}: there is no breakdown by {by!r}; expected one of {', '.join(allowed)}.")


class Part(NamedTuple):
    """One class or one group of units.

    Attributes:
        units: Positions of its units in increasing order, shape (m,).
        rows: Statistics of these units, shape (m, k).
        support: Number of gold occurrences of a class, or of units in a group.
    """

    units: IntArray
    rows: FloatArray
    support: int


class Breakdown(NamedTuple):
    """The statistics behind a breakdown.

    Attributes:
        parts: Name of a class or group -> its statistics.
        scores_from: Computes scores (0 to 100, each of shape (...)) from summed statistics of shape (..., k).
    """

    parts: Mapping[str, Part]
    scores_from: ScoresFrom

    def table(self) -> dict[str, dict[str, Any]]:
        """Return the scores of each part, NaN if undefined, and its ``support``."""
        return {
            name: {**plain(self.scores_from(part.rows.sum(axis=0))), "support": part.support}
            for name, part in self.parts.items()
        }


def by_class(names: Sequence[str], counts: FloatArray, scores_from: ScoresFrom | None = None) -> Breakdown:
    """Break counts down by class: precision, recall and F1.

    Args:
        names: The classes.
        counts: Counts of each unit and class, shape (units, k, classes): true positives, predictions, gold
            labels, and any others that ``scores_from`` needs.
        scores_from: Computes scores from the counts of one class, shape (..., k); by default
            ``class_scores``.
    """
    occurs = np.asarray(counts.any(axis=1))
    parts = {}
    for place, name in enumerate(names):
        units = np.flatnonzero(occurs[:, place])
        rows = counts[units, :, place]
        parts[name] = Part(units, rows, int(rows[:, 2].sum()))
    return Breakdown(parts, scores_from or class_scores)


def class_scores(counts: FloatArray) -> dict[str, FloatArray]:
    """Compute precision, recall and F1 (0 to 100) from counts of shape (..., 3 or more), see ``by_class``."""
    hits, predicted, actual = np.moveaxis(counts[..., :3], -1, 0)
    return {
        "precision": 100 * ratio(hits, predicted),
        "recall": 100 * ratio(hits, actual),
        "f1": 100 * f1_scores(hits, predicted, actual),
    }


def add_confusion(table: dict[str, dict[str, Any]], matrix: IntArray) -> dict[str, dict[str, Any]]:
    """Add to the scores of each class its row of the confusion matrix, as ``predicted_as``."""
    for row, scores in zip(matrix.tolist(), table.values(), strict=True):
        scores["predicted_as"] = dict(zip(table, row, strict=True))
    return table


def by_group(groups: Sequence[str], rows: FloatArray, scores_from: ScoresFrom) -> Breakdown:
    """Break units down by group, with the scores of the metric within each group.

    Args:
        groups: The group of each unit, shape (n,).
        rows: Statistics of the units, shape (n, k).
        scores_from: Computes scores from summed statistics.
    """
    names, index = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    members = [np.flatnonzero(index == number) for number in range(len(names))]
    parts = {
        name: Part(units, rows[units], len(units))
        for name, units in zip(names.tolist(), members, strict=True)
    }
    return Breakdown(parts, scores_from)


def by_source(sources: object, rows: FloatArray, scores_from: ScoresFrom, task: str) -> Breakdown:
    """Break units down by source (see ``by_group``); raise ValueError if a unit has none."""
    if sources is None:
        raise ValueError(
            f"{task}: by='source' needs sources=, the source of each example, in the same order."
        )
    return by_group(as_texts(sources, len(rows), task=task, role="sources"), rows, scores_from)
