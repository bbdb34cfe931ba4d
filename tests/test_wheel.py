"""Tests of the installed wheel in a separate virtual environment, outside of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from light_installs import site_without

from recipes.cli import COMMANDS

ROOT = Path(__file__).parent.parent
# Runs command lines of klue in one process, which imports the libraries once.
DRIVER = """
import contextlib, io, json, sys
from recipes.cli import main
import recipes
done = [recipes.__file__]
for words in json.loads(sys.argv[1]):
    output, status = io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            status = main(words)
        except SystemExit as ended:
            status = ended.code or 0
    done.append((status, output.getvalue()))
print(json.dumps(done))
"""


class Installation:
    """A virtual environment with the wheel and links to the other packages of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        source = folder / "source"
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()  # fmt: skip
        for path in (ROOT / name for name in listed if not name.startswith(("tests/", "docs/"))):
            if path.is_file():
                target = source / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        self._pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
        [wheel] = folder.glob("klue_hub-*.whl")
        venv.create(folder / "venv", symlinks=True)
        self.bin = folder / "venv/bin"
        [site] = (folder / "venv").glob("lib/python*/site-packages")
        self._pip("--python", str(self.bin / "python"), "install", "--no-index", str(wheel))
        (site / "others.pth").write_text(f"{site_without({'klue-hub'}, folder)}\n")
        self.work = folder / "work"
        self.work.mkdir()

    def _pip(self, *words: str) -> None:
        """Run pip without dependencies."""
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words, "--no-deps"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def run(self, *words: str) -> str:
        """Run a program of the environment; return its output."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [self.bin / words[0], *words[1:]], cwd=self.work, env=kept, capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("wheel"))


def test_every_subcommand_runs(installation: Installation, tiny: Path) -> None:
    quick = ["--mini", "--preset", "demo", "--max_steps", "1", "--model_name_or_path", str(tiny), "--use_cpu"]
    answers = "out/nli/predictions_validation.jsonl"
    calls = [
        ["tasks"],
        ["data", "stats", "--mini", "--tasks", "sts"],
        ["data", "validate", "--mini", "--tasks", "sts"],
        ["data", "export", "--mini", "--tasks", "sts", "--output_dir", "hub"],
        ["train", "nli", *quick, "--output_dir", "out/nli"],
        ["predict", "--task", "nli", "--model", "out/nli", "--input", "pairs.jsonl"],
        ["score", "--task", "nli", "--predictions", answers, "--resamples", "10"],
        ["compare", "--task", "nli", answers, answers, "--resamples", "10"],
        ["sweep", "run", *quick, "--tasks", "nli", "--output_dir", "out/sweep", "--launcher", "print"],
        ["report", "out", "--output", "report"],
        ["results", "add", "out/nli", "--to", "results.jsonl"],
        ["board", "results.jsonl", "--output", "site"],
        ["publish", "model", "--folder", "out/nli", "--repo_id", "me/nli", "--dry_run"],
        ["corpus", "build", "--source", "a=texts.txt", "--output_dir", "corpus"],
        ["pseudonymise", "texts.txt", "--output", "safe.txt"],
        ["tokenizer", "train", "--vocab_size", "200", "--corpus", "corpus", "--output_dir", "tokenizer"],
        ["pretrain", "--list"],
        ["ablation", "--help"],
        ["completion", "bash"],
    ]
    assert {words[0] for words in calls} == set(COMMANDS)
    pair = {"premise": "비가 온다.", "hypothesis": "날씨가 맑다."}
    (installation.work / "texts.txt").write_text("비가 오는 날에는 집에서 책을 읽는다.\n" * 20)
    (installation.work / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    assert installation.run("klue", "--version").startswith("klue-hub ")
    where, *found = json.loads(installation.run("python", "-c", DRIVER, json.dumps(calls)).splitlines()[-1])
    assert Path(where).is_relative_to(installation.folder)
    for words, (status, output) in zip(calls, found, strict=True):
        assert status == 0, (words, output)
