"""Encode words and collate batches, for the recipe and the pipeline. This file is saved with the model."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of padding
UNKNOWN_POS = -1

Integers = np.ndarray[Any, np.dtype[np.int64]]


def encode_words(
    sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> dict[str, list[Any]]:
    """Encode sentences: their words are joined by blanks and split into subword tokens.

    Every word has at least one token; words whose characters the tokenizer removes, such as control
    characters, get [UNK]. Sentences are not truncated: those with more tokens than the model's input are read
    in overlapping windows of whole words, and the vectors of a word are taken from the window in which it is
    farthest from an edge. Single words with more tokens than the input lose inner tokens.

    Args:
        sentences: The words of each sentence.
        tokenizer: A fast tokenizer.
        max_length: Maximum number of tokens of the model's input.

    Returns:
        ``input_ids``, the ids of all windows of a sentence, concatenated, with special tokens; ``windows``,
        the number of ids per window; ``first_subwords`` and ``last_subwords``, the positions in ``input_ids``
        of the first and last token of each word.

    Raises:
        ValueError: ``max_length`` is too small, or [UNK] is needed and the tokenizer does not have it.
    """
    before, after = _special_ids(tokenizer)
    budget = max_length - len(before) - len(after)
    if budget < 2:
        raise ValueError(
            f"max_length is {max_length}; expected room for two subword tokens and the special tokens."
        )
    encoded = tokenizer(
        [" ".join(words) for words in sentences],
        add_special_tokens=False,
        return_offsets_mapping=True,
        verbose=False,  # no warnings about long sentences, which are split below
    )
    columns: dict[str, list[Any]] = {
        name: [] for name in ("input_ids", "windows", "first_subwords", "last_subwords")
    }
    for words, ids, offsets in zip(sentences, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        subwords, counts = _subwords(words, ids, offsets, tokenizer)
        if counts.max(initial=0) > budget:
            subwords, counts = _without_inner_subwords(subwords, counts, budget)
        layout = _lay_out(subwords, counts, budget, before, after)
        for name, values in zip(columns, layout, strict=True):
            columns[name].append(values)
    return columns


def last_tags(chains: Sequence[str], pos_tags: Sequence[str]) -> list[int]:
    """Return the id of the last, most informative tag of each chain like ``NNG+JKO``.

    Args:
        chains: One chain per word; ``_`` or empty if unknown.
        pos_tags: The tags in the order of their ids.

    Raises:
        ValueError: A tag is unknown.
    """
    ids = {tag: index for index, tag in enumerate(pos_tags)} | {"_": UNKNOWN_POS, "": UNKNOWN_POS}
    tags = [chain.rpartition("+")[2] for chain in chains]
    wrong = next((tag for tag in tags if tag not in ids), None)
    if wrong is not None:
        raise ValueError(
            f"The part of speech {wrong!r} is unknown; expected _ or one of {', '.join(pos_tags)}."
        )
    return [ids[tag] for tag in tags]


@dataclasses.dataclass(frozen=True)
class ParserCollator:
    """Collate features of ``encode_words``, with or without tags and gold labels.

    Attributes:
        pad_token_id: Padding of ``input_ids``.
        pad_pos_id: Padding of ``pos_ids``, the id after that of the last tag.
        pad_to_multiple_of: Pad the number of tokens to a multiple of this.
    """

    pad_token_id: int
    pad_pos_id: int
    pad_to_multiple_of: int | None = None

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Build the inputs of ``DependencyParser.forward``; other columns are ignored."""
        windows = [feature["windows"] for feature in features]
        lengths = np.fromiter(itertools.chain.from_iterable(windows), dtype=np.int64)
        tokens, most = int(lengths.max()), max(map(len, windows))
        tokens += -tokens % (self.pad_to_multiple_of or 1)
        batch = {
            "input_ids": _pad_windows([feature["input_ids"] for feature in features], windows, tokens,
                                      self.pad_token_id),
            "attention_mask": _pad_windows([[1] * len(f["input_ids"]) for f in features], windows, tokens, 0),
        }  # fmt: skip
        if most == 1:
            batch = {name: values[:, 0] for name, values in batch.items()}
        else:  # empty windows need one visible token, since attention over none is NaN
            batch["attention_mask"][..., 0] = 1
        fills = {"first_subwords": -1, "last_subwords": -1, "pos_ids": self.pad_pos_id}
        fills |= {"heads": IGNORED, "relations": IGNORED}
        for name, fill in fills.items():
            if name not in features[0]:
                continue
            rows = [feature[name] for feature in features]
            if most > 1 and name in ("first_subwords", "last_subwords"):
                rows = [_in_padded(row, sizes, tokens) for row, sizes in zip(rows, windows, strict=True)]
            batch[name] = _pad(rows, max(1, *map(len, rows)), fill)
        return {name: torch.from_numpy(values) for name, values in batch.items()}


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """Return the special tokens that the tokenizer adds before and after a text."""
    probe = tokenizer("가", return_special_tokens_mask=True)
    ids, is_special = probe["input_ids"], probe["special_tokens_mask"]
    start = is_special.index(0)
    end = len(ids) - is_special[::-1].index(0)
    return ids[:start], ids[end:]


