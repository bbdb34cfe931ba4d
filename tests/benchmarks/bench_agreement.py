"""Print the differences of the official metrics from naive loops, scikit-learn, seqeval and difflib."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import seqeval.metrics
import sklearn.metrics
from klue_oracles import naive_dp, naive_macro_f1, naive_ner, naive_rouge, naive_sts, naive_turn, random_tags
from seqeval.scheme import IOB2

from klue_datasets.tasks import DP_RELATIONS, TASKS
from klue_metrics.functional import compute
from klue_metrics.functional.mrc import normalize

CASES = 1_000
Pairs = Iterator[tuple[str, float, float]]  # what is compared, ours, the oracle's


def ynat(generator: np.random.Generator) -> Pairs:
    predicted, gold = generator.choice(TASKS["ynat"].labels, (2, generator.integers(1, 60))).tolist()
    score = compute("ynat", predicted, gold)["macro_f1"]
    yield "macro F1, loop", score, naive_macro_f1(predicted, gold)
    yield "macro F1, scikit-learn", score, 100 * sklearn.metrics.f1_score(gold, predicted, average="macro")


def nli(generator: np.random.Generator) -> Pairs:
    predicted, gold = generator.integers(0, 3, (2, generator.integers(1, 60)))
    oracle = 100 * sklearn.metrics.accuracy_score(gold, predicted)
    yield "accuracy, scikit-learn", compute("nli", predicted, gold)["accuracy"], oracle


def sts(generator: np.random.Generator) -> Pairs:
    gold = generator.uniform(0, 5, generator.integers(3, 60))
    predicted = gold + generator.normal(0, 2, len(gold))
    scores = compute("sts", predicted, gold)
    pearson, f1 = naive_sts(predicted.tolist(), gold.tolist())
    yield "Pearson, loop", scores["pearsonr"], pearson
    yield "F1, loop", scores["f1"], f1


def ner(generator: np.random.Generator) -> Pairs:
    gold = random_tags(generator, int(generator.integers(1, 8)))
    predicted = [
        [tag if generator.random() < 0.7 else str(generator.choice(TASKS["ner"].labels)) for tag in tags]
        for tags in gold
    ]
    scores = compute("ner", predicted, gold)
    for (name, score), oracle in zip(scores.items(), naive_ner(predicted, gold), strict=True):
        yield f"{name}, loop", score, oracle
    one_list = [[tag for tags in side for tag in ["O", *tags, "O"]] for side in (gold, predicted)]
    strict = seqeval.metrics.f1_score(
        [one_list[0]], [one_list[1]], average="macro", mode="strict", scheme=IOB2, zero_division=0
    )
    if not np.isnan(scores["entity_macro_f1"]):
        yield "entity_macro_f1, seqeval strict", scores["entity_macro_f1"], 100 * strict


def re(generator: np.random.Generator) -> Pairs:
    gold = generator.integers(0, 30, generator.integers(1, 80))
    steps = int(generator.choice([10, 100, 10**12]))
    probabilities = generator.multinomial(steps, generator.dirichlet(np.ones(30), len(gold))) / steps
    predicted = probabilities.argmax(axis=1)
    scores = compute("re", predicted, gold, probabilities=probabilities)
    micro = sklearn.metrics.f1_score(gold, predicted, labels=range(1, 30), average="micro", zero_division=0)
    areas = []
    for relation in np.unique(gold):
        precision, recall, _ = sklearn.metrics.precision_recall_curve(
            gold == relation, probabilities[:, relation]
        )
        areas.append(sklearn.metrics.auc(recall, precision))
    yield "micro F1, scikit-learn", scores["micro_f1"], 100 * micro
    yield "AUPRC (present), scikit-learn", scores["auprc_present"], 100 * float(np.mean(areas))


def dp(generator: np.random.Generator) -> Pairs:
    def sentence(size: int) -> dict[str, list]:
        heads = generator.integers(0, size + 1, size).tolist()
        return {"head": heads, "deprel": generator.choice(DP_RELATIONS, size).tolist()}

    sizes = generator.integers(1, 12, generator.integers(1, 6)).tolist()
    gold, predicted = [sentence(size) for size in sizes], [sentence(size) for size in sizes]
    for right, other in zip(gold, predicted, strict=True):
        keep = int(generator.integers(0, len(right["head"]) + 1))
        other["head"][:keep], other["deprel"][:keep] = right["head"][:keep], right["deprel"][:keep]
    for (name, score), oracle in zip(
        compute("dp", predicted, gold).items(), naive_dp(predicted, gold), strict=True
    ):
        yield f"{name}, loop", score, oracle


def mrc(generator: np.random.Generator) -> Pairs:
    def text(longest: int) -> str:
        return "".join(generator.choice(list("가나다 한국ab.%"), generator.integers(0, longest)))

    prediction, answers = text(60), [text(260) for _ in range(generator.integers(1, 4))]
    scores = compute(
        "mrc", [{"guid": "q", "prediction_text": prediction}], [{"guid": "q", "answers": {"text": answers}}]
    )
    pairs = [tuple(normalize([prediction, answer])) for answer in answers]
    yield "exact match, loop", scores["exact_match"], 100 * max(left == right for left, right in pairs)
    yield "ROUGE-W, difflib", scores["rouge_w"], 100 * max(naive_rouge(*pair) for pair in pairs)


def wos(generator: np.random.Generator) -> Pairs:
    items = [f"식당-{slot}-{value}" for slot in "abc" for value in "xy"]
    turns = [
        tuple(generator.choice(items, generator.integers(0, 5)).tolist() for _ in range(2))
        for _ in range(generator.integers(1, 9))
    ]
    scores = compute("wos", [turn[0] for turn in turns], [turn[1] for turn in turns])
    joint = [set(predicted) == set(gold) for predicted, gold in turns]
    yield "joint goal accuracy, loop", scores["joint_goal_accuracy"], 100 * float(np.mean(joint))
    mean = float(np.mean([naive_turn(*turn) for turn in turns]))
    yield "slot F1, loop", scores["slot_micro_f1"], 100 * mean


@pytest.mark.parametrize("case", [ynat, sts, nli, ner, re, dp, mrc, wos])
def test_the_largest_difference_is_printed(case: Callable[[np.random.Generator], Pairs]) -> None:
    largest: dict[str, float] = {}
    compared: dict[str, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined scores are drawn too
        for seed in range(CASES):
            for name, ours, oracle in case(np.random.default_rng(seed)):
                difference = 0.0 if np.isnan(ours) and np.isnan(oracle) else abs(ours - oracle)
                largest[name] = max(largest.get(name, 0.0), difference)
                compared[name] = compared.get(name, 0) + 1
    for name, difference in largest.items():
        print(
            f"\n{case.__name__} {name}: largest difference {difference:.1e} in {compared[name]:,} cases",
            end="",
        )
        assert difference < 1e-9
