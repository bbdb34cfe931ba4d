"""Character spans of subword tokens for all kinds of tokenizers, and ragged columns as arrays."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

# Whether each code point is a blank; the last entry is for all further code points.
_IS_BLANK = np.array([chr(code).isspace() for code in range(0x3002)])


def subwords_with_spans(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Iterator[tuple[list[int], np.ndarray, np.ndarray, np.ndarray]]:
    """Tokenise texts without special tokens.

    Yields:
        Token ids of each text, and the three arrays of ``spans_of_subwords``.
    """
    encoded = tokenizer(
        list(texts),
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=True,
        verbose=False,
    )
    blank = blank_subwords(tokenizer, encoded["input_ids"])
    is_blank = np.zeros(max(blank, default=0) + 1, dtype=bool)
    is_blank[[subword for subword, value in blank.items() if value]] = True
    for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        yield ids, *spans_of_subwords(text, offsets, is_blank[ids] if ids else ())


def blank_subwords(tokenizer: PreTrainedTokenizerBase, ids: Iterable[Sequence[int]]) -> dict[int, bool]:
    """Find tokens without characters: special tokens, and word boundary tokens such as ``▁``.

    The offsets of word boundary tokens may be those of the next character, so they do not identify them.

    Args:
        tokenizer: A fast tokenizer.
        ids: Token ids, one list per sentence.

    Returns:
        Each id that occurs -> whether it has no characters.
    """
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return {
        subword: subword in special or _decodes_to_nothing(tokenizer, subword)
        for subword in {subword for sentence in ids for subword in sentence}
    }


@functools.lru_cache(maxsize=100_000)
def _decodes_to_nothing(tokenizer: PreTrainedTokenizerBase, subword: int) -> bool:
    return not tokenizer.decode([subword]).strip()


def spans_of_subwords(
    text: str, offsets: Sequence[tuple[int, int]], blank: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the characters of each token of a text.

    Blanks at the ends of a token do not belong to it. A character of several tokens, such as a syllable that
    is split into bytes or letters, belongs to the first of them.

    Args:
        text: The tokenised text.
        offsets: First character and end (exclusive) of each token, from the tokenizer.
        blank: Whether each token has no characters.

    Returns:
        Three arrays of shape (tokens,): the first character that belongs to the token, or else the first one
        that it shares, or -1; and the first character and the end (exclusive) of those that belong to it,
        both 0 if there are none.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    is_blank = _IS_BLANK[np.minimum(codes, len(_IS_BLANK) - 1)]
    place = np.arange(len(text))
    next_letter = np.minimum.accumulate(np.append(np.where(is_blank, len(text), place), len(text))[::-1])[
        ::-1
    ]
    after_letter = np.maximum.accumulate(np.concatenate([[0], np.where(is_blank, 0, place + 1)]))
    flat_offsets = itertools.chain.from_iterable(offsets)
    pairs = np.fromiter(flat_offsets, np.int64, 2 * len(offsets)).reshape(-1, 2)
    left, right = next_letter[pairs[:, 0]], after_letter[pairs[:, 1]]
    has_letter = ~np.asarray(blank, dtype=bool) & (left < right)
    taken = np.maximum.accumulate(np.concatenate([[0], np.where(has_letter, right, 0)]))[:-1]
    own = has_letter & (right > taken)
    return (
        np.where(own, np.maximum(left, taken), np.where(has_letter, left, -1)),
        np.where(own, np.maximum(left, taken), 0),
        np.where(own, right, 0),
    )


def flat(features: datasets.Dataset, column: str) -> np.ndarray:
    """Concatenate a column of lists of integers to one array."""
    values = _arrow(features, column).flatten()
    if not len(values):  # the type is unknown if all lists are empty
        return np.empty(0, dtype=np.int64)
    return values.to_numpy()


def ragged(features: datasets.Dataset, column: str) -> np.ndarray:
    """Return the lengths of the lists in a column."""
    return np.diff(_arrow(features, column).offsets.to_numpy())


def _arrow(features: datasets.Dataset, column: str) -> Any:
    if not isinstance(features, datasets.Dataset):  # columns in memory
        return pa.array(features[column], type=pa.list_(pa.int64()))
    return features.select_columns([column]).with_format("arrow")[:][column].combine_chunks()
