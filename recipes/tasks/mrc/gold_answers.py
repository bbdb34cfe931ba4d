"""Align the gold answers of reading comprehension with the subword tokens of a passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from recipes.subwords.offsets import subwords_with_spans
from recipes.tasks.protocol import Batch

if TYPE_CHECKING:
    import datasets

NOWHERE = 1_000_000  # position that the loss ignores


def answer_columns(answers: Any) -> dict[str, list[Any]]:
    """Convert answers to a mapping of lists; some versions of datasets give a list of mappings."""
    if isinstance(answers, Mapping):
        return {name: list(answers[name]) for name in ("text", "answer_start")}
    return {name: [answer[name] for answer in answers] for name in ("text", "answer_start")}


def first_answer(batch: Batch, row: int) -> tuple[str, int] | None:
    """Return the first right answer and its given position; None if there is no answer."""
    answers = answer_columns(batch["answers"][row])
    if batch["is_impossible"][row] or not answers["text"]:
        return None
    return answers["text"][0], answers["answer_start"][0]


def find_answer(answer: tuple[str, int], context: str) -> int | None:
    """Find an answer in a passage, at or nearest to its given position; None if it does not occur."""
    text, start = answer
    if not text.strip():
        return None
    if context.startswith(text, start):
        return start
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    return min(places, key=lambda place: abs(place - start), default=None)


def gold_subwords(
    answer: tuple[str, int] | None, context: str, left: np.ndarray, right: np.ndarray
) -> tuple[int, int] | None:
    """Return first and last token of an answer; (NOWHERE, NOWHERE) if not found, None for no answer.

    Args:
        answer: Text and given first character of the answer; None for no answer.
        context: The passage.
        left: First character of each token.
        right: End (exclusive) of each token; equal to ``left`` for tokens without characters.
    """
    if answer is None:
        return None
    start = find_answer(answer, context)
    subwords = np.flatnonzero(right > left)
    if start is None or not len(subwords):
        return NOWHERE, NOWHERE
    end = start + len(answer[0])
    begin = int(np.searchsorted(right[subwords], start, side="right"))
    stop = int(np.searchsorted(left[subwords], end, side="left")) - 1
    return int(subwords[begin]), int(subwords[stop])


def last_subwords(train: datasets.Dataset, tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[str, int]]:
    """Return the last tokens of training answers, and the number of their characters after the answer."""
    for place in range(len(train)):
        row = train[place : place + 1]
        answer, text = first_answer(row, 0), row["context"][0]
        if answer is None:
            continue
        _, _, left, right = next(subwords_with_spans(tokenizer, [text]))
        gold = gold_subwords(answer, text, left, right)
        start = find_answer(answer, text)
        if gold and start is not None:
            end, last = start + len(answer[0]), gold[1]
            if left[last] < end <= right[last]:
                yield text[left[last] : right[last]], int(right[last] - end)


def window_targets(
    gold: tuple[int, int] | None, start: int, end: int, first: int, null: int
) -> dict[str, int]:
    """Return the label of a window with the tokens ``start`` to ``end`` (exclusive) of a passage.

    Args:
        gold: The result of ``gold_subwords``.
        start: First passage token in the window.
        end: End (exclusive) of the passage tokens in the window.
        first: Position of the first of them in the model's input.
        null: Position that represents no answer.
    """
    if gold is not None and gold[0] == NOWHERE:
        position = (NOWHERE, NOWHERE)
    elif gold is not None and start <= gold[0] <= gold[1] < end:
        position = (first + gold[0] - start, first + gold[1] - start)
    else:
        position = (null, null)
    return {"start_positions": position[0], "end_positions": position[1]}
