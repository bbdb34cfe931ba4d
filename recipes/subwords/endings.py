"""Learn from training data where entities and answers end inside their last subword token.

A tokenizer may join the end of an entity and the following particle in one token, such as 명의 in
``<9명:QT>의``. The tag of such a token cannot express that 의 is outside the entity, but its text nearly
always determines it. The functions learn from the endings of last tokens how many of their last characters
are not part of the entity or answer.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

WHOLE = "^"  # prefix of endings that are the whole token


def learn_tails(subwords: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Learn from the last subword tokens of entities or answers.

    Args:
        subwords: Text of each token, and the number of its last characters outside the entity or answer.

    Returns:
        Ending -> number of characters outside, for ``tail_length``. Endings with the same number as the
        longest shorter ending are omitted.
    """
    counts: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for subword, tail in subwords:
        for ending in _endings(subword):
            counts[ending][tail] += 1
    tails: dict[str, int] = {}
    for ending in sorted(counts, key=lambda ending: (len(ending), ending.startswith(WHOLE), ending)):
        # Among equally frequent tails, prefer the shorter one.
        tail = min(counts[ending], key=lambda tail: (-counts[ending][tail], tail))
        text = ending.removeprefix(WHOLE)
        shorter = _look_up(_endings(text)[1 if ending.startswith(WHOLE) else 2 :], tails)
        if tail != shorter:
            tails[ending] = tail
    return tails


def tail_length(subword: str, tails: Mapping[str, int]) -> int:
    """Return the number of last characters of a token that are outside the entity."""
    return min(_look_up(_endings(subword), tails), max(len(subword) - 1, 0))


def _endings(subword: str) -> list[str]:
    """Yield the text of a token, then its endings, longest first."""
    return [WHOLE + subword, *(subword[start:] for start in range(len(subword)))]


def _look_up(endings: Iterable[str], tails: Mapping[str, int]) -> int:
    return next((tails[ending] for ending in endings if ending in tails), 0)
