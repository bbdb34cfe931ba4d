"""Compare the speed of decoding answers for all windows at once and in a loop."""

from __future__ import annotations

import time

import numpy as np
from span_oracle import best_answers_slowly

from recipes.tasks.mrc.answer_spans import best_answers

QUESTIONS, CANDIDATES, PIECES = 5_841, 20, 350  # the official dev set; the official n-best
SPREAD = 20  # subword tokens: standard deviation of a window's candidates


def test_spans_of_the_official_dev_set() -> None:
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(QUESTIONS), rng.integers(2, 6, QUESTIONS))
    windows = len(question)
    first, sizes = rng.integers(10, 40, windows), np.full(windows, PIECES)
    left = np.tile(np.arange(PIECES) * 2, windows)
    outputs = []
    middle = rng.integers(0, PIECES, (windows, 1))  # a model's candidates lie close together
    for _ in range(2):
        near = np.rint(rng.normal(middle, SPREAD, (windows, CANDIDATES))).astype(int)
        place = near.clip(0, PIECES - 1) + first[:, None]
        outputs += [place, -np.sort(-rng.normal(size=(windows, CANDIDATES)), axis=1)]
    outputs.append(rng.normal(size=windows))
    offsets, how = (left, left + 2, sizes), {"n_best": CANDIDATES, "max_length": 30}
    started = time.perf_counter()
    found = best_answers(outputs, first, question, offsets, **how)
    fast = time.perf_counter() - started
    started = time.perf_counter()
    expected = best_answers_slowly(outputs, first, question, offsets, **how)
    slow = time.perf_counter() - started
    for at, (spans, null) in enumerate(expected):
        assert found.spans(at).tolist() == [[start, end] for _, start, end in spans]
        assert found.null[at] == null
    print(
        f"\nmrc: {QUESTIONS:,} questions, {windows:,} windows: {fast:.2f} s, loop over windows {slow:.2f} s "
        f"({slow / fast:.0f} times)"
    )
    assert slow > 10 * fast
