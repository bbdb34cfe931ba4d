"""Tests of the bootstrap: statistics, comparison with resampled examples, and simulations."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.stats
from random_cases import make_case
from simulated_boards import Setting, corrected_p_values, make_board, rate_of_marks, single_run_p_values

from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS, compute, get_metric, re
from klue_metrics.functional.bootstrap import (
    breakdown_intervals,
    distinct,
    draws,
    group_tests,
    holm,
    intervals,
    paired_test,
)


def repeated(task: str, values: list[Any], counts: np.ndarray) -> list[Any]:
    """Repeat each example as often as it was drawn, with new guids for questions."""
    drawn = [value for value, count in zip(values, counts, strict=True) for _ in range(int(count))]
    return [{**row, "guid": str(i)} for i, row in enumerate(drawn)] if task == "mrc" else drawn


@pytest.mark.parametrize("task", METRICS)
def test_the_scores_of_the_summed_statistics_are_those_of_compute(task: str) -> None:
    metric = get_metric(task)
    for seed in range(50):
        predictions, references = make_case(task, seed, size=2 + seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = compute(task, predictions, references)
        rows = metric.statistics(predictions, references)
        scores = metric.scores_from(rows.sum(axis=0))
        assert {key: float(value) for key, value in scores.items()} == pytest.approx(
            expected, abs=1e-9, nan_ok=True
        )
        assert list(scores) == list(expected)


@pytest.mark.parametrize("task", METRICS)
def test_resampling_statistics_is_resampling_examples(task: str) -> None:
    predictions, references = make_case(task, seed=1)
    metric = get_metric(task)
    rows = metric.statistics(predictions, references)
    first, sizes = distinct(rows)
    assert len(first) == len(np.unique(rows, axis=0))
    assert sizes.sum() == len(rows)
    samples: dict[str, list[float]] = {}
    for weights in np.concatenate(list(draws(sizes, 60, seed=3))):
        assert weights.sum() == len(rows)
        counts = np.zeros(len(rows))
        counts[first] = weights  # units of equal statistics are interchangeable
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = compute(task, repeated(task, predictions, counts), repeated(task, references, counts))
        for key, value in scores.items():
            samples.setdefault(key, []).append(value)
    found = intervals(task, predictions, references, resamples=60, seed=3)
    assert list(found) == list(samples)
    for key, values in samples.items():
        assert found[key] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-9), key


@pytest.mark.parametrize(
    ("task", "by"), [(task, by) for task, metric in METRICS.items() for by in metric.breakdowns]
)
def test_intervals_of_a_breakdown_are_those_of_resampled_examples(task: str, by: str) -> None:
    predictions, references = make_case(task, seed=1)
    size = len(references)
    extra = {"sources": [f"source {index % 3}" for index in range(size)]} if by == "source" else {}
    if by == "type" and task == "mrc":
        references = [{**row, "question_type": index % 3 + 1} for index, row in enumerate(references)]
    samples: dict[tuple[str, str], list[float]] = {}
    for weights in np.concatenate(list(draws(np.ones(size, dtype=np.int64), 30, seed=3))):
        sides = (repeated(task, values, weights) for values in (predictions, references))
        drawn = {name: repeated("", values, weights) for name, values in extra.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = compute(task, *sides, by=by, **drawn)[f"by_{by}"]
        for name, row in table.items():
            for key in row.keys() - {"support", "predicted_as"}:
                samples.setdefault((name, key), []).append(row[key])
    found = breakdown_intervals(task, predictions, references, by, resamples=30, seed=3, **extra)
    compared = 0
    for name, row in found.items():
        for key, ends in row.items():
            values = np.array(samples[name, key])
            values = values[~np.isnan(values)]
            if not np.isnan(ends).any():
                assert ends == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-9)
                compared += 1
    assert compared


def relations(seed: int, size: int = 60, classes: int = 4) -> tuple[Any, Any, Any]:
    """Return predictions, references and probabilities with ties for the first relations."""
    generator = np.random.default_rng(seed)
    gold = np.concatenate([np.arange(30), generator.integers(0, classes, size)])
    shares = generator.dirichlet(np.ones(30), len(gold)) + 0.1 * np.eye(30)[gold]
    table = generator.multinomial(50, shares / 1.1) / 50
    return table.argmax(axis=1), gold, table


def test_areas_of_weighted_examples_are_those_of_repeated_ones() -> None:
    for seed in range(20):
        predicted, gold, table = relations(seed)
        weights = np.concatenate(list(draws(np.ones(len(gold), dtype=int), 5, seed)))
        found = re.weighted_scores(gold, table)(weights)
        for row, counts in enumerate(weights.astype(int)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = compute(
                    "re", predicted.repeat(counts), gold.repeat(counts), probabilities=table.repeat(counts, 0)
                )
            for key, values in found.items():
                assert values[row] == pytest.approx(expected[key], abs=1e-9, nan_ok=True)
        whole = re.weighted_scores(gold, table)(np.ones((1, len(gold))))
        expected = compute("re", predicted, gold, probabilities=table)
        assert {key: value[0] for key, value in whole.items()} == pytest.approx(
            {key: expected[key] for key in whole}, abs=1e-9
        )


def test_intervals_and_test_of_auprc() -> None:
    predicted, gold, table = relations(0)
    weights = np.concatenate(list(draws(np.ones(len(gold), dtype=int), 300, 0)))
    samples = re.weighted_scores(gold, table)(weights)["auprc_present"]
    found = intervals("re", predicted, gold, probabilities=table, resamples=300)
    assert list(found) == list(METRICS["re"].names)
    assert found["auprc_present"] == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])), abs=1e-9)
    score = compute("re", predicted, gold, probabilities=table)["auprc_present"]
    for method in ("percentile", "bca"):
        clusters = [str(index // 2) for index in range(len(gold))]
        options = {"method": method, "resamples": 300, "clusters": clusters}
        low, high = intervals("re", predicted, gold, probabilities=table, **options)["auprc_present"]
        assert low < high
        better = np.eye(30)[gold]
        result = paired_test("re", gold, predicted, gold, probabilities=(better, table), **options)
        assert result["auprc_present"].difference == pytest.approx(100 - score)
        assert result["auprc_present"].p_value < 0.01
        same = paired_test("re", predicted, predicted, gold, probabilities=(table, table), **options)
        assert same["auprc_present"] == (0, 0, 0, 1)


def test_bca_agrees_with_scipy() -> None:
    predictions, references = make_case("sts", seed=5, size=60)
    found = intervals("sts", predictions, references, resamples=20_000, method="bca")["pearsonr"]
    oracle = scipy.stats.bootstrap(
        (predictions, references),
        lambda x, y: 100 * scipy.stats.pearsonr(x, y)[0],
        paired=True,
        vectorized=False,
        n_resamples=5_000,
        method="BCa",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    plain = intervals("sts", predictions, references, resamples=20_000)["pearsonr"]
    assert found == pytest.approx((oracle.low, oracle.high), abs=0.35)
    assert abs(found[0] - plain[0]) > 0.5  # and the correction is not nothing


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_an_interval_covers_a_simulated_proportion_as_often_as_it_says(method: str) -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(400):
        right = generator.random(200) < 0.8
        found = intervals("nli", np.where(right, 0, 1), np.zeros(200, int), seed=trial, method=method)
        covered += found["accuracy"][0] <= 80 <= found["accuracy"][1]
    assert 0.91 <= covered / 400 <= 0.98


def test_clusters_are_drawn_as_a_whole() -> None:
    # Ten dialogues of twenty turns, each all right or all wrong: as uncertain as ten turns, not two hundred.
    right = np.repeat([1, 0] * 5, 20)
    predictions = [["관광-이름-가"] if hit else [] for hit in right]
    references = [["관광-이름-가"]] * 200
    dialogues = [f"wos-{turn // 20}" for turn in range(200)]
    apart = intervals("wos", predictions, references)["joint_goal_accuracy"]
    whole = intervals("wos", predictions, references, clusters=dialogues)["joint_goal_accuracy"]
    ten = intervals("wos", predictions[::20], references[::20])["joint_goal_accuracy"]
    assert whole == pytest.approx(ten, abs=1e-9)
    assert whole[1] - whole[0] > 3 * (apart[1] - apart[0])
    shuffled = np.random.default_rng(0).permutation(200)
    again = intervals(
        "wos",
        [predictions[i] for i in shuffled],
        [references[i] for i in shuffled],
        clusters=[dialogues[i] for i in shuffled],
    )
    assert again["joint_goal_accuracy"] == whole
    with pytest.raises(ValueError, match="wos: 3 clusters for 200 examples; expected one for each"):
        intervals("wos", predictions, references, clusters=["a", "b", "c"])


@pytest.mark.parametrize("task", METRICS)
def test_identical_predictions_differ_by_nothing(task: str) -> None:
    predictions, references = make_case(task, seed=7)
    for method in ("percentile", "bca"):
        for result in paired_test(task, predictions, predictions, references, method=method).values():
            assert result == (0, 0, 0, 1)


@pytest.mark.parametrize("task", METRICS)
def test_gold_is_better_than_a_damaged_copy(task: str) -> None:
    predictions, references = make_case(task, seed=7, size=120)
    gold = (
        [{"guid": row["guid"], "prediction_text": row["answers"]["text"][0]} for row in references]
        if task == "mrc"
        else references
    )
    there = paired_test(task, gold, predictions, references)
    back = paired_test(task, predictions, gold, references)
    for key, score in compute(task, predictions, references).items():
        assert there[key].difference == pytest.approx(100 - score, abs=1e-9)
        assert there[key].p_value < 0.01
        assert 0 < there[key].low < there[key].difference < there[key].high
        assert back[key].difference == -there[key].difference
        assert back[key].low < back[key].difference < back[key].high < 0


def test_p_values_are_near_uniform_where_there_is_no_difference() -> None:
    generator = np.random.default_rng(0)
    gold = np.zeros(400, dtype=int)
    p_values = []
    for trial in range(300):
        first, second = (np.where(generator.random(400) < 0.7, 0, 1) for _ in range(2))
        p_values.append(
            paired_test("nli", first, second, gold, resamples=300, seed=trial)["accuracy"].p_value
        )
    assert scipy.stats.kstest(p_values, "uniform").statistic < 0.1
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.035)


def test_the_seed_decides() -> None:
    case = make_case("sts", seed=2)
    assert intervals("sts", *case, seed=1) == intervals("sts", *case, seed=1)
    assert intervals("sts", *case, seed=1) != intervals("sts", *case, seed=2)


def test_blocks_of_draws_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case("ner", seed=2)
    whole = intervals("ner", *case)
    monkeypatch.setattr("klue_metrics.functional.bootstrap._CELLS", 100)
    for key, ends in intervals("ner", *case).items():
        assert ends == pytest.approx(whole[key], abs=1e-9)


def test_undefined_scores_and_resamples() -> None:
    outside = [["O", "O"]] * 5
    found = intervals("ner", outside, outside)
    assert all(math.isnan(end) for end in found["entity_macro_f1"])
    assert found["char_macro_f1"] == (100, 100)
    rare = [["B-PS", "O"], *outside]  # a third of the resamples hold no entity at all
    for method in ("percentile", "bca"):
        assert intervals("ner", rare, rare, method=method)["entity_macro_f1"] == (100, 100)
    result = paired_test("ner", outside, outside, outside)["entity_macro_f1"]
    assert all(math.isnan(value) for value in result)
    two = intervals("sts", [1.0, 2.0], [1.0, 3.0])["pearsonr"]  # half of the resamples are constant
    assert two == pytest.approx((100, 100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "normal"}, "There is no method 'normal'; expected one of percentile, bca"),
        ({"resamples": 0}, "0 resamples; expected at least 1"),
        ({"confidence": 95}, "The confidence is 95; expected a number between 0 and 1"),
        ({"clusters": [1, 2]}, r"nli: clusters\[0\] is 1; expected a string"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    for call in (
        lambda: intervals("nli", [0, 1], [0, 1], **options),
        lambda: paired_test("nli", [0, 1], [0, 1], [0, 1], **options),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_holm_agrees_with_the_loop() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        values = np.round(generator.uniform(0, 0.3, 8), 2).tolist()
        expected: dict[int, float] = {}
        highest = 0.0
        for step, index in enumerate(sorted(range(8), key=lambda place: (values[place], place))):
            highest = max(highest, min(1.0, (8 - step) * values[index]))
            expected[index] = highest
        assert holm(values) == pytest.approx([expected[index] for index in range(8)])
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(corrected[1])
    assert holm([]) == []


@pytest.mark.parametrize("task", METRICS)
def test_groups_of_one_run_are_tested_as_pairs_and_corrected_together(task: str) -> None:
    (one, references), (two, _), (three, _) = (make_case(task, seed) for seed in (0, 0, 0))
    generator = np.random.default_rng(1)
    two = [gold if generator.random() < 0.3 else answer for answer, gold in zip(two, references, strict=True)]
    if task == "mrc":
        two = [{"guid": row["guid"], "prediction_text": row.get("prediction_text", "")} for row in two]
    clusters = [str(index // 3) for index in range(len(references))]
    tests = group_tests(task, [[one], [two], [three]], references, resamples=700, seed=5, clusters=clusters)
    assert list(tests) == [(0, 1), (0, 2), (1, 2)]
    for pair, (left, right) in zip(tests, ((one, two), (one, three), (two, three)), strict=True):
        expected = paired_test(task, left, right, references, resamples=700, seed=5, clusters=clusters)
        assert list(tests[pair]) == list(expected)
        for key, row in tests[pair].items():
            assert row.difference == pytest.approx(expected[key].difference, abs=1e-9, nan_ok=True)
            assert row.first - row.second == pytest.approx(row.difference, abs=1e-9, nan_ok=True)
            assert row.p_value == pytest.approx(expected[key].p_value, abs=0.06, nan_ok=True)
    rows = [row for scores in tests.values() for row in scores.values()]
    assert [row.p_holm for row in rows] == pytest.approx(holm([row.p_value for row in rows]), nan_ok=True)


def test_seeds_widen_the_interval_and_their_number_narrows_it() -> None:
    setting = Setting(seeds=6, seed_sd=2.0, premises=200)
    groups, references = make_board(setting, np.random.default_rng(0))
    widths = []
    for seeds in (2, 3, 6):
        (row,) = (
            tests["accuracy"]
            for tests in group_tests("nli", [runs[:seeds] for runs in groups], references).values()
        )
        scores = [np.mean([100 * np.mean(run == references) for run in runs[:seeds]]) for runs in groups]
        assert (row.first, row.second) == pytest.approx(scores)
        widths.append(row.high - row.low)
    single = paired_test("nli", groups[0][0], groups[1][0], references)["accuracy"]
    assert widths[0] > widths[1] > widths[2]
    assert widths[1] > single.high - single.low
    for broken in ([groups[0]], [groups[0], []]):
        with pytest.raises(ValueError, match=r"the systems have \[.*\] runs; expected at least two systems"):
            group_tests("nli", broken, references)


def test_probabilities_of_several_runs_are_compared() -> None:
    generator = np.random.default_rng(0)
    labels = TASKS["re"].labels
    references = [*labels, *generator.choice(labels, 30).tolist()]
    tables = [generator.dirichlet(np.ones(30), 60) for _ in range(3)]
    predictions = [[labels[row.argmax()] for row in table] for table in tables]
    rows = group_tests(
        "re", [predictions[:2], predictions[2:]], references, probabilities=[tables[:2], tables[2:]]
    )[0, 1]
    expected = [
        compute("re", p, references, probabilities=t)["auprc"]
        for p, t in zip(predictions, tables, strict=True)
    ]
    assert rows["auprc"].first == pytest.approx(np.mean(expected[:2]))
    assert rows["auprc"].second == pytest.approx(expected[2])


def test_the_paired_test_of_nli_holds_its_level_by_premise_and_not_by_pair() -> None:
    setting = Setting(premises=300)
    by_pair, by_premise = (
        rate_of_marks(single_run_p_values(setting, 600, by_premise=by_premise, resamples=300))
        for by_premise in (False, True)
    )
    assert by_pair > 0.08
    assert by_premise < 0.07


def test_boards_of_equal_systems_are_rarely_marked() -> None:
    six = Setting(systems=6, premises=300)
    assert rate_of_marks(single_run_p_values(six, 60, resamples=300)) > 0.25
    assert rate_of_marks(corrected_p_values(six, 60, resamples=300)) < 0.1
    seeds_alone = Setting(systems=2, premises=300, seeds=3, seed_sd=1.0)
    assert rate_of_marks(corrected_p_values(seeds_alone, 100, resamples=300)) < 0.08
