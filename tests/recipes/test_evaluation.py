"""Tests of evaluation: predictions without gold labels, scores, and the number of right answers."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from made_up_runs import embedded, make_run
from random_cases import make_case
from runs import predictions, read, roughly, run

import klue_datasets
from klue_metrics import scoring
from klue_metrics.functional import METRICS, bootstrap
from klue_metrics.module import KlueModule
from klue_metrics.predictions import Source, load_cases
from recipes.engine import run as story
from recipes.engine.card_details import details
from recipes.engine.data import without_hidden_gold
from recipes.engine.results import strict
from recipes.reporting import page
from recipes.reporting.page import build
from recipes.tasks import get_recipe

ROWS = 6


def without_state(row: dict[str, Any]) -> dict[str, Any]:
    return {"dialogue": [{"role": turn["role"], "text": turn["text"]} for turn in row["dialogue"]]}


# How data has no gold that once had it: without the columns, and with what stands there when it is withheld.
MISSING: dict[str, Callable[[datasets.Dataset], datasets.Dataset]] = {
    "sts": lambda rows: rows.remove_columns("labels"),
    "ner": lambda rows: rows.remove_columns("ner_tags"),
    "dp": lambda rows: rows.remove_columns(["head", "deprel"]),
    "mrc": lambda rows: rows.remove_columns(
        ["answers", "is_impossible", "question_type", "plausible_answers"]
    ),
    "wos": lambda rows: datasets.Dataset.from_list(
        [{"guid": row["guid"], **without_state(row)} for row in rows]
    ),
    **dict.fromkeys(("ynat", "nli", "re"), lambda rows: rows.remove_columns("label")),
}
NOTHING = {"text": [], "answer_start": []}
WITHHELD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "sts": lambda row: {"labels": {"label": -1.0, "real-label": -1.0, "binary-label": -1}},
    "ner": lambda row: {"ner_tags": [-1] * len(row["ner_tags"])},
    "dp": lambda row: {"head": [-1] * len(row["head"]), "deprel": [""] * len(row["head"])},
    "mrc": lambda row: {"answers": NOTHING, "is_impossible": False},
    "wos": lambda row: {"dialogue": [{**turn, "state": None} for turn in row["dialogue"]]},
    **dict.fromkeys(("ynat", "nli", "re"), lambda row: {"label": -1}),
}
NONE = {"ynat": {"label": None}, "sts": {"labels": None}, "ner": {"ner_tags": None}, "mrc": {"answers": None}}


def with_splits(monkeypatch: pytest.MonkeyPatch, **splits: datasets.Dataset) -> None:
    """Replace the splits of the mini corpus."""
    load = story.load_data
    found = datasets.DatasetDict(splits)
    monkeypatch.setattr(story, "load_data", lambda *words: dataclasses.replace(load(*words), splits=found))


def mini(task: str) -> datasets.Dataset:
    return klue_datasets.load(task, f"validation[:{ROWS}]", mini=True)


@pytest.mark.parametrize("kind", ["missing", "withheld"])
def test_predicting_needs_no_gold(
    kind: str, finished: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder = finished
    rows = mini(task)
    rows = MISSING[task](rows) if kind == "missing" else rows.map(WITHHELD[task])
    with_splits(monkeypatch, test=rows)
    run(task, folder, tmp_path, "--do_predict")
    lines = [json.loads(line) for line in (tmp_path / "predictions_test.jsonl").read_text().splitlines()]
    assert len(lines) >= ROWS
    assert not any("reference" in line for line in lines)
    expected = predictions(folder)[: len(lines)]
    assert [line["guid"] for line in lines] == [line["guid"] for line in expected]
    assert [line["prediction"] for line in lines] == roughly([line["prediction"] for line in expected])


def test_predicting_in_the_folder_of_a_model_keeps_its_scores_and_card(
    finished: tuple[str, Path], tmp_path: Path
) -> None:
    task, folder = finished
    shutil.copytree(folder, tmp_path / "copy")
    names = ("all_results.json", "eval_results.json", "result.jsonl", "README.md")
    before = [(tmp_path / "copy" / name).read_text() for name in names]
    run(task, tmp_path / "copy", tmp_path / "copy", "--do_predict")
    assert [(tmp_path / "copy" / name).read_text() for name in names] == before


@pytest.mark.parametrize("task", METRICS)
def test_gold_is_withheld_in_all_rows_or_in_none(task: str) -> None:
    recipe, rows = get_recipe(task), mini(task)
    examples = recipe.prepare(rows)
    assert without_hidden_gold(recipe, "test", examples) is examples
    hidden = recipe.prepare(rows.map(WITHHELD[task]))
    bare = without_hidden_gold(recipe, "test", hidden)
    assert not {*recipe.gold} & {*bare.column_names}
    if task in NONE:
        nothing = rows.map(lambda row: NONE[task])
        assert not {*recipe.gold} & {*without_hidden_gold(recipe, "test", nothing).column_names}
    some = rows.map(lambda row, index: WITHHELD[task](row) if index else {}, with_indices=True)
    with pytest.raises(
        ValueError, match=rf"{task}: \d+ of \d+ test examples have no gold in .*; expected it in all"
    ):
        without_hidden_gold(recipe, "test", recipe.prepare(some))


def test_scoring_and_training_need_gold(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = mini("nli").map(WITHHELD["nli"])
    with_splits(monkeypatch, train=mini("nli"), validation=hidden)
    with pytest.raises(
        ValueError, match=r"nli: the validation split of .* has no gold \(label\); expected it"
    ):
        run("nli", tiny, tmp_path)
    with_splits(monkeypatch, train=hidden, validation=mini("nli"))
    with pytest.raises(ValueError, match=r"nli: the train split of .* has no gold \(label\); expected it"):
        run("nli", tiny, tmp_path)
    assert not any(tmp_path.iterdir())


def test_without_a_training_split_there_is_no_constant_baseline(
    finished: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    task, folder = finished
    with_splits(monkeypatch, validation=mini(task))
    with caplog.at_level(logging.INFO):
        run(task, folder, tmp_path, "--do_eval")
    results = read(tmp_path / "all_results.json")
    assert {results[f"constant_{key}"] for key in METRICS[task].names} == {None}
    card = (tmp_path / "README.md").read_text()
    shown = [
        line
        for line in card.splitlines()
        if line.startswith(tuple(f"| {n} |" for n in METRICS[task].names.values()))
    ]
    assert len(shown) >= len(METRICS[task].names)
    for line in shown[: len(METRICS[task].names)]:
        assert line.endswith("| undefined |")
    assert f"{task}: there is no training split, so there is no constant baseline." in caplog.messages
    assert any("(constant baseline: undefined)" in message for message in caplog.messages)


def test_an_evaluation_is_scored_once(
    finished: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder = finished
    calls = []
    compute = KlueModule._compute
    monkeypatch.setattr(
        KlueModule, "_compute", lambda *words, **more: calls.append(1) or compute(*words, **more)
    )
    rescored = []
    for place in (scoring, bootstrap):
        original = place.intervals
        monkeypatch.setattr(place, "intervals", lambda *w, f=original, **m: rescored.append(1) or f(*w, **m))
    run(task, folder, tmp_path / "run", "--do_eval")
    assert (len(calls), len(rescored)) == (1, 1)  # by evaluate; and the card read what was kept
    for name in ("by_length", "by_source"):  # which score parts of the examples
        monkeypatch.setattr(page, name, lambda *_: [])
    report = build([tmp_path / "run"], resamples=10)
    assert (len(calls), len(rescored)) == (1, 1)
    (row,) = json.loads(report.files["report.json"])["boards"][0]["rows"]
    kept = read(tmp_path / "run" / "eval_details.json")
    results = read(tmp_path / "run" / "all_results.json")
    card = (tmp_path / "run" / "README.md").read_text()
    for key, name in METRICS[task].names.items():
        score = kept["scores"][key]
        assert score["score"] == results[f"eval_{key}"]
        assert (row["scores"][key]["low"], row["scores"][key]["high"]) == (score["low"], score["high"])
        if score["low"] is not None:
            assert f"| {name} | {score['score']:.2f} | {score['low']:.2f} to {score['high']:.2f} |" in card


def test_what_is_kept_is_what_the_predictions_file_scores(finished: tuple[str, Path]) -> None:
    task, folder = finished
    path = str(folder / "predictions_validation.jsonl")
    kept = read(folder / "eval_details.json")
    again = strict(
        scoring.score(task, path, Source(), resamples=1000, confidence=0.95, method="percentile", seed=0)
    )
    assert kept == again
    assert any(key.startswith("by_") for key in kept)
    assert ("confusion" in kept) == (task in ("ynat", "sts", "nli", "re"))
    assert (kept["clusters"] is not None) == (task in ("nli", "mrc", "wos"))


def judged_case(task: str) -> tuple[list[Any], list[Any], list[dict[str, Any]]]:
    """Return random answers, and answers on which card and report once disagreed."""
    golds: list[Any]
    answers, golds = make_case(task, seed=3)
    rows: list[dict[str, Any]] = [{} for _ in golds]
    if task == "ner":
        rows = [{"tokens": ["가"] * len(gold)} for gold in golds]
        gold = ["B-PS", "I-PS", "O", "O"]
        answers += [["B-PS", "I-PS", "I-PS", "O"], ["B-PS", "I-PS", "O", "I-LC"]]
        golds += [gold, gold]
        rows += [{"tokens": ["민", "수", " ", "끝"]}] * 2
    elif task == "mrc":
        answers.append({"guid": "p", "prediction_text": "『한 달』, 약"})
        golds.append({"guid": "p", "answers": {"text": ["『한 달』 약.", "두 달"], "answer_start": [0, 9]}})
        names = [f"mrc-{index:03d}" for index in range(len(golds))]  # as in the file
        answers = [{**answer, "guid": name} for answer, name in zip(answers, names, strict=True)]
        golds = [{**gold, "guid": name} for gold, name in zip(golds, names, strict=True)]
        rows = [{} for _ in golds]
    elif task == "wos":
        answers.append(["a-b-c", "a-b-c"])
        golds.append(["a-b-c"])
        rows = [{"turn": 0} for _ in golds]
    return answers, golds, rows


@pytest.mark.parametrize("task", METRICS)
def test_card_and_report_count_the_same_right_answers(task: str, tmp_path: Path) -> None:
    answers, golds, rows = judged_case(task)
    folder = make_run(tmp_path / "run", task, answers, golds, settings={"seed": 1}, rows=rows)
    path = folder / "predictions_validation.jsonl"
    cases = load_cases(task, str(path), Source())
    expected = int(scoring.right_answers(task, cases).sum())
    assert 0 < expected < len(golds)
    card = details(task, read(folder / "eval_details.json"), path, None)
    assert (card.right, card.answers) == (expected, len(golds))
    assert card.wrong is not None
    shown = embedded(build([tmp_path], resamples=10).files["index.html"], task)
    assert (shown["total"], shown["wrong"]) == (len(golds), len(golds) - expected)
    right = dict(zip(shown["ids"], shown["runs"][0]["right"], strict=True))
    assert sum(right.values()) == expected
    texts = dict(zip(shown["ids"], shown["runs"][0]["answers"], strict=True))
    if task == "ner":
        blank, orphan = (f"ner-{len(golds) - back:03d}" for back in (2, 1))
        assert (right[blank], right[orphan]) == (1, 0)
        assert texts[blank] == "민수  (PS)"
        assert texts[orphan] == "민수 (PS); tags: 끝 I-LC"
    if task == "mrc":
        assert right[f"mrc-{len(golds) - 1:03d}"] == 1
        assert expected == round(np.mean([right[name] for name in right]) * len(golds))
