"""The official metrics as naive loops, written from KLUE's specification, and random inputs."""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Sequence

import numpy as np
import sklearn.metrics

from klue_datasets.tasks import DP_RELATIONS, TASKS

TAGS = TASKS["ner"].labels


def naive_macro_f1(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Average the F1 of each class that occurs."""
    scores = []
    for label in sorted({*predictions, *references}):
        hits = sum(p == label == r for p, r in zip(predictions, references, strict=True))
        precision = hits / predictions.count(label) if label in predictions else 0.0
        recall = hits / references.count(label) if label in references else 0.0
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return 100 * sum(scores) / len(scores)


def naive_sts(predictions: Sequence[float], references: Sequence[float]) -> tuple[float, float]:
    """Compute Pearson's r by its textbook formula, and F1 of "3 or more" by counting."""
    n = len(references)
    mean_p, mean_r = math.fsum(predictions) / n, math.fsum(references) / n
    pairs = list(zip(predictions, references, strict=True))
    covariance = math.fsum((p - mean_p) * (r - mean_r) for p, r in pairs)
    spread = math.sqrt(math.fsum((p - mean_p) ** 2 for p in predictions))
    spread *= math.sqrt(math.fsum((r - mean_r) ** 2 for r in references))
    both = sum(p >= 3 and r >= 3 for p, r in pairs)
    either = sum(p >= 3 for p in predictions) + sum(r >= 3 for r in references)
    return 100 * covariance / spread, 100 * 2 * both / either if either else 0.0


def naive_entities(tags: list[str]) -> set[tuple[str, int, int]]:
    """Find the entities of a sentence by strict IOB2, position by position."""
    found, start, kind = set(), None, None
    for position, tag in enumerate([*tags, "O"]):
        if start is not None and tag != f"I-{kind}":
            found.add((kind, start, position))
            start = None
        if tag.startswith("B-"):
            start, kind = position, tag[2:]
    return found


def naive_ner(predictions: list[list[str]], references: list[list[str]]) -> tuple[float, float, float]:
    predicted = {(i, *e) for i, tags in enumerate(predictions) for e in naive_entities(tags)}
    gold = {(i, *e) for i, tags in enumerate(references) for e in naive_entities(tags)}
    f1 = []
    for kind in {entity[1] for entity in predicted | gold}:
        p, g = ({e for e in side if e[1] == kind} for side in (predicted, gold))
        f1.append(2 * len(p & g) / (len(p) + len(g)))
    entity = 100 * sum(f1) / len(f1) if f1 else math.nan
    # [CLS] and the last position: gold O, and predicted O
    flat_p = [tag for tags in predictions for tag in [*tags, "O", "O"]]
    flat_g = [tag for tags in references for tag in [*tags, "O", "O"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        per_tag = sklearn.metrics.f1_score(flat_g, flat_p, labels=list(TAGS), average=None, zero_division=1)
    return entity, 100 * per_tag.mean(), 100 * per_tag[:12].mean()


def random_tags(generator: np.random.Generator, sentences: int) -> list[list[str]]:
    """Return random tags, including orphan I- tags and changes of type."""
    chances = np.where(np.array(TAGS) == "O", 6.0, 1.0)
    lengths = generator.integers(1, 12, sentences)
    return [generator.choice(TAGS, n, p=chances / chances.sum()).tolist() for n in lengths]


def naive_dp(predictions: list[dict], references: list[dict]) -> list[float]:
    heads, gold_heads, labels, gold_labels = [], [], [], []
    right_head = right_both = 0
    for predicted, gold in zip(predictions, references, strict=True):
        for i in range(len(gold["head"])):
            heads.append(predicted["head"][i])
            gold_heads.append(gold["head"][i])
            p, g = DP_RELATIONS.index(predicted["deprel"][i]), DP_RELATIONS.index(gold["deprel"][i])
            is_right = predicted["head"][i] == gold["head"][i]
            right_head += is_right
            right_both += is_right and p == g
            labels.append(("OTHERS" if p >= 15 else str(p)) if is_right else "PAD")
            gold_labels.append("OTHERS" if g >= 15 else str(g))
    n = len(heads)
    macro = {"average": "macro", "zero_division": 0}
    return [
        100 * sklearn.metrics.f1_score(gold_heads, heads, **macro),
        100 * sklearn.metrics.f1_score(gold_labels, labels, **macro),
        100 * sklearn.metrics.accuracy_score(gold_labels, labels),
        100 * right_head / n,
        100 * right_both / n,
    ]


def naive_rouge(prediction: str, gold: str) -> float:
    if not gold or not prediction:
        return float(gold == prediction)
    size = (
        difflib.SequenceMatcher(None, prediction, gold)
        .find_longest_match(0, len(prediction), 0, len(gold))
        .size
    )
    return 2 * size / (len(prediction) + len(gold))


def naive_turn(predicted: list[str], gold: list[str]) -> float:
    if not gold:
        return float(not predicted)
    tp = fp = fn = 0
    for item in gold:
        if item in predicted:
            tp += 1
        else:
            fn += 1
    for item in predicted:
        if item not in gold:
            fp += 1
    precision = tp / (tp + fp) if tp + fp else 0
    recall = tp / (tp + fn)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
