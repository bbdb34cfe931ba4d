"""Learn from training data where entities and answers end within their last subword token.

A tokenizer may join the end of an entity and the particle after it in one token, 명의 of ``<9명:QT>의``. One
tag for such a token cannot say that 의 is outside, but its letters nearly always can: what a token ends on
decides how many of its last characters are no part of an entity, or answer, whose last subword token it is.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping

WHOLE = "^"  # marks an ending that is the whole subword token


def learn_tails(subwords: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Learn from the last subword tokens of entities or answers.

    Args:
        subword tokens: Each subword token's text, and how many of its last characters are outside.

    Returns:
        Endings -> characters outside. An ending that would say the same as the longest shorter one is left
        out. ``tail_length`` reads it.
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
    """Return how many trailing characters of a last subword token lie outside the entity."""
    return min(_look_up(_endings(subword), tails), max(len(subword) - 1, 0))


def _endings(subword: str) -> list[str]:
    """Yield the subword token itself, then its endings, longest first."""
    return [WHOLE + subword, *(subword[start:] for start in range(len(subword)))]


def _look_up(endings: Iterable[str], tails: Mapping[str, int]) -> int:
    return next((tails[ending] for ending in endings if ending in tails), 0)
