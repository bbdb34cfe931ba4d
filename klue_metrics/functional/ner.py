"""Named entity recognition: macro F1 of entities (strict IOB2) and of characters, as in KLUE-baseline."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from klue_datasets.iob import ENTITY_TYPES, OUTSIDE, TAGS, find_entities
from klue_metrics.functional.breakdowns import Breakdown, by_class, check_by
from klue_metrics.functional.classes import class_counts, f1_scores, macro_f1, plain
from klue_metrics.functional.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    as_class_id_lists,
    as_lists,
    check_pairs,
)

# KLUE-baseline also scores [CLS] and the last position of each sentence, whose gold tag is O.
SPECIAL_POSITIONS = 2
_ENTITY_COUNTS = 3 * len(ENTITY_TYPES)

TYPES = {"predictions": ["int64"], "references": ["int64"]}  # item of the output of ``convert``
NAMES = {
    "entity_macro_f1": "entity macro F1",
    "char_macro_f1": "character macro F1",
    "char_macro_f1_without_o": "character macro F1 without O",
}
BREAKDOWNS = ("type",)


def convert(values: object, role: str) -> list[list[int]]:
    """Convert predictions or references, in any container, to lists of ids; errors as in ``compute``."""
    ids, lengths = as_class_id_lists(values, TAGS, task="ner", role=role)
    return [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])] if len(lengths) else []


def compute(
    predictions: object, references: object, tokens: object = None, *, by: str | None = None
) -> dict[str, Any]:
    """Score named entity recognition.

    Args:
        predictions: The tags of each sentence, one per character, blanks included, as names or Hub ids.
        references: The references, in the same format and order.
        tokens: The characters of each sentence. If given, blanks are removed before scoring, as KLUE-baseline
            does; an entity that begins on a blank is then lost. By default every position is scored.
        by: ``type`` for a breakdown.

    Returns:
        Scores from 0 to 100:

        ``entity_macro_f1``: macro F1 of entities over the types that occur in references or predictions;
        NaN, with a warning, if there are none. An entity is right if its type and both of its ends are. An
        I- tag that does not continue an entity of its type is not part of an entity and ends the one before.
        ``char_macro_f1``: macro F1 of characters over all 13 tags, O included. A tag that occurs neither in
        predictions nor in references counts as 1. Two positions per sentence are added as O on both sides,
        for the special tokens that KLUE-baseline scores.
        ``char_macro_f1_without_o``: the same mean over the other 12 tags, as described in the paper.

        With ``by="type"`` also ``by_type``: precision, recall, f1 and support of each entity type.

    Raises:
        ValueError: A tag is unknown, the numbers of sentences or tags differ, or there is nothing to score.
    """
    check_by("ner", by, BREAKDOWNS)
    rows = statistics(predictions, references, tokens)
    scores = plain(scores_from(rows.sum(axis=0)))
    if np.isnan(scores["entity_macro_f1"]):
        warnings.warn(
            "ner: there is no entity in references or predictions; entity_macro_f1 is NaN.", stacklevel=2
        )
    if by == "type":
        scores["by_type"] = _parts(rows).table()
    return scores


def breakdown(predictions: object, references: object, by: str, tokens: object = None) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("ner", by, BREAKDOWNS)
    return _parts(statistics(predictions, references, tokens))


def _parts(rows: FloatArray) -> Breakdown:
    return by_class(ENTITY_TYPES, rows[:, :_ENTITY_COUNTS].reshape(len(rows), 3, -1))


def statistics(predictions: object, references: object, tokens: object = None) -> FloatArray:
    """Compute the counts that each sentence contributes to the scores.

    Returns:
        Counts of shape (sentences, 57): true positives, predictions and gold entities of each type; then true
        positives, predictions and gold characters of each tag, the two added positions included.
    """
    predicted, gold, sentence, sentences = _positions(predictions, references, tokens)
    entities = entity_counts(predicted, gold, sentence, sentences)
    characters = class_counts(predicted, gold, len(TAGS), sentence, sentences)
    characters[:, :, OUTSIDE] += SPECIAL_POSITIONS
    return np.hstack([entities.reshape(sentences, -1), characters.reshape(sentences, -1)])


def right(predictions: object, references: object, tokens: object = None) -> BoolArray:
    """Return for each sentence whether every scored character has the gold tag."""
    predicted, gold, sentence, sentences = _positions(predictions, references, tokens)
    return np.bincount(sentence[predicted != gold], minlength=sentences) == 0


def _positions(
    predictions: object, references: object, tokens: object
) -> tuple[IntArray, IntArray, IntArray, int]:
    """Return predicted and gold tags of all scored positions, their sentences, and the sentence count."""
    predicted, predicted_lengths = as_class_id_lists(predictions, TAGS, task="ner", role="predictions")
    gold, gold_lengths = as_class_id_lists(references, TAGS, task="ner", role="references")
    check_pairs(predicted_lengths, gold_lengths, "ner")
    _check_lengths(predicted_lengths, gold_lengths, "predicted tags")
    sentences = len(gold_lengths)
    sentence = np.repeat(np.arange(sentences), gold_lengths)
    if tokens is not None:
        keep = _not_blank(tokens, gold_lengths)
        predicted, gold, sentence = predicted[keep], gold[keep], sentence[keep]
    return predicted, gold, sentence, sentences


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 57), to scores, each of shape (...)."""
    entities = counts[..., :_ENTITY_COUNTS].reshape(*counts.shape[:-1], 3, len(ENTITY_TYPES))
    characters = counts[..., _ENTITY_COUNTS:].reshape(*counts.shape[:-1], 3, len(TAGS))
    tags = f1_scores(characters[..., 0, :], characters[..., 1, :], characters[..., 2, :])
    tags = np.where(np.isnan(tags), 1.0, tags)  # a tag that does not occur counts as 1
    return {
        "entity_macro_f1": 100 * macro_f1(entities),
        "char_macro_f1": 100 * tags.mean(axis=-1),
        "char_macro_f1_without_o": 100 * np.delete(tags, OUTSIDE, axis=-1).mean(axis=-1),
    }


