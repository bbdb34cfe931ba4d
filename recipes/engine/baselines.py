"""What an answer that never looks at the input would score: the floor under every result."""

from __future__ import annotations

import collections
import math
import warnings
from collections.abc import Sequence
from typing import Any

from klue_metrics.functional import get_metric


def constant_scores(
    task: str, train_references: Sequence[Any], references: Sequence[Any]
) -> dict[str, float]:
    """Scores of the best constant answer, chosen without looking at the split that is scored.

    Args:
        task: Name of the task.
        train_references: Gold of the training split. Class names: the most frequent is the answer.
            Numbers: their mean is one answer, the scale's end (5) another.
        references: Gold of the split that is scored.

    Returns:
        The metric's keys; for each the best that one of those constants reaches, NaN where none is defined.
    """
    metric = get_metric(task)
    scores = []
    with warnings.catch_warnings():  # a constant has no correlation, which is the point here
        warnings.simplefilter("ignore")
        for answer in _constants(train_references):
            scores.append(metric.compute([answer] * len(references), references))
    best = {}
    for key in metric.names:
        defined = [score[key] for score in scores if not math.isnan(score[key])]
        best[key] = max(defined, default=math.nan)
    return best


def _constants(references: Sequence[Any]) -> list[Any]:
    if all(isinstance(reference, str) for reference in references):
        return [collections.Counter(references).most_common(1)[0][0]]
    return [math.fsum(references) / len(references), 5.0]
