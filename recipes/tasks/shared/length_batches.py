"""Batches of inputs of similar length, for little padding. This file is saved beside the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PADDING = 512  # padding tokens that cost as much as another call of the model


def length_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield positions of inputs in batches, longest first.

    Args:
        lengths: Tokens of each input.
        size: Maximum inputs per batch. A batch with more than ``PADDING`` tokens of padding is split.
    """
    batch: list[int] = []
    padding = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        padding += lengths[batch[0]] - lengths[place] if batch else 0
        if len(batch) == size or padding > PADDING:
            yield batch
            batch, padding = [], 0
        batch.append(place)
    if batch:
        yield batch
