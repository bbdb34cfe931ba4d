"""The official KLUE metrics as plain functions; they need NumPy only.

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

    A unit is an example, a sentence, a question or a turn, depending on the task.

    Attributes:
        task: Name of the task.
        compute: Computes scores, each times 100, official ones first, from predictions and references.
        convert: Validates predictions or references, given with their role for error messages, and converts
            them to plain values, one per unit.
        types: Types of the values returned by ``convert``, for predictions and for references: the name of a
            type in datasets, a list for lists of that type, or a mapping for named fields.
        names: Result key -> name of the score in tables and cards, in the order of the results.
        primary: Key of the primary metric, which selects checkpoints as in KLUE-baseline.
        statistics: Computes the contribution of each unit to the scores, shape (units, k).
        scores_from: Computes scores from sums of contributions, shape (..., k). The sum over all units gives
            the scores of ``compute``, except those of re that need probabilities (``re.weighted_scores``).
        right: Returns for each unit whether it is entirely right, that is, whether its scores alone would be
            perfect. For sts, where r needs several pairs, whether it is right in F1; for re, no_relation
            counts as a relation.
        breakdowns: Valid values of ``by`` in ``compute``.
        breakdown: Computes the statistics of a breakdown from predictions, references and its name.
        fewest: Minimum number of units.
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
