"""Areas under precision-recall curves of weighted examples, for the bootstrap of re's AUPRC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from klue_metrics.functional.classes import ratio
from klue_metrics.functional.inputs import FloatArray, IntArray

_BLOCK = 64  # rows of weights at a time, which bounds memory and fits the caches


def weighted_areas(probabilities: FloatArray, references: IntArray) -> Callable[[FloatArray], FloatArray]:
    """Prepare ``re.precision_recall_areas`` for weighted examples; weights may be 0.

    Args:
        probabilities: Shape (n, classes).
        references: Class ids, shape (n,).

    Returns:
        A function that computes areas (0 to 1, shape (rows, classes)) from integer weights of shape
        (rows, n). The area of a class is NaN if all of its references have weight 0.
    """
    curves = [
        _Curve(probabilities[:, relation], references == relation)
        for relation in range(probabilities.shape[1])
    ]

    def areas(weights: FloatArray) -> FloatArray:
        found = np.full((len(weights), len(curves)), np.nan)
        for begin in range(0, len(weights), _BLOCK):
            # Integers are exact in float32 while their sum is below 2^24.
            block = np.ascontiguousarray(weights[begin : begin + _BLOCK].T, dtype=np.float32)
            for column, curve in enumerate(curves):
                if len(curve.actual):
                    found[begin : begin + _BLOCK, column] = curve.area(block)
        return found

    return areas


class _Curve:
    """The curve of one class: examples by decreasing score, and the points at scores of positives."""

    def __init__(self, scores: FloatArray, is_actual: npt.NDArray[np.bool_]) -> None:
        self.order = np.argsort(-scores, kind="stable")
        falling = -scores[self.order]
        self.actual = self.order[is_actual[self.order]]
        points, self.first = np.unique(-scores[self.actual], return_index=True)
        above, reached = (np.searchsorted(falling, points, side) for side in ("left", "right"))
        cuts = np.unique(np.concatenate([[0], above, reached]))
        self.starts = cuts[cuts < len(scores)]
        self.above, self.reached = np.searchsorted(cuts, above), np.searchsorted(cuts, reached)

    def area(self, weights: npt.NDArray[np.float32]) -> FloatArray:
        """Integrate by trapezoids from the point (recall 0, precision 1), for weights of shape (n, rows)."""
        parts = np.add.reduceat(weights[self.order], self.starts, axis=0)
        # Weight of the examples up to each threshold.
        before = np.vstack([np.zeros_like(parts[:1]), np.cumsum(parts, axis=0)]).astype(np.float64)
        gain = np.add.reduceat(weights[self.actual], self.first, axis=0).astype(np.float64)
        hits = np.cumsum(gain, axis=0)
        found, found_above = before[self.reached], before[self.above]
        precision = hits / np.maximum(found, 1)
        above = np.where(found_above > 0, (hits - gain) / np.maximum(found_above, 1), 1.0)
        return ratio((gain * (precision + above) / 2).sum(axis=0), hits[-1])
