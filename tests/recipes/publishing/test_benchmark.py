"""Tests of KLUE as a benchmark on the Hub: leaderboards, and results by pull request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_server import HubServer
from made_up_records import made_up_record
from publishing import Fresh

from klue_datasets.tasks import TASKS
from recipes.engine.result_record import ScoredData, read_records
from recipes.publish import main

PATH = ".eval_results/klue.yaml"


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record.to_json()) + "\n" for record in records))
    return path


def test_results_go_to_the_hub_and_come_back(hub: HubServer, fresh: Fresh, tmp_path: Path) -> None:
    """In new processes: upload the data set, propose results, merge them, and build a leaderboard."""
    fresh(
        "-m", "klue_datasets", "export", "--mini", "--tasks", "ynat", "sts", "--output_dir", tmp_path / "klue"
    )
    benchmark = yaml.safe_load((tmp_path / "klue" / "eval.yaml").read_text())
    assert [(row["id"], row["config"]) for row in benchmark["tasks"]] == [
        ("ynat", "ynat"), ("sts_pearsonr", "sts"), ("sts_f1", "sts"),
    ]  # fmt: skip
    assert {row["split"] for row in benchmark["tasks"]} == {"validation"}
    fresh("-m", "recipes.publish", "dataset", "--folder", tmp_path / "klue", "--repo_id", "me/klue")
    (tmp_path / "model" / ".eval_results").mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_text("{}")
    theirs = {"dataset": {"id": "a/b", "task_id": "gpqa"}, "value": 1.0}
    (tmp_path / "model" / PATH).write_text(yaml.safe_dump([theirs]))
    hub.store.put("model", "them/roberta", tmp_path / "model")
    results = write(tmp_path / "r.jsonl", *(made_up_record(task, "roberta") for task in ("ynat", "sts")))
    words = ["scores", "--results", results, "--repo_id", "them/roberta", "--dataset_id", "me/klue"]
    assert "Opened a pull request: " in fresh("-m", "recipes.publish", *words).stdout
    before = yaml.safe_load(hub.files("model", "them/roberta")[PATH])
    assert before == [theirs]  # until somebody merges it
    hub.store.merge("model", "them/roberta")
    after = yaml.safe_load(hub.files("model", "them/roberta")[PATH])
    assert [entry["dataset"]["task_id"] for entry in after] == ["gpqa", "ynat", "sts_pearsonr", "sts_f1"]
    said = fresh(
        "-m", "recipes.board", "--from_hub", "me/klue", "--no_published", "--output", tmp_path / "site"
    )
    assert "index.html" in said.stdout
    records = list(read_records(tmp_path / "site" / "results.jsonl"))
    assert {(record.model.name, record.task) for record in records} == {
        ("them/roberta", "ynat"), ("them/roberta", "sts"),
    }  # fmt: skip
    assert {row.score for record in records for row in record.scores.values()} == {80.0}


@pytest.mark.usefixtures("here")
def test_a_board_becomes_a_static_space(hub: HubServer, tmp_path: Path, capsys: Any) -> None:
    from recipes.board import main as board

    results = write(tmp_path / "r.jsonl", made_up_record())
    assert board([str(results), "--output", str(tmp_path / "site")]) == 0
    assert main(["board", "--folder", str(tmp_path / "site"), "--repo_id", "me/klue-board"]) == 0
    files = hub.files("space", "me/klue-board")
    assert {"index.html", "board.js", "board.css", "tasks/ynat.html", "README.md"} <= set(files)
    assert hub.store.repos["space", "me/klue-board"].sdk == "static"
    settings = yaml.safe_load(files["README.md"].decode().split("---\n")[1])
    assert (settings["sdk"], settings["app_file"]) == ("static", "index.html")
    # A model that is gone leaves no page behind.
    other = write(tmp_path / "r.jsonl", made_up_record(name="another"))
    assert board([str(other), "--output", str(tmp_path / "site"), "--no_published"]) == 0
    assert main(["board", "--folder", str(tmp_path / "site"), "--repo_id", "me/klue-board"]) == 0
    pages = [path for path in hub.files("space", "me/klue-board") if path.startswith("models/")]
    assert pages == ["models/another.html"]
    capsys.readouterr()
    assert main(["board", "--folder", str(tmp_path), "--repo_id", "me/klue-board"]) == 1
    assert "holds no leaderboard" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_what_is_not_official_or_not_clear_is_not_proposed(
    hub: HubServer, tmp_path: Path, capsys: Any
) -> None:
    other = ScoredData("klue-hub mini corpus", "validation", is_official=False)
    words = ["scores", "--repo_id", "me/none", "--results"]
    assert main([*words, str(write(tmp_path / "a.jsonl", made_up_record(data=other)))]) == 1
    assert "none of the 1 results is on KLUE's official validation split" in capsys.readouterr().err
    two = write(tmp_path / "b.jsonl", made_up_record(), made_up_record(name="lab/other"))
    assert main([*words, str(two)]) == 1
    assert "several results for ynat; expected one" in capsys.readouterr().err
    assert main([*words, str(write(tmp_path / "c.jsonl", made_up_record()))]) == 1
    assert "me/none: the Hub has no such repository" in capsys.readouterr().err
    assert not any("commit" in request for request in hub.requests)


@pytest.mark.usefixtures("here")
def test_a_dry_run_proposes_nothing(hub: HubServer, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    hub.store.put("model", "them/dry", tmp_path / "model")
    results = write(tmp_path / "r.jsonl", made_up_record())
    assert main(["scores", "--results", str(results), "--repo_id", "them/dry", "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert "task_id: ynat" in said
    assert "Nothing was sent" in said
    assert hub.store.repos["model", "them/dry"].proposals == []


@pytest.mark.usefixtures("here")
def test_a_data_set_without_leaderboards_is_said_to_have_none(
    hub: HubServer, tmp_path: Path, capsys: Any
) -> None:
    from recipes.board import main as board

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("# data\n")
    hub.store.put("dataset", "klue/plain", tmp_path / "data")
    assert board(["--from_hub", "klue/plain", "--output", str(tmp_path / "site")]) == 1
    assert "klue/plain: " in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_exports_describe_fourteen_leaderboards() -> None:
    ids = [name for task in TASKS.values() for name in task.leaderboards.values()]
    assert len(ids) == len(set(ids)) == 14
