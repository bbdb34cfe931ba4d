"""Tests of the report: numbers, broken runs, and safe texts."""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
import shutil
import statistics
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_runs import EVIL, embedded, make_run, make_runs, nli_answers, results_of

from klue_metrics.functional import METRICS, sts
from klue_metrics.functional.bootstrap import group_tests, holm, intervals, paired_test
from klue_metrics.predictions import Cases
from recipes.report import main
from recipes.reporting.charts import line_chart, nice_ticks
from recipes.reporting.measure import comparisons, seeds_interval
from recipes.reporting.measure import student as student_quantile
from recipes.reporting.page import build
from recipes.reporting.runs import find_runs, make_boards, size_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def files(runs: Path) -> dict[str, str]:
    return dict(build([runs], resamples=200).files)


def nli_rows(files: dict[str, str]) -> dict[str, dict]:
    board = next(board for board in json.loads(files["report.json"])["boards"] if board["task"] == "nli")
    return {row["model"]: row for row in board["rows"]}


def test_numbers_are_those_of_the_result_files(runs: Path, files: dict[str, str]) -> None:
    rows = nli_rows(files)
    one, two, other = (
        results_of(runs / name)["eval_accuracy"] for name in ("a/nli/seed-1", "a/nli/seed-2", "b/nli/seed-1")
    )
    assert (one, two, other) == (50.0, pytest.approx(100 * 40 / 60), 85.0)
    score = rows["a"]["scores"]["accuracy"]
    assert score["mean"] == pytest.approx((one + two) / 2)
    assert score["sd"] == pytest.approx(statistics.stdev([one, two]))
    assert score["constant"] == 10.0
    assert (score["low"], score["high"]) == (0.0, 100.0)  # two seeds: Student's t is 12.7
    assert rows["a"]["seeds"] == [1, 2]
    assert rows["b"]["scores"]["accuracy"]["mean"] == other
    assert rows["b"]["scores"]["accuracy"]["sd"] is None
    assert rows["a"]["eval_ms_per_sample"] == pytest.approx(500 / 60)
    assert (rows["a"]["size"], rows["b"]["size"]) == ("small", "large")


def test_intervals_and_tests_are_those_of_klue_metrics(files: dict[str, str]) -> None:
    one, two, other = (nli_answers(60, wrong_every) for wrong_every in (2, 3, 7))
    low, high = intervals("nli", *other)["accuracy"]
    score = nli_rows(files)["b"]["scores"]["accuracy"]
    assert (score["low"], score["high"]) == (low, high)
    board = next(board for board in json.loads(files["report.json"])["boards"] if board["task"] == "nli")
    (pair,) = board["comparisons"]
    expected = group_tests("nli", [[one[0], two[0]], [other[0]]], one[1], resamples=200)[0, 1]["accuracy"]
    assert pair == {
        "first": "a",
        "second": "b",
        "seeds": [2, 1],
        "test": "seeds and examples",
        "examples": 60,
        "clusters": None,
        "tests": 1,
        "scores": {"accuracy": expected._asdict()},
    }
    assert (expected.first, expected.second) == (pytest.approx(100 * 7 / 12), 85)


def test_the_interval_over_seeds_has_student_and_bootstrap_as_its_limits() -> None:
    from scipy import stats

    scores, width = [17.9, 25.2, 21.0, 19.5], 3.0
    points = [(score, score) for score in scores]
    student = stats.t.interval(0.95, 3, statistics.fmean(scores), stats.sem(scores))
    assert seeds_interval(scores, points) == pytest.approx(student, abs=1e-3)
    assert seeds_interval([60.0] * 3, [(57.0, 64.0)] * 3) == (57.0, 64.0)
    assert seeds_interval([60.0], [(57.0, 64.0)]) == (57.0, 64.0)
    both = seeds_interval(scores, [(score - width, score + width) for score in scores])
    half = math.hypot(student[1] - statistics.fmean(scores), width)
    assert both == pytest.approx((20.9 - half, 20.9 + half), abs=1e-3)
    assert seeds_interval([17.9, 25.2], [(15.0, 21.0), (22.0, 28.5)]) == (0.0, pytest.approx(68.0, abs=0.1))
    assert seeds_interval([-5.0, 5.0], [(-9.0, 0.0), (0.0, 9.0)], floor=-100.0)[0] < -60
    assert seeds_interval([1.0, None], [(0.0, 2.0), (math.nan, math.nan)]) == (None, None)
    assert seeds_interval([1.0, 2.0], [(0.0, 2.0), (math.nan, math.nan)]) == (None, None)
    for freedom in range(1, 60):
        assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 3.0])
