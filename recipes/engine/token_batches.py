"""Batches with a maximum number of tokens, padding included, instead of a number of examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from transformers.trainer_pt_utils import BatchRebalanceSampler


class TokenBatchSampler(BatchRebalanceSampler):
    """Sample batches of examples of similar length, with at most ``tokens`` tokens after padding.

    In each epoch, the examples are sorted by length, with ties in random order, and divided into batches,
    which are then shuffled. Batch sizes are the same in every epoch, so that Trainer knows the number of
    updates in advance. The base class is used for its type only: Trainer passes such samplers to the data
    loader unchanged, and expects them to select the batches of each process.

    Args:
        lengths: Number of tokens of each example.
        tokens: Maximum number of tokens of a batch; longer examples are batches by themselves.
        most: Maximum number of examples of a batch; None for no maximum.
        shuffle: Whether the order is random; otherwise the longest batch is first.
        seed: Random seed.
        rank: Rank of the process.
        world_size: Number of processes, which all get the same number of batches, with similar lengths at
            each step.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        tokens: int,
        *,
        most: int | None = None,
        shuffle: bool = True,
        seed: int = 42,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self.rank, self.world_size = rank, world_size
        self.sizes = batch_sizes(self.lengths, tokens, most, world_size)
        self.drop_last = False
        self.sampler = self  # Accelerate calls set_epoch of this attribute

    def __len__(self) -> int:
        """Return the number of batches of a process."""
        return len(self.sizes) // self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of this process, as positions of examples."""
        generator = np.random.default_rng([self.seed, self.epoch])
        ties = generator.permutation(len(self.lengths)) if self.shuffle else np.arange(len(self.lengths))
        order = np.lexsort((ties, -self.lengths))
        order = np.resize(order, sum(self.sizes))  # repeats examples if there are more processes
        batches = np.split(order, np.cumsum(self.sizes)[:-1])
        turns = generator.permutation(len(self)) if self.shuffle else np.arange(len(self))
        for turn in turns:
            yield batches[turn * self.world_size + self.rank].tolist()


def batch_sizes(lengths: np.ndarray, tokens: int, most: int | None = None, multiple: int = 1) -> list[int]:
    """Compute the sizes of batches of examples that are sorted by length, longest first.

    Args:
        lengths: Number of tokens of each example, in any order, shape (examples,).
        tokens: Maximum number of tokens of a batch with several examples, padding included.
        most: Maximum number of examples of a batch; None for no maximum.
        multiple: The number of batches is a multiple of this; the largest batches are split if necessary.

    Returns:
        The sizes. Their sum is the number of examples, or ``multiple`` if there are fewer examples.
    """
    longest_first = np.sort(lengths)[::-1]
    sizes: list[int] = []
    begin = 0
    while begin < len(lengths):
        size = max(tokens // max(int(longest_first[begin]), 1), 1)
        sizes.append(min(size, len(lengths) - begin, most or size))
        begin += sizes[-1]
    while len(sizes) % multiple:
        largest = int(np.argmax(sizes))
        if sizes[largest] == 1:
            return [1] * (-(-len(sizes) // multiple) * multiple)
        sizes[largest : largest + 1] = [(sizes[largest] + 1) // 2, sizes[largest] // 2]
    return sizes
