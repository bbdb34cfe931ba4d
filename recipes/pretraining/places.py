"""The order of blocks in training: a new permutation in each epoch, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import torch

ROUNDS = 4  # rounds of the Feistel network; four are sufficient (Luby and Rackoff, 1988)
_WORD = (1 << 64) - 1


class Places(torch.utils.data.Dataset[dict[str, Any]]):
    """The blocks of training by place, in another order in each epoch.

    Resumed training skips places without reading them, and thus continues in the middle of an epoch at once.

    Args:
        blocks: Blocks from ``encode_corpus``.
        count: Number of places, which is the number of updates times that of blocks per update.
        seed: Random seed of the orders.
    """

    def __init__(self, blocks: datasets.Dataset, count: int, seed: int) -> None:
        self.blocks = blocks
        self.count = count
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.__getitems__([place])[0]

    def __getitems__(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Return the blocks of some places, with ``place`` and ``block``, the index in the corpus."""
        numbers = [self._block(place) for place in places]
        rows = self.blocks[numbers]
        return [
            {
                "place": place,
                "block": number,
                **{name: values[index] for name, values in rows.items()},
            }
            for index, (place, number) in enumerate(zip(places, numbers, strict=True))
        ]

    def _block(self, place: int) -> int:
        number, index = divmod(place, len(self.blocks))
        return permuted(index, len(self.blocks), (self.seed << 32) + number)


class InOrder(Places):
    """All blocks in the order of the corpus, for held-out data."""

    def __init__(self, blocks: datasets.Dataset) -> None:
        super().__init__(blocks, len(blocks), 0)

    def _block(self, place: int) -> int:
        return place


def permuted(index: int, size: int, key: int) -> int:
    """Map a number from 0 to ``size`` - 1 by a keyed permutation.

    A Feistel network over the next power of four is applied until the result is small enough.
    """
    half = max((size - 1).bit_length() + 1, 2) // 2
    low = (1 << half) - 1
    while True:
        left, right = index >> half, index & low
        for number in range(ROUNDS):
            left, right = right, left ^ (mixed(right + (number << 56) + key * 0x9E3779B97F4A7C15) & low)
        index = (left << half) | right
        if index < size:
            return index


def mixed(value: int) -> int:
    """Hash a number to 64 bits.

    Source: finaliser of SplitMix64, Steele, Lea and Flood, 2014.
    """
    value &= _WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _WORD
    return value ^ (value >> 31)
