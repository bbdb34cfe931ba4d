"""Semantic textual similarity: Pearson's r and F1 at 3 (KLUE-baseline metrics/functional.py, klue_sts_*)."""

from __future__ import annotations

import warnings

import numpy as np

from klue_metrics.functional.inputs import FloatArray, as_floats, check_pairs

THRESHOLD = 3.0  # two sentences mean the same from here on

TYPES = {"predictions": "float64", "references": "float64"}  # of what ``convert`` gives
NAMES = {"pearsonr": "Pearson's r", "f1": "F1"}


def convert(values: object, role: str) -> FloatArray:
    """Predictions or references, in any container, as checked numbers; errors as in ``compute``."""
    return as_floats(values, task="sts", role=role)


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores semantic textual similarity.

    Args:
        predictions: Similarities as the model gives them, unclipped, n of them, in any flat container.
        references: The data's ``real-label`` (0 to 5), in the same order.

    Returns:
        ``pearsonr``, -100 to 100: Pearson's correlation; NaN, with a warning, where one side is constant.
        ``f1``, 0 to 100: F1 of the class "3 or more" on both sides; 0 where neither side has any.

    Raises:
        ValueError: A value that is not a finite number, unequal lengths, or fewer than two pairs.
    """
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "sts")
    if len(gold) < 2:
        raise ValueError(
            "sts: 1 pair of predictions and references; Pearson's correlation is defined from 2 on."
        )
    return {"pearsonr": 100 * pearson(predicted, gold), "f1": 100 * threshold_f1(predicted, gold)}


def pearson(predictions: FloatArray, references: FloatArray) -> float:
    """Pearson's correlation of two arrays of shape (n,), -1 to 1; NaN and a warning where one is constant."""
    for values, role in ((predictions, "predictions"), (references, "references")):
        if np.all(values == values[0]):
            warnings.warn(
                f"sts: all {role} are {values[0]:g}, so Pearson's correlation is undefined; pearsonr is NaN.",
                stacklevel=3,
            )
            return float("nan")
    # Dividing by the largest deviation first keeps the squares within the range of float64.
    deviations = [values - values.mean() for values in (predictions, references)]
    x, y = (values / np.abs(values).max() for values in deviations)
    r = np.dot(x / np.linalg.norm(x), y / np.linalg.norm(y))
    return float(np.clip(r, -1.0, 1.0))


def threshold_f1(predictions: FloatArray, references: FloatArray) -> float:
    """F1 of the pairs at or above the threshold, 0 to 1; 0 where neither side has any."""
    predicted, gold = predictions >= THRESHOLD, references >= THRESHOLD
    total = int(predicted.sum() + gold.sum())
    return 2 * int((predicted & gold).sum()) / total if total else 0.0
