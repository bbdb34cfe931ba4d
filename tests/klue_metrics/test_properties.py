"""Tests of properties of all metrics: perfect predictions, order, unusual characters, large inputs."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from klue_oracles import naive_rouge

import klue_datasets
from klue_metrics.functional import METRICS, compute
from klue_metrics.functional.mrc import normalize, question_scores


def gold(task: str) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Return the mini validation split as perfect predictions, references and extra arguments."""
    rows = klue_datasets.load(task, "validation", mini=True)
    if task == "sts":
        references = [labels["real-label"] for labels in rows["labels"]]
    elif task == "ner":
        return list(rows["ner_tags"]), list(rows["ner_tags"]), {"tokens": list(rows["tokens"])}
    elif task == "dp":
        references = [{"head": row["head"], "deprel": row["deprel"]} for row in rows]
    elif task == "mrc":
        right = [row["answers"]["text"][0] if row["answers"]["text"] else "" for row in rows]
        pairs = zip(rows["guid"], right, strict=True)
        return [{"guid": guid, "prediction_text": text} for guid, text in pairs], list(rows), {}
    elif task == "wos":
        turns = [turn for dialogue in rows["dialogue"] for turn in dialogue]
        references = [turn["state"] for turn in turns if turn["role"] == "user"]
    else:
        references = list(rows["label"])
    extra = {"probabilities": np.eye(30)[references]} if task == "re" else {}
    return references, references, extra


@pytest.mark.parametrize("task", METRICS)
def test_the_gold_scores_a_hundred_in_everything(task: str) -> None:
    predictions, references, extra = gold(task)
    scores = compute(task, predictions, references, **extra)
    assert list(scores) == list(METRICS[task].names)
    assert list(scores.values()) == pytest.approx([100.0] * len(scores))


@pytest.mark.parametrize("task", METRICS)
def test_the_order_of_examples_does_not_matter(task: str) -> None:
    predictions, references, extra = gold(task)
    if task == "mrc":
        texts = [row["prediction_text"] for row in predictions]
        predictions = [
            {**row, "prediction_text": text}
            for row, text in zip(predictions, texts[1:] + texts[:1], strict=True)
        ]
    elif task in ("ner", "dp"):  # lengths must agree: swap the gold of neighbours where they do
        predictions = list(predictions)
        sizes = [len(row if task == "ner" else row["head"]) for row in predictions]
        same = [i for i in range(len(sizes) - 1) if sizes[i] == sizes[i + 1]]
        assert same
        for i in same:
            predictions[i], predictions[i + 1] = predictions[i + 1], predictions[i]
    else:
        predictions = predictions[1:] + predictions[:1]
    scores = compute(task, predictions, references, **extra)
    assert min(scores.values()) < 100
    order = np.random.default_rng(0).permutation(len(references))
    shuffled = compute(
        task,
        [predictions[i] for i in order],
        [references[i] for i in order],
        **{name: [values[i] for i in order] for name, values in extra.items()},
    )
    assert shuffled == pytest.approx(scores, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_mrc_takes_any_character(prediction: str, answer: str) -> None:
    _, rouge = question_scores([prediction], [[answer]])
    assert rouge[0] == pytest.approx(naive_rouge(*normalize([prediction, answer])), abs=1e-9)


def test_mrc_compares_code_points() -> None:
    jamo, syllable, family = "\u1112\u1161\u11ab", "한", "\U0001f468\u200d\U0001f469"
    for text in (jamo, family, "가\0나", "\ud800"):
        exact, rouge = question_scores([text, text], [[text], [f"{text}{text}"]])
        assert exact.tolist() == [1, 0]
        assert rouge == pytest.approx([1, 2 / 3])
    assert question_scores([jamo], [[syllable]])[1][0] == 0


def test_wos_compares_letter_by_letter() -> None:
    assert compute("wos", [["식당-이름-\u1112\u1161\u11ab"]], [["식당-이름-한"]])["slot_micro_f1"] == 0


def test_memory_stays_bounded_at_ten_times_the_size_of_dev() -> None:
    generator = np.random.default_rng(0)
    tags = [generator.integers(0, 13, 57).tolist() for _ in range(50_000)]
    relations = generator.integers(0, 30, 77_650)
    probabilities = generator.dirichlet(np.ones(30), 77_650)
    texts = ["".join(letters) for letters in generator.choice(list("가나다라마바사 "), (58_410, 20))]
    answers = [[text[5:] + "아"] for text in texts]
    for run, megabytes in (
        (lambda: compute("ner", tags, tags[1:] + tags[:1]), 300),
        (lambda: compute("re", relations, relations[::-1], probabilities=probabilities), 150),
        (lambda: question_scores(texts, answers), 100),
    ):
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        assert peak < megabytes
