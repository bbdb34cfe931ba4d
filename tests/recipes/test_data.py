"""Tests of the recognition of official data by its content, and of its record."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from checkout import ROOT
from made_up_runs import make_run, nli_answers
from runs import read

import klue_datasets
import klue_metrics
from klue_datasets.content import content_hash, content_version
from klue_datasets.tasks import TASKS
from klue_metrics.predictions import CLUSTERED_BY, Source
from klue_metrics.scoring import compare, format_comparison
from recipes.arguments import RecipeArguments, UsageError
from recipes.engine.data import load_data
from recipes.reporting.runs import find_runs, make_boards

HELD = ("sts", "nli", "ner", "dp")  # whose official dev files lie in the shared folder
OPTIONS = {"resamples": 10, "confidence": 0.95, "method": "percentile", "seed": 0}
EVALUATE = RecipeArguments(dataset_name="klue/klue", do_eval=True)


def changed(rows: datasets.Dataset, column: str, place: int) -> datasets.Dataset:
    """Return the rows with one value of a column replaced by that of another row."""
    values = list(rows[column])
    values[place] = next(value for value in values if value != values[place])
    return rows.remove_columns(column).add_column(column, values, feature=rows.features[column])


@pytest.mark.parametrize("task", TASKS)
def test_the_content_hash_sees_inputs_gold_and_order_in_both_views(task: str) -> None:
    views = [
        klue_datasets.load(task, "validation[:40]", mini=True, hub_compatible=hub) for hub in (False, True)
    ]
    rows = views[0]
    place = list(rows["is_impossible"]).index(False) if task == "mrc" else 1
    known = content_hash(task, rows)
    assert content_hash(task, views[1]) == known
    assert len(TASKS[task].scored_columns) > 0
    for column in TASKS[task].scored_columns:
        assert content_hash(task, changed(rows, column, place)) != known, column
    assert content_hash(task, rows.select([1, 0, *range(2, len(rows))])) != known
    assert content_hash(task, rows.select(range(len(rows) - 1))) != known
    others = [name for name in rows.column_names if name not in TASKS[task].scored_columns]
    assert content_hash(task, rows.remove_columns(others)) == known
    with pytest.raises(ValueError, match=f"have no column {TASKS[task].scored_columns[0]}"):
        content_hash(task, rows.remove_columns(TASKS[task].scored_columns[0]))


@pytest.mark.parametrize("task", HELD)
def test_official_dev_rows_are_recognised_and_one_changed_answer_is_not(task: str, shared: Path) -> None:
    rows = klue_datasets.load(task, "validation", data_dir=shared / "data/klue-v1.1-dev", hub_compatible=True)
    assert content_version(task, rows) == "1.1.0"
    assert content_version(task, changed(rows, TASKS[task].scored_columns[-1], 7)) is None


def on_the_hub(monkeypatch: pytest.MonkeyPatch, rows: datasets.Dataset) -> None:
    """Make datasets return these rows as the validation split of any data set."""
    builder = SimpleNamespace(
        config=SimpleNamespace(data_files=None),
        download_and_prepare=lambda: None,
        as_dataset=lambda: datasets.DatasetDict({"validation": rows}),
    )
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *args, **kwargs: builder)


def test_rows_of_the_hub_are_official_by_content_not_by_name_and_count(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = klue_datasets.load(
        "sts", "validation", data_dir=shared / "data/klue-v1.1-dev", hub_compatible=True
    )
    on_the_hub(monkeypatch, rows)
    data = load_data("sts", EVALUATE)
    assert (data.is_official, data.version, data.is_comparable) == (True, "1.1.0", True)
    cut = load_data("sts", dataclasses.replace(EVALUATE, max_eval_samples=100))
    assert (cut.is_official, cut.version, len(cut.splits["validation"])) == (False, "1.1.0", 100)
    on_the_hub(monkeypatch, changed(rows, "labels", 3))
    data = load_data("sts", EVALUATE)
    assert (data.is_official, data.version, data.is_comparable) == (False, None, True)
    mirror = dataclasses.replace(EVALUATE, dataset_name="somebody/klue-mirror")
    on_the_hub(monkeypatch, rows)
    assert load_data("sts", mirror).is_official


@pytest.mark.parametrize("task", TASKS)
def test_what_cannot_be_compared_is_not_official_and_says_so(
    task: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = klue_datasets.load(task, "validation[:5]", mini=True)
    repeated = datasets.concatenate_datasets([rows] * -(-TASKS[task].counts["validation"] // 5))
    on_the_hub(monkeypatch, repeated.select(range(TASKS[task].counts["validation"])))
    with caplog.at_level(logging.WARNING):
        data = load_data(task, EVALUATE)
    assert (data.is_official, data.version) == (False, None)
    assert data.is_comparable == (task in HELD)
    is_told = "cannot be compared with it, and its scores do not count as official" in caplog.text
    assert is_told == (task not in HELD)


@pytest.mark.parametrize("task", TASKS)
def test_a_held_out_part_of_train_takes_the_place_of_validation(task: str) -> None:
    """Groups are not divided, no row is lost, and the score is not official."""
    plain = load_data(task, RecipeArguments(mini=True, do_train=True, do_eval=True))
    arguments = RecipeArguments(mini=True, do_train=True, do_eval=True, held_out_fraction=0.2)
    data = load_data(task, arguments)
    assert data.name == "klue-hub mini corpus, 20% of train held out"
    assert (data.is_official, data.version) == (False, None)
    train, held = data.splits["train"], data.splits["validation"]
    whole = plain.splits["train"]
    assert sorted([*train["guid"], *held["guid"]]) == sorted(whole["guid"])
    column = CLUSTERED_BY.get(task)
    groups = [set(rows[column]) if column else set(range(len(rows))) for rows in (whole, held)]
    assert len(groups[1]) == len(groups[0]) // 5
    assert not column or groups[1].isdisjoint(train[column])
    few = dataclasses.replace(arguments, held_out_fraction=1e-5)
    with pytest.raises(ValueError, match="too few to hold out a share of 1e-05; expected 100000 or more"):
        load_data(task, few)
    with pytest.raises(UsageError, match=r"held_out_fraction is 1\.5; expected a number above 0"):
        RecipeArguments(held_out_fraction=1.5)


def test_a_revision_of_local_data_is_a_sentence(tmp_path: Path) -> None:
    for source in ({"mini": True}, {"dataset_name": str(tmp_path)}):
        arguments = RecipeArguments(dataset_revision="v1", do_eval=True, **source)
        with pytest.raises(ValueError, match="--dataset_revision is 'v1', but the data comes from local"):
            load_data("nli", arguments)


def test_results_name_the_versions_of_task_and_data(finished: tuple[str, Path]) -> None:
    task, folder = finished
    for name in ("eval_results.json", "all_results.json"):
        results = read(folder / name)
        assert results["task_version"] == TASKS[task].version
        assert (results["data_version"], results["data_revision"]) == (None, None)  # the mini corpus
    stated = f"Version of the task: {TASKS[task].version}."
    assert stated in (folder / "README.md").read_text(encoding="utf-8")
    assert stated in (ROOT / f"klue_metrics/klue_{task}/README.md").read_text(encoding="utf-8")
    assert f"version {TASKS[task].version} of the task" in klue_metrics.load(task).description


def two_runs(folder: Path, **versions: Any) -> list[Path]:
    """Write runs with the same answers, whose results have the given versions."""
    runs = []
    for seed, (name, version) in enumerate(versions.items()):
        official = {"eval_data_is_official": True, "data_version": version, "task_version": "1.0"}
        run = make_run(folder / name, "nli", *nli_answers(12, 4), settings={"seed": seed}, **official)
        (run / "eval_results.json").write_text((run / "all_results.json").read_text())
        runs.append(run)
    return runs


def test_runs_on_different_versions_stand_apart_and_a_comparison_warns(tmp_path: Path) -> None:
    old, new = two_runs(tmp_path / "apart", old="1.0.0", new="1.1.0")
    boards = make_boards(find_runs([tmp_path / "apart"])[0])
    assert [board.data for board in boards] == ["KLUE 1.0.0", "KLUE 1.1.0"]
    paths = [str(run / "predictions_validation.jsonl") for run in (old, new)]
    report = compare("nli", *paths, Source(), **OPTIONS)
    [note] = report["notes"]
    assert "The version of the data is 1.0.0 for" in note
    assert "Warning: The version of the data" in format_comparison(report, "a", "b")
    assert json.dumps(report["notes"])
    one, other = two_runs(tmp_path / "together", one="1.1.0", other="1.1.0")
    assert len(make_boards(find_runs([tmp_path / "together"])[0])) == 1
    paths = [str(run / "predictions_validation.jsonl") for run in (one, other)]
    assert compare("nli", *paths, Source(), **OPTIONS)["notes"] == []
