"""Tests of ``Metric.right`` and of entities, which agree with the official scores."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from klue_oracles import naive_entities, random_tags
from random_cases import make_case

import klue_metrics
from klue_datasets.iob import ENTITY_TYPES, TAGS, find_entities
from klue_metrics.functional import METRICS, compute

NOT_RIGHT_BY_SCORE = {"sts"}  # Pearson's r needs several pairs


def alone(task: str, prediction: Any, reference: Any, **extra: Any) -> dict[str, float]:
    """Return the defined scores of one example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = compute(task, [prediction], [reference], **extra)
    return {key: score for key, score in scores.items() if not math.isnan(score)}


@pytest.mark.parametrize("task", [task for task in METRICS if task not in NOT_RIGHT_BY_SCORE])
def test_an_answer_is_right_where_all_its_scores_are_perfect(task: str) -> None:
    both = set()
    for seed in range(20):
        predictions, references = make_case(task, seed)
        found = METRICS[task].right(predictions, references)
        assert found.dtype == bool
        assert len(found) == len(references)
        for is_right, prediction, reference in zip(found, predictions, references, strict=True):
            if task == "re" and prediction == reference == "no_relation":
                assert is_right  # of which micro F1 knows nothing
                continue
            scores = alone(task, prediction, reference)
            assert scores
            assert is_right == all(score == pytest.approx(100) for score in scores.values())
            both.add(bool(is_right))
    assert both == {True, False}


@pytest.mark.parametrize(
    ("task", "key"), [("nli", "accuracy"), ("mrc", "exact_match"), ("wos", "joint_goal_accuracy")]
)
def test_the_share_of_right_answers_is_the_score_where_that_is_a_share(task: str, key: str) -> None:
    for seed in range(20):
        predictions, references = make_case(task, seed)
        share = METRICS[task].right(predictions, references).mean()
        assert 100 * share == pytest.approx(compute(task, predictions, references)[key])


def test_similarities_are_right_on_the_gold_side_of_the_threshold() -> None:
    predictions, references = make_case("sts", seed=0)
    found = METRICS["sts"].right([*predictions, 2.99999999, math.nan], [*references, 3.0, 1.0])
    expected = [(p >= 3) == (r >= 3) for p, r in zip(predictions, references, strict=True)]
    assert found.tolist() == [*expected, True, True]
    assert {*expected} == {True, False}


@pytest.mark.parametrize(
    ("predicted", "is_right", "entity_f1"),
    [
        (["B-PS", "I-PS", "O", "O"], True, 100),
        (["B-PS", "I-PS", "I-PS", "O"], True, 100),  # on the blank
        (["B-PS", "I-PS", "O", "I-LC"], False, 100),  # an orphan is no entity, but a wrong character
        (["B-PS", "O", "O", "O"], False, 0),
    ],
)
def test_entities_are_right_without_blanks_and_with_every_tag(
    predicted: list[str], is_right: bool, entity_f1: float
) -> None:
    gold, tokens = ["B-PS", "I-PS", "O", "O"], ["민", "수", " ", "가"]
    assert METRICS["ner"].right([predicted], [gold], [tokens]).tolist() == [is_right]
    scores = alone("ner", predicted, gold, tokens=[tokens])
    assert scores["entity_macro_f1"] == entity_f1
    assert (scores["char_macro_f1"] == 100) == is_right


def test_relations_of_dp_are_told_apart_even_where_the_official_score_pools_them() -> None:
    gold = {"head": [2, 0], "deprel": ["NP_SVJ", "VP"]}
    pooled = {"head": [2, 0], "deprel": ["R", "VP"]}
    assert alone("dp", pooled, gold)["las_micro_f1"] == 100
    assert METRICS["dp"].right([pooled, gold], [gold, gold]).tolist() == [False, True]


def test_the_reader_of_entities_agrees_with_the_loop() -> None:
    sentences = random_tags(np.random.default_rng(0), 400)
    orphans = 0
    for tags in sentences:
        spans = klue_metrics.spans_from_tags(tags)
        assert {(kind, start, end) for start, end, kind in spans} == naive_entities(tags)
        assert spans == sorted(spans)
        ids = [TAGS.index(tag) for tag in tags]
        for same in (ids, np.array(ids), list(torch.tensor(ids)), torch.tensor(ids)):
            assert klue_metrics.spans_from_tags(same) == spans
    lengths = [len(tags) for tags in sentences]
    ids = np.array([TAGS.index(tag) for tags in sentences for tag in tags])
    first = np.zeros(len(ids), dtype=bool)
    first[np.cumsum(lengths) - lengths] = True
    found = find_entities(ids, first)
    offset, expected = 0, []
    for tags in sentences:
        expected += [
            (start + offset, end + offset, kind) for start, end, kind in klue_metrics.spans_from_tags(tags)
        ]
        for place, tag in enumerate(tags):
            before = tags[place - 1] if place else "O"
            orphans += tag.startswith("I-") and before[2:] != tag[2:]
        offset += len(tags)
    columns = (found.start.tolist(), found.end.tolist(), [ENTITY_TYPES[kind] for kind in found.type])
    assert list(zip(*columns, strict=True)) == expected
    assert len(found.orphans) == orphans > 100
    assert klue_metrics.spans_from_tags([]) == []
    for wrong in (["B-XX"], [13], [-1], [None]):
        with pytest.raises(ValueError, match=r"ner: .* holds a tag that is none of B-DT"):
            klue_metrics.spans_from_tags(wrong)  # type: ignore[arg-type]
