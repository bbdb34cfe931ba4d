"""Overlapping windows over texts that are longer than the model's input."""

from __future__ import annotations

import functools
import itertools

import numpy as np


class Windows:
    """Windows over the subword tokens of a text, all of one size except for a shorter last one.

    Args:
        subword tokens: How many there are.
        size: Subword tokens per window, at least 1.
        stride: Tokens from the start of one window to the start of the next; at most ``size`` is used, so
            that none is left out.

    Raises:
        ValueError: A window has no room for a subword token, or the stride is not positive.
    """

    def __init__(self, subwords: int, size: int, stride: int) -> None:
        if size < 1 or stride < 1:
            raise ValueError(
                f"Windows of {size} subword tokens, {stride} apart; expected both to be 1 or more."
            )
        self.subwords = subwords
        step = min(stride, size)
        last = max(-(-(subwords - size) // step), 0)  # number of the first window that reaches the end
        self.spans = [(start, min(start + size, subwords)) for start in range(0, (last + 1) * step, step)]

    @functools.cached_property
    def own(self) -> list[tuple[int, int]]:
        """Return for each window the subword tokens (end exclusive) that lie deeper in it than in any other.

        SQuAD's rule: as deep as the nearer of the window's ends is far, longer windows first, then earlier.
        """
        place = np.arange(self.subwords)
        start, end = np.array(self.spans).T[:, :, None]
        depth = np.minimum(place - start, end - 1 - place) + 0.01 * (end - start)
        depth = np.where((place >= start) & (place < end), depth, -np.inf)
        best = depth.argmax(axis=0) if self.subwords else place
        edges = np.searchsorted(best, np.arange(len(self.spans) + 1))
        return [(int(left), int(right)) for left, right in itertools.pairwise(edges)]
