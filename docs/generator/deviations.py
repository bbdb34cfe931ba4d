"""Generate the page that compares the presets ``paper`` and ``paper-large`` with KLUE-baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hub_cards import render
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.arguments import RecipeArguments
from recipes.engine.settings_files import preset_file
from recipes.tasks.mrc.reading_comprehension import SETTINGS as READING_SETTINGS

HERE = Path(__file__).parent
BASELINE = HERE / "klue_baseline.yaml"
PRESETS = ("paper", "paper-large")
DIRECTIONS = ("higher", "lower", "none", "unknown")
SAME = "the same"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of one task.

    Attributes:
        name: Name of the flag.
        klue: KLUE's values, for small and base models, and for the large model.
        ours: Values of ``paper`` and of ``paper-large``.
        deviation: Reason for a difference and its expected effect; "none" if there is no difference.
    """

    name: str
    klue: tuple[str, str]
    ours: tuple[str, str]
    deviation: str


def settings(path: Path = BASELINE) -> dict[str, list[Setting]]:
    """Return the settings of all tasks in KLUE and here.

    Args:
        path: File with the settings of KLUE-baseline, and reasons for differences.

    Raises:
        ValueError: A setting differs without a reason, or has a reason but does not differ.
    """
    baseline = read_baseline(path)
    tables = {}
    for task in TASKS:
        reasons = dict(baseline["reasons"].get(task, {}))
        both = [baseline["defaults"] | baseline["tasks"][task][preset] for preset in PRESETS]
        rows = []
        for name in both[0]:
            klue = (both[0][name], both[1][name])
            ours = tuple(_ours(task, preset, name, baseline["trainer_defaults"]) for preset in PRESETS)
            why = reasons.pop(name, None)
            if (klue != ours) != (why is not None):
                raise ValueError(
                    f"{path.name}: {task} {name} is {klue} at KLUE and {ours} here, and "
                    f"{'no' if why is None else 'a'} reason for a difference is given."
                )
            deviation = f"{why['reason']} Expected: {why['direction']}." if why else "none"
            rows.append(Setting(name, _shown(klue), _shown(ours), deviation))
        if reasons:
            raise ValueError(f"{path.name}: {task} gives reasons for unknown settings {', '.join(reasons)}.")
        tables[task] = rows
    return tables


def procedures(path: Path = BASELINE) -> dict[str, list[list[str]]]:
    """Return the other differences by task: KLUE-baseline, klue-hub, reason and expected direction.

    Raises:
        ValueError: The reason or the direction of a difference is missing, or the direction is unknown.
    """
    tables = {}
    for tasks, entries in read_baseline(path)["procedures"].items():
        rows = []
        for entry in entries:
            differs = "here" in entry
            if differs != ("reason" in entry) or (differs and entry.get("direction") not in DIRECTIONS):
                raise ValueError(
                    f"{path.name}: {tasks}, {entry['what']}: expected here, reason and direction "
                    f"({', '.join(DIRECTIONS)}) together, or none of them."
                )
            ours = [entry["here"], entry["reason"], entry["direction"]] if differs else [SAME, "–", "none"]
            rows.append([str(cell).strip() for cell in (entry["what"], entry["klue"], *ours)])
        tables[tasks] = rows
    return tables


def read_baseline(path: Path = BASELINE) -> dict[str, Any]:
    """Read the file with the settings of KLUE-baseline."""
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def page() -> str:
    """Format the page as Markdown."""
    return render("deviations.md", folder=HERE / "templates", settings=settings(), procedures=procedures())


def _ours(task: str, preset: str, name: str, trainer_defaults: Mapping[str, Any]) -> Any:
    """Return the value of a setting in a preset, which may be the default."""
    given = yaml.safe_load(preset_file(task, preset).read_text(encoding="utf-8"))
    if name in given:
        return given[name]
    if name == "metric_for_best_model":
        return METRICS[task].primary
    if name in trainer_defaults:
        return trainer_defaults[name]
    if task == "mrc" and name in READING_SETTINGS:
        return READING_SETTINGS[name]
    return getattr(RecipeArguments(), name)


def _shown(values: tuple[Any, ...]) -> tuple[str, str]:
    small, large = ("never" if value is None else f"{value}" for value in values)
    return small, large
