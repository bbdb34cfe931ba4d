"""Encode documents as packed blocks of tokens, with the beginnings of words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import datasets
import numpy as np
from transformers import PreTrainedTokenizerBase

from recipes.pretraining.places import mixed
from recipes.subwords.offsets import subwords_with_spans

TEXTS = ("string", "large_string", "null")  # types of a text column; null if all texts are missing
SHORTEST = 16  # minimum number of tokens of a document at the end of a block
# Columns of a block: token ids, whether each token begins a word, and lengths of the segments.
FEATURES = datasets.Features(
    {
        "input_ids": datasets.Sequence(datasets.Value("int32")),
        "word_starts": datasets.Sequence(datasets.Value("bool")),
        "lengths": datasets.Sequence(datasets.Value("int32")),
    }
)


def encode_corpus(
    corpus: datasets.Dataset,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    pack: bool = True,
    text_column: str = "text",
    num_proc: int | None = None,
    every: int | None = None,
    held_out: bool = False,
) -> datasets.Dataset:
    """Tokenise a corpus into blocks in constant memory, with a cache on disk.

    Args:
        corpus: Rows with one document each.
        tokenizer: A tokenizer with [CLS] and [SEP], or tokens with the same function.
        max_length: Number of tokens of a block, including special tokens.
        pack: Whether a block may contain several documents.
        text_column: Name of the column with the text.
        num_proc: Number of processes.
        every: One of about this many documents is held out; None to hold out none.
        held_out: Whether to encode the held-out documents instead of the others.

    Returns:
        Blocks with the columns of ``FEATURES``, in the order of the documents.

    Raises:
        ValueError: There is no such column, there is no text, or the tokenizer lacks the special tokens.
    """
    if text_column not in corpus.column_names:
        raise ValueError(
            f"The corpus has the columns {', '.join(corpus.column_names)}; expected {text_column!r}, or "
            "another --text_column."
        )
    kind = getattr(corpus.features[text_column], "dtype", "list")
    if kind not in TEXTS:
        raise ValueError(f"The column {text_column} of the corpus is of the type {kind}; expected a text.")
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None or tokenizer.mask_token_id is None:
        raise ValueError(
            f"The tokenizer {tokenizer.name_or_path} lacks a token for the beginning, the end, or the mask; "
            "expected the tokenizer of a masked language model."
        )
    blocks = corpus.map(
        _encode_batch,
        batched=True,
        with_indices=True,
        remove_columns=corpus.column_names,
        features=FEATURES,
        num_proc=num_proc,
        fn_kwargs={
            "tokenizer": tokenizer, "max_length": max_length, "pack": pack, "text_column": text_column,
            "every": every, "held_out": held_out,
        },
        desc="tokenising",
    )  # fmt: skip
    if not len(blocks):
        part = "held-out part" if held_out else "training part"
        raise ValueError(
            f"The {part} of the corpus ({len(corpus):,} documents) holds no text; expected more documents "
            "that are not empty."
        )
    return blocks


def _encode_batch(
    batch: Mapping[str, Sequence[Any]],
    indices: Sequence[int],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    pack: bool,
    text_column: str,
    every: int | None,
    held_out: bool,
) -> dict[str, list[Any]]:
    filled: dict[str, list[Any]] = {name: [] for name in FEATURES}
    ends = tokenizer.cls_token_id, tokenizer.sep_token_id
    texts = [
        text
        for index, text in zip(indices, batch[text_column], strict=True)
        if (every is not None and mixed(index) % every == 0) == held_out
    ]
    for block in blocks_of(documents(tokenizer, texts), max_length, ends, pack=pack):
        filled["input_ids"].append(block.input_ids)
        filled["word_starts"].append(block.word_starts)
        filled["lengths"].append(block.lengths)
    return filled


@dataclasses.dataclass
class Block:
    """Consecutive segments; see ``FEATURES``."""

    input_ids: list[int] = dataclasses.field(default_factory=list)
    word_starts: list[bool] = dataclasses.field(default_factory=list)
    lengths: list[int] = dataclasses.field(default_factory=list)

    def add(self, ids: Sequence[int], starts: Sequence[bool], ends: tuple[int, int]) -> None:
        """Append a segment with its special tokens, which count as words."""
        self.input_ids += [ends[0], *ids, ends[1]]
        self.word_starts += [True, *starts, True]
        self.lengths.append(len(ids) + 2)


def documents(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Tokenise texts; yield the token ids of each, and whether each token begins a word.

    Words (eojeol) are separated by blanks. Words that share a token count as one word.
    """
    texts = [text for text in texts if text and not text.isspace()]
    if not texts:
        return
    for text, (ids, first, _, end) in zip(texts, subwords_with_spans(tokenizer, texts), strict=True):
        yield list(ids), word_starts(text, np.asarray(first), np.asarray(end))


def word_starts(text: str, first: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return whether each token begins a word of a text.

    Args:
        text: The tokenised text.
        first: First character of each token, -1 for none, shape (tokens,).
        end: End (exclusive) of the characters that belong to each token, 0 for none, shape (tokens,).

    Returns:
        Booleans of shape (tokens,), of which the first is True.
    """
    if not len(first):
        return np.zeros(0, dtype=bool)
    blank = np.fromiter((character.isspace() for character in text), bool, len(text))
    # Number of the word of each character, from 1.
    word = np.cumsum(~blank & np.concatenate([[True], blank[:-1]]))
    last = int(word[-1])
    of_first = np.where(first >= 0, word[np.maximum(first, 0)], last)
    # A token without characters, such as the word boundary token, belongs to the next word.
    of_first = np.minimum.accumulate(of_first[::-1])[::-1]
    reached = np.maximum.accumulate(np.where(end > 0, word[np.maximum(end, 1) - 1], of_first))
    starts = np.ones(len(first), dtype=bool)
    starts[1:] = of_first[1:] > reached[:-1]
    return starts


def blocks_of(
    texts: Iterator[tuple[list[int], np.ndarray]], max_length: int, ends: tuple[int, int], *, pack: bool
) -> Iterator[Block]:
    """Split documents into segments, and pack these into blocks of at most ``max_length`` tokens.

    Documents are split before a word if possible. A block ends if there is room for fewer than ``SHORTEST``
    tokens or, without packing, after each segment.
    """
    block = Block()
    for ids, starts in texts:
        begin = 0
        while begin < len(ids):
            room = max_length - len(block.input_ids) - len(ends)
            if block.lengths and room < min(SHORTEST, len(ids) - begin):
                yield block
                block, room = Block(), max_length - len(ends)
            stop = min(begin + room, len(ids))
            if stop < len(ids) and not starts[stop]:
                earlier = np.flatnonzero(starts[begin + 1 : stop])
                if len(earlier):
                    stop = begin + 1 + int(earlier[-1])
            marks = starts[begin:stop].tolist()
            marks[0] = True
            block.add(ids[begin:stop], marks, ends)
            begin = stop
            if not pack:
                yield block
                block = Block()
    if block.lengths:
        yield block
