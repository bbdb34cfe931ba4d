"""Which characters a tokenizer's tokens stand for, whatever family it is of; and ragged columns as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

_BLANKS = np.array([code for code in range(0x3001) if chr(code).isspace()], dtype=np.uint32)


def blank_subwords(tokenizer: PreTrainedTokenizerBase, ids: Iterable[Sequence[int]]) -> dict[int, bool]:
    """Which tokens stand for no character: special tokens, and a mark of a word's beginning on its own.

    The offsets of such a mark may name the character after it, so that they cannot tell.

    Args:
        tokenizer: Whose subword tokens.
        ids: Sentences of subword token ids.

    Returns:
        Every id that occurs -> whether it is one.
    """
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return {
        subword: subword in special or not tokenizer.decode([subword]).strip()
        for subword in {subword for sentence in ids for subword in sentence}
    }


def spans_of_subwords(
    text: str, offsets: Sequence[tuple[int, int]], blank: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The characters of a text that each of its subword tokens stands for.

    Blanks at a token's ends are not its own. A character that several tokens share (a syllable cut into bytes
    or letters) is the first one's.

    Args:
        text: What was tokenised.
        offsets: First and last (exclusive) character of each subword token, as the tokenizer says.
        blank: Whether a subword token stands for no character.

    Returns:
        Three arrays of shape (tokens,): the first character that is the token's own, else the first that it
        shares, -1 for none; then the first and the end (exclusive) of its own, both 0 where it has none.
    """
    is_blank = np.isin(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32), _BLANKS)
    place = np.arange(len(text))
    next_letter = np.minimum.accumulate(np.append(np.where(is_blank, len(text), place), len(text))[::-1])[
        ::-1
    ]
    after_letter = np.maximum.accumulate(np.concatenate([[0], np.where(is_blank, 0, place + 1)]))
    pairs = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
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
    """A column of lists of whole numbers as one array, list after list."""
    values = _arrow(features, column).flatten()
    if not len(values):  # of no type where all lists are empty
        return np.empty(0, dtype=np.int64)
    return values.to_numpy()


def ragged(features: datasets.Dataset, column: str) -> np.ndarray:
    """The lengths of the lists in a column."""
    return np.diff(_arrow(features, column).offsets.to_numpy())


def _arrow(features: datasets.Dataset, column: str) -> Any:
    if not isinstance(features, datasets.Dataset):  # columns in memory
        return pa.array(features[column], type=pa.list_(pa.int64()))
    return features.select_columns([column]).with_format("arrow")[:][column].combine_chunks()
