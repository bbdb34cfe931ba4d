"""Natural language inference: accuracy (KLUE-baseline metrics/functional.py, klue_nli_acc)."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_datasets.tasks import TASKS
from klue_metrics.functional.breakdowns import Breakdown, add_confusion, by_class, by_source, check_by
from klue_metrics.functional.classes import class_counts, confusion_matrix, plain, ratio
from klue_metrics.functional.inputs import BoolArray, FloatArray, IntArray, as_class_ids, check_pairs

LABELS = TASKS["nli"].labels

TYPES = {"predictions": "int64", "references": "int64"}  # item of the output of ``convert``
NAMES = {"accuracy": "accuracy"}
BREAKDOWNS = ("class", "source")


def convert(values: object, role: str) -> IntArray:
    """Convert predictions or references, in any container, to checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="nli", role=role)


def compute(
    predictions: object, references: object, *, by: str | None = None, sources: object = None
) -> dict[str, Any]:
    """Score natural language inference.

    Args:
        predictions: Class names or Hub ids (0 entailment, 1 neutral, 2 contradiction), shape (n,). The ids of
            KLUE-baseline have another order, so names are safer.
        references: The references, in the same format and order.
        by: ``class`` or ``source`` for a breakdown.
        sources: The source of each pair, for ``by="source"``; strings, shape (n,).

    Returns:
        ``accuracy``, from 0 to 100.
        With ``by="class"`` also ``by_class``: precision, recall, f1 and support of each class, and its row of
        the confusion matrix, ``predicted_as``.
        With ``by="source"`` also ``by_source``: accuracy and support.

    Raises:
        ValueError: A label is unknown, the numbers of predictions and references differ, or there is nothing
            to score.
    """
    check_by("nli", by, BREAKDOWNS)
    predicted, gold = _pairs(predictions, references)
    scores = plain(scores_from(_rows(predicted, gold).sum(axis=0)))
    if by is not None:
        scores[f"by_{by}"] = _parts(predicted, gold, by, sources).table()
    if by == "class":
        add_confusion(scores["by_class"], confusion_matrix(predicted, gold, len(LABELS)))
    return scores


def breakdown(predictions: object, references: object, by: str, sources: object = None) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("nli", by, BREAKDOWNS)
    return _parts(*_pairs(predictions, references), by, sources)


def _parts(predicted: IntArray, gold: IntArray, by: str, sources: object) -> Breakdown:
    if by == "class":
        return by_class(LABELS, class_counts(predicted, gold, len(LABELS)))
    return by_source(sources, _rows(predicted, gold), scores_from, "nli")


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute for each pair whether it is right, and 1, shape (n, 2)."""
    return _rows(*_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each pair whether it has the gold label."""
    predicted, gold = _pairs(predictions, references)
    return np.asarray(predicted == gold)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 2), to scores, each of shape (...)."""
    return {"accuracy": 100 * ratio(counts[..., 0], counts[..., 1])}


def _rows(predicted: IntArray, gold: IntArray) -> FloatArray:
    return np.stack([predicted == gold, np.ones(len(gold))], axis=1)


def _pairs(predictions: object, references: object) -> tuple[IntArray, IntArray]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "nli")
    return predicted, gold
