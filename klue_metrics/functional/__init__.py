"""The official KLUE metrics as plain functions over numpy arrays: no evaluate, no files, no models.

>>> from klue_metrics.functional import compute
>>> compute("nli", ["neutral", "entailment"], ["neutral", "contradiction"])
{'accuracy': 50.0}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from klue_datasets.tasks import get_task
from klue_metrics.functional import nli, sts, ynat
from klue_metrics.functional.inputs import as_class_ids, as_floats

__all__ = ["METRICS", "Metric", "compute", "get_metric"]


@dataclasses.dataclass(frozen=True)
class Metric:
    """How one task is scored.

    Attributes:
        task: Name of the task.
        compute: Predictions and references to scores, each times 100, official ones first.
        convert: One side's values (and its role, for messages) as an array of plain numbers, checked.
        number: The type of those numbers, as datasets calls it.
        names: Result key -> name of the score in tables and cards, in the order of the keys.
        headline: The key that checkpoints are chosen by.
    """

    task: str
    compute: Callable[..., dict[str, Any]]
    convert: Callable[[object, str], Any]
    number: str
    names: Mapping[str, str]
    headline: str


def _classes(task: str) -> Callable[[object, str], Any]:
    return lambda values, role: as_class_ids(values, get_task(task).labels, task=task, role=role)


METRICS: Mapping[str, Metric] = {
    "ynat": Metric("ynat", ynat.compute, _classes("ynat"), "int64", {"macro_f1": "macro F1"}, "macro_f1"),
    "sts": Metric(
        "sts",
        sts.compute,
        lambda values, role: as_floats(values, task="sts", role=role),
        "float64",
        {"pearsonr": "Pearson's r", "f1": "F1"},
        "pearsonr",
    ),
    "nli": Metric("nli", nli.compute, _classes("nli"), "int64", {"accuracy": "accuracy"}, "accuracy"),
}


def get_metric(task: str) -> Metric:
    """Returns the metric of a task, by its name or its alias; ValueError where there is none."""
    name = get_task(task).name
    if name not in METRICS:
        raise ValueError(f"There is no metric for {name} yet; expected one of {', '.join(METRICS)}.")
    return METRICS[name]


def compute(task: str, predictions: object, references: object, **kwargs: Any) -> dict[str, Any]:
    """Scores one task: ``klue_metrics.functional.<task>.compute``, by the task's name or its alias."""
    return get_metric(task).compute(predictions, references, **kwargs)
