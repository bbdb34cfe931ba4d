"""Short runs on a tiny model, and what they wrote."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from recipes.engine import training
from recipes.engine.command_line import make_parser, parse
from recipes.tasks import get_recipe

QUICK = ["--mini", "--max_train_samples", "160", "--max_eval_samples", "50", "--max_steps", "10", "--use_cpu"]
QUICK += ["--learning_rate", "1e-3", "--disable_tqdm", "true", "--per_device_train_batch_size", "16"]
QUICK += ["--evaluations_per_epoch", "1"]


def run(task: str, model: Path, output_dir: Path, *words: str) -> dict:
    words = ("--model_name_or_path", str(model), "--output_dir", str(output_dir), *QUICK, *words)
    return training.run(get_recipe(task), parse(make_parser(task, ""), task, words))


def read(path: Path) -> dict:
    """Strict JSON: NaN is no number."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{path} holds {name}"))


def predictions(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "predictions_validation.jsonl").read_text().splitlines()]


def scores(folder: Path) -> dict[str, float]:
    """What was measured: not how long that took, nor which folder the model came from."""
    results = read(folder / "eval_results.json")
    return {name: value for name, value in results.items() if name not in ("eval_seconds", "eval_model")}


def roughly(value: Any) -> Any:
    """Equal to whatever differs from ``value`` in nothing but the last digits of its numbers."""
    if isinstance(value, dict):
        return {key: roughly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [roughly(item) for item in value]
    return pytest.approx(value, abs=2e-4) if isinstance(value, float) else value


def hear_ctrl_c() -> None:
    """Lets a child process see SIGINT, which it inherits as ignored where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
