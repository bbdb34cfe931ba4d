"""Tests of scripts, which run the checkout that contains them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import copy_checkout

from klue_datasets.commands import OURS

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    path.name for path in (ROOT / "recipes").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder with packages of our names that end processes that import them."""
    folder = tmp_path_factory.mktemp("installed")
    for package in OURS:
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text("raise SystemExit('the installed copy was imported')\n")
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout with another version, which is not installed."""
    folder = copy_checkout(tmp_path_factory.mktemp("clone") / "klue-hub", "tests")
    file = folder / "hub_cards" / "__init__.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub('__version__ = ".*?"', '__version__ = "9.9"', text), encoding="utf-8")
    return folder


def run(elsewhere: Path, cwd: Path, *words: str | Path) -> str:
    """Run a command with other installed packages; return its output."""
    paths = [os.environ["PYTHONPATH"], str(elsewhere)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_scripts_are_what_they_were() -> None:
    assert len([name for name in SCRIPTS if name.startswith("train_")]) == 8
    assert {"run_all.py", "predict.py", "report.py", "publish.py", "tiny_model.py"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_of_a_script_comes_from_its_own_checkout(
    script: str, clone: Path, elsewhere: Path, tmp_path: Path
) -> None:
    assert f"usage: {script}" in run(elsewhere, tmp_path, clone / "recipes" / script, "--help")


@pytest.mark.parametrize("launcher", [(), ("-m", "accelerate.commands.launch")], ids=["python", "accelerate"])
def test_a_clone_trains_without_an_installation(
    launcher: tuple[str, ...], clone: Path, elsewhere: Path, tiny: Path, tmp_path: Path
) -> None:
    words = [
        "--mini",
        "--max_train_samples",
        "16",
        "--max_eval_samples",
        "8",
        "--max_steps",
        "1",
        "--use_cpu",
    ]
    places = ["--model_name_or_path", tiny, "--output_dir", tmp_path / "out", "--use_cpu"]
    run(elsewhere, tmp_path, *launcher, clone / "recipes" / "train_tc.py", *words, *places)
    results = (tmp_path / "out" / "all_results.json").read_text(encoding="utf-8")
    assert '"klue_hub_version": "9.9"' in results
