"""Relations: micro F1 without no_relation, and AUPRC over 30 classes (KLUE-baseline, klue_re_*)."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from klue_datasets.tasks import TASKS
from klue_metrics.functional.inputs import FloatArray, IntArray, as_class_ids, as_matrix, check_pairs

LABELS = TASKS["re"].labels
NO_RELATION = LABELS.index("no_relation")
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")

TYPES = {"predictions": "int64", "references": "int64"}  # of what ``convert`` gives
NAMES = {"micro_f1": "micro F1", "auprc": "AUPRC", "auprc_present": "AUPRC (present)"}


def convert(values: object, role: str) -> IntArray:
    """Predictions or references, in any container, as checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="re", role=role)


def compute(predictions: object, references: object, probabilities: object = None) -> dict[str, float]:
    """Scores relation extraction.

    Args:
        predictions: Relation names or Hub ids, n of them, in any flat container.
        references: Likewise, in the same order.
        probabilities: Shape (n, 30): the model's probability of each relation, in Hub order.

    Returns:
        ``micro_f1``: F1 of all relations but no_relation, pooled; 0 where there are none.
        With probabilities also ``auprc``: the mean over all 30 relations, no_relation included, of the area
        under the precision-recall curve by trapezoids (not average precision); NaN, with a warning that
        names them, where relations do not occur in the references; and ``auprc_present``: the mean over
        those that do. All 0 to 100.

    Raises:
        ValueError: Unknown label, wrong shape, a value that is not finite, or nothing to score.
    """
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "re")
    scores = {"micro_f1": 100 * micro_f1(predicted, gold)}
    if probabilities is not None:
        matrix = as_matrix(probabilities, (len(gold), len(LABELS)), task="re", role="probabilities")
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
    return scores


def micro_f1(predictions: IntArray, references: IntArray) -> float:
    """F1 over the relations other than no_relation, pooled, 0 to 1; 0 where neither side has any."""
    predicted, gold = predictions != NO_RELATION, references != NO_RELATION
    total = int(predicted.sum() + gold.sum())
    return 2 * int((gold & (predictions == references)).sum()) / total if total else 0.0


def precision_recall_areas(probabilities: FloatArray, references: IntArray) -> Any:
    """Area under each class's precision-recall curve, by trapezoids from the point (recall 0, precision 1).

    Args:
        probabilities: Shape (n, classes).
        references: Class ids, shape (n,).

    Returns:
        Shape (classes,), 0 to 1; NaN for a class that no reference has.
    """
    classes = probabilities.shape[1]
    areas = np.full(classes, np.nan)
    ordered = np.sort(probabilities.T, axis=1)
    for relation in np.unique(references).tolist():
        actual = np.sort(probabilities[references == relation, relation])
        # Going down the scores, the curve moves to the right at those of actual examples only; equal scores are
        # one point. At each: how many examples, and how many actual ones, score at least and more than that.
        found, earlier_found = (len(actual) - np.searchsorted(actual, actual, side) for side in _SIDES)
        passed, earlier = (
            len(ordered[0]) - np.searchsorted(ordered[relation], actual, side) for side in _SIDES
        )
        before = np.divide(earlier_found, earlier, out=np.ones(len(actual)), where=earlier > 0)
        areas[relation] = np.mean((found / passed + before) / 2)
    return areas
