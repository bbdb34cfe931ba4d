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
        predictions: Relation names or Hub ids (0 entailment, 1 neutral, 2 contradiction), n of them, in any
            flat container. The baseline's ids are in another order: exchange names.
        references: The references, in the same format and order.
        by: ``class`` or ``source`` for a breakdown.
        sources: Where each pair comes from, n strings, for ``by="source"``.

    Returns:
        ``accuracy``, 0 to 100.
        With ``by="class"`` also ``by_class``: each relation's precision, recall, f1, support, and its row of
        the confusion matrix, ``predicted_as``; with ``by="source"`` ``by_source``: accuracy and support.

    Raises:
        ValueError: Unknown label, unequal lengths, or nothing to score.
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
    """Compute each pair's contribution to the score, shape (n, 2): whether it is right, and 1."""
    return _rows(*_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each pair whether it has the gold relation."""
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
