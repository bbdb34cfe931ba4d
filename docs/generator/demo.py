"""Store the scores of a demo over several seeds, for README.md."""

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

# Command of the runs, after ``make demo`` has written out/tiny.
COMMAND = (
    "python recipes/run_all.py --mini --preset demo --jobs 2 --model_name_or_path out/tiny "
    "--output_dir out/demo-seeds --seed 42 43 44"
)
LIBRARIES = ("accelerate", "datasets", "numpy", "tokenizers", "torch", "transformers")


def keep(folder: Path, results: Path, picture: Path) -> None:
    """Write the scores of a finished demo to a result file, and copy the picture of its parser.

    Args:
        folder: Folder of the runs of the demo, such as ``out/demo-seeds``.
        results: Path of the result file, with command, date, versions, device, scores and constant baselines
            of each run, and the states that the tracker of the first seed predicts for the first dialogue.
        picture: Path for the picture of the first seed.

    Raises:
        ValueError: A run has not finished, or the runs do not have one model and the same seeds for each
            task.
        FileNotFoundError: The folder or the picture does not exist.
    """
    runs, problems = find_runs([folder])
    runs = sorted(runs, key=lambda run: (list(METRICS).index(run.task), run.seed or 0))
    models = {run.settings.get("model_name_or_path") for run in runs}
    seeds = sorted({run.seed or 0 for run in runs})
    found = [(run.task, run.seed) for run in runs]
    expected = [(task, seed) for task in METRICS for seed in seeds]
    if problems or not runs or found != expected or len(models) != 1:
        names = ", ".join(f"{task} {seed}" for task, seed in found) or "none"
        raise ValueError(
            f"{folder} holds {len(runs)} finished runs ({names}) of {len(models)} "
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
    """Return utterance, predicted state and gold state of the turns of the first dialogue."""
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
