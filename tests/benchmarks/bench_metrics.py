"""Compare the speed of the official metrics and common alternatives with equal results."""

from __future__ import annotations

import difflib
import string
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import seqeval.metrics
import sklearn.metrics
from seqeval.scheme import IOB2

from klue_datasets.tasks import TASKS
from klue_metrics.functional.mrc import question_scores
from klue_metrics.functional.ner import TAGS, entity_counts
from klue_metrics.functional.re import precision_recall_areas


def timed(function: Callable[[], Any], rounds: int = 3) -> tuple[float, Any]:
    """The best time of some rounds in seconds, and the last result."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - started)
    return min(seconds), result


def tagged_sentences(labels: int) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted tags of sentences of 50 positions, one in ten predictions at random."""
    generator = np.random.default_rng(0)
    gold, predicted = [], []
    for _ in range(labels // 50):
        tags = ["O"] * 50
        for start in range(0, 50, 12):
            kind = TAGS[generator.integers(0, 6) * 2][2:]
            length = int(generator.integers(1, 6))
            tags[start : start + length] = [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
        tags = tags[:50]
        gold.append(tags)
        predicted.append([TAGS[generator.integers(13)] if generator.random() < 0.1 else tag for tag in tags])
    return gold, predicted


def test_ner_against_seqeval() -> None:
    gold, predicted = tagged_sentences(250_000)
    ids = {tag: index for index, tag in enumerate(TAGS)}
    flat = [np.array([ids[tag] for tags in side for tag in tags]) for side in (predicted, gold)]
    sentence = np.repeat(np.arange(len(gold)), 50)

    def ours() -> float:
        hits, found, actual = entity_counts(flat[0], flat[1], sentence)
        return float(np.mean(2 * hits / (found + actual)))

    def theirs(left: list[list[str]], right: list[list[str]]) -> float:
        return float(seqeval.metrics.f1_score(left, right, average="macro", mode="strict", scheme=IOB2))

    fast, score = timed(ours)
    by_sentence, oracle = timed(lambda: theirs(gold, predicted), rounds=1)
    assert score == pytest.approx(oracle, abs=1e-9)
    one_list = [[tag for tags in side for tag in ["O", *tags]] for side in (gold, predicted)]
    in_one_list, oracle = timed(lambda: theirs([one_list[0]], [one_list[1]]), rounds=1)
    assert score == pytest.approx(oracle, abs=1e-9)
    print(f"\nner, 250,000 labels: ours {1000 * fast:.1f} ms; seqeval strict sentence by sentence", end=" ")
    print(f"{by_sentence:.1f} s ({by_sentence / fast:,.0f} times), in one list {in_one_list:.1f} s", end=" ")
    print(f"({in_one_list / fast:,.0f} times)")
    assert in_one_list / fast > 1_000
    assert by_sentence / fast > 100


def official(text: str) -> str:
    """Normalised as the baseline does it: character by character."""
    return " ".join("".join(letter for letter in text.lower() if letter not in string.punctuation).split())


def test_mrc_against_difflib() -> None:
    generator = np.random.default_rng(0)
    syllables = [chr(0xAC00 + index) for index in generator.integers(0, 11_172, 300)] + [" "] * 60

    def text(low: int, high: int) -> str:
        return "".join(generator.choice(syllables, generator.integers(low, high)))

    answers = [[text(2, 25) for _ in range(generator.integers(1, 4))] for _ in range(5_841)]
    texts = []
    for options in answers:
        kind = generator.random()
        texts.append(options[0] if kind < 0.6 else options[0][1:] + text(1, 20) if kind < 0.9 else "")

    def loop() -> list[float]:
        scores = []
        for prediction, options in zip(texts, answers, strict=True):
            best = 0.0
            for option in options:
                left, right = official(prediction), official(option)
                match = difflib.SequenceMatcher(None, left, right).find_longest_match(
                    0, len(left), 0, len(right)
                )
                total = len(left) + len(right)
                best = max(best, 2 * match.size / total if total else 1.0)
            scores.append(best)
        return scores

    fast, (_, rouge) = timed(lambda: question_scores(texts, answers))
    slow, oracle = timed(loop)
    assert rouge == pytest.approx(oracle, abs=1e-9)
    print(
        f"\nmrc, 5,841 questions: {1000 * fast:.0f} ms, difflib {1000 * slow:.0f} ms, {slow / fast:.1f} times"
    )
    assert slow / fast > 3


def test_re_against_thirty_scikit_learn_curves() -> None:
    generator = np.random.default_rng(0)
    rows = TASKS["re"].counts["validation"]
    gold = generator.integers(0, 30, rows)
    logits = generator.normal(size=(rows, 30)) + 2 * np.eye(30)[gold]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    def curves() -> list[float]:
        areas = []
        for relation in range(30):
            precision, recall, _ = sklearn.metrics.precision_recall_curve(
                gold == relation, probabilities[:, relation]
            )
            areas.append(sklearn.metrics.auc(recall, precision))
        return areas

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast, areas = timed(lambda: precision_recall_areas(probabilities, gold))
        slow, oracle = timed(curves)
    assert areas == pytest.approx(oracle, abs=1e-9)
    print(f"\nre, {rows:,} x 30: {1000 * fast:.1f} ms, sklearn {1000 * slow:.1f} ms, {slow / fast:.1f} times")
    assert slow / fast > 3
