"""Keep the scores of a demo over several seeds, for README.md."""

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
from recipes.reporting.runs import Run, find_runs

# The command that produces the runs, after ``make demo`` has produced out/tiny.
COMMAND = (
    "python recipes/run_all.py --mini --preset demo --jobs 2 --model_name_or_path out/tiny "
    "--output_dir out/demo-seeds --seed 42 43 44"
)
LIBRARIES = ("accelerate", "datasets", "numpy", "tokenizers", "torch", "transformers")


def keep(folder: Path, results: Path, picture: Path) -> None:
    """Write the scores of a finished demo to a result file, with its parser's picture beside it.

    Args:
        folder: Folder of the demo's runs, e.g. ``out/demo-seeds``.
        results: The result file: command, date, versions, device, each run's scores and constants, and what
            the dialogue state tracker of the first seed answered to the first dialogue.
        picture: Path for the picture of the first seed.

    Raises:
        ValueError: A run is not finished, or the runs are not those of a demo: the same seeds for every task,
            and one model.
        FileNotFoundError: There is no such folder, or no picture.
    """
    runs, problems = find_runs([folder])
    runs = sorted(runs, key=lambda run: (list(METRICS).index(run.task), run.seed or 0))
    models = {run.settings.get("model_name_or_path") for run in runs}
    seeds = sorted({run.seed or 0 for run in runs})
    found = [(run.task, run.seed) for run in runs]
    expected = [(task, seed) for task in METRICS for seed in seeds]
    if problems or not runs or found != expected or len(models) != 1:
        told = ", ".join(f"{task} {seed}" for task, seed in found) or "none"
        raise ValueError(
            f"{folder} holds {len(runs)} finished runs ({told}) of {len(models)} "
            f"models{''.join(f'; {problem}' for problem in problems)}; expected the same seeds for every "
            "task, of one model."
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
    """Return the turns of the first predicted dialogue: utterance, predicted state, gold state."""
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
