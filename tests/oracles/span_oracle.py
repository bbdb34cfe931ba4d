"""Best spans of questions by loops over windows, starts and ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def best_answers_slowly(
    outputs: Sequence[np.ndarray],
    first: np.ndarray,
    question: np.ndarray,
    offsets: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    n_best: int,
    max_length: int,
) -> list[tuple[list[tuple[float, int, int]], float]]:
    """Return the spans (score, first character, end) of each question, and the score of no answer."""
    starts, start_logits, ends, end_logits, null = outputs
    left, right, sizes = offsets
    found: dict[int, list[tuple[float, int, int]]] = {}
    nulls: dict[int, float] = {}
    base = 0
    for window, owner in enumerate(question):
        nulls[owner] = min(nulls.get(owner, float("inf")), float(null[window]))
        spans = found.setdefault(owner, [])
        for start, start_logit in zip(starts[window], start_logits[window], strict=True):
            for end, end_logit in zip(ends[window], end_logits[window], strict=True):
                score = float(start_logit) + float(end_logit)
                if start < 0 or score == -np.inf or not start <= end < start + max_length:
                    continue
                begin, stop = left[base + start - first[window]], right[base + end - first[window]]
                if stop > begin:
                    spans.append((score, int(begin), int(stop)))
        base += sizes[window]
    return [
        (sorted(found[owner], key=lambda span: (-span[0], span[1], span[2]))[:n_best], nulls[owner])
        for owner in sorted(found)
    ]
