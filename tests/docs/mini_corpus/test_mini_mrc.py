"""Tests of the MRC mini corpus: spans that fit, three question types, guesses that fail."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from docs.generator.mini_corpus import generate, mrc
from klue_datasets import load

Example = dict[str, Any]
SIZES = {"train": (720, 720), "dev": (120, 120)}
SPLITS = tuple(SIZES)


def read(split: str) -> list[Example]:
    """Return the articles in a committed file."""
    path = generate.MINI_DIR / "klue-mrc-v1.1" / f"klue-mrc-v1.1_{split}.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["data"]
    articles: list[Example] = content["data"]
    return articles


def questions(split: str) -> list[tuple[str, Example]]:
    """Return each question with its passage."""
    return [
        (paragraph["context"], question)
        for article in read(split)
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


@pytest.mark.parametrize("split", SPLITS)
def test_spans_fit_the_passage(split: str) -> None:
    found = questions(split)
    assert SIZES[split][0] <= len(found) <= SIZES[split][1]
    assert sorted(q["guid"] for _, q in found) == [
        f"klue-mrc-mini_{split}_{number:05d}" for number in range(len(found))
    ]
    for context, question in found:
        assert 170 <= len(context) <= 500
        impossible = question["question_type"] == 3
        assert question["is_impossible"] is impossible
        assert ("plausible_answers" in question) is impossible
        assert bool(question["answers"]) is not impossible
        for span in question["answers"] or question["plausible_answers"]:
            assert context[span["answer_start"] :].startswith(span["text"])


@pytest.mark.parametrize("split", SPLITS)
def test_question_types_and_positions_are_spread(split: str) -> None:
    found = questions(split)
    counts = Counter(question["question_type"] for _, question in found)
    assert set(counts) == {1, 2, 3}
    assert min(counts.values()) >= 0.3 * len(found)
    places = Counter(
        int(4 * q["answers"][0]["answer_start"] / len(context)) for context, q in found if q["answers"]
    )
    assert max(places.values()) < 0.5 * places.total()
    assert min(places.values()) > 0.05 * places.total()


def test_splits_share_no_text() -> None:
    passages = [p["context"] for split in SPLITS for a in read(split) for p in a["paragraphs"]]
    assert len(set(passages)) == len(passages) == 280
    train, dev = ({q["question"] for _, q in questions(split)} for split in SPLITS)
    assert not train & dev


def test_some_articles_have_no_category() -> None:
    with_category = [article for article in read("train") if "news_category" in article]
    assert 0 < len(with_category) < len(read("train"))


def test_load_gives_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load("mrc", mini=True, cache_dir=tmp_path_factory.mktemp("cache"))
    for split, name in (("train", "train"), ("dev", "validation")):
        for row, (context, question) in zip(loaded[name], questions(split), strict=True):
            assert row["context"] == context
            for key in ("guid", "question", "question_type", "is_impossible"):
                assert row[key] == question[key]
            for key in ("answers", "plausible_answers"):
                assert row[key]["text"] == [span["text"] for span in question.get(key, [])]
                assert row[key]["answer_start"] == [span["answer_start"] for span in question.get(key, [])]


def pieces(text: str) -> set[str]:
    """Return the pairs of neighbouring characters."""
    return {text[i : i + 2] for i in range(len(text) - 1)}


def overlap_rule(split: str) -> float:
    """Return how often the answer stands in the sentence that shares most with its question."""
    hits = 0
    found = questions(split)
    for context, question in found:
        asked = pieces(question["question"])
        best = max(context.split(". "), key=lambda sentence: len(pieces(sentence) & asked))
        start = context.index(best)
        hits += any(start <= span["answer_start"] < start + len(best) for span in question["answers"])
    return hits / len(found)


def test_word_overlap_and_silence_fail() -> None:
    assert overlap_rule("train") < 0.4
    assert overlap_rule("dev") < 0.4
    for split in SPLITS:
        found = questions(split)
        assert sum(question["is_impossible"] for _, question in found) / len(found) < 0.4


def test_an_unanswerable_question_can_be_answered_elsewhere() -> None:
    def frame(question: Example) -> str:
        return " ".join(question["question"].split()[2:])

    kinds: dict[bool, set[str]] = {True: set(), False: set()}
    for _, question in questions("train"):
        kinds[question["is_impossible"]].add(frame(question))
    assert len(kinds[True] & kinds[False]) > 0.8 * len(kinds[True])


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        mrc.build("test")
