"""Tests of scores by length and source."""

from __future__ import annotations

import pytest

from klue_metrics.functional import METRICS
from klue_metrics.predictions import Cases
from recipes.reporting.slices import COUNTED, by_length, by_source

LABELS = ["entailment", "neutral", "contradiction"]


def cases(number: int) -> tuple[Cases, dict[str, str]]:
    """Return pairs with wrong answers for long texts."""
    ids = [f"nli-{index}" for index in range(number)]
    gold = [LABELS[index % 3] for index in range(number)]
    answers = [one if index < number // 2 else LABELS[(index + 1) % 3] for index, one in enumerate(gold)]
    clusters = [f"premise {index // 3}" for index in range(number)]
    return Cases(ids, answers, gold, {"clusters": clusters}), {
        name: "가" * (5 + index) for index, name in enumerate(ids)
    }


def test_slices_cover_all_examples_and_have_the_scores_of_their_own() -> None:
    given, texts = cases(120)
    found = by_length("nli", given, texts, resamples=50)
    assert len(found) == 4
    assert sum(len(part.ids) for part in found) == 120
    assert (found[0].scores["accuracy"]["score"], found[-1].scores["accuracy"]["score"]) == (100, 0)
    assert found[0].name.startswith("5 to ")
    assert found[-1].name.endswith("124 characters")
    whole = METRICS["nli"].compute(given.predictions, given.references)["accuracy"]
    weighted = sum(len(part.ids) * part.scores["accuracy"]["score"] for part in found) / 120
    assert weighted == pytest.approx(whole)
    assert all(part.scores["accuracy"]["low"] <= part.scores["accuracy"]["score"] for part in found)


def test_few_examples_or_unknown_texts_make_no_slices() -> None:
    given, texts = cases(12)
    assert by_length("nli", given, texts, resamples=10) == []
    given, texts = cases(60)
    texts.popitem()
    assert by_length("nli", given, texts, resamples=10) == []


def test_equal_lengths_are_one_slice() -> None:
    given, texts = cases(60)
    [part] = by_length("nli", given, dict.fromkeys(texts, "같은 글"), resamples=10)
    assert (len(part.ids), part.name) == (60, "4 to 4 characters")


def test_every_task_but_reading_has_a_length() -> None:
    assert set(METRICS) - set(COUNTED) == {"mrc"}
    assert COUNTED["wos"][1]("wos-1#7", "") == 7
    assert COUNTED["dp"][1]("", "나는₁ 간다₂") == 2


def test_examples_of_each_source_are_a_slice() -> None:
    given, _ = cases(12)
    assert by_source("nli", given, resamples=10) == []
    sources = ["뉴스", *["위키"] * 11]
    given.columns["sources"] = sources
    assert by_source("nli", given, resamples=10) == []  # one example has no score of its own
    given.columns["sources"] = ["뉴스"] * 6 + ["위키"] * 6
    found = by_source("nli", given, resamples=10)
    assert [(part.kind, part.name, len(part.ids)) for part in found] == [
        ("source", "뉴스", 6),
        ("source", "위키", 6),
    ]
    assert [part.scores["accuracy"]["score"] for part in found] == [100, 0]
