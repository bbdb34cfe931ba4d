"""Tests of records: those of runs, files of records, and published scores."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_up_records import made_up_record, records_with
from payloads import PAYLOADS
from runs import read, run
from safetensors.torch import load_file, save_file

from hub_cards import read_published
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.engine.eval_entries import LEADERBOARDS, from_entries, merged_file, to_entries
from recipes.engine.published_range import range_sentences
from recipes.engine.result_record import (
    MetricScore,
    RecordError,
    ScoredData,
    read_records,
    record_from,
    record_of_run,
    unique,
)
from recipes.engine.results import write_json_lines
from recipes.leaderboard.record_sources import Found, find_records, published_records
from recipes.leaderboard.standings import standings
from recipes.records import main


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return a record as JSON with another value at a path such as ``data.split``."""
    record = copy.deepcopy(made_up_record().to_json())
    *inner, last = path.split(".")
    target = record
    for key in inner:
        target = target[key]
    target[last] = value
    return record


def test_every_run_writes_its_record(finished: tuple[str, Path]) -> None:
    task, folder = finished
    [record] = read_records(folder / "result.jsonl")
    results, details = read(folder / "all_results.json"), read(folder / "eval_details.json")
    assert record == record_of_run(folder)
    assert (record.task, record.task_version) == (task, TASKS[task].version)
    assert list(record.scores) == list(details["scores"])
    for key, score in record.scores.items():
        assert score.score == results[f"eval_{key}"]
        assert (score.low, score.high) == (details["scores"][key]["low"], details["scores"][key]["high"])
    assert not record.data.is_official
    assert record.data.examples == results["eval_samples"]
    assert record.model.parameters == results["parameters"]
    assert record.method.seeds == [42]
    assert "max_steps=10" in record.method.changes
    assert record.speed.latency_ms is not None
    assert record.speed.latency_ms > 0
    assert record.predictions == "predictions_validation.jsonl"
    assert str(folder) not in (folder / "result.jsonl").read_text()


def test_presets_are_recognised(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path / "run", "--preset", "tuned", "--seed", "7")
    method = record_of_run(tmp_path / "run").method
    assert (method.preset, method.seeds) == ("tuned", [7])
    assert "learning_rate=0.001" in method.changes  # of the tests
    assert not any(change.startswith(("pooling", "seed", "output_dir")) for change in method.changes)


def test_folders_of_this_machine_are_not_told(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "tokenizer")
    run("nli", tiny, tmp_path / "run", "--set", f"tokenizer_name={tmp_path}/tokenizer")
    assert 'tokenizer_name="tokenizer"' in record_of_run(tmp_path / "run").method.changes
    assert str(tmp_path) not in (tmp_path / "run" / "result.jsonl").read_text()
    assert str(tiny) not in (tmp_path / "run" / "result.jsonl").read_text()


def test_an_evaluation_elsewhere_knows_the_method_of_its_model(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path / "run", "--seed", "7")
    run("nli", tmp_path / "run", tmp_path / "again", "--do_eval")
    first, again = (record_of_run(tmp_path / name) for name in ("run", "again"))
    assert again.method == first.method
    assert again.model == first.model
    assert again.scores == first.scores
    assert again.id == first.id


def test_records_come_back_whole() -> None:
    for record in (made_up_record(task) for task in TASKS):
        assert record_from(json.loads(json.dumps(record.to_json())), "here") == record


def test_records_with_any_text_come_back_from_a_file(tmp_path: Path) -> None:
    """Even with characters that other programs treat as line breaks, such as U+2028."""
    texts = [*PAYLOADS, "a\u2028b", "a\x85b", "a\x0bb\x1cc"]
    records = [record for text in texts for record in records_with(text)]
    write_json_lines(tmp_path / "all.jsonl", [record.to_json() for record in records])
    assert list(read_records(tmp_path / "all.jsonl")) == records
    assert len(records) > 600


