"""Dependency parsing: UAS and LAS in the variants of KLUE-baseline (klue_dp_*), and the standard ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from klue_datasets.tasks import DP_RELATIONS
from klue_metrics.functional.breakdowns import Breakdown, by_class, by_group, check_by, class_scores
from klue_metrics.functional.classes import class_counts, macro_f1, plain, ratio
from klue_metrics.functional.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    as_class_id_lists,
    as_integer_lists,
    as_lists,
    check_pairs,
)

# KLUE-baseline scores the relations from this position of its order on as one class.
OTHERS = 15
WRONG_HEAD = OTHERS + 1  # artificial class of words with a wrong head
CLASSES = WRONG_HEAD + 1

_SENTENCE = {"head": ["int64"], "deprel": ["string"]}
TYPES = {"predictions": _SENTENCE, "references": _SENTENCE}  # item of the output of ``convert``
NAMES = {
    "uas_macro_f1": "UAS macro F1",
    "las_macro_f1": "LAS macro F1",
    "las_micro_f1": "LAS micro F1",
    "uas": "UAS",
    "las": "LAS",
}
BREAKDOWNS = ("relation", "length")
LENGTHS = (1, 6, 11, 16, 21)  # bounds of the groups of sentences, by number of words


def convert(values: object, role: str) -> list[dict[str, Any]]:
    """Convert predictions or references to lists of plain mappings; errors as in ``compute``."""
    heads, deprels, lengths = _words(values, role)
    names = [DP_RELATIONS[index] for index in deprels]
    ends = np.cumsum(lengths)
    return [
        {"head": heads[end - length : end].tolist(), "deprel": names[end - length : end]}
        for end, length in zip(ends, lengths, strict=True)
    ]


def compute(predictions: object, references: object, *, by: str | None = None) -> dict[str, Any]:
    """Score dependency parsing over all words, of which punctuation is a part.

    Args:
        predictions: One mapping per sentence with ``head``, the position of each word's head (from 1; 0 is
            the root), and ``deprel``, the names of the relations.
        references: The references, in the same format and order.
        by: ``relation`` or ``length`` for a breakdown.

    Returns:
        Scores from 0 to 100:

        ``uas_macro_f1``: macro F1 of the heads; each position (0, 1, 2, ...) that occurs is a class.
        ``las_macro_f1``: macro F1 of the relations, of which the 23 rare ones are pooled. Words with a wrong
        head are predictions of an artificial class whose F1 is 0, so a single wrong head in the whole data
        lowers the score by a 17th.
        ``las_micro_f1``: fraction of words with the right head and the right pooled relation.
        ``uas``: fraction of words with the right head.
        ``las``: fraction of words with the right head and the right relation out of all 38.

        With ``by="relation"`` also ``by_relation``: for each relation, precision, recall and f1 of the words
        with the right head and this relation, support (gold words), and uas of the gold words.
        With ``by="length"`` also ``by_length``: all scores by number of words, and support (sentences).

    Raises:
        ValueError: A field is missing or invalid, the numbers of sentences or words differ, or there is
            nothing to score.
    """
    check_by("dp", by, BREAKDOWNS)
    words = _pairs(predictions, references)
    rows = _rows(words)
    scores = plain(scores_from(rows.sum(axis=0)))
    if by is not None:
        scores[f"by_{by}"] = _parts(words, rows, by).table()
    return scores


def breakdown(predictions: object, references: object, by: str) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("dp", by, BREAKDOWNS)
    words = _pairs(predictions, references)
    return _parts(words, _rows(words), by)


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute the counts that each sentence contributes to the scores.

    Returns:
        Counts of shape (sentences, 4 + 3 x 17 + 3 x p): words; words with the right head; of these, words
        with the right pooled relation; and words with the right relation out of 38. Then true positives,
        predictions and gold labels of each pooled relation, and of each of the p head positions that occur.
    """
    return _rows(_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each sentence whether all heads and all relations, out of 38, are right."""
    rows = statistics(predictions, references)
    return np.asarray(rows[:, 0] == rows[:, 3])


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., k), to scores, each of shape (...)."""
    words, right_head, right_pooled, right = np.moveaxis(counts[..., :4], -1, 0)
    pooled, heads = counts[..., 4 : 4 + 3 * CLASSES], counts[..., 4 + 3 * CLASSES :]
    return {
        "uas_macro_f1": 100 * macro_f1(heads.reshape(*heads.shape[:-1], 3, -1)),
        "las_macro_f1": 100 * macro_f1(pooled.reshape(*pooled.shape[:-1], 3, CLASSES)),
        "las_micro_f1": 100 * ratio(right_pooled, words),
        "uas": 100 * ratio(right_head, words),
        "las": 100 * ratio(right, words),
    }


class _Words(NamedTuple):
    """The words of all sentences, concatenated."""

    heads: IntArray
    deprels: IntArray
    gold_heads: IntArray
    gold_deprels: IntArray
    lengths: IntArray  # of the sentences


def _pairs(predictions: object, references: object) -> _Words:
    heads, deprels, lengths = _words(predictions, "predictions")
    gold_heads, gold_deprels, gold_lengths = _words(references, "references")
    check_pairs(lengths, gold_lengths, "dp")
    wrong = np.flatnonzero(lengths != gold_lengths)
    if wrong.size:
        index = int(wrong[0])
        raise ValueError(
            f"dp: sentence {index} has {lengths[index]} predicted words and {gold_lengths[index]} gold ones; "
            "expected the same number."
        )
    if not len(gold_heads):
        raise ValueError("dp: the sentences have no words; expected at least one.")
    return _Words(heads, deprels, gold_heads, gold_deprels, lengths)


def _rows(words: _Words) -> FloatArray:
    sentences = len(words.lengths)
    sentence = np.repeat(np.arange(sentences), words.lengths)
    right_head = words.heads == words.gold_heads
    pooled, gold_pooled = np.minimum(words.deprels, OTHERS), np.minimum(words.gold_deprels, OTHERS)
    pooled = np.where(right_head, pooled, WRONG_HEAD)
    right = right_head & (words.deprels == words.gold_deprels)
    flags = (np.ones(len(sentence)), right_head, pooled == gold_pooled, right)
    counts = [np.bincount(sentence, flag, minlength=sentences) for flag in flags]
    # Ranks of positions, so that the number of columns is that of distinct positions.
    positions, ranks = np.unique(np.concatenate([words.heads, words.gold_heads]), return_inverse=True)
    heads, gold_heads = np.split(ranks, 2)
    classes = (
        class_counts(pooled, gold_pooled, CLASSES, sentence, sentences),
        class_counts(heads, gold_heads, len(positions), sentence, sentences),
    )
    return np.hstack([np.stack(counts, axis=1), *(part.reshape(sentences, -1) for part in classes)])


def _parts(words: _Words, rows: FloatArray, by: str) -> Breakdown:
    if by == "length":
        groups = np.searchsorted(LENGTHS, np.maximum(words.lengths, 1), side="right") - 1
        ends = [f"{end - 1:02d}" for end in LENGTHS[1:]] + ["more"]
        names = [f"{begin:02d}-{end}" for begin, end in zip(LENGTHS, ends, strict=True)]
        return by_group([names[group] for group in groups], rows, scores_from)
    sentences, count = len(words.lengths), len(DP_RELATIONS)
    sentence = np.repeat(np.arange(sentences), words.lengths)
    right_head = words.heads == words.gold_heads
    # A word with a wrong head is not a hit, but still a prediction of its relation.
    is_hit = right_head & (words.deprels == words.gold_deprels)
    everywhere = np.ones(len(sentence), dtype=bool)
    counts = np.empty((sentences, 4, count))
    for column, (ids, where) in enumerate(
        (
            (words.gold_deprels, is_hit),
            (words.deprels, everywhere),
            (words.gold_deprels, everywhere),
            (words.gold_deprels, right_head),
        )
    ):
        cells = np.bincount((sentence * count + ids)[where], minlength=sentences * count)
        counts[:, column] = cells.reshape(sentences, count)
    return by_class(DP_RELATIONS, counts, _relation_scores)


def _relation_scores(counts: FloatArray) -> dict[str, FloatArray]:
    """Compute scores from counts of right, predicted, gold and attached words, shape (..., 4)."""
    return {**class_scores(counts), "uas": 100 * ratio(counts[..., 3], counts[..., 2])}


def _words(sentences: object, role: str) -> tuple[IntArray, IntArray, IntArray]:
    """Concatenate heads and relation ids of all words; also return the number of words per sentence."""
    expected = "mappings with head and deprel, one per sentence"
    parsed: list[Any] = as_lists(sentences, task="dp", role=role, expected=expected, inner=dict)
    for index, sentence in enumerate(parsed):
        missing = {"head", "deprel"} - set(sentence)
        if missing:
            raise ValueError(
                f"dp: {role}[{index}] has no {' and no '.join(sorted(missing))}; expected {expected}."
            )
    heads, lengths = as_integer_lists(
        [sentence["head"] for sentence in parsed], task="dp", role=f"head of {role}"
    )
    deprels, deprel_lengths = as_class_id_lists(
        [sentence["deprel"] for sentence in parsed], DP_RELATIONS, task="dp", role=f"deprel of {role}"
    )
    wrong = np.flatnonzero(lengths != deprel_lengths)
    if wrong.size:
        index = int(wrong[0])
        raise ValueError(
            f"dp: {role}[{index}] has {lengths[index]} heads and {deprel_lengths[index]} relations; "
            "expected the same number."
        )
    return heads, deprels, lengths
