"""Short runs on a tiny model, and their files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse

QUICK = ["--mini", "--max_train_samples", "160", "--max_eval_samples", "50", "--max_steps", "10", "--use_cpu"]
QUICK += ["--learning_rate", "1e-3", "--disable_tqdm", "true", "--per_device_train_batch_size", "16"]
QUICK += ["--evaluations_per_epoch", "1"]


TIMES = ("eval_seconds", "eval_latency_ms", "eval_model", "eval_model_hash")


def run(task: str, model: Path, output_dir: Path, *words: str) -> dict:
    words = ("--model_name_or_path", str(model), "--output_dir", str(output_dir), *QUICK, *words)
    return story.run(task, parse(make_parser(task, ""), task, words))


def read(path: Path) -> dict:
    """Read strict JSON, without NaN."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{path} holds {name}"))


def predictions(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "predictions_validation.jsonl").read_text().splitlines()]


def scores(folder: Path) -> dict[str, float]:
    """Return the results without times and the folder of the model."""
    results = read(folder / "eval_results.json")
    return {name: value for name, value in results.items() if name not in TIMES}


@contextlib.contextmanager
def interruptible(*words: str, cwd: Path, errors: Path) -> Iterator[subprocess.Popen[str]]:
    """Start Python so that it receives SIGINT, and kill its session at the end.

    Processes that a shell starts in the background, and their children, ignore SIGINT, so that tests of
    Ctrl-C would fail there.
    """
    with errors.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=file, text=True,
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def roughly(value: Any) -> Any:
    """Equality up to the last digits of numbers."""
    if isinstance(value, dict):
        return {key: roughly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [roughly(item) for item in value]
    return pytest.approx(value, abs=2e-4) if isinstance(value, float) else value
