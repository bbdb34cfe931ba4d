"""Semantic textual similarity: Pearson's r, and F1 with the threshold 3 (klue_sts_*)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from klue_metrics.functional.breakdowns import Breakdown, by_source, check_by
from klue_metrics.functional.inputs import BoolArray, FloatArray, as_floats, check_pairs

THRESHOLD = 3.0  # threshold of equivalent sentences
FEWEST = 2  # pairs that a correlation needs

TYPES = {"predictions": "float64", "references": "float64"}  # item of the output of ``convert``
NAMES = {"pearsonr": "Pearson's r", "f1": "F1"}
BREAKDOWNS = ("source",)


def convert(values: object, role: str) -> FloatArray:
    """Convert predictions or references, in any container, to checked numbers; errors as in ``compute``."""
    return as_floats(values, task="sts", role=role, finite=role != "predictions")


def compute(
    predictions: object, references: object, *, by: str | None = None, sources: object = None
) -> dict[str, Any]:
    """Score semantic textual similarity.

    Args:
        predictions: Similarities, not clipped to the range of the labels, shape (n,).
        references: Gold similarities, ``real-label`` in the data (0 to 5), in the same order.
        by: ``source`` for a breakdown.
        sources: The source of each pair, for ``by="source"``; strings, shape (n,).

    Returns:
        ``pearsonr``, from -100 to 100: Pearson's correlation; NaN, with a warning, if one side is constant or
        a prediction is not finite.
        ``f1``, from 0 to 100: F1 of the class "3 or more", with both sides rounded to float32 as in
        KLUE-baseline (2.99999999 is 3); NaN is below 3. The score is 0 if the class does not occur.
        With ``by="source"`` also ``by_source``: both scores and the support of each source; r is NaN without
        a warning where it is undefined.

    Raises:
        ValueError: A prediction is not a number, a reference is not a finite number, the numbers of
            predictions and references differ, or there are fewer than two pairs.
    """
    check_by("sts", by, BREAKDOWNS)
    predicted, gold = _pairs(predictions, references)
    scores: dict[str, Any] = {
        "pearsonr": 100 * pearson(predicted, gold),
        "f1": 100 * threshold_f1(predicted, gold),
    }
    if by == "source":
        scores["by_source"] = _parts(predicted, gold, sources).table()
    return scores


def breakdown(predictions: object, references: object, by: str, sources: object = None) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("sts", by, BREAKDOWNS)
    return _parts(*_pairs(predictions, references), sources)


def _parts(predicted: FloatArray, gold: FloatArray, sources: object) -> Breakdown:
    return by_source(sources, _rows(predicted, gold), scores_from, "sts")


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute the sums that each pair contributes to the scores, shape (n, 9).

    The columns are 1, x, y, x^2, y^2 and xy, where x and y are deviations from the mean, divided by the
    largest deviation to keep numerical precision (NaN for predictions that are not finite); and whether the
    pair is at or above the threshold on both sides, in the prediction, and in the reference.
    """
    return _rows(*_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each pair whether it is on the gold side of the threshold, as for F1."""
    predicted, gold = _pairs(predictions, references)
    return is_alike(predicted) == is_alike(gold)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 9), to scores, each of shape (...)."""
    n, x, y, xx, yy, xy, both, predicted, gold = np.moveaxis(counts, -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    # The spread of a constant side is rounding error.
    constant = (spread_x <= 1e-13 * n * xx) | (spread_y <= 1e-13 * n * yy)
    r = (n * xy - x * y) / np.sqrt(np.where(constant, 1.0, spread_x * spread_y))
    f1 = 2 * both / np.maximum(predicted + gold, 1)
    return {"pearsonr": 100 * np.where(constant, np.nan, np.clip(r, -1, 1)), "f1": 100 * f1}


def _rows(predicted: FloatArray, gold: FloatArray) -> FloatArray:
    x, y = _deviations(predicted), _deviations(gold)
    above, gold_above = is_alike(predicted), is_alike(gold)
    columns = [np.ones(len(gold)), x, y, x * x, y * y, x * y, above & gold_above, above, gold_above]
    return np.stack(columns, axis=1)


def _pairs(predictions: object, references: object) -> tuple[FloatArray, FloatArray]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "sts")
    if len(gold) < FEWEST:
        raise ValueError(
            f"sts: {len(gold)} pair of predictions and references; Pearson's correlation needs {FEWEST}."
        )
    return predicted, gold


def pearson(predictions: FloatArray, references: FloatArray) -> float:
    """Compute Pearson's correlation, from -1 to 1, of two arrays of shape (n,).

    It is NaN, with a warning, if one side is constant or a prediction is not finite.
    """
    wrong = np.flatnonzero(~np.isfinite(predictions))
    if wrong.size:
        warnings.warn(
            f"sts: {len(wrong)} predictions are not finite, the first at {wrong[0]}; pearsonr is NaN.",
            stacklevel=3,
        )
        return float("nan")
    for values, role in ((predictions, "predictions"), (references, "references")):
        if np.all(values == values[0]):
            warnings.warn(
                f"sts: all {role} are {values[0]:g}, so Pearson's correlation is undefined; pearsonr is NaN.",
                stacklevel=3,
            )
            return float("nan")
    x, y = _deviations(predictions), _deviations(references)
    r = np.dot(x / np.linalg.norm(x), y / np.linalg.norm(y))
    return float(np.clip(r, -1.0, 1.0))


def _deviations(values: FloatArray) -> FloatArray:
    """Return deviations from the mean, divided by the largest; NaN for values that are not finite.

    The division keeps the squares within the range of float64.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(len(values), np.nan)
    deviations = np.where(finite, values, np.nan) - values[finite].mean()
    largest = np.nanmax(np.abs(deviations)) or 1.0
    left = np.nanmean(deviations)
    if abs(left) > 1e-9 * largest:  # nearly constant values, whose mean was rounded
        deviations = deviations - left
        largest = np.nanmax(np.abs(deviations)) or 1.0
    return np.asarray(deviations / largest)


def is_alike(values: FloatArray) -> BoolArray:
    """Return whether similarities reach the threshold, compared in float32 as in KLUE's models."""
    with np.errstate(over="ignore"):  # overflow to infinity is intended
        return np.asarray(values.astype(np.float32) >= THRESHOLD)


def threshold_f1(predictions: FloatArray, references: FloatArray) -> float:
    """Compute the F1 of the pairs at or above the threshold, 0 to 1; 0 if neither side has any."""
    predicted, gold = is_alike(predictions), is_alike(references)
    total = int(predicted.sum() + gold.sum())
    return 2 * int((predicted & gold).sum()) / total if total else 0.0
