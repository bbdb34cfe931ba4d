"""Relation extraction: micro F1 without no_relation, and AUPRC over 30 classes (klue_re_*)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from klue_datasets.tasks import TASKS
from klue_metrics.functional.breakdowns import Breakdown, by_class, check_by
from klue_metrics.functional.classes import class_counts, plain, ratio
from klue_metrics.functional.curves import weighted_areas
from klue_metrics.functional.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    as_class_ids,
    as_matrix,
    check_pairs,
)

LABELS = TASKS["re"].labels
NO_RELATION = LABELS.index("no_relation")
SUM_TOLERANCE = 1e-3  # tolerance of the sum of a row of probabilities
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")

TYPES = {"predictions": "int64", "references": "int64"}  # item of the output of ``convert``
NAMES = {"micro_f1": "micro F1", "auprc": "AUPRC", "auprc_present": "AUPRC (present)"}
BREAKDOWNS = ("relation",)


def convert(values: object, role: str) -> IntArray:
    """Convert predictions or references, in any container, to checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="re", role=role)


def compute(
    predictions: object, references: object, probabilities: object = None, *, by: str | None = None
) -> dict[str, Any]:
    """Score relation extraction.

    Args:
        predictions: Names or Hub ids of relations, shape (n,).
        references: The references, in the same format and order.
        probabilities: The model's probabilities (not logits) of all relations in Hub order, shape (n, 30).
            There is a warning if predictions are not the most probable relations, since the columns may then
            be in another order.
        by: ``relation`` for a breakdown.

    Returns:
        Scores from 0 to 100:

        ``micro_f1``: micro F1 of all relations but no_relation; 0 if there are none.
        ``auprc``, with probabilities: mean over all 30 relations, no_relation included, of the area under the
        precision-recall curve, by the trapezoidal rule (not average precision). NaN, with a warning, if a
        relation does not occur in the references.
        ``auprc_present``, with probabilities: the same mean over the relations that occur.

        With ``by="relation"`` also ``by_relation``: precision, recall, f1 and support of each relation.

    Raises:
        ValueError: A label is unknown, a shape is wrong, a row of probabilities is not a distribution, or
            there is nothing to score.
    """
    check_by("re", by, BREAKDOWNS)
    predicted, gold = _pairs(predictions, references)
    scores = plain(scores_from(_rows(predicted, gold).sum(axis=0)))
    if probabilities is not None:
        matrix = _distributions(probabilities, len(gold))
        _warn_of_other_order(matrix, predicted)
        areas = precision_recall_areas(matrix, gold)
        absent = [LABELS[index] for index in np.flatnonzero(np.isnan(areas))]
        if absent:
            warnings.warn(
                f"re: the references hold no {', '.join(absent)}; auprc is NaN, "
                "auprc_present leaves them out.",
                stacklevel=2,
            )
        scores["auprc"] = 100 * float(areas.mean())
        scores["auprc_present"] = 100 * float(np.nanmean(areas))
    if by == "relation":
        scores["by_relation"] = by_class(LABELS, class_counts(predicted, gold, len(LABELS))).table()
    return scores


def breakdown(predictions: object, references: object, by: str) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("re", by, BREAKDOWNS)
    return by_class(LABELS, class_counts(*_pairs(predictions, references), len(LABELS)))


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute true positives, predictions and gold labels but no_relation of each example, shape (n, 3)."""
    return _rows(*_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each example whether it has the gold relation."""
    predicted, gold = _pairs(predictions, references)
    return np.asarray(predicted == gold)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 3), to micro F1 of shape (...); 0 if no relation occurs."""
    total = counts[..., 1] + counts[..., 2]
    return {"micro_f1": 100 * (2 * counts[..., 0] / np.maximum(total, 1))}


def weighted_scores(
    references: object, probabilities: object
) -> Callable[[FloatArray], dict[str, FloatArray]]:
    """Return a function that maps weights of shape (rows, n) to auprc and auprc_present, shape (rows,)."""
    gold = convert(references, "references")
    areas_of = weighted_areas(_distributions(probabilities, len(gold)), gold)

    def scores(weights: FloatArray) -> dict[str, FloatArray]:
        areas = areas_of(weights)
        is_there = ~np.isnan(areas)
        present = ratio(np.where(is_there, areas, 0.0).sum(axis=1), is_there.sum(axis=1))
        return {"auprc": 100 * areas.mean(axis=1), "auprc_present": 100 * present}

    return scores


def _distributions(probabilities: object, count: int) -> FloatArray:
    """Return probabilities as an array of shape (count, 30); raise ValueError for other values."""
    matrix = as_matrix(probabilities, (count, len(LABELS)), task="re", role="probabilities")
    wrong = np.flatnonzero((matrix < 0).any(axis=1) | (np.abs(matrix.sum(axis=1) - 1) > SUM_TOLERANCE))
    if wrong.size:
        row = matrix[wrong[0]]
        raise ValueError(
            f"re: {len(wrong)} of {count} rows of probabilities are not distributions: "
            f"probabilities[{wrong[0]}] has the minimum {row.min():.4g} and the sum {row.sum():.6g}; "
            f"expected no negative value and a sum of 1 within {SUM_TOLERANCE:g}. Apply softmax to logits "
            "first, and keep five digits or more."
        )
    return matrix


def _warn_of_other_order(probabilities: FloatArray, predicted: IntArray) -> None:
    """Warn if predictions differ from the most probable relation of their row."""
    of_predicted = probabilities[np.arange(len(predicted)), predicted]
    count = int((of_predicted < probabilities.max(axis=1)).sum())
    if count:
        warnings.warn(
            f"re: {count} of {len(predicted)} predictions are not the most probable relation of their row of "
            f"probabilities. Expected columns in this order: {', '.join(LABELS)}.",
            stacklevel=3,
        )


def _rows(predicted: IntArray, gold: IntArray) -> FloatArray:
    found, there = predicted != NO_RELATION, gold != NO_RELATION
    return np.stack([there & (predicted == gold), found, there], axis=1).astype(np.float64)


def _pairs(predictions: object, references: object) -> tuple[IntArray, IntArray]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "re")
    return predicted, gold


def precision_recall_areas(probabilities: FloatArray, references: IntArray) -> Any:
    """Compute the area under the precision-recall curve of each class by the trapezoidal rule.

    The curves begin at recall 0 and precision 1.

    Args:
        probabilities: Probabilities of shape (n, classes).
        references: Class ids, shape (n,).

    Returns:
        Areas from 0 to 1, shape (classes,); NaN for a class that does not occur in the references.
    """
    classes = probabilities.shape[1]
    areas = np.full(classes, np.nan)
    ordered = np.sort(probabilities.T, axis=1)
    for relation in np.unique(references).tolist():
        actual = np.sort(probabilities[references == relation, relation])
        # As the threshold decreases, recall increases at positive examples only, and equal scores are one
        # point. For each point: examples and positives with at least that score, and with a higher one.
        found, earlier_found = (len(actual) - np.searchsorted(actual, actual, side) for side in _SIDES)
        passed, earlier = (
            len(ordered[0]) - np.searchsorted(ordered[relation], actual, side) for side in _SIDES
        )
        before = np.divide(earlier_found, earlier, out=np.ones(len(actual)), where=earlier > 0)
        areas[relation] = np.mean((found / passed + before) / 2)
    return areas
