"""Topic classification: macro F1 over the topics that occur (KLUE-baseline, ynat_macro_f1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_datasets.tasks import TASKS
from klue_metrics.functional.breakdowns import Breakdown, add_confusion, by_class, check_by
from klue_metrics.functional.classes import class_counts, confusion_matrix, macro_f1, plain
from klue_metrics.functional.inputs import BoolArray, FloatArray, IntArray, as_class_ids, check_pairs

LABELS = TASKS["ynat"].labels

TYPES = {"predictions": "int64", "references": "int64"}  # item of the output of ``convert``
NAMES = {"macro_f1": "macro F1"}
BREAKDOWNS = ("class",)


def convert(values: object, role: str) -> IntArray:
    """Convert predictions or references, in any container, to checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="ynat", role=role)


def compute(predictions: object, references: object, *, by: str | None = None) -> dict[str, Any]:
    """Score topic classification.

    Args:
        predictions: Names or Hub ids of topics, shape (n,).
        references: The references, in the same format and order.
        by: ``class`` for a breakdown.

    Returns:
        ``macro_f1``, from 0 to 100: macro F1 over the topics that occur in references or predictions.
        With ``by="class"`` also ``by_class``: precision, recall, f1 and support of each topic, and its row of
        the confusion matrix, ``predicted_as``.

    Raises:
        ValueError: A label is unknown, the numbers of predictions and references differ, or there is nothing
            to score.
    """
    check_by("ynat", by, BREAKDOWNS)
    predicted, gold = _pairs(predictions, references)
    counts = class_counts(predicted, gold, len(LABELS))
    scores = plain(scores_from(counts.sum(axis=0).ravel()))
    if by == "class":
        matrix = confusion_matrix(predicted, gold, len(LABELS))
        scores["by_class"] = add_confusion(by_class(LABELS, counts).table(), matrix)
    return scores


def breakdown(predictions: object, references: object, by: str) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("ynat", by, BREAKDOWNS)
    return by_class(LABELS, class_counts(*_pairs(predictions, references), len(LABELS)))


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute true positives, predictions and gold labels of each headline and topic, shape (n, 21)."""
    counts = class_counts(*_pairs(predictions, references), len(LABELS))
    return counts.reshape(len(counts), -1)


def right(predictions: object, references: object) -> BoolArray:
    """Return for each headline whether it has the gold topic."""
    predicted, gold = _pairs(predictions, references)
    return np.asarray(predicted == gold)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 21), to scores, each of shape (...)."""
    return {"macro_f1": 100 * macro_f1(counts.reshape(*counts.shape[:-1], 3, len(LABELS)))}


def _pairs(predictions: object, references: object) -> tuple[IntArray, IntArray]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "ynat")
    return predicted, gold
