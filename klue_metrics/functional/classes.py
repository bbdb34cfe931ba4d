"""Scores over classes, from counts: what topic classification, inference and the tagging tasks share."""

from __future__ import annotations

import numpy as np

from klue_metrics.functional.inputs import FloatArray, IntArray


def confusion_matrix(predictions: IntArray, references: IntArray, count: int) -> IntArray:
    """How often each class was given each prediction.

    Args:
        predictions: Class ids, shape (n,).
        references: Class ids, shape (n,).
        count: Number of classes.

    Returns:
        An array of shape (count, count): rows are references, columns predictions.
    """
    cells = np.bincount(references * count + predictions, minlength=count * count)
    return cells.reshape(count, count)


def f1_scores(true_positives: IntArray, predicted: IntArray, actual: IntArray) -> FloatArray:
    """F1 of each class from its counts, 0 to 1; NaN where a class was neither predicted nor there."""
    total = np.asarray(predicted + actual, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * true_positives / total)


def macro_f1(matrix: IntArray) -> float:
    """Unweighted mean F1, 0 to 1, over the classes that occur in the references or the predictions."""
    scores = f1_scores(np.diagonal(matrix), matrix.sum(axis=0), matrix.sum(axis=1))
    return float(np.nanmean(scores))
