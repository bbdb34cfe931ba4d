"""What an answer that never looks at the input would score: the floor under every result."""

from __future__ import annotations

import logging
import math
import warnings
from typing import TYPE_CHECKING

from klue_metrics.functional import get_metric
from recipes.tasks.protocol import Recipe

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)


def constant_scores(
    recipe: Recipe, train: datasets.Dataset | None, examples: datasets.Dataset
) -> dict[str, float]:
    """Scores of the constant baseline: the best constant answer, without looking at the scored split.

    Args:
        recipe: The task; says which constant answers there are.
        train: Examples of the training split; None where the data has none.
        examples: Those that are scored.

    Returns:
        The metric's keys; for each the best that one of the constants reaches, NaN where none is defined, as
        without a training split.
    """
    metric = get_metric(recipe.task)
    if train is None:
        logger.warning("%s: there is no training split, so there is no constant baseline.", recipe.task)
        return dict.fromkeys(metric.names, math.nan)
    references = recipe.references(examples)
    scores = []
    with warnings.catch_warnings():  # a constant has no correlation, which is the point here
        warnings.simplefilter("ignore")
        for answer in recipe.constants(train, examples):
            scores.append(metric.compute(answer.predictions, references, **answer.metric_inputs))
    best = {}
    for key in metric.names:
        defined = [score[key] for score in scores if not math.isnan(score.get(key, math.nan))]
        best[key] = max(defined, default=math.nan)
    return best
