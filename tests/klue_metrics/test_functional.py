"""Tests of the definitions: comparison with naive loops, scikit-learn and SciPy."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import datasets
import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from klue_oracles import naive_macro_f1, naive_sts

import klue_metrics
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS, compute, get_metric
from klue_metrics.functional.bootstrap import intervals

CLASS_TASKS = ["ynat", "nli"]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 60), classes=st.integers(1, 7))
def test_macro_f1_agrees_with_the_loop_and_with_scikit_learn(seed: int, size: int, classes: int) -> None:
    labels = np.array(TASKS["ynat"].labels)[:classes]
    predictions, references = np.random.default_rng(seed).choice(labels, (2, size)).tolist()
    score = compute("ynat", predictions, references)["macro_f1"]
    assert score == pytest.approx(naive_macro_f1(predictions, references), abs=1e-9)
    oracle = sklearn.metrics.f1_score(references, predictions, average="macro", zero_division=0)
    assert score == pytest.approx(100 * oracle, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 60))
def test_accuracy_agrees_with_scikit_learn(seed: int, size: int) -> None:
    predictions, references = np.random.default_rng(seed).integers(0, 3, (2, size))
    oracle = 100 * sklearn.metrics.accuracy_score(references, predictions)
    assert compute("nli", predictions, references)["accuracy"] == pytest.approx(oracle, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(3, 60), scale=st.sampled_from([1e-6, 1.0, 1e150]))
def test_sts_agrees_with_the_loop_and_with_scipy(seed: int, size: int, scale: float) -> None:
    import scipy.stats

    generator = np.random.default_rng(seed)
    references = generator.uniform(0, 5, size)
    predictions = references + generator.normal(0, 2, size)
    scores = compute("sts", predictions, references)
    assert scores["pearsonr"] == pytest.approx(
        100 * scipy.stats.pearsonr(predictions, references)[0], abs=1e-9
    )
    pearson, f1 = naive_sts(predictions.tolist(), references.tolist())
    assert scores == pytest.approx({"pearsonr": pearson, "f1": f1}, abs=1e-9)
    scaled = compute("sts", predictions * scale, references)["pearsonr"]
    assert scaled == pytest.approx(scores["pearsonr"], abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(20, 600), noise=st.floats(0.1, 2.0))
def test_the_correlation_is_that_of_float32_except_for_rounding(seed: int, size: int, noise: float) -> None:
    """The bound is the one that the card of sts gives."""
    import scipy.stats

    generator = np.random.default_rng(seed)
    references = generator.uniform(0, 5, size)
    predictions = references + generator.normal(0, noise, size)
    single = scipy.stats.pearsonr(predictions.astype(np.float32), references.astype(np.float32))[0]
    assert compute("sts", predictions, references)["pearsonr"] == pytest.approx(100 * single, rel=0, abs=1e-4)
    card = (Path(klue_metrics.path("sts")) / "README.md").read_text(encoding="utf-8")
    assert "Scores in float32 differ by less than 1e-4" in card


def test_sts_takes_float32_outputs_as_they_are() -> None:
    predictions = np.array([2.9999999, 1.5, 4.0], dtype=np.float32)  # float32 has no such number: it is 3
    assert compute("sts", predictions, [3.5, 1.0, 4.5])["f1"] == 100.0
    assert compute("sts", [3.0, 0.0], [2.0, 3.0]) == {"pearsonr": pytest.approx(-100.0), "f1": 0.0}
    assert compute("sts", [1.0, 0.0], [2.0, 1.0])["f1"] == 0.0  # no positives anywhere


@pytest.mark.parametrize("value", [2.99999999, np.float32(2.99999999), 2.9999997])
def test_the_sts_threshold_is_that_of_float32(value: float) -> None:
    is_three = np.float32(value) >= 3
    scores = compute("sts", [value, 1.5, 4.0], [3.5, 1.0, 4.5])
    assert scores["f1"] == (100 if is_three else pytest.approx(200 / 3))
    assert compute("sts", [3.5, 1.5, 4.0], [value, 1.0, 4.5])["f1"] == scores["f1"] or not is_three
    assert METRICS["sts"].statistics([value, 0.0], [4.0, 1.0])[0, 7] == is_three


@pytest.mark.parametrize("step", [2.3e-16, 1e-12, 1e-7, 1.0])
def test_two_pairs_correlate_in_full_however_close_they_are(step: float) -> None:
    for gold, r in (([1.0, 2.0], 100), ([2.0, 1.0], -100)):
        predictions = [1.0, 1.0 + step]
        assert compute("sts", predictions, gold)["pearsonr"] == pytest.approx(r, abs=1e-9)
        summed = METRICS["sts"].statistics(predictions, gold).sum(axis=0)
        assert METRICS["sts"].scores_from(summed)["pearsonr"] == pytest.approx(r, abs=1e-9)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_similarity_that_is_not_finite_has_no_correlation_as_with_scipy(value: float) -> None:
    import scipy.stats

    predictions, gold = [4.0, value, 1.0, 2.0], [5.0, 4.0, 1.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert math.isnan(scipy.stats.pearsonr(predictions, gold)[0])
    with pytest.warns(
        UserWarning, match="sts: 1 predictions are not finite, the first at 1; pearsonr is NaN"
    ):
        scores = compute("sts", predictions, gold, by="source", sources=["a", "a", "b", "b"])
    oracle = sklearn.metrics.f1_score(np.array(gold) >= 3, np.array(predictions) >= 3)
    assert math.isnan(scores["pearsonr"])
    assert scores["f1"] == pytest.approx(100 * oracle)
    assert math.isnan(scores["by_source"]["a"]["pearsonr"])
    assert scores["by_source"]["b"]["pearsonr"] == pytest.approx(-100)
    ends = intervals("sts", predictions, gold, resamples=50)
    assert all(math.isnan(end) for end in ends["pearsonr"])
    assert all(0 <= end <= 100 for end in ends["f1"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        through_evaluate = klue_metrics.load("sts").compute(predictions=predictions, references=gold)
    assert through_evaluate == pytest.approx({key: scores[key] for key in through_evaluate}, nan_ok=True)


def test_a_constant_side_has_no_correlation_and_says_so() -> None:
    with pytest.warns(UserWarning, match="all predictions are 2, so Pearson's correlation is undefined"):
        scores = compute("sts", [2, 2, 2], [1.0, 2.0, 3.0])
    assert math.isnan(scores["pearsonr"])
    assert scores["f1"] == 0.0
    with pytest.warns(UserWarning, match="all references are 3"):
        assert math.isnan(compute("sts", [1, 2, 3], [3, 3, 3])["pearsonr"])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), task=st.sampled_from(CLASS_TASKS))
def test_properties_of_the_class_metrics(data: st.DataObject, task: str) -> None:
    labels = TASKS[task].labels
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(labels), st.sampled_from(labels)), min_size=1))
    predictions, references = map(list, zip(*pairs, strict=True))
    (key,) = METRICS[task].names
    score = compute(task, predictions, references)[key]
    assert 0 <= score <= 100
    assert compute(task, references, references)[key] == 100
    shuffled = data.draw(st.permutations(pairs))
    assert compute(task, *map(list, zip(*shuffled, strict=True)))[key] == pytest.approx(score, abs=1e-9)
    renamed = dict(zip(labels, data.draw(st.permutations(labels)), strict=True))
    other = compute(task, [renamed[p] for p in predictions], [renamed[r] for r in references])[key]
    assert other == pytest.approx(score, abs=1e-9)
    ids = [labels.index(p) for p in predictions]
    assert compute(task, ids, references)[key] == score


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0, 5)), min_size=2))
def test_properties_of_sts(pairs: list[tuple[float, float]]) -> None:
    predictions, references = map(list, zip(*pairs, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # constants are drawn too
        scores = compute("sts", predictions, references)
        backwards = compute("sts", predictions[::-1], references[::-1])
    assert list(scores) == ["pearsonr", "f1"]
    assert math.isnan(scores["pearsonr"]) or -100 <= scores["pearsonr"] <= 100
    assert 0 <= scores["f1"] <= 100
    assert backwards == pytest.approx(scores, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("task", CLASS_TASKS)
def test_every_container_of_names_or_ids_gives_the_same(task: str) -> None:
    labels = TASKS[task].labels
    predictions, references = [0, 1, 2, 1, 0], [0, 2, 2, 1, 1]
    expected = compute(task, predictions, references)
    column = datasets.Dataset.from_dict({"label": predictions})["label"]
    names = [labels[index] for index in predictions]
    containers = [
        tuple(predictions),
        iter(predictions),
        np.array(predictions, dtype=np.int8),
        np.array(predictions, dtype=np.uint64),
        torch.tensor(predictions),
        [torch.tensor(index) for index in predictions],
        [np.int64(index) for index in predictions],
        column,
        names,
        tuple(names),
        np.array(names),
        np.array(names, dtype=object),
        datasets.Dataset.from_dict({"label": names})["label"],
        [names[0], *predictions[1:]],
    ]
    for container in containers:
        assert compute(task, container, references) == expected


def test_every_container_of_numbers_gives_the_same() -> None:
    predictions, references = [1.5, 3.25, 4.0], [1.0, 3.0, 4.5]
    expected = compute("sts", predictions, references)
    for container in (
        tuple(predictions),
        np.array(predictions, dtype=np.float32),
        torch.tensor(predictions),
        torch.tensor(predictions, dtype=torch.bfloat16),
        torch.tensor(predictions, requires_grad=True),
        datasets.Dataset.from_dict({"x": predictions})["x"],
        [np.float64(x) for x in predictions],
    ):
        assert compute("sts", container, references) == expected


@pytest.mark.parametrize(
    ("task", "predictions", "references", "sentence"),
    [
        (
            "ynat",
            ["경제"],
            ["경제", "사회"],
            "ynat: 1 predictions and 2 references; expected one prediction for",
        ),
        ("nli", [], [], "nli: predictions and references are empty; expected at least one"),
        ("ynat", ["날씨"], ["경제"], r"ynat: predictions\[0\] is '날씨'; expected class names \(IT과학, "),
        ("ynat", [0], [7], r"ynat: references\[0\] is 7; .* ids \(0 to 6\)"),
        ("nli", np.array([-1, 0]), [0, 0], r"nli: predictions\[0\] is -1; "),
        ("nli", [1.0], [1], r"nli: predictions\[0\] is 1.0; "),
        ("nli", [float("nan")], [1], r"nli: predictions\[0\] is nan; "),
        (
            "nli",
            torch.rand(2, 3),
            [1, 2],
            r"nli: predictions\[0\] is \[0\..*; expected class names",
        ),
        ("nli", [[1], [2]], [1, 2], r"nli: predictions\[0\] is \[1\]; "),
        ("nli", [True], [1], r"nli: predictions\[0\] is True; "),
        ("nli", "neutral", [1], "nli: predictions are 'neutral'; expected a sequence"),
        ("nli", None, [1], "nli: predictions are None; expected a sequence"),
        ("nli", [None], [1], r"nli: predictions\[0\] is None; "),
        ("sts", [1.0, 2], [1, float("nan")], r"sts: references\[1\] is nan; expected finite numbers"),
        ("sts", [1.0, 2], np.array([1.0, np.inf]), r"sts: references\[1\] is inf; expected finite numbers"),
        ("sts", ["1.0", 2], [1, 2], r"sts: predictions\[0\] is '1.0'; expected numbers"),
        ("sts", [True, 2], [1, 2], r"sts: predictions\[0\] is True; expected numbers"),
        ("sts", [{"label": 1.0}], [1], r"sts: predictions\[0\] is \{'label': 1.0\}; expected"),
        ("sts", [1.0], [1.0], "sts: 1 pair of predictions and references; Pearson's correlation needs 2"),
        ("sts", [], [], "sts: predictions and references are empty"),
        ("sts", [1, 2], 3, "sts: references are 3; expected a sequence"),
    ],
)
def test_bad_input_is_one_sentence(task: str, predictions: object, references: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        compute(task, predictions, references)


@pytest.mark.parametrize("task", ["ynat", "sts", "nli"])
def test_result_keys_are_the_metrics_names_and_plain_floats(task: str) -> None:
    metric = get_metric(task)
    scores = metric.compute([0, 1, 2], [0, 1, 1])
    assert list(scores) == list(metric.names)
    assert {type(score) for score in scores.values()} == {float}
    assert metric.primary in metric.names


def test_huge_inputs_are_fast_enough_to_forget() -> None:
    predictions, references = np.random.default_rng(0).integers(0, 7, (2, 1_000_000))
    assert compute("ynat", predictions, references)["macro_f1"] == pytest.approx(100 / 7, abs=0.5)


def test_the_functions_bring_nothing_heavy_along(cold_python) -> None:
    heavy = "{'evaluate', 'datasets', 'torch', 'transformers', 'pyarrow', 'scipy', 'sklearn'}"
    cold_python("-c", f"import sys, klue_metrics.functional; assert not {heavy} & set(sys.modules)")
