"""Tests of exported metrics: they load without this project and have the same scores."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import evaluate
import pytest

import klue_metrics
from klue_metrics.__main__ import main
from klue_metrics.export_modules import MODULES, export
from klue_metrics.functional import METRICS, compute

INPUTS = {
    "ynat": {"predictions": ["경제", "사회"], "references": [1, 6]},
    "sts": {"predictions": [3.2, 1.0, 4.4], "references": [3.0, 0.5, 4.9]},
    "nli": {"predictions": ["neutral", "entailment"], "references": [1, 2]},
    "ner": {"predictions": [["B-PS", "I-PS", "O"]], "references": [["B-PS", "O", "O"]]},
    "re": {"predictions": ["per:title", "no_relation"], "references": ["per:title", "per:origin"]},
    "dp": {
        "predictions": [{"head": [2, 0], "deprel": ["NP", "VP"]}],
        "references": [{"head": [2, 0], "deprel": ["NP", "IP"]}],
    },
    "mrc": {
        "predictions": [{"guid": "a", "prediction_text": "한 달"}],
        "references": [{"guid": "a", "answers": {"text": ["한 달가량"], "answer_start": [0]}}],
    },
    "wos": {"predictions": [["a-b-c"]], "references": [["a-b-c", "a-d-e"]]},
}
PROGRAM = """
import importlib.util, json, sys
import evaluate
assert importlib.util.find_spec("klue_metrics") is None and importlib.util.find_spec("klue_datasets") is None
folder, inputs = sys.argv[1], json.loads(sys.argv[2])
for task, given in inputs.items():
    single = evaluate.load(f"{folder}/klue_{task}").compute(**given)
    everything = evaluate.load(f"{folder}/klue_metric", task).compute(**given)
    print(json.dumps([task, single, everything]))
"""


def test_there_is_an_input_for_every_task() -> None:
    assert list(INPUTS) == list(METRICS)


def test_the_folders_load_and_name_nothing_of_this_project(tmp_path: Path) -> None:
    folders = export(tmp_path)
    assert [folder.name for folder in folders] == list(MODULES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(MODULES)
    for folder in folders:
        assert {"README.md", "app.py", "requirements.txt"} < {path.name for path in folder.iterdir()}
        for path in folder.glob("*.py"):
            lines = path.read_text().splitlines()
            assert [line for line in lines if line.startswith(("from klue_", "import klue_"))] == []
        assert "klue_metrics.load" not in (folder / "README.md").read_text()
    for task, given in INPUTS.items():
        expected = compute(task, **given)
        assert evaluate.load(str(tmp_path / f"klue_{task}")).compute(**given) == pytest.approx(expected)
        assert evaluate.load(str(tmp_path / "klue_metric"), task).compute(**given) == pytest.approx(expected)


def test_cards_and_apps_load_from_the_namespace_that_they_are_for(tmp_path: Path) -> None:
    assert main(["export", "--output_dir", str(tmp_path), "--namespace", "me"]) == 0
    for name in MODULES:
        load = f'evaluate.load("me/{name}"'
        assert f', "me/{name}")' in (tmp_path / name / "app.py").read_text()
        assert load in (tmp_path / name / "README.md").read_text()
        assert not any("klue/klue_" in path.read_text() for path in (tmp_path / name).iterdir())


def test_an_export_replaces_an_earlier_one_but_nothing_else(tmp_path: Path) -> None:
    export(tmp_path, ["klue_nli"])
    (tmp_path / "klue_nli" / "stale.py").touch()
    export(tmp_path, ["klue_nli"])
    assert not (tmp_path / "klue_nli" / "stale.py").exists()
    (tmp_path / "klue_sts").mkdir()
    (tmp_path / "klue_sts" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="klue_sts exists and is not a metric"):
        export(tmp_path, ["klue_nli", "klue_sts"])
    assert (tmp_path / "klue_sts" / "thesis.txt").read_text() == "years of work"
    assert Path(klue_metrics.path("nli")).is_dir()


def test_they_load_where_only_evaluate_is_installed(tmp_path: Path) -> None:
    python = os.environ.get("KLUE_PYTHON_DATASETS_3_6")
    if not python:
        pytest.skip("KLUE_PYTHON_DATASETS_3_6 names no Python that has evaluate and not this project")
    export(tmp_path / "metrics")
    done = subprocess.run(
        [python, "-c", PROGRAM, str(tmp_path / "metrics"), json.dumps(INPUTS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [task for task, _, _ in lines] == list(METRICS)
    for task, single, everything in lines:
        assert single == everything == pytest.approx(compute(task, **INPUTS[task]))
