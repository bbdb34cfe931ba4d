"""Tables of the runs of a sweep, in Markdown."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from klue_metrics.functional import METRICS
from recipes.reporting import runs
from recipes.sweeps.jobs import Job


def table(jobs: Sequence[Job]) -> str:
    """Format the runs as a Markdown table, grouped as in the report, including unfinished runs."""
    cells: dict[tuple[str, str], list[runs.Run]] = {}
    for job in jobs:
        found = cells.setdefault((job.model, job.task), [])
        if job.results:
            read = runs.read_run(job.folder, str(job.folder))
            found.append(dataclasses.replace(read, model=job.model))
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for (model, task), found in cells.items():
        boards = runs.make_boards(found)
        if not boards:
            groups[model, task] = []
        for board in boards:
            data = f" on {board.data}, {board.samples} examples" if len(boards) > 1 else ""
            for group in board.groups:
                groups[group.label + data, task] = [run.results for run in group.runs]
    return score_table(groups)


def score_table(groups: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> str:
    """Format results as a Markdown table: means over seeds, next to the constant baseline.

    Args:
        groups: Model and task -> contents of ``all_results.json`` of its runs, empty for unfinished runs.
    """
    lines = [
        "| model | task | metric | score | constant baseline | seeds | data |",
        "|---|---|---|---|---|---|---|",
    ]
    for (model, task), results in groups.items():
        finished = [result for result in results if result]
        for key, name in METRICS[task].names.items():
            if not finished:
                lines.append(f"| {model} | {task} | {name} | did not finish | | 0 | |")
                continue
            score = _mean([result[f"eval_{key}"] for result in finished])
            constant = _mean([result[f"constant_{key}"] for result in finished])
            data = finished[0]["eval_data"]
            lines.append(f"| {model} | {task} | {name} | {score} | {constant} | {len(finished)} | {data} |")
    return "\n".join(lines)


def _mean(scores: Sequence[float | None]) -> str:
    """Format the mean, with the standard deviation of several values; null is undefined."""
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return "undefined"
    spread = statistics.stdev(known) if len(known) > 1 else 0.0
    return f"{statistics.fmean(known):.2f}" + (f" ± {spread:.2f}" if spread else "")
