"""Compare 1,000 bootstrap resamples of sufficient statistics with resamples of examples and scikit-learn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import sklearn.utils
from klue_oracles import naive_rouge, naive_turn, random_tags

from klue_datasets.tasks import TASKS
from klue_metrics.functional.bootstrap import intervals
from klue_metrics.functional.mrc import normalize

RESAMPLES = 1_000
TIMED = 5  # resamples that scikit-learn is timed on; it does all of them in proportion


def classes(task: str) -> tuple[list[Any], list[Any], Callable[[Any, Any], float]]:
    generator = np.random.default_rng(0)
    labels, rows = list(TASKS[task].labels), TASKS[task].counts["validation"]
    gold = generator.choice(labels, rows)
    predicted = np.where(generator.random(rows) < 0.8, gold, generator.choice(labels, rows))
    kept = labels if task == "ynat" else labels[1:]
    average = "macro" if task == "ynat" else "micro"
    return (
        predicted.tolist(),
        gold.tolist(),
        lambda p, g: sklearn.metrics.f1_score(g, p, labels=kept, average=average),
    )


def ner() -> tuple[list[Any], list[Any], Callable[[Any, Any], float]]:
    generator = np.random.default_rng(0)
    gold = [tags * 5 for tags in random_tags(generator, 5_000)]
    predicted = [
        [tag if generator.random() < 0.9 else TASKS["ner"].labels[generator.integers(13)] for tag in tags]
        for tags in gold
    ]

    def score(p: Any, g: Any) -> float:
        flat = ([tag for tags in side for tag in tags] for side in (g, p))
        return float(sklearn.metrics.f1_score(*flat, average="macro"))

    return predicted, gold, score


def mrc() -> tuple[list[Any], list[Any], Callable[[Any, Any], float]]:
    generator = np.random.default_rng(0)
    letters = list("가나다라마바사아자차카타파하 ")
    texts = ["".join(generator.choice(letters, generator.integers(2, 25))) for _ in range(5_841)]
    gold = [{"guid": str(i), "answers": {"text": [text]}} for i, text in enumerate(texts)]
    predicted = [
        {"guid": str(i), "prediction_text": text if i % 3 else text[1:] + "는"}
        for i, text in enumerate(texts)
    ]

    def score(p: Any, g: Any) -> float:
        pairs = [
            normalize([one["prediction_text"], other["answers"]["text"][0]])
            for one, other in zip(p, g, strict=True)
        ]
        return float(np.mean([naive_rouge(*pair) for pair in pairs]))

    return predicted, gold, score


def wos() -> tuple[list[Any], list[Any], Callable[[Any, Any], float]]:
    generator = np.random.default_rng(0)
    items = [f"식당-{slot}-{value}" for slot in "abcdefgh" for value in "xyz"]
    gold = [generator.choice(items, generator.integers(1, 8), replace=False).tolist() for _ in range(7_224)]
    predicted = [[item for item in state if generator.random() < 0.9] for state in gold]
    return (
        predicted,
        gold,
        lambda p, g: float(np.mean([naive_turn(*turn) for turn in zip(p, g, strict=True)])),
    )


@pytest.mark.parametrize(
    ("task", "make"),
    [
        ("ynat", lambda: classes("ynat")),
        ("ner", ner),
        ("re", lambda: classes("re")),
        ("mrc", mrc),
        ("wos", wos),
    ],
)
def test_a_thousand_resamples(task: str, make: Callable[[], Any]) -> None:
    predicted, gold, score = make()
    started = time.perf_counter()
    found = intervals(task, predicted, gold, resamples=RESAMPLES)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    for seed in range(TIMED):
        score(*sklearn.utils.resample(predicted, gold, random_state=seed))
    theirs = (time.perf_counter() - started) * RESAMPLES / TIMED
    low, high = next(iter(found.values()))
    assert low < high
    print(
        f"\n{task}, {len(gold):,} units, {RESAMPLES:,} resamples: {1000 * ours:.0f} ms, statistics included; "
        f"scikit-learn {theirs:.0f} s ({theirs / ours:,.0f} times)"
    )
    assert theirs / ours > 50
