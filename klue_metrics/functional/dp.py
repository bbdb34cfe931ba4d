"""Dependencies: the baseline's unusual UAS and LAS, and the textbook's (KLUE-baseline, klue_dp_*)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from klue_datasets.tasks import DP_RELATIONS
from klue_metrics.functional.classes import f1_scores
from klue_metrics.functional.inputs import (
    IntArray,
    as_class_id_lists,
    as_integer_lists,
    as_lists,
    check_pairs,
)

# The baseline scores the relations from here on, by its own order, as one class.
OTHERS = 15
WRONG_HEAD = OTHERS + 1  # its artificial class: the relation of a word whose head is wrong

_SENTENCE = {"head": ["int64"], "deprel": ["string"]}
TYPES = {"predictions": _SENTENCE, "references": _SENTENCE}  # of what ``convert`` gives
NAMES = {
    "uas_macro_f1": "UAS macro F1",
    "las_macro_f1": "LAS macro F1",
    "las_micro_f1": "LAS micro F1",
    "uas": "UAS",
    "las": "LAS",
}


def convert(values: object, role: str) -> list[dict[str, Any]]:
    """Predictions or references as lists of plain mappings; errors as in ``compute``."""
    heads, deprels, lengths = _words(values, role)
    names = [DP_RELATIONS[index] for index in deprels]
    ends = np.cumsum(lengths)
    return [
        {"head": heads[end - length : end].tolist(), "deprel": names[end - length : end]}
        for end, length in zip(ends, lengths, strict=True)
    ]


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores dependency parsing over all words of all sentences; punctuation is part of words.

    Args:
        predictions: For each sentence a mapping with ``head`` (position of each word's head from 1, 0 for the
            root) and ``deprel`` (relation names).
        references: Likewise, in the same order.

    Returns:
        ``uas_macro_f1``: macro F1 with every head position (0, 1, 2, ...) as a class.
        ``las_macro_f1``: macro F1 over relations, the 23 rare ones pooled, where a word with a wrong head has
        an artificial class, whose F1 is 0: one wrong head in a whole set lowers the score by a 17th.
        ``las_micro_f1``: share of words with the right head and the right pooled relation.
        ``uas``, ``las``: share of words with the right head; and with the right relation, of 38, too.
        All 0 to 100.

    Raises:
        ValueError: A missing or wrong field, unequal numbers of sentences or words, or nothing to score.
    """
    heads, deprels, lengths = _words(predictions, "predictions")
    gold_heads, gold_deprels, gold_lengths = _words(references, "references")
    check_pairs(lengths, gold_lengths, "dp")
    wrong = np.flatnonzero(lengths != gold_lengths)
    if wrong.size:
        index = int(wrong[0])
        raise ValueError(
            f"dp: sentence {index} has {lengths[index]} predicted words and {gold_lengths[index]} gold ones; "
            "expected as many."
        )
    if not len(gold_heads):
        raise ValueError("dp: the sentences have no words; expected at least one.")
    right_head = heads == gold_heads
    pooled, gold_pooled = np.minimum(deprels, OTHERS), np.minimum(gold_deprels, OTHERS)
    pooled = np.where(right_head, pooled, WRONG_HEAD)
    return {
        "uas_macro_f1": 100 * _macro_f1(heads, gold_heads),
        "las_macro_f1": 100 * _macro_f1(pooled, gold_pooled),
        "las_micro_f1": 100 * float(np.mean(pooled == gold_pooled)),
        "uas": 100 * float(np.mean(right_head)),
        "las": 100 * float(np.mean(right_head & (deprels == gold_deprels))),
    }


def _macro_f1(predictions: IntArray, references: IntArray) -> float:
    """Mean F1, 0 to 1, over the classes that occur on either side."""
    count = int(max(predictions.max(), references.max())) + 1
    hits = references[predictions == references]
    scores = f1_scores(*(np.bincount(ids, minlength=count) for ids in (hits, predictions, references)))
    return float(np.nanmean(scores))


def _words(sentences: object, role: str) -> tuple[IntArray, IntArray, IntArray]:
    """Heads and relation ids of all words, and the number of words of each sentence."""
    expected = "mappings with head and deprel, one a sentence"
    parsed: list[Any] = as_lists(sentences, task="dp", role=role, expected=expected, inner=Mapping)
    for index, sentence in enumerate(parsed):
        missing = {"head", "deprel"} - set(sentence)
        if missing:
            raise ValueError(
                f"dp: {role}[{index}] has no {' and no '.join(sorted(missing))}; expected {expected}."
            )
    heads, lengths = as_integer_lists(
        [sentence["head"] for sentence in parsed], task="dp", role=f"{role} head"
    )
    deprels, deprel_lengths = as_class_id_lists(
        [sentence["deprel"] for sentence in parsed], DP_RELATIONS, task="dp", role=f"{role} deprel"
    )
    wrong = np.flatnonzero(lengths != deprel_lengths)
    if wrong.size:
        index = int(wrong[0])
        raise ValueError(
            f"dp: {role}[{index}] has {lengths[index]} heads and {deprel_lengths[index]} relations; "
            "expected as many."
        )
    return heads, deprels, lengths
