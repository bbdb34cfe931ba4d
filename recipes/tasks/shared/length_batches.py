"""Batches of inputs of similar length, to reduce padding. This file is saved with the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PADDING = 512  # padding tokens that take about as long as another call of the model


def length_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield positions of inputs in batches, longest first.

    Args:
        lengths: Number of tokens of each input.
        size: Maximum batch size. Batches with more than ``PADDING`` tokens of padding are split.
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
