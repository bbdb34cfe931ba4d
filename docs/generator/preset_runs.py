"""Store the scores of runs that compare presets on real data, for docs/settings.md."""

from __future__ import annotations

import importlib.metadata
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.generator.readme_tables import as_markdown
from klue_metrics.functional import METRICS
from recipes.engine.results import shown, write_json
from recipes.reporting.measure import student
from recipes.reporting.runs import Run, find_runs

# Run this for each preset, for one or more tasks. The last part of --output_dir must be the preset. For bf16,
# add --bf16 --use_cpu.
COMMAND = (
    "python recipes/run_all.py --tasks TASK --preset PRESET --data_dir ../shared/data/klue-small "
    "--model_name_or_path ../shared/models/e5-small-ko --seed 42 43 44 --jobs 2 "
    "--output_dir out/presets/PRESET"
)
COMPARED = ("paper", "tuned")
LIBRARIES = ("accelerate", "torch", "transformers")
NOT_RUN = "not run"


def keep(folder: Path, results: Path) -> None:
    """Write the scores of finished runs to a result file, replacing older ones of the same task and preset.

    Args:
        folder: Folder of the runs, with a subfolder per preset.
        results: Path of the result file.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: A run cannot be read, or there is no finished run.
    """
    new = []
    for preset in COMPARED:
        runs, problems = find_runs([folder / preset]) if (folder / preset).is_dir() else ([], [])
        if problems:
            raise ValueError(problems[0])
        new += [_kept(run, preset) for run in runs]
    if not new:
        raise ValueError(f"{folder} has no finished run in {' or '.join(COMPARED)}; expected some.")
    replaced = {(row["task"], row["preset"]) for row in new}
    old = json.loads(results.read_text(encoding="utf-8"))["runs"] if results.is_file() else []
    rows = [row for row in old if (row["task"], row["preset"]) not in replaced] + new
    tasks = list(METRICS)
    rows.sort(key=lambda row: (tasks.index(row["task"]), row["preset"], row["seed"]))
    write_json(results, {"command": COMMAND, "runs": rows})


def _kept(run: Run, preset: str) -> dict[str, Any]:
    names = [f"{side}_{key}" for key in run.metric.names for side in ("eval", "constant")]
    names += ["train_runtime", "train_samples", "eval_samples", "eval_data", "eval_date", "device"]
    return {
        "task": run.task,
        "preset": preset,
        "seed": run.seed,
        "evaluations_per_epoch": run.settings.get("evaluations_per_epoch"),
        "bf16": bool(run.settings.get("bf16")),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "results": {name: run.results.get(name) for name in names},
    }


def comparison(results: Path) -> str:
    """Compare the presets: means over seeds with 95 % intervals by Student's t, and training seconds.

    Args:
        results: The file written by ``keep``.
    """
    rows = json.loads(results.read_text(encoding="utf-8"))["runs"]
    lines = []
    for task, metric in METRICS.items():
        sides = [[row for row in rows if (row["task"], row["preset"]) == (task, side)] for side in COMPARED]
        known = [side for side in sides if side]
        if not known:
            continue
        for key, name in metric.names.items():
            cells = [_interval([row["results"][f"eval_{key}"] for row in side]) for side in sides]
            constant = shown(known[0][0]["results"][f"constant_{key}"])
            lines.append([task, name, *cells, constant, *(_seconds(side) for side in sides)])
    header = ["task", "metric", *COMPARED, "constant baseline", *(f"seconds, {side}" for side in COMPARED)]
    return as_markdown(header, lines)


def _interval(scores: Sequence[float | None]) -> str:
    if not scores:
        return NOT_RUN
    known = [score for score in scores if score is not None]
    if len(known) < max(len(scores), 2):
        return "undefined"
    mean = statistics.fmean(known)
    half = student(len(known) - 1) * statistics.stdev(known) / math.sqrt(len(known))
    return f"{mean:.2f} [{mean - half:.2f}, {mean + half:.2f}]"


def _seconds(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return NOT_RUN
    seconds = statistics.fmean(row["results"]["train_runtime"] for row in rows)
    return f"{seconds:.0f}{' (bf16)' if all(row['bf16'] for row in rows) else ''}"
