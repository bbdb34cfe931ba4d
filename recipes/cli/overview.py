"""Table of the tasks with names, sizes, metrics and recipes, as text or JSON."""

from __future__ import annotations

import json
from typing import Any

from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from klue_metrics.scoring import format_table
from recipes.cli.languages import LANGUAGES, Language
from recipes.tasks import SCRIPTS


def rows() -> list[dict[str, Any]]:
    """Return one record per task, collected from the data sets, metrics and recipes."""
    return [
        {
            "task": name,
            "alias": task.alias or None,
            "title": task.title,
            "title_ko": task.title_ko,
            "version": task.version,
            "rows": dict(task.counts),
            "metrics": dict(METRICS[name].names),
            "primary_metric": METRICS[name].primary,
            "recipe": f"train_{SCRIPTS[name]}.py",
        }
        for name, task in TASKS.items()
    ]


def as_json() -> str:
    """Format the table as JSON."""
    return json.dumps(rows(), ensure_ascii=False, indent=2)


def as_table(texts: Language) -> str:
    """Format the table as text, in which Hangul is two cells wide."""
    is_korean = texts is LANGUAGES["ko"]
    lines = [list(texts.columns)]
    for row in rows():
        name = row["task"] + (f" ({row['alias']})" if row["alias"] else "")
        counts = [f"{row['rows'].get(split, 0):,}" for split in ("train", "validation")]
        title = row["title_ko"] if is_korean else row["title"]
        lines.append(
            [name, title, row["version"], *counts, ", ".join(row["metrics"].values()), row["recipe"]]
        )
    return format_table(lines, left=(0, 1, 5, 6))
