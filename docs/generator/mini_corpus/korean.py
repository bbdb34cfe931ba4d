"""Korean particles and reproducible random choices, shared by the generators of the mini corpus."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_FIRST_SYLLABLE = ord("가")
_LAST_SYLLABLE = ord("힣")
_FINALS_PER_VOWEL = 28
_RIEUL = 8
# How the last sound of a digit or Latin letter is read in Korean: index of the final consonant, 0 when open.
_READ_FINALS = {"0": 21, "1": 8, "3": 16, "6": 1, "7": 8, "8": 8, "L": 8, "M": 16, "N": 4, "R": 8}
# particle name -> (after a final consonant, after a vowel)
_PARTICLES = {
    "은/는": ("은", "는"),
    "이/가": ("이", "가"),
    "을/를": ("을", "를"),
    "과/와": ("과", "와"),
    "으로/로": ("으로", "로"),
}


def final_consonant(word: str) -> int:
    """Return the index (0 = none, 8 = ㄹ) of the final consonant in the last syllable of `word`."""
    last = word[-1].upper()
    if _FIRST_SYLLABLE <= ord(last) <= _LAST_SYLLABLE:
        return (ord(last) - _FIRST_SYLLABLE) % _FINALS_PER_VOWEL
    return _READ_FINALS.get(last, 0)


def josa(word: str, particle: str) -> str:
    """Return `word` with the form of `particle` that agrees with its last sound.

    Args:
        word: A non-empty noun phrase.
        particle: One of `은/는`, `이/가`, `을/를`, `과/와`, `으로/로`.

    Raises:
        ValueError: If the particle is not one of the five.
    """
    if particle not in _PARTICLES:
        raise ValueError(f"unknown particle {particle!r}, expected one of {', '.join(_PARTICLES)}")
    closed, opened = _PARTICLES[particle]
    final = final_consonant(word)
    takes_open = final == 0 or (particle == "으로/로" and final == _RIEUL)
    return word + (opened if takes_open else closed)


def below(rng: random.Random, bound: int) -> int:
    """Return an integer in [0, bound), from `random()` alone: the only sequence Python promises to keep."""
    return int(rng.random() * bound)


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """Return one item, all equally likely."""
    return items[below(rng, len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """Return the items in a random order (Fisher-Yates), leaving the argument as it was."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = below(rng, last + 1)
        result[last], result[other] = result[other], result[last]
    return result


def pick_several(rng: random.Random, items: Sequence[T], count: int) -> list[T]:
    """Return `count` items at different positions, in random order."""
    return shuffled(rng, items)[:count]


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with the given probability."""
    return rng.random() < probability