def _subwords(
    words: Sequence[str],
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    tokenizer: PreTrainedTokenizerBase,
) -> tuple[Integers, Integers]:
    """Return the token ids of a sentence in word order, and the number of tokens per word."""
    ends = np.cumsum([len(word) + 1 for word in words], dtype=np.int64) - 1
    spans = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    # The last character of a token determines its word, since the first may be the blank before the word. A
    # token that consists of that blank only (in SentencePiece) belongs to the next word.
    character = np.maximum(spans[:, 1] - 1, spans[:, 0])
    word = np.minimum(np.searchsorted(ends, character, side="right"), len(words) - 1)
    counts = np.bincount(word, minlength=len(words))
    subwords = np.asarray(ids, dtype=np.int64)
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        if tokenizer.unk_token_id is None:
            raise ValueError(
                f"The tokenizer drops the word {words[empty[0]]!r} and has no token for unknown words; "
                "expected one."
            )
        order = np.argsort(np.concatenate([word, empty]), kind="stable")
        subwords = np.concatenate([subwords, np.full(empty.size, tokenizer.unk_token_id)])[order]
        counts = np.maximum(counts, 1)
    return subwords, counts


def _without_inner_subwords(subwords: Integers, counts: Integers, budget: int) -> tuple[Integers, Integers]:
    """Truncate words to ``budget`` tokens by removing those before the last."""
    ends = np.cumsum(counts)
    rank = np.arange(len(subwords)) - np.repeat(ends - counts, counts)
    is_last = rank == np.repeat(counts, counts) - 1
    return subwords[(rank < budget - 1) | is_last], np.minimum(counts, budget)


def _lay_out(
    subwords: Integers, counts: Integers, budget: int, before: list[int], after: list[int]
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Build the columns of one sentence."""
    ends = np.cumsum(counts)
    starts = ends - counts
    ids: list[int] = []
    lengths: list[int] = []
    # Offset from positions of tokens to positions of ids, by word.
    shift = np.zeros(len(counts), dtype=np.int64)
    best = np.full(len(counts), -1)  # number of tokens between a word and the nearest edge of its window
    for first, last in _windows(starts, ends, budget):
        begin, end = (int(starts[first]), int(ends[last - 1])) if last else (0, 0)
        # The ends of the sentence do not count as edges of windows.
        before_word = starts - begin + 1 if first else np.full(len(counts), budget)
        behind_word = end - ends + 1 if last < len(counts) else np.full(len(counts), budget)
        margin = np.minimum(before_word, behind_word)
        here = np.arange(len(counts))
        chosen = (here >= first) & (here < last) & (margin > best)
        best[chosen] = margin[chosen]
        shift[chosen] = len(ids) + len(before) - begin
        window = [*before, *subwords[begin:end].tolist(), *after]
        ids += window
        lengths.append(len(window))
    return ids, lengths, (starts + shift).tolist(), (ends - 1 + shift).tolist()


def _windows(starts: Integers, ends: Integers, budget: int) -> list[tuple[int, int]]:
    """Return overlapping ranges of words with at most ``budget`` tokens; about half of each overlaps."""
    count = len(starts)
    if not count or ends[-1] <= budget:
        return [(0, count)]
    ranges = []
    first = 0
    while True:
        last = int(np.searchsorted(ends, starts[first] + budget, side="right"))
        ranges.append((first, last))
        if last == count:
            return ranges
        half = int(np.searchsorted(starts, ends[last - 1] - budget // 2))
        # The word after this window has to fit into the next one.
        fitting = int(np.searchsorted(starts, ends[last] - budget))
        first = max(min(half, last), fitting, first + 1)


def _pad(rows: Sequence[Sequence[int]], width: int, fill: int) -> Integers:
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    padded = np.full((len(rows), width), fill, dtype=np.int64)
    values = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
    padded[np.arange(width) < lengths[:, None]] = values
    return padded


def _pad_windows(
    rows: Sequence[Sequence[int]], windows: Sequence[Sequence[int]], tokens: int, fill: int
) -> Integers:
    """Pad rows with all windows of a sentence to (batch, windows, tokens)."""
    lengths = _pad(windows, max(map(len, windows)), 0)
    padded = np.full((*lengths.shape, tokens), fill, dtype=np.int64)
    values = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
    padded[np.arange(tokens) < lengths[..., None]] = values
    return padded


def _in_padded(positions: Sequence[int], windows: Sequence[int], tokens: int) -> list[int]:
    """Convert positions in the windows of a sentence to positions in its padded windows."""
    starts = np.cumsum([0, *windows[:-1]])
    window = np.searchsorted(starts, positions, side="right") - 1
    moved: list[int] = (np.asarray(positions) + window * tokens - starts[window]).tolist()
    return moved