def test_long_settings_are_no_paths(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path / "run", "--run_name", "a/" * 3_000)
    assert len(list(read_records(tmp_path / "run" / "result.jsonl"))) == 1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("schema", 2, "schema is 2; expected 1"),
        ("task", "kopi", "task is 'kopi'; expected one of ynat"),
        ("data.split", "dev", "data.split is 'dev'; expected one of validation, test"),
        ("method.kind", "guessed", "method.kind is 'guessed'"),
        ("scores", {}, "scores is empty"),
        ("scores.accuracy", {"score": 1.0}, "scores has 'accuracy'; ynat has macro_f1"),
        ("scores.macro_f1.score", 123.0, "scores.macro_f1 has 123.0; expected a number from -100 to 100"),
        ("scores.macro_f1.score", "80", 'score is "80"; expected a number'),
        ("model", "klue/roberta-base", 'model: is "klue/roberta-base"; expected an object'),
        ("model.parameters", 1.5, "parameters is 1.5; expected a whole number"),
        ("method.seeds", 42, "seeds is 42; expected a list"),
        ("data.is_official", "yes", 'is_official is "yes"; expected true or false'),
        ("data.version", None, "official without a version"),
        ("colour", "red", "unknown key 'colour'"),
    ],
)
def test_what_is_no_record_is_named(path: str, value: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(json.dumps(made_up_record().to_json()) + "\n\n" + json.dumps(changed(path, value)) + "\n")
    with pytest.raises(RecordError) as error:
        list(read_records(file))
    assert said in str(error.value)
    assert str(error.value).startswith(f"{file}:3")


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"task": "ynat"}', '{"schema": NaN}'])
def test_lines_that_are_no_records_are_named(line: str, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text(line + "\n")
    assert main(["validate", str(file)]) == 1
    assert f": {file}:1" in capsys.readouterr().err


def test_local_models_of_one_name_are_different_models(tiny: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        base = tmp_path / str(number) / "enc"
        shutil.copytree(tiny, base)
        weights = load_file(base / "model.safetensors")
        save_file({name: tensor + number for name, tensor in weights.items()}, base / "model.safetensors")
        run("nli", base, tmp_path / "runs" / str(number), "--max_steps", "1")
    shutil.copytree(tmp_path / "1", tmp_path / "moved")
    run("nli", tmp_path / "moved" / "enc", tmp_path / "runs" / "3", "--max_steps", "1", "--seed", "7")
    records = [one.record for one in find_records([tmp_path / "runs"])]
    assert {record.model.name for record in records} == {"enc"}
    assert len(records) == 3
    [standing] = standings(map(Found, records))
    assert sorted(row.seeds for row in standing.rows) == [1, 2]


def test_validation_names_every_invalid_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    valid = json.dumps(made_up_record().to_json())
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text(f'{{"task": "foo"}}\n{valid}\n{{\n')
    second.write_text("[]\n")
    assert main(["validate", str(tmp_path), str(second)]) == 1
    captured = capsys.readouterr()
    assert f"{tmp_path}: 1 records" in captured.out
    places = [f"{first}:1", f"{first}:3", f"{second}:1", f"{second}:1"]
    lines = captured.err.splitlines()
    assert len(lines) == 4
    assert all(place in line for place, line in zip(places, lines, strict=True))


def test_published_scores_are_records_of_two_splits() -> None:
    records = published_records()
    for block, split in (("test", "test"), ("dev", "validation")):
        rows = read_published()[block]["rows"]
        for model, tasks in rows.items():
            for task, scores in tasks.items():
                [record] = [
                    one
                    for one in records
                    if (one.model.name, one.task, one.data.split) == (model, task, split)
                ]
                assert {key: row.score for key, row in record.scores.items()} == scores
    assert len(records) == len(unique(records)) == 8 * 19
    assert all(record_from(record.to_json(), "here") == record for record in records)


def test_runs_are_added_listed_and_replaced(finished: tuple[str, Path], tmp_path: Path, capsys: Any) -> None:
    task, folder = finished
    file = tmp_path / "results" / "team.jsonl"
    for _ in range(2):
        assert main(["add", str(folder), "--to", str(file)]) == 0
    assert "1 records, 0 more than before" in capsys.readouterr().out
    expected = dataclasses.replace(record_of_run(folder), predictions=None)  # which stay with the run
    assert [one.record for one in find_records([file])] == [expected]
    [of_run] = find_records([folder])
    assert of_run.predictions == folder / "predictions_validation.jsonl"
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    settings = read(other / "recipe_arguments.json") | {"seed": 43}
    (other / "recipe_arguments.json").write_text(json.dumps(settings))
    (other / "result.jsonl").unlink()  # as in folders of earlier versions
    assert main(["add", str(other), "--to", str(file)]) == 0
    assert "2 records, 1 more than before" in capsys.readouterr().out
    assert main(["list", str(file), "--task", task]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert ["seed 42" in line or "seed 43" in line for line in lines[1:]] == [True, True]


def test_a_wrong_target_is_refused_and_nothing_is_written(tmp_path: Path, capsys: Any) -> None:
    assert main(["add", str(tmp_path / "none"), "--to", str(tmp_path / "a.jsonl")]) == 1
    assert "There is no" in capsys.readouterr().err
    assert main(["add", str(tmp_path), "--to", str(tmp_path / "a.txt")]) == 1
    assert "expected a file that ends in .jsonl" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_leaderboards_are_the_fourteen_official_metrics() -> None:
    assert len(LEADERBOARDS) == 14
    assert all(key in METRICS[task].names for task, key in LEADERBOARDS.values())


@pytest.mark.parametrize("task", TASKS)
def test_entries_have_one_leaderboard_each_and_come_back(task: str) -> None:
    record = made_up_record(task)
    entries = to_entries(record)
    assert [entry.task_id for entry in entries] == list(TASKS[task].leaderboards.values())
    assert {entry.dataset_id for entry in entries} == {"klue/klue"}
    assert all(entry.source_url and entry.date and "KLUE 1.1.0" in entry.notes for entry in entries)
    [again] = from_entries(record.model.name, entries)
    assert {key: row.score for key, row in again.scores.items()} == {
        key: record.scores[key].score for key in TASKS[task].leaderboards
    }
    assert (again.task, again.data.version, again.date) == (task, "1.1.0", record.date)


def test_nothing_is_reported_for_other_data() -> None:
    for data in (
        ScoredData("klue-hub mini corpus", "validation", is_official=False),
        ScoredData("KLUE", "test", is_official=True, version="1.1.0"),
    ):
        assert to_entries(made_up_record(data=data)) == []


def test_entries_of_others_stay_in_a_file() -> None:
    other = dataclasses.replace(to_entries(made_up_record("nli"))[0], task_id="gpqa", dataset_id="a/b")
    old = merged_file("", [other, *to_entries(made_up_record("nli", score=10.0))])
    new = merged_file(old, to_entries(made_up_record("nli", score=90.0)))
    assert new.count("task_id: nli") == 1
    assert "task_id: gpqa" in new
    assert "value: 90.0" in new
    assert "value: 10.0" not in new


def test_scores_are_placed_among_published_ones_of_the_same_data() -> None:
    results = {"eval_data_is_official": True, "eval_macro_f1": 86.0}
    details = {"scores": {"macro_f1": {"low": 85.0, "high": 86.95}}}
    [sentence] = range_sentences("ynat", results, details)
    known = [row["ynat"]["macro_f1"] for row in read_published()["dev"]["rows"].values()]
    above, below = sum(score > 86.95 for score in known), sum(score < 85.0 for score in known)
    near = len(known) - above - below
    assert f"{above} are higher, {below} lower, {near} within noise" in sentence
    assert "KLUE-BERT-base (86.95)" in sentence
    assert range_sentences("ynat", results | {"eval_data_is_official": False}, details) == []
    assert range_sentences("ynat", results | {"eval_macro_f1": None}, details) == []


def test_undefined_scores_are_kept_as_such() -> None:
    record = made_up_record(
        "sts", scores={"pearsonr": MetricScore(None), "f1": MetricScore(50.0, 40.0, 60.0)}
    )
    assert record_from(record.to_json(), "here") == record
    assert [entry.task_id for entry in to_entries(record)] == ["sts_f1"]
