"""Tests of the builders as scripts of datasets 3.6, which copies a script and the siblings it imports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import klue_datasets
from klue_datasets import load
from klue_datasets.export import export
from klue_datasets.tasks import TASKS, get_task

PACKAGE = Path(klue_datasets.__file__).parent
# What datasets.utils.py_utils.get_imports of 3.6.0 takes for an import of a sibling.
SIBLING = re.compile(r"^from\s+\.([^\s\.]+)[^\s]*\s+import\s+[^#\r\n]*$", re.MULTILINE)
PROGRAM = """
import json, os, sys
import datasets

datasets.disable_progress_bars()
for task, folder in json.loads(sys.argv[2]).items():
    for hub in (False, True):
        arguments = {"data_dir": folder, "hub_compatible": hub, "version": "1.0.0", "trust_remote_code": True}
        path = os.path.join(sys.argv[1], f"{task}.py")
        splits = datasets.load_dataset(path, **arguments)
        stream = datasets.load_dataset(path, split="train", streaming=True, **arguments)
        assert list(stream) == splits["train"].to_list()
        rows = {split: table.to_list() for split, table in splits.items()}
        print(json.dumps([datasets.__version__, task, hub, list(splits["train"].features), rows]))
assert "klue_datasets" not in sys.modules
"""
EXPORTED = """
import json, sys
import datasets

datasets.disable_progress_bars()
for task in json.loads(sys.argv[2]):
    splits = datasets.load_dataset(sys.argv[1], task)
    stream = datasets.load_dataset(sys.argv[1], task, split="validation", streaming=True)
    assert list(stream) == splits["validation"].to_list()
    features = splits["train"].features.items()
    labels = {name: feature.names for name, feature in features if hasattr(feature, "names")}
    rows = {split: table.to_list() for split, table in splits.items()}
    print(json.dumps([datasets.__version__, task, list(splits["train"].features), labels, rows]))
assert "klue_datasets" not in sys.modules
"""


@pytest.mark.parametrize("task", TASKS)
def test_a_script_names_every_sibling_that_it_needs(task: str, shared: Path, tmp_path: Path, python) -> None:
    script = PACKAGE / f"{task}.py"
    folder = tmp_path / "copied"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in {task, *SIBLING.findall(script.read_text())}:
        shutil.copy(PACKAGE / f"{name}.py", folder)
    data = shared / "data/klue-v1-sample"
    done = python(
        "-c",
        f"import sys, copied.{task} as script\n"
        f"builder = script.{task.capitalize()}(data_dir=sys.argv[1], version='1.0.0', cache_dir='cache')\n"
        "builder.download_and_prepare()\n"
        "assert 'klue_datasets' not in sys.modules\n"
        "print(builder.as_dataset()['train'].num_rows)",
        data,
        cwd=tmp_path,
    )
    assert int(done.stdout) == load(task, "train", data_dir=data, version="1.0.0").num_rows


@pytest.fixture
def datasets_3_6(tmp_path: Path) -> Callable[..., list[list[Any]]]:
    """Run a program with datasets 3.6 and separate caches; return its JSON lines."""
    other_python = os.environ.get("KLUE_PYTHON_DATASETS_3_6")
    if not other_python:
        pytest.skip("KLUE_PYTHON_DATASETS_3_6 does not name a Python that has datasets 3.6")

    def run(program: str, *words: str) -> list[list[Any]]:
        environment = os.environ | {"HF_HOME": str(tmp_path), "HF_DATASETS_CACHE": str(tmp_path / "datasets")}
        environment |= {"HF_MODULES_CACHE": str(tmp_path / "modules")}
        done = subprocess.run(
            [other_python, "-c", program, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert {line[0].rsplit(".", 1)[0] for line in lines} == {"3.6"}
        return lines

    return run


def test_datasets_3_6_loads_the_scripts_with_the_same_rows(shared: Path, datasets_3_6: Callable) -> None:
    data = shared / "data/klue-v1-sample"
    folders = {task: str(data / get_task(task).folder("1.0.0")) for task in TASKS}
    lines = datasets_3_6(PROGRAM, str(PACKAGE), json.dumps(folders))
    assert [line[1:3] for line in lines] == [[task, hub] for task in TASKS for hub in (False, True)]
    for _, task, hub, names, rows in lines:
        ours = load(task, data_dir=data, version="1.0.0", hub_compatible=hub)
        assert names == list(ours["train"].features)
        assert rows == {split: table.to_list() for split, table in ours.items()}


def test_datasets_3_6_loads_the_exported_folder_with_the_same_rows(
    shared: Path, tmp_path: Path, datasets_3_6: Callable
) -> None:
    export(tmp_path / "hub/klue", data_dir=shared / "data/klue-small")
    lines = datasets_3_6(EXPORTED, str(tmp_path / "hub/klue"), json.dumps(list(TASKS)))
    assert [line[1] for line in lines] == list(TASKS)
    for _, task, names, labels, rows in lines:
        ours = load(task, data_dir=shared / "data/klue-small")
        features = ours["train"].features
        assert names == list(features)
        assert labels == {
            name: feature.names for name, feature in features.items() if hasattr(feature, "names")
        }
        assert rows == {split: table.to_list() for split, table in ours.items()}


def test_data_files_given_to_a_builder_are_its_files(shared: Path, tmp_path: Path) -> None:
    from klue_datasets.re import Re

    path = shared / "data/klue-v1-sample/klue-re-v1/klue-re-v1_dev.json"
    builder = Re(data_files={"validation": [path]}, cache_dir=str(tmp_path))
    builder.download_and_prepare()
    assert builder.as_dataset()["validation"].num_rows == len(json.loads(path.read_text()))
