"""Overlapping windows over texts that are longer than the model's input."""

from __future__ import annotations

import functools
import itertools

import numpy as np


class Windows:
    """Windows over the tokens of a text, all of the same size except the last, which may be shorter.

    Args:
        subwords: Number of tokens of the text.
        size: Number of tokens per window, at least 1.
        stride: Number of tokens from the start of one window to the start of the next, limited to ``size``.

    Raises:
        ValueError: The size or the stride is not positive.
    """

    def __init__(self, subwords: int, size: int, stride: int) -> None:
        if size < 1 or stride < 1:
            raise ValueError(
                f"Windows of {size} subword tokens, {stride} apart; expected both to be 1 or more."
            )
        self.subwords = subwords
        step = min(stride, size)
        last = max(-(-(subwords - size) // step), 0)  # index of the first window that reaches the end
        self.spans = [(start, min(start + size, subwords)) for start in range(0, (last + 1) * step, step)]

    @functools.cached_property
    def own(self) -> list[tuple[int, int]]:
        """Return for each window the range of tokens (end exclusive) that have the most context in it.

        As for SQuAD, the context is the distance to the nearer end of the window; of equal ones, the longer
        and then the earlier window is chosen.
        """
        place = np.arange(self.subwords)
        start, end = np.array(self.spans).T[:, :, None]
        depth = np.minimum(place - start, end - 1 - place) + 0.01 * (end - start)
        depth = np.where((place >= start) & (place < end), depth, -np.inf)
        best = depth.argmax(axis=0) if self.subwords else place
        edges = np.searchsorted(best, np.arange(len(self.spans) + 1))
        return [(int(left), int(right)) for left, right in itertools.pairwise(edges)]
