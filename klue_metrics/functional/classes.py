"""Scores of classes from counts, shared by the classification and tagging tasks."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_metrics.functional.inputs import FloatArray, IntArray

Counts = IntArray | FloatArray


def confusion_matrix(predictions: IntArray, references: IntArray, count: int) -> IntArray:
    """Count predictions per gold class (a confusion matrix).

    Args:
        predictions: Class ids, shape (n,).
        references: Class ids, shape (n,).
        count: Number of classes.

    Returns:
        An array of shape (count, count): rows are references, columns predictions.
    """
    cells = np.bincount(references * count + predictions, minlength=count * count)
    return cells.reshape(count, count)


def class_counts(
    predictions: IntArray, references: IntArray, count: int, unit: IntArray | None = None, units: int = 0
) -> FloatArray:
    """Compute each unit's true positives, predictions and gold labels per class.

    Args:
        predictions: Class ids, shape (n,).
        references: Class ids, shape (n,).
        count: Number of classes.
        unit: The unit of each position, shape (n,); by default, each position is a unit.
        units: Number of units, if ``unit`` is given.

    Returns:
        True positives, predictions and gold labels of each unit and class, shape (units, 3, count).
    """
    if unit is None:
        unit, units = np.arange(len(references)), len(references)
    counts = np.empty((units, 3, count))
    hits = predictions == references
    sides = ((references[hits], unit[hits]), (predictions, unit), (references, unit))
    for column, (ids, where) in enumerate(sides):
        cells = np.bincount(where * count + ids, minlength=units * count)
        counts[:, column] = cells.reshape(units, count)
    return counts


def f1_scores(true_positives: Counts, predicted: Counts, actual: Counts) -> FloatArray:
    """Compute the F1 of each class from its counts, 0 to 1; NaN for a class that does not occur."""
    total = np.asarray(predicted + actual, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * true_positives / total)


def macro_f1(counts: FloatArray) -> FloatArray:
    """Average F1, 0 to 1, over the classes in the references or predictions; NaN if there are none.

    Args:
        counts: Counts from ``class_counts``, summed over units, shape (..., 3, classes).

    Returns:
        The macro F1, shape (...).
    """
    scores = f1_scores(counts[..., 0, :], counts[..., 1, :], counts[..., 2, :])
    present = ~np.isnan(scores)
    return ratio(np.where(present, scores, 0.0).sum(axis=-1), present.sum(axis=-1))


def ratio(numerator: Counts, denominator: Counts) -> FloatArray:
    """Divide elementwise; NaN if both are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(numerator / np.asarray(denominator, dtype=np.float64))


def plain(scores: dict[str, FloatArray]) -> dict[str, Any]:
    """Convert scores to Python floats for results."""
    return {key: float(value) for key, value in scores.items()}