def test_the_interval_over_seeds_holds_the_true_mean(seeds: int, ratio: float) -> None:
    """Simulate a sampling error shared by all seeds, and a variation of seeds ``ratio`` times as large."""
    generator = np.random.default_rng(seeds)
    true, error, draws = 50.0, 1.0, 2000
    held = averaged = 0
    for _ in range(draws):
        scores = true + error * generator.normal() + ratio * error * generator.normal(size=seeds)
        ends = [(score - 1.96 * error, score + 1.96 * error) for score in scores]
        low, high = seeds_interval(scores.tolist(), ends)
        held += low <= true <= high
        averaged += abs(scores.mean() - true) <= 1.96 * error
    assert 0.935 <= held / draws <= 0.99
    if ratio >= 1:
        assert averaged / draws < 0.93  # what averaging the bounds gives


def test_single_runs_are_tested_as_such_and_corrected_for_the_board(tmp_path: Path) -> None:
    answers = {name: nli_answers(60, every) for name, every in (("a", 2), ("b", 7), ("c", 5))}
    for name, sides in answers.items():
        make_run(tmp_path / name, "nli", *sides, settings={"model_name_or_path": name, "seed": 1})
    report = build([tmp_path], resamples=200)
    pairs = json.loads(report.files["report.json"])["boards"][0]["comparisons"]
    assert [(pair["first"], pair["second"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert {pair["test"] for pair in pairs} == {"single runs"}
    assert {pair["tests"] for pair in pairs} == {3}
    scores = [pair["scores"]["accuracy"] for pair in pairs]
    assert [score["p_holm"] for score in scores] == holm([score["p_value"] for score in scores])
    expected = paired_test("nli", answers["a"][0], answers["b"][0], answers["a"][1], resamples=200)[
        "accuracy"
    ]
    assert {key: scores[0][key] for key in expected._fields} == pytest.approx(expected._asdict())


def test_the_tables_agree(files: dict[str, str]) -> None:
    assert "| b | 1 | **85.00** [" in files["report.md"]
    assert "| a | 2 | 58.33 ± 11.79 [" in files["report.md"]
    assert (
        "made up, 60 examples. Not KLUE's official validation split: **not a KLUE score**."
        in files["report.md"]
    )
    rows = [row for row in csv.DictReader(files["report.csv"].splitlines()) if row["task"] == "nli"]
    assert [(row["model"], row["is_best"]) for row in rows] == [("a", "False"), ("b", "True")]
    assert float(rows[0]["mean"]) == nli_rows(files)["a"]["scores"]["accuracy"]["mean"]
    assert "<strong>85.00</strong>" in files["index.html"]
    assert "<strong>58.33</strong>" not in files["index.html"]


def test_official_data_is_called_so_and_apart(tmp_path: Path) -> None:
    answers = nli_answers(6, 2)
    make_run(tmp_path / "x", "nli", *answers, settings={"seed": 1})
    make_run(
        tmp_path / "y",
        "nli",
        *answers,
        settings={"seed": 1},
        eval_data="klue/klue",
        eval_data_is_official=True,
    )
    report = build([tmp_path], resamples=10).files
    official, other = json.loads(report["report.json"])["boards"]
    assert (official["is_official"], other["is_official"]) == (True, False)
    assert "KLUE, 6 examples. KLUE's official validation split, in full" in report["report.md"]
    assert report["index.html"].count('<span class="badge">KLUE dev</span>') == 1


def test_runs_are_grouped_by_what_they_were_told(tmp_path: Path) -> None:
    answers = nli_answers(6, 2)
    make_run(tmp_path / "p", "nli", *answers, settings={"seed": 1, "learning_rate": 1e-4})
    make_run(tmp_path / "q", "nli", *answers, settings={"seed": 2, "learning_rate": 1e-4})
    make_run(tmp_path / "r", "nli", *answers, settings={"seed": 1, "learning_rate": 1e-3})
    make_run(tmp_path / "again", "nli", *answers, settings={"seed": 1, "learning_rate": 1e-3})
    make_run(tmp_path / "old", "nli", *answers)
    found, problems = find_runs([tmp_path])
    assert not problems
    (board,) = make_boards(found)
    assert [(group.label, len(group.runs)) for group in board.groups] == [
        ("a (learning_rate 0.0001)", 2),
        ("a (learning_rate 0.001) [again]", 1),
        ("a (learning_rate 0.001) [r]", 1),
        ("old", 1),
    ]


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        # The folder's part that differs, not its seed: the second run of the first group has another.
        (
            {"x/nli/seed-1": {"seed": 1}, "x/nli/seed-2": {"seed": 2}, "y/nli/seed-1": {"seed": 1}},
            {"x/nli/seed-1": "a [x], seed 1", "x/nli/seed-2": "a [x], seed 2", "y/nli/seed-1": "a [y]"},
        ),
        # Of many settings the fewest that tell the runs apart, choices before numbers.
        (
            {
                "x": {
                    "seed": 1,
                    "learning_rate": 1e-4,
                    "weight_decay": 0.1,
                    "max_steps": 9,
                    "pooling": "cls",
                },
                "y": {
                    "seed": 1,
                    "learning_rate": 1e-3,
                    "weight_decay": 0.2,
                    "max_steps": 8,
                    "pooling": "mean",
                },
            },
            {"x": "a (pooling cls, 3 more)", "y": "a (pooling mean, 3 more)"},
        ),
        # Models of one name.
        (
            {
                "x": {"seed": 1, "model_name_or_path": "one/a"},
                "y": {"seed": 1, "model_name_or_path": "two/a"},
            },
            {"x": "a (model one)", "y": "a (model two)"},
        ),
        # A run of run_all is called after its model, also where it is evaluated again from its folder.
        ({"x": {"seed": 1, "model_name_or_path": "out/b/nli/seed-42"}}, {"x": "b"}),
    ],
)
def test_runs_are_named_by_what_differs_in_every_menu_and_table(
    tmp_path: Path, runs: dict[str, dict], labels: dict[str, str]
) -> None:
    for name, settings in runs.items():
        make_run(tmp_path / name, "nli", *nli_answers(6, 2), settings=settings)
    (board,) = make_boards(find_runs([tmp_path])[0])
    assert {run.name: label for label, run in board.runs} == labels
    files = build([tmp_path], resamples=10).files
    html = files["index.html"]
    shown = {
        run["label"]
        for run in embedded(html, html[: html.index('">{"total"')].rpartition("answers-")[2])["runs"]
    }
    assert shown == set(labels.values())
    for group in board.groups:
        assert f"| {group.label} | {len(group.runs)} |" in files["report.md"]
    if len(labels) > 1:
        assert set(re.findall(r"<option [^>]*>(.*?)</option>", html)) == shown


def test_broken_and_unfinished_runs_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    answers = nli_answers(6, 2)
    make_run(tmp_path / "fine", "nli", *answers, settings={"seed": 1})
    make_run(tmp_path / "broken", "nli", *answers).joinpath("all_results.json").write_text("{")
    make_run(tmp_path / "text", "nli", *answers, eval_accuracy="high")
    make_run(tmp_path / "list", "nli", *answers).joinpath("trainer_state.json").write_text("[1]")
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained/all_results.json").write_text('{"train_loss": 1.0}')
    (tmp_path / "unfinished/checkpoint-10").mkdir(parents=True)
    (tmp_path / "unfinished/checkpoint-10/trainer_state.json").write_text("{}")
    assert main([str(tmp_path), "--output", str(tmp_path / "report"), "--resamples", "10"]) == 0
    told = capsys.readouterr().err
    for sentence in (
        "broken: all_results.json is not JSON (",
        "list: trainer_state.json holds a list; expected a JSON object.",
        "text: all_results.json has no number for eval_accuracy; expected numbers or null.",
        "trained: all_results.json has no score of a KLUE task; expected a run with --do_eval.",
        "unfinished: there is no all_results.json, so the run is not finished; expected one.",
    ):
        assert sentence in told
        assert sentence in (tmp_path / "report/report.md").read_text()
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert [row["runs"] for board in report["boards"] for row in board["rows"]] == [["fine"]]


def test_answers_that_do_not_fit_the_scores_are_left_out(tmp_path: Path) -> None:
    answers = nli_answers(6, 2)
    make_run(tmp_path / "wrong", "nli", *answers, settings={"seed": 1}, eval_accuracy=99.0)
    make_run(tmp_path / "none", "nli", *answers, settings={"seed": 2}).joinpath(
        "predictions_validation.jsonl"
    ).unlink()
    report = build([tmp_path], resamples=10)
    assert any(
        "the predictions score 50.0000 in accuracy, but the results say 99.0000" in text
        for text in report.problems
    )
    assert any(text.startswith("none: the answers cannot be read: ") for text in report.problems)
    (row,) = json.loads(report.files["report.json"])["boards"][0]["rows"]
    assert row["scores"]["accuracy"]["mean"] == pytest.approx((99 + 50) / 2)
    assert row["scores"]["accuracy"]["low"] is None


def test_answers_other_than_those_that_were_scored_are_left_out(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "nli", *nli_answers(12, 2), settings={"seed": 1})
    other = make_run(tmp_path / "other", "nli", *nli_answers(12, 3), settings={"seed": 1})
    shutil.copy(other / "predictions_validation.jsonl", tmp_path / "a")
    report = build([tmp_path / "a"], resamples=10)
    assert report.problems == [
        "a: 8 of the predictions are right, but 6 of those that were scored; expected the same, so the "
        "answers are left out."
    ]
    assert '<div class="browser"' not in report.files["index.html"]


def test_folders_of_earlier_versions_are_scored_for_the_report(tmp_path: Path) -> None:
    answers = nli_answers(12, 2)
    make_run(tmp_path / "old", "nli", *answers, settings={"seed": 1}, details=False)
    report = build([tmp_path], resamples=50)
    (row,) = json.loads(report.files["report.json"])["boards"][0]["rows"]
    low, high = intervals("nli", *answers, resamples=50)["accuracy"]
    assert (row["scores"]["accuracy"]["low"], row["scores"]["accuracy"]["high"]) == (low, high)
    assert embedded(report.files["index.html"], "nli")["runs"][0]["label"] == "a"
    (tmp_path / "old" / "predictions_validation.jsonl").unlink()
    report = build([tmp_path], resamples=50)
    assert report.problems == ["old: there is no predictions_validation.jsonl; no interval."]


def test_scores_that_an_earlier_version_did_not_have_are_dashes(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "old", "sts", [1.0, 2.0, 4.0], [1.0, 3.0, 4.0], settings={"seed": 1})
    for name in ("all_results.json", "eval_details.json"):
        results = json.loads((folder / name).read_text())
        results.pop("eval_f1", None)
        results.get("scores", {}).pop("f1", None)
        (folder / name).write_text(json.dumps(results))
    report = build([tmp_path], resamples=10)
    [line] = re.findall(r"^\| a \| 1 \| .*", report.files["report.md"], flags=re.MULTILINE)
    assert line.split(" | ")[4] == "–"


def test_no_constant_baseline_is_called_undefined_as_in_the_card(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "nli", *nli_answers(6, 2), settings={"seed": 1}, constant_accuracy=None)
    report = build([tmp_path], resamples=10).files
    assert re.search(r"^\| a \| 1 \| 50.00 .*\| undefined \|", report["report.md"], flags=re.MULTILINE)
    assert "<small>constant undefined</small>" in report["index.html"]


def test_nothing_to_report_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for folder, sentence in (
        (tmp_path, "There is no finished run below"),
        (tmp_path / "none", "There is no folder"),
    ):
        assert main([str(folder), "--output", str(tmp_path / "report")]) == 1
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


class Elements(HTMLParser):
    """Collects the elements of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_texts_do_not_come_alive(files: dict[str, str]) -> None:
    html = files["index.html"]
    assert "<script>window.evil" not in html
    assert "<img" not in html
    assert "<b>시" not in html
    tags = [tag for tag, _ in Elements(html).found]
    assert tags.count("script") == 3 + 1  # three tasks' answers, and the page's own
    answers = embedded(html, "mrc")
    assert answers["runs"][0]["answers"][0] == EVIL  # the text itself is whole
    assert embedded(html, "ner")["texts"] == ["서울 <b>시</b>", EVIL]


def test_names_of_models_do_not_come_alive(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>"
    make_run(tmp_path / "x", "nli", *nli_answers(6, 2), settings={"model_name_or_path": name, "seed": 1})
    assert "<img" not in build([tmp_path], resamples=10).files["index.html"]


def test_the_page_loads_nothing(files: dict[str, str]) -> None:
    html = files["index.html"]
    for tag, attributes in Elements(html).found:
        for key in ("src", "href", "data", "action", "srcset", "poster"):
            value = attributes.get(key) or ""
            assert value.startswith("#") or value in ("", "data:,"), (tag, key, value)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", html)
    assert "default-src 'none'" in html


def test_the_same_runs_give_the_same_bytes(runs: Path, files: dict[str, str], tmp_path: Path) -> None:
    assert build([runs], resamples=200).files == files
    shutil.copytree(runs, tmp_path / "copy")
    assert build([tmp_path / "copy"], resamples=200).files == files


def test_the_page_says_when_examples_are_cut_and_keeps_wrong_ones(runs: Path) -> None:
    answers = embedded(build([runs], resamples=10, max_rows=35).files["index.html"], "nli")
    assert (answers["total"], len(answers["ids"])) == (60, 35)
    wrong = {f"nli-{index:03d}" for index in range(60) if index % 2 == 0 or index % 3 == 0 or index % 7 == 0}
    assert len(wrong) > 35
    assert set(answers["ids"]) <= wrong
    assert answers["ids"] == sorted(answers["ids"])


def test_few_runs_are_shown_and_the_page_says_so(runs: Path) -> None:
    report = build([runs], resamples=10, max_runs=2).files
    assert "Curves, breakdowns and answers are of 2 of 3 runs" in report["index.html"]
    assert [run["label"] for run in embedded(report["index.html"], "nli")["runs"]] == ["a, seed 1", "b"]


def test_runs_on_other_examples_are_not_put_side_by_side(tmp_path: Path) -> None:
    make_run(tmp_path / "x", "nli", *nli_answers(6, 2), settings={"seed": 1})
    predictions, references = nli_answers(6, 2)
    make_run(tmp_path / "y", "nli", predictions, references[::-1], settings={"seed": 2})
    report = build([tmp_path], resamples=10)
    assert "y: its examples are not those of x; answers not shown." in report.problems
    assert any(
        text.startswith("y is not compared. nli: 4 references differ between x and y: nli-000, ")
        for text in report.problems
    )
    assert json.loads(report.files["report.json"])["boards"][0]["comparisons"] == []


def test_sizes_are_those_of_the_leaderboard() -> None:
    sizes = (None, 68e6, 70e6, 111e6, 278e6, 337e6)
    assert [size_of(size) for size in sizes] == ["unknown", "small", "small", "base", "base", "large"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (33.1, 61), (5, 5), (0, 0), (-2, 1e6), (0.1, 0.10001)])
def test_ticks_are_even_and_hold_the_values(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert 1 <= len(steps) <= 8
    assert ticks[0] <= low <= high <= ticks[-1]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)
    assert ticks[0] >= 0 or low < 0


def test_a_chart_is_well_formed_and_inside_its_box() -> None:
    from xml.etree import ElementTree

    from recipes.reporting.charts import HEIGHT, WIDTH, Series

    svg = line_chart([Series("a <b>", 0, [(1.0, 5.0), (2.0, 7.5)]), Series("c", 1, [(0.5, -3.0)])], "x & y")
    circles = [element for element in ElementTree.fromstring(svg).iter() if element.tag == "circle"]
    assert len(circles) == 3
    for circle in circles:
        assert 0 < float(circle.get("cx", 0)) < WIDTH
        assert 0 < float(circle.get("cy", 0)) < HEIGHT


SIGNS = {
    "ynat": "",
    "sts": "①②",
    "nli": "①②",
    "ner": "(",
    "re": "⟦⟧⟨⟩",
    "dp": "₁→",
    "mrc": "",
    "wos": "",
}  # what stands in texts and answers


@pytest.mark.parametrize("task", METRICS)
def test_real_runs_of_all_tasks_have_texts_legends_and_all_scores(task: str, tmp_path: Path) -> None:
    """With right answers on the mini corpus."""
    import klue_datasets
    from klue_metrics.predictions import _examples

    data = klue_datasets.load(task, "validation", mini=True).select(range(30))
    rows = [{"guid": row["guid"], **example} for row in data for example in _examples(task, row)]
    references = [row.pop("reference") for row in rows]
    predictions = references
    if task == "mrc":
        references = [{"guid": row["guid"], **gold} for row, gold in zip(rows, references, strict=True)]
        predictions = [
            {"guid": gold["guid"], "prediction_text": (gold["answers"]["text"] or [""])[0]}
            for gold in references
        ]
    make_run(tmp_path / "x", task, predictions, references, settings={"mini": True, "seed": 1}, rows=rows)
    report = build([tmp_path], resamples=10)
    assert not report.problems
    answers = embedded(report.files["index.html"], task)
    assert all(answers["texts"])
    assert answers["wrong"] == 0
    html = report.files["index.html"]
    (legend,) = re.findall(r'<p class="note legend-of-answers">(.*?)</p>', html)
    for sign in SIGNS[task]:
        assert sign in answers["texts"][0] + answers["golds"][0]
        assert sign in legend.replace("subscripts", "₁")
    assert "right if" in legend
    (heads,) = re.findall(r'<table class="bars"><thead><tr>(.*?)</tr>', html)
    details = json.loads((tmp_path / "x" / "eval_details.json").read_text())
    (groups,) = (value for key, value in details.items() if key.startswith("by_"))
    scores = set(next(iter(groups.values()))) - {"support", "predicted_as", "low", "high"}
    names = METRICS[task].names | {"precision": "precision", "recall": "recall", "f1": "F1", "uas": "UAS"}
    if task == "sts":
        names = METRICS[task].names
    found = re.findall(r'<th scope="col">(.*?)</th>', unescape(heads))
    assert set(found) >= {names[score] for score in scores}
    assert ("precision" in scores) == (task in ("ynat", "nli", "ner", "re", "dp"))


def test_tags_that_differ_within_equal_entities_are_no_other_examples(tmp_path: Path) -> None:
    gold = ["B-PS", "I-PS", "O"]
    rows = [{"tokens": list("가나는")}]
    # An I- that continues nothing is no entity: the entities are the same, and the tags are shown.
    make_run(tmp_path / "x", "ner", [["B-PS", "I-PS", "I-LC"]], [gold], settings={"seed": 1}, rows=rows)
    make_run(tmp_path / "y", "ner", [gold], [gold], settings={"seed": 2}, rows=rows)
    report = build([tmp_path], resamples=10)
    assert not report.problems
    assert all(run["answers"] for run in embedded(report.files["index.html"], "ner")["runs"])


def test_the_threshold_that_makes_an_sts_answer_wrong_is_stated(tmp_path: Path) -> None:
    make_run(tmp_path / "x", "sts", [2.99, 5.0, 0.0], [3.0, 3.0, 2.9], settings={"seed": 1})
    html = build([tmp_path], resamples=10).files["index.html"]
    assert embedded(html, "sts")["runs"][0]["right"] == [0, 1, 1]
    assert f"threshold is that of KLUE&#39;s F1, {sts.THRESHOLD}" in html


def test_task_names_are_anchors(tmp_path: Path) -> None:
    make_run(tmp_path / "x", "nli", *nli_answers(6, 2), settings={"seed": 1})
    make_run(tmp_path / "y", "nli", *nli_answers(9, 2), settings={"seed": 1})
    make_run(tmp_path / "z", "sts", [1.0, 4.0], [1.0, 4.0], settings={"seed": 1})
    html = build([tmp_path], resamples=10).files["index.html"]
    assert re.findall(r'<section class="task" id="(.*?)"', html) == ["sts", "nli", "nli-2"]
    assert re.findall(r'<a href="#(.*?)"', html)[:4] == ["overview", "sts", "nli", "nli-2"]
    assert len(embedded(html, "nli-2")["ids"]) == 9


def test_heads_of_confusion_matrices_are_class_names(files: dict[str, str]) -> None:
    heads = re.findall(r'<table class="matrix"><thead><tr>(.*?)</tr>', files["index.html"])
    assert len(heads) == 3
    for head in heads:
        assert re.findall(r"<span>(.*?)</span>", head) == ["entailment", "neutral", "contradiction"]


def overview(html: str) -> dict[str, list[str]]:
    """Return the rows of the table of all tasks: model -> primary scores."""
    (table,) = re.findall(r'<table class="sortable primary-only".*?</table>', html, flags=re.DOTALL)
    rows = {}
    for label, row in re.findall(r'<tr data-label="(.*?)"(.*?)</tr>', table, flags=re.DOTALL):
        cells = re.findall(r'<td class="score" data-v="(.*?)">(.*?)</td>', row, flags=re.DOTALL)
        rows[label] = [
            (value[:5] + " " + "".join(re.findall(r"best of \d+", text))).strip() for value, text in cells
        ]
    return rows


def test_a_model_is_not_spread_over_rows_of_dashes(tmp_path: Path) -> None:
    """Complete configurations have a row each; for others, the model has one row with the best."""
    for rate, wrong_every in ((1e-4, 2), (1e-3, 3), (1e-5, 7)):
        settings = {"seed": 1, "learning_rate": rate}
        make_run(tmp_path / f"nli{rate}", "nli", *nli_answers(60, wrong_every), settings=settings)
    sts_sides = [1.0, 2.0, 4.0], [1.0, 2.0, 4.0]
    make_run(tmp_path / "sts", "sts", *sts_sides, settings={"seed": 1, "learning_rate": 3e-5})
    assert overview(build([tmp_path], resamples=10).files["index.html"]) == {"a": ["100.0", "85.0 best of 3"]}
    for rate in (1e-4, 1e-3, 1e-5):
        settings = {"seed": 1, "learning_rate": rate}
        make_run(tmp_path / f"sts{rate}", "sts", *sts_sides, settings=settings)
    shutil.rmtree(tmp_path / "sts")
    assert overview(build([tmp_path], resamples=10).files["index.html"]) == {
        "a (learning_rate 0.0001)": ["100.0", "50.0"],
        "a (learning_rate 0.001)": ["100.0", "66.66"],
        "a (learning_rate 1e-05)": ["100.0", "85.0"],
    }


def test_settings_date_and_version_of_each_run_are_shown(tmp_path: Path) -> None:
    told = {
        "eval_date": "2026-01-02",
        "klue_hub_version": "0.9.1",
        "data_hash": "abc123",
        "task_version": "1.0",
    }
    for name, rate in (("x", 1e-4), ("y", 1e-3)):
        settings = {"seed": 1, "learning_rate": rate, "pooling": "mean", "output_dir": "/home/someone/x"}
        make_run(tmp_path / name, "nli", *nli_answers(6, 2), settings=settings, **told)
    files = build([tmp_path], resamples=10).files
    (table,) = re.findall(r'<details class="runs">.*?</table>', files["index.html"], flags=re.DOTALL)
    rows = {}
    for kind, head, cells in re.findall(
        r"<tr( class=.differs.)?><th scope=.row.*?>(.*?)</th>(.*?)</tr>", table
    ):
        rows[head] = (bool(kind), re.findall(r"<td>(.*?)</td>", cells))
    assert rows["date"] == (False, ["2026-01-02"] * 2)
    assert rows["klue-hub version"] == (False, ["0.9.1"] * 2)
    assert rows["learning_rate"] == (True, ["0.0001", "0.001"])
    assert rows["pooling"] == (False, ["mean", "mean"])
    assert rows["folder"][1] == ["x", "y"]
    assert not {"output_dir", "lora_r", "dataset_name", "do_train"} & set(rows)
    runs = json.loads(files["report.json"])["boards"][0]["runs"]
    assert [run["label"] for run in runs] == ["a (learning_rate 0.0001)", "a (learning_rate 0.001)"]
    assert [run["settings"]["learning_rate"] for run in runs] == [1e-4, 1e-3]
    assert {run["date"] for run in runs} == {"2026-01-02"}
    assert "| a (learning_rate 0.001) | y | 2026-01-02 | 0.9.1 | 1.0 | – | abc123 |" in files["report.md"]


def test_names_of_the_compared_runs_are_in_the_page(files: dict[str, str]) -> None:
    assert embedded(files["index.html"], "nli")["labels"] == ["a", "b"]


def test_a_real_run(tiny: Path, tmp_path: Path) -> None:
    from recipes.engine import run as story
    from recipes.engine.command_line import make_parser, parse

    words = [
        "--mini",
        "--max_train_samples",
        "32",
        "--max_eval_samples",
        "20",
        "--max_steps",
        "2",
        "--use_cpu",
    ]
    words += [
        "--model_name_or_path",
        str(tiny),
        "--output_dir",
        str(tmp_path / "run"),
        "--disable_tqdm",
        "true",
    ]
    results = story.run("re", parse(make_parser("re", ""), "re", words))
    report = build([tmp_path], resamples=20)
    assert not report.problems
    (row,) = json.loads(report.files["report.json"])["boards"][0]["rows"]
    assert row["model"] == "tiny"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", results["eval_date"])
    assert row["scores"]["micro_f1"]["mean"] == results["eval_micro_f1"]
    assert row["scores"]["micro_f1"]["constant"] == results["constant_micro_f1"]
    answers = embedded(report.files["index.html"], "re")
    assert len(answers["ids"]) == 20
    assert all("⟦" in text and "⟨" in text for text in answers["texts"])


def test_help_is_quick_and_says_how(cold_python) -> None:
    done = cold_python("-X", "importtime", "-m", "recipes.report", "--help")
    assert "python -m recipes.report out/ --output report/" in done.stdout
    assert not re.search(r"\| +(numpy|torch|datasets|jinja2)$", done.stderr, flags=re.MULTILINE)


def test_the_demo_ends_with_the_report() -> None:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert recipe is not None
    assert recipe[1].splitlines()[-1].endswith("-m recipes.report out/demo --output out/demo/report")


def test_runs_whose_examples_are_one_cluster_are_not_compared() -> None:
    cases = Cases(["a", "b"], ["neutral"] * 2, ["neutral", "entailment"], {"clusters": ["x", "x"]})
    groups = [SimpleNamespace(runs=[SimpleNamespace(name=name, task="nli")]) for name in ("one", "two")]
    pairs, notes = comparisons(groups, {"one": cases, "two": cases}, 20)
    assert pairs == []
    assert notes == ["nli: all examples are in one cluster, so no runs can be compared."]
