"""Keeps the figures of a demo, once ``make demo`` has run, for README.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from klue_datasets import load
from klue_metrics.functional import METRICS
from recipes.engine.results import ALL_RESULTS, PICTURE, write_json
from recipes.reporting.collect import Run, find_runs

COMMAND = "make demo"
LIBRARIES = ("accelerate", "datasets", "numpy", "tokenizers", "torch", "transformers")


def keep(folder: Path, results: Path, picture: Path) -> None:
    """Writes the scores of a finished demo to a result file, and its parser's picture beside it.

    Args:
        folder: Where the demo's runs lie, e.g. ``out/demo``.
        results: The result file: command, date, versions, device, each run's scores and constants, and
            what the tracker of dialogue states answered to the first dialogue.
        picture: Where the picture goes.

    Raises:
        ValueError: A run is not finished, or is not one of a demo: one run a task, of one model.
        FileNotFoundError: There is no such folder, or no picture.
    """
    runs, problems = find_runs([folder])
    runs = sorted(runs, key=lambda run: list(METRICS).index(run.task))
    tasks, models = [run.task for run in runs], {run.settings.get("model_name_or_path") for run in runs}
    if problems or tasks != list(METRICS) or len(models) != 1:
        raise ValueError(
            f"{folder} holds {len(runs)} finished runs ({', '.join(tasks) or 'none'}) of {len(models)} "
            f"models{''.join(f'; {problem}' for problem in problems)}; expected one run a task, of one model."
        )
    newest = max((run.folder / ALL_RESULTS).stat().st_mtime for run in runs)
    drawn = _run(runs, "dp").folder / PICTURE
    if not drawn.is_file():
        raise FileNotFoundError(f"There is no {drawn}; expected the picture of a tree.")
    write_json(
        results,
        {
            "command": COMMAND,
            "date": f"{datetime.datetime.fromtimestamp(newest, datetime.timezone.utc):%Y-%m-%d}",
            "python": platform.python_version(),
            "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
            "device": runs[0].results.get("device"),
            "model": models.pop(),
            "runs": [_kept(run) for run in runs],
            "dialogue": _first_dialogue(_run(runs, "wos")),
        },
    )
    shutil.copyfile(drawn, picture)


def _run(runs: Sequence[Run], task: str) -> Run:
    return next(run for run in runs if run.task == task)


def _first_dialogue(run: Run) -> list[dict[str, Any]]:
    """The turns of the first dialogue that was predicted: what the user said, the state, the gold one."""
    rows = [json.loads(line) for line in run.predictions.open(encoding="utf-8")]
    texts = {row["guid"]: row["dialogue"] for row in load("wos", "validation", mini=True)}
    return [
        {
            "user": texts[row["guid"]][2 * row["turn"]]["text"],
            "state": row["prediction"],
            "gold": row["reference"],
        }
        for row in rows
        if row["guid"] == rows[0]["guid"]
    ]


def _kept(run: Run) -> dict[str, Any]:
    keys = [f"{side}_{key}" for key in run.metric.names for side in ("eval", "constant")]
    keys += ["eval_samples", "eval_data"]
    return {"task": run.task, "seed": run.seed, "results": {key: run.results[key] for key in keys}}
