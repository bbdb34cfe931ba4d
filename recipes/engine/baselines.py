"""Constant baselines: scores of the same answer to every input, which the training split determines."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from klue_metrics.functional import get_metric
from recipes.engine.published_range import range_sentences
from recipes.engine.results import EVAL_DETAILS, read_json, shown
from recipes.tasks.protocol import Recipe

logger = logging.getLogger(__name__)


def constant_scores(
    recipe: Recipe, train: datasets.Dataset | None, examples: datasets.Dataset
) -> dict[str, float | None]:
    """Score the constant baseline, which does not depend on the scored split.

    Args:
        recipe: The task, which defines the candidates for the constant baseline.
        train: Examples of the training split; None if the data has none.
        examples: The scored examples.

    Returns:
        Key of the metric -> score of the constant baseline, the best of the candidates; None if the score is
        undefined, or if there is no training split.
    """
    metric = get_metric(recipe.task)
    if train is None:
        logger.warning("%s: there is no training split, so there is no constant baseline.", recipe.task)
        return dict.fromkeys(metric.names)
    references = recipe.references(examples)
    scores = []
    with warnings.catch_warnings():  # the correlation of a constant is undefined
        warnings.simplefilter("ignore")
        for answer in recipe.constants(train, examples):
            scores.append(metric.compute(answer.predictions, references, **answer.metric_inputs))
    best: dict[str, float | None] = {}
    for key in metric.names:
        defined = [score[key] for score in scores if not math.isnan(score.get(key, math.nan))]
        best[key] = max(defined, default=None)
    return best


def below_constant(task: str, results: Mapping[str, float | None]) -> str | None:
    """Describe the scores that are not better than the constant baseline; None if all are better.

    Args:
        task: Name of the task.
        results: The content of ``eval_results.json``; NaN may replace null.
    """
    found = []
    for key, name in get_metric(task).names.items():
        score, constant = results.get(f"eval_{key}"), results.get(f"constant_{key}")
        is_better = score is not None and constant is not None and score > constant
        if constant is not None and not is_better:
            found.append(f"{name} {shown(score)} (constant baseline: {shown(constant)})")
    return f"No better than the constant baseline: {', '.join(found)}." if found else None


def log_scores(task: str, results: dict[str, Any], output_dir: Path) -> None:
    """Log the scores of a run next to those of its constant baseline."""
    for key, name in get_metric(task).names.items():
        if f"eval_{key}" in results:
            scores = [shown(results[f"{side}_{key}"]) for side in ("eval", "constant")]
            logger.info("%s %s: %s (constant baseline: %s)", task, name, *scores)
    logger.info("Results are in %s", output_dir)
    if note := below_constant(task, results):
        logger.warning("%s: %s", task, note)
    for sentence in range_sentences(task, results, read_json(output_dir / EVAL_DETAILS)):
        logger.info("%s %s", task, sentence)
