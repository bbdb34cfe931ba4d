"""Generate the tables of hand-written documents from records and result files."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from klue_datasets.loading import builder_class
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS, get_metric
from recipes.arguments import FIELDS, choices_of, default_of, fields_of, help_of, is_expert
from recipes.cli.languages import LANGUAGES
from recipes.engine.settings_files import presets, read_preset
from recipes.tasks import SCRIPTS


def as_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def result_keys(task: str) -> str:
    """List the keys of a task's scores as code."""
    return ", ".join(f"`{key}`" for key in METRICS[task].names)


def tasks_table(language: str) -> str:
    """Build the table of tasks with description, metrics and recipe.

    Args:
        language: ``en`` or ``ko``.
    """
    task, what, _, _, _, metrics, recipe = LANGUAGES[language].columns
    rows = [
        [name, record.summary_ko if language == "ko" else record.summary, result_keys(name),
         f"`train_{SCRIPTS[name]}.py`"]
        for name, record in TASKS.items()
    ]  # fmt: skip
    return as_markdown([task, what, f"{metrics} (x 100)", recipe], rows)


def task_facts(task: str) -> str:
    """List data, labels, metrics, recipe and version of a task."""
    record = TASKS[task]
    columns = ", ".join(f"`{name}`" for name in builder_class(task)().features())
    card = f"../../klue_metrics/klue_{task}/README.md"
    train, validation = (f"{record.counts[split]:,}" for split in ("train", "validation"))
    facts = {
        "Data": f"{train} training and {validation} validation examples; columns {columns}",
        "Labels": ", ".join(f"`{label}`" for label in record.labels),
        "Metrics": f"{result_keys(task)}, all times 100 ([definitions]({card}))",
        "Recipe": f"`recipes/train_{SCRIPTS[task]}.py` ([settings](../settings.md))",
        "Version of the task": record.version,
    }
    return "\n".join(f"* {name}: {fact}" for name, fact in facts.items() if fact)


def settings_table(expert: bool) -> str:
    """Build the table of flags, or of expert settings.

    Args:
        expert: Whether to list expert settings instead of flags.
    """
    rows = []
    for name, field in FIELDS.items():
        if is_expert(field) != expert:
            continue
        tasks = [task for task in TASKS if name in fields_of(task)]
        meanings: dict[tuple[str, str, str], list[str]] = {}
        for task in tasks:
            choices = ", ".join(f"`{choice}`" for choice in choices_of(field, task) or ())
            meaning = (choices, default_of(field, task), help_of(field, task).replace("<", "&lt;"))
            meanings.setdefault(meaning, []).append(task)
        for (choices, default, text), of_tasks in meanings.items():
            where = "all" if len(of_tasks) == len(TASKS) else ", ".join(of_tasks)
            rows.append([f"`{name}`", where, choices, default, f"{text}."])
    return as_markdown(["name", "tasks", "choices", "default", "meaning"], rows)


def presets_table() -> str:
    """List the settings of each preset by task."""
    rows = [
        [task, preset, ", ".join(f"`{name}` {_shown(value)}" for name, value in settings.items())]
        for task in TASKS
        for preset in presets(task)
        for settings in [read_preset(task, preset)]
    ]
    return as_markdown(["task", "preset", "settings"], rows)


def _shown(value: Any) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def demo_block(path: Path) -> str:
    """Format the primary metrics of a demo as a code block, with mean and range over seeds.

    Args:
        path: The file written by ``python -m docs.generator demo``.
    """
    kept = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for task, metric in METRICS.items():
        runs = [run for run in kept["runs"] if run["task"] == task]
        key = metric.primary
        scores, constants = (
            [run["results"][f"{side}_{key}"] for run in runs] for side in ("eval", "constant")
        )
        ends = f"{min(scores):.2f} to {max(scores):.2f}"
        constant = "undefined" if None in constants else f"{statistics.fmean(constants):.2f}"
        figures = [f"{statistics.fmean(scores):.2f}", ends, constant, str(len(runs))]
        rows.append([kept["model"], task, metric.names[key], *figures, runs[0]["results"]["eval_data"]])
    header = ["model", "task", "metric", "mean", "range", "constant baseline", "seeds", "data"]
    return f"```\n{as_markdown(header, rows)}\n```"


def dialogue_table(path: Path) -> str:
    """Build the table of the states that the demo's model predicts after each turn of a dialogue.

    Args:
        path: The file written by ``python -m docs.generator demo``.
    """
    turns = json.loads(path.read_text(encoding="utf-8"))["dialogue"]
    rows, before = [], list[str]()
    for turn in turns:
        new = [
            f"`{item}`{'' if item in turn['gold'] else ' ✗'}" for item in turn["state"] if item not in before
        ]
        if missing := [f"`{item}`" for item in turn["gold"] if item not in turn["state"]]:
            new.append(f"missing: {', '.join(missing)}")
        rows.append([turn["user"], ", ".join(new) or "–"])
        before = turn["state"]
    return as_markdown(["the user says", "new in the state"], rows)


def real_runs_table(path: Path) -> str:
    """Build the table of the long runs on real data in a YAML file."""
    rows = [
        [
            run["recipe"],
            f"`{run['flags']}`",
            _scores(run["recipe"], run["scores"], named=True) + _note(run, "score_note"),
            _scores(run["recipe"], run["constants"], named=False),
            f"{run['seconds']:,}" + _note(run, "time_note"),
        ]
        for run in read_real_runs(path)
    ]
    return as_markdown(["X", "flags", "score", "constant baseline", "seconds"], rows)


def read_real_runs(path: Path) -> list[dict[str, Any]]:
    """Read the records in the file of long runs.

    Raises:
        ValueError: A record has a score that is not one of its task, or a score without its constant
            baseline.
    """
    runs: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for run in runs:
        unknown = set(run["scores"]) - set(get_metric(run["recipe"]).names)
        if unknown or set(run["scores"]) != set(run["constants"]):
            raise ValueError(
                f"{path.name}: a run of {run['recipe']} has the scores {', '.join(run['scores'])} and the "
                f"constants {', '.join(run['constants'])}; expected the same keys, of "
                f"{', '.join(get_metric(run['recipe']).names)}."
            )
    return runs


def _scores(recipe: str, scores: Mapping[str, float | None], *, named: bool) -> str:
    names = get_metric(recipe).names
    shown = {key: "undefined" if score is None else f"{score:.2f}" for key, score in scores.items()}
    return ", ".join(f"{names[key]} {score}" if named else score for key, score in shown.items())


def _note(run: Mapping[str, Any], key: str) -> str:
    return f" ({run[key]})" if key in run else ""