def entity_counts(
    predictions: IntArray, references: IntArray, sentence: IntArray, sentences: int | None = None
) -> FloatArray:
    """Count entities by type.

    Args:
        predictions: Tag ids of all positions, one sentence after the other, shape (n,).
        references: The references, in the same format.
        sentence: The sentence of each position, non-decreasing, shape (n,).
        sentences: Number of sentences, to count per sentence; by default, counts are totals.

    Returns:
        True positives, predictions and gold entities of each type, in the order of ENTITY_TYPES; shape
        (3, 6), or (sentences, 3, 6).
    """
    is_first = np.ones(len(sentence), dtype=bool)
    np.not_equal(sentence[1:], sentence[:-1], out=is_first[1:])
    found, actual = find_entities(predictions, is_first), find_entities(references, is_first)
    same = np.zeros(len(found.start), dtype=bool)
    if len(actual.start):
        place = np.minimum(np.searchsorted(actual.start, found.start), len(actual.start) - 1)
        same = (actual.start[place] == found.start) & (actual.end[place] == found.end)
        same &= actual.type[place] == found.type
    units, types = sentences or 1, len(ENTITY_TYPES)
    counts = np.empty((units, 3, types))
    sides = ((found.type[same], found.start[same]), (found.type, found.start), (actual.type, actual.start))
    for column, (cells, first) in enumerate(sides):
        if sentences is not None:
            cells = cells + types * sentence[first]
        counts[:, column] = np.bincount(cells, minlength=units * types).reshape(units, types)
    return counts if sentences is not None else counts[0]


def _not_blank(tokens: object, lengths: IntArray) -> Any:
    expected = "lists of characters, one per sentence"
    sentences = as_lists(tokens, task="ner", role="tokens", expected=expected, item=str)
    if len(sentences) != len(lengths):
        raise ValueError(f"ner: tokens of {len(sentences)} sentences; expected those of {len(lengths)}.")
    _check_lengths(np.array([len(sentence) for sentence in sentences], dtype=np.int64), lengths, "tokens")
    return np.array([character != " " for sentence in sentences for character in sentence], dtype=bool)


def _check_lengths(found: IntArray, expected: Sequence[int] | IntArray, what: str) -> None:
    wrong = np.flatnonzero(found != expected)
    if wrong.size:
        index = int(wrong[0])
        raise ValueError(
            f"ner: sentence {index} has {found[index]} {what} and {expected[index]} gold tags; "
            "expected one for each character."
        )
