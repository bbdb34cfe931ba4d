"""Semantic textual similarity: Pearson's r and F1 at 3 (KLUE-baseline metrics/functional.py, klue_sts_*)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from klue_metrics.functional.breakdowns import by_source, check_by
from klue_metrics.functional.inputs import FloatArray, as_floats, check_pairs

THRESHOLD = 3.0  # two sentences mean the same from here on

TYPES = {"predictions": "float64", "references": "float64"}  # of what ``convert`` gives
NAMES = {"pearsonr": "Pearson's r", "f1": "F1"}
BREAKDOWNS = ("source",)


def convert(values: object, role: str) -> FloatArray:
    """Predictions or references, in any container, as checked numbers; errors as in ``compute``."""
    return as_floats(values, task="sts", role=role)


def compute(
    predictions: object, references: object, *, by: str | None = None, sources: object = None
) -> dict[str, Any]:
    """Scores semantic textual similarity.

    Args:
        predictions: Similarities as the model gives them, unclipped, n of them, in any flat container.
        references: The data's ``real-label`` (0 to 5), in the same order.
        by: ``source`` for a breakdown.
        sources: Where each pair comes from, n strings, for ``by="source"``.

    Returns:
        ``pearsonr``, -100 to 100: Pearson's correlation; NaN, with a warning, where one side is constant.
        ``f1``, 0 to 100: F1 of the class "3 or more" on both sides; 0 where neither side has any.
        With ``by="source"`` also ``by_source``: both within each source (NaN instead of a warning or an
        error where r is undefined), and its support.

    Raises:
        ValueError: A value that is not a finite number, unequal lengths, or fewer than two pairs.
    """
    check_by("sts", by, BREAKDOWNS)
    predicted, gold = _pairs(predictions, references)
    scores: dict[str, Any] = {
        "pearsonr": 100 * pearson(predicted, gold),
        "f1": 100 * threshold_f1(predicted, gold),
    }
    if by == "source":
        scores["by_source"] = by_source(sources, _rows(predicted, gold), scores_from, "sts")
    return scores


def statistics(predictions: object, references: object) -> FloatArray:
    """What each pair adds to the scores, shape (n, 9).

    1, x, y, x^2, y^2, xy of the values less their mean and over their largest deviation, which changes no
    correlation and keeps the digits; at or above the threshold on both sides, predicted, gold.
    """
    return _rows(*_pairs(predictions, references))


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Summed statistics, shape (..., 9), to scores, each of shape (...)."""
    n, x, y, xx, yy, xy, both, predicted, gold = np.moveaxis(counts, -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    # What a constant side leaves of its spread is rounding.
    constant = (spread_x <= 1e-13 * n * xx) | (spread_y <= 1e-13 * n * yy)
    r = (n * xy - x * y) / np.sqrt(np.where(constant, 1.0, spread_x * spread_y))
    f1 = 2 * both / np.maximum(predicted + gold, 1)
    return {"pearsonr": 100 * np.where(constant, np.nan, np.clip(r, -1, 1)), "f1": 100 * f1}


def _rows(predicted: FloatArray, gold: FloatArray) -> FloatArray:
    deviations = [values - values.mean() for values in (predicted, gold)]
    x, y = (values / (np.abs(values).max() or 1.0) for values in deviations)
    above, gold_above = predicted >= THRESHOLD, gold >= THRESHOLD
    columns = [np.ones(len(gold)), x, y, x * x, y * y, x * y, above & gold_above, above, gold_above]
    return np.stack(columns, axis=1)


def _pairs(predictions: object, references: object) -> tuple[FloatArray, FloatArray]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "sts")
    if len(gold) < 2:
        raise ValueError(
            "sts: 1 pair of predictions and references; Pearson's correlation is defined from 2 on."
        )
    return predicted, gold


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
