"""Reproducible masks for masked language modelling, for whole words or tokens, static or dynamic.

The random numbers for a block depend only on the seed and on the place of the block in training, and not on
the process or batch. Training has therefore the same masks if it is resumed or uses another number of
processes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recipes.pretraining.choices import DYNAMIC, MASKINGS, STATIC, UNITS, WORD

IGNORED = -100  # label of tokens that are not predicted
MASKED, RANDOM = 0.8, 0.1  # fractions of the chosen tokens; the others are kept (Devlin et al., 2019)


@dataclasses.dataclass(frozen=True)
class Masking:
    """Settings of masking.

    Attributes:
        rate: Fraction of the tokens to predict at the beginning of training.
        final_rate: Fraction at the end of training; the fraction changes linearly.
        unit: ``word`` for whole words (eojeol), or ``token``.
        kind: ``dynamic`` for new masks in each epoch, like RoBERTa, or ``static``, like BERT.
        seed: Random seed.
    """

    rate: float = 0.15
    final_rate: float = 0.15
    unit: str = WORD
    kind: str = DYNAMIC
    seed: int = 0

    def __post_init__(self) -> None:
        for name, rate in (("rate", self.rate), ("final rate", self.final_rate)):
            if not 0 < rate < 1:
                raise ValueError(f"The {name} of masking is {rate}; expected a share between 0 and 1.")
        for value, allowed in ((self.unit, UNITS), (self.kind, MASKINGS)):
            if value not in allowed:
                raise ValueError(f"There is no masking {value!r}; expected one of {', '.join(allowed)}.")

    def rate_at(self, progress: float) -> float:
        """Return the rate after a fraction of training."""
        return self.rate + (self.final_rate - self.rate) * min(max(progress, 0.0), 1.0)

    def generator(self, place: int, block: int) -> np.random.Generator:
        """Return the random generator for a block at a place of training."""
        number = block if self.kind == STATIC else place
        return np.random.Generator(np.random.Philox(key=[self.seed, number]))


def choose(
    starts: np.ndarray, can_mask: np.ndarray, rate: float, generator: np.random.Generator
) -> np.ndarray:
    """Choose whole words to predict.

    The expected fraction of chosen tokens is ``rate``. Words are drawn until it is reached; the last word,
    which exceeds it, is kept with the probability that gives the expected fraction.

    Args:
        starts: Whether each token begins a word, shape (tokens,).
        can_mask: Whether each token may be chosen, which is equal for all tokens of a word and False for
            special tokens.
        rate: Fraction of the tokens that may be chosen.
        generator: Random number generator.

    Returns:
        Booleans of shape (tokens,).
    """
    begins = np.flatnonzero(starts & can_mask)
    chosen = np.zeros(len(starts), dtype=bool)
    if not len(begins):
        return chosen
    word = np.where(can_mask, np.cumsum(starts & can_mask) - 1, -1)
    sizes = np.bincount(word[word >= 0], minlength=len(begins))
    order = generator.permutation(len(begins))
    total = np.cumsum(sizes[order])
    budget = rate * can_mask.sum()
    taken = total <= budget
    if not taken.all():
        crossing = int(taken.sum())
        before = int(total[crossing - 1]) if crossing else 0
        taken[crossing] = generator.random() < (budget - before) / sizes[order[crossing]]
    picked = np.zeros(len(begins), dtype=bool)
    picked[order[taken]] = True
    chosen[word >= 0] = picked[word[word >= 0]]
    return chosen


def corrupt(
    ids: np.ndarray, chosen: np.ndarray, mask: int, replacements: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Mask 80 % of the chosen tokens, replace 10 % by random tokens, and keep 10 %."""
    fate = generator.random(len(ids))
    random_ids = replacements[generator.integers(0, len(replacements), len(ids))]
    corrupted = np.where(chosen & (fate < MASKED), mask, ids)
    return np.where(chosen & (fate >= MASKED) & (fate < MASKED + RANDOM), random_ids, corrupted)


class PretrainingCollator:
    """Collate blocks: mask tokens, pad, and separate the segments of a block.

    Args:
        tokenizer: Tokenizer of the blocks.
        masking: Settings of masking.
        places: Number of places in training, to interpolate the rate.
        first_position: First position of a segment, which is the padding id + 1 for RoBERTa.
        pad_to_multiple_of: Batches are padded to a multiple of this.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        masking: Masking,
        places: int,
        *,
        first_position: int = 0,
        pad_to_multiple_of: int = 8,
    ) -> None:
        self.masking = masking
        self.places = places
        self.first_position = first_position
        self.multiple = pad_to_multiple_of
        self.pad, self.mask = int(tokenizer.pad_token_id), int(tokenizer.mask_token_id)
        special = np.array(sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))
        self.special = special
        self.replacements = np.setdiff1d(np.arange(len(tokenizer)), special)

    def __call__(self, blocks: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Collate blocks that have a ``place`` and a ``block`` number.

        Returns:
            ``input_ids`` and ``labels``, shape (batch, length). If each block is one segment,
            ``attention_mask`` of the same shape; otherwise ``attention_mask`` of shape (batch, 1, length,
            length), to be added to attention scores, and ``position_ids``, which restart in each segment.
        """
        longest = max(len(block["input_ids"]) for block in blocks)
        length = -(-longest // self.multiple) * self.multiple
        shape = len(blocks), length
        ids, labels = np.full(shape, self.pad), np.full(shape, IGNORED)
        segments, positions = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, block in enumerate(blocks):
            original = np.asarray(block["input_ids"], dtype=np.int64)
            count = len(original)
            ids[row, :count], labels[row, :count] = self._masked(original, block)
            lengths = np.asarray(block["lengths"])
            segments[row, :count] = np.repeat(np.arange(len(lengths)) + 1, lengths)
            positions[row, :count] = np.concatenate([np.arange(size) for size in lengths])
        if (labels == IGNORED).all():  # a batch without labels has no loss
            where = np.flatnonzero(~np.isin(ids[0], self.special))[:1]
            labels[0, where] = ids[0, where]
        batch = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
        if segments.max() == 1:
            return batch | {"attention_mask": torch.from_numpy(segments)}
        return batch | {
            "attention_mask": _apart(torch.from_numpy(segments)),
            "position_ids": torch.from_numpy(positions + self.first_position),
        }

    def _masked(self, ids: np.ndarray, block: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        place, number = int(block["place"]), int(block["block"])
        generator = self.masking.generator(place, number)
        is_word = self.masking.unit == WORD
        starts = np.asarray(block["word_starts"], dtype=bool) if is_word else np.ones(len(ids), dtype=bool)
        rate = self.masking.rate_at(place / max(self.places - 1, 1))
        chosen = choose(starts, ~np.isin(ids, self.special), rate, generator)
        return corrupt(ids, chosen, self.mask, self.replacements, generator), np.where(chosen, ids, IGNORED)


def _apart(segments: torch.Tensor) -> torch.Tensor:
    """Return a mask (batch, 1, length, length) that restricts attention to the same segment."""
    same = segments[:, None, :, None] == segments[:, None, None, :]
    return torch.zeros(same.shape).masked_fill_(~same, torch.finfo(torch.float32).min)
