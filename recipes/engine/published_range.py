"""Compare the scores of a run with KLUE's published dev scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub_cards import read_published
from klue_datasets.tasks import get_task
from klue_metrics.functional import get_metric
from recipes.engine.results import shown


def range_sentences(task: str, results: Mapping[str, Any], details: Mapping[str, Any]) -> list[str]:
    """Compare the scores of a run with the published ones, one sentence per official metric.

    A difference is within noise if the published score is inside the 95 % interval of the run. The published
    scores have no intervals, and their source does not state the version of the data.

    Args:
        task: Name of the task.
        results: The content of ``all_results.json``.
        details: The content of ``eval_details.json``.

    Returns:
        The sentences; none if the data is not KLUE's complete official validation split.
    """
    if not results.get("eval_data_is_official"):
        return []
    rows = {name: tasks[task] for name, tasks in read_published()["dev"]["rows"].items() if task in tasks}
    sentences = []
    for key in get_task(task).leaderboards:
        score, ends = results.get(f"eval_{key}"), details.get("scores", {}).get(key, {})
        known = {name: float(scores[key]) for name, scores in rows.items() if key in scores}
        low, high = ends.get("low"), ends.get("high")
        if score is None or low is None or high is None or not known:
            continue
        near = [f"{name} ({value:.2f})" for name, value in known.items() if low <= value <= high]
        above = sum(value > high for value in known.values())
        below = sum(value < low for value in known.values())
        sentence = (
            f"{get_metric(task).names[key]} {shown(score)} [{low:.2f}, {high:.2f}] among {len(known)} "
            f"published dev scores: {above} are higher, {below} lower, {len(near)} within noise"
        )
        sentences.append(f"{sentence}: {', '.join(near)}." if near else f"{sentence}.")
    return sentences
