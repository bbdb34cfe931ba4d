"""The official KLUE metrics as plain functions over numpy arrays: no evaluate, no files, no models.

>>> from klue_metrics.functional import compute
>>> compute("nli", ["neutral", "entailment"], ["neutral", "contradiction"])
{'accuracy': 50.0}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from klue_datasets.tasks import get_task
from klue_metrics.functional import dp, mrc, ner, nli, re, sts, wos, ynat
from klue_metrics.functional.breakdowns import Breakdown
from klue_metrics.functional.inputs import BoolArray, FloatArray

__all__ = ["METRICS", "Metric", "compute", "get_metric"]


@dataclasses.dataclass(frozen=True)
class Metric:
    """The official metrics of one task.

    Attributes:
        task: Name of the task.
        compute: Predictions and references to scores, each times 100, official ones first.
        convert: One side's values (and its role, for messages) as checked plain values, one per example.
        types: What ``convert`` gives for predictions and references: a type's name as datasets calls it, in a
            list for lists of it, in a mapping for named fields.
        names: Result key -> name of the score in tables and cards, in the order of the keys.
        primary: The key by which checkpoints are chosen, as in the baseline.
        statistics: Predictions and references to what each unit (an example, sentence, question, turn) adds
            to the scores: an array of shape (units, k).
        scores_from: Sums of such rows, shape (..., k), to scores; of the rows of all units, to those that
            ``compute`` gives (for re without those that need probabilities: see its ``weighted_scores``).
        right: Predictions and references to whether each unit is right in full, a boolean array: whether
            every score of that unit alone is perfect. For sts, where r needs several pairs, whether it counts
            as right in F1; for re no_relation counts too.
        breakdowns: What ``compute`` takes as ``by``.
        breakdown: Predictions, references and one of these to the statistics behind it.
        fewest: Minimum number of examples.
    """

    task: str
    compute: Callable[..., dict[str, Any]]
    convert: Callable[[object, str], Any]
    types: Mapping[str, Any]
    names: Mapping[str, str]
    primary: str
    statistics: Callable[..., FloatArray]
    scores_from: Callable[[FloatArray], dict[str, FloatArray]]
    right: Callable[..., BoolArray]
    breakdowns: Sequence[str]
    breakdown: Callable[..., Breakdown]
    fewest: int

    @property
    def by_guid(self) -> bool:
        """Whether predictions and references are matched by guid, and not by position."""
        references = self.types["references"]
        return isinstance(references, Mapping) and "guid" in references


METRICS: Mapping[str, Metric] = {
    task: Metric(
        task,
        module.compute,
        module.convert,
        module.TYPES,
        module.NAMES,
        primary,
        module.statistics,
        module.scores_from,
        module.right,
        module.BREAKDOWNS,
        module.breakdown,
        getattr(module, "FEWEST", 1),
    )
    for task, module, primary in (
        ("ynat", ynat, "macro_f1"),
        ("sts", sts, "pearsonr"),
        ("nli", nli, "accuracy"),
        ("ner", ner, "char_macro_f1"),
        ("re", re, "micro_f1"),
        ("dp", dp, "las_macro_f1"),
        ("mrc", mrc, "rouge_w"),
        ("wos", wos, "slot_micro_f1"),
    )
}


def get_metric(task: str) -> Metric:
    """Return the metric of a task, by its name or its alias; raise ValueError if there is none."""
    return METRICS[get_task(task).name]


def compute(task: str, predictions: object, references: object, **kwargs: Any) -> dict[str, Any]:
    """Score one task, given by its name or alias, with ``klue_metrics.functional.<task>.compute``."""
    return get_metric(task).compute(predictions, references, **kwargs)
