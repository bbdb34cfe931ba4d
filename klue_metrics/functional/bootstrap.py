"""Uncertainty of the scores: bootstrap intervals, and the paired test between two sets of predictions.

What is resampled is not examples but sufficient statistics: each metric says what every unit (an example, a
sentence, a question, a turn) adds to its score, ``Metric.statistics``, and turns sums of that into scores,
``Metric.scores_from``. A resample is then a row of weights, and all of them one matrix product. Units with
equal statistics, of which classification has only a handful, are drawn together, by their number.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile 13.3, BCa 14.3, tests 16);
Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004 (paired resampling);
Berg-Kirkpatrick, Burkett and Klein, An Empirical Investigation of Statistical Significance in NLP, EMNLP 2012
(the shifted test).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from klue_metrics.functional import get_metric
from klue_metrics.functional.inputs import FloatArray, IntArray, as_texts

METHODS = ("percentile", "bca")
_CELLS = 4_000_000  # of a table of draws at a time: bounds memory
_NORMAL = NormalDist()

Scorer = Callable[[FloatArray], dict[str, FloatArray]]


class Comparison(NamedTuple):
    """How two sets of predictions differ in one score: first minus second."""

    difference: float
    low: float
    high: float
    p_value: float


def intervals(
    task: str,
    predictions: object,
    references: object,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    method: str = "percentile",
    seed: int = 0,
    clusters: object = None,
    **extra: Any,
) -> dict[str, tuple[float, float]]:
    """Confidence intervals of the scores of one task.

    A resample in which a score is undefined (NaN) does not count for it; where the score itself is, or all
    resamples are, both ends are NaN. A class that a resample has on neither side is left out of that
    resample's macro F1, as the definition says. re's auprc and auprc_present, which are no functions of sums,
    have no intervals here.

    Args:
        task: Name of the task or its alias.
        predictions: As ``compute`` takes them.
        references: Likewise.
        resamples: How many times to resample.
        confidence: Share of such intervals that should hold the true score.
        method: ``percentile``, or ``bca``: corrected for bias and acceleration, the latter by the jackknife.
        seed: Of the random numbers; the same gives the same intervals.
        clusters: For each reference the group that it is drawn with, as a string, e.g. the dialogue of a turn
            or the passage of a question; by default each is drawn by itself.
        **extra: Passed on to the task's ``statistics``, e.g. ``tokens`` for ner.

    Returns:
        Score key -> lower and upper end, 0 to 100 as the scores are.

    Raises:
        ValueError: Where ``compute`` raises it; wrong method, number of resamples, confidence or clusters.
    """
    _check(resamples, confidence, method)
    metric = get_metric(task)
    rows = _clustered(metric.statistics(predictions, references, **extra), clusters, metric.task)
    point, samples, knife, sizes = _resample(rows, metric.scores_from, resamples, seed, method == "bca")
    return {key: _interval(point[key], samples[key], knife.get(key), sizes, confidence) for key in point}


def paired_test(
    task: str,
    predictions_a: object,
    predictions_b: object,
    references: object,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    method: str = "percentile",
    seed: int = 0,
    clusters: object = None,
    **extra: Any,
) -> dict[str, Comparison]:
    """Compares two sets of predictions for the same references: the same units are drawn for both.

    The p-value is two-sided, of the hypothesis that the true difference is 0: the share of resamples whose
    difference deviates from the observed one by as much as that does from 0, the observed sample counted as
    one of them, so never 0. NaN is treated as in ``intervals``.

    Args:
        task: Name of the task or its alias.
        predictions_a: As ``compute`` takes them.
        predictions_b: Likewise.
        references: Likewise.
        resamples: As in ``intervals``, and so the rest.
        confidence: Of the interval of the difference.
        method: Of the interval of the difference.
        seed: Of the random numbers.
        clusters: For each reference the group that it is drawn with.
        **extra: Passed on to the task's ``statistics``.

    Returns:
        Score key -> difference (a minus b), its interval, p-value.

    Raises:
        ValueError: As in ``intervals``.
    """
    _check(resamples, confidence, method)
    metric = get_metric(task)
    sides = [
        _clustered(metric.statistics(predictions, references, **extra), clusters, metric.task)
        for predictions in (predictions_a, predictions_b)
    ]
    middle = sides[0].shape[1]

    def differences(counts: FloatArray) -> dict[str, FloatArray]:
        first = metric.scores_from(counts[..., :middle])
        second = metric.scores_from(counts[..., middle:])
        return {key: first[key] - second[key] for key in first}

    point, samples, knife, sizes = _resample(np.hstack(sides), differences, resamples, seed, method == "bca")
    return {
        key: Comparison(
            float(point[key]),
            *_interval(point[key], samples[key], knife.get(key), sizes, confidence),
            _p_value(point[key], samples[key]),
        )
        for key in point
    }


def _check(resamples: int, confidence: float, method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; expected one of {', '.join(METHODS)}.")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples; expected at least 1.")
    if not 0 < confidence < 1:
        raise ValueError(f"The confidence is {confidence}; expected a share between 0 and 1, e.g. 0.95.")


def _clustered(rows: FloatArray, clusters: object, task: str) -> FloatArray:
    """The statistics of each cluster: the sums over its units."""
    if clusters is None:
        return rows
    names = as_texts(clusters, len(rows), task=task, role="clusters")
    numbers: dict[str, int] = {}
    index = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0))


def _resample(
    rows: FloatArray, scorer: Scorer, resamples: int, seed: int, jackknife: bool
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, FloatArray], IntArray]:
    """Scores of all units, of each resample, without each unit (if asked), and how many units are like it."""
    distinct, sizes = np.unique(rows, axis=0, return_counts=True)
    total = sizes @ distinct
    parts = [scorer(weights @ distinct) for weights in draws(sizes, resamples, seed)]
    samples = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return scorer(total), samples, scorer(total - distinct) if jackknife else {}, sizes


def draws(sizes: IntArray, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Draws units with replacement, as many as there are.

    Args:
        sizes: How many units there are of each kind, shape (kinds,).
        resamples: How often to draw.
        seed: Of the random numbers.

    Yields:
        How many of each kind were drawn, in blocks of shape (some of the resamples, kinds).
    """
    generator = np.random.default_rng(seed)
    kinds, units = len(sizes), int(sizes.sum())
    few = kinds * 16 < units  # then a draw of counts is cheaper than one of units
    block = max(1, _CELLS // (kinds if few else units))
    of_unit = np.repeat(np.arange(kinds), sizes)
    for begin in range(0, resamples, block):
        count = min(block, resamples - begin)
        if few:
            weights = generator.multinomial(units, sizes / units, size=count)
        else:
            drawn = generator.integers(0, units, (count, units), dtype=np.int32)
            cells = (of_unit[drawn] if kinds < units else drawn) + kinds * np.arange(count)[:, None]
            weights = np.bincount(cells.ravel(), minlength=count * kinds).reshape(count, kinds)
        yield weights.astype(np.float64)


def _interval(
    point: FloatArray, samples: FloatArray, knife: FloatArray | None, sizes: IntArray, confidence: float
) -> tuple[float, float]:
    """Percentile interval; with jackknifed scores, the bias-corrected and accelerated one."""
    samples = samples[~np.isnan(samples)]
    if np.isnan(point) or not samples.size:
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    levels = [tail, 1 - tail]
    if knife is not None:
        levels = _corrected(levels, float(point), samples, knife, sizes)
    low, high = np.quantile(samples, levels)
    return float(low), float(high)


def _corrected(
    levels: list[float], point: float, samples: FloatArray, knife: FloatArray, sizes: IntArray
) -> list[float]:
    """The quantiles that BCa takes in place of the given ones (Efron and Tibshirani, 14.9 to 14.15)."""
    # Discrete scores tie with the point: half of these count as below. Scores equal but for rounding tie.
    slack = 1e-9 * max(1.0, abs(point))
    below = np.mean(samples < point - slack) + np.mean(np.abs(samples - point) <= slack) / 2
    margin = 1 / (len(samples) + 1)
    bias = _NORMAL.inv_cdf(float(np.clip(below, margin, 1 - margin)))
    defined = ~np.isnan(knife)
    knife, sizes = knife[defined], sizes[defined]
    deviations = np.average(knife, weights=sizes) - knife if len(knife) else knife
    squares = float(sizes @ deviations**2)
    acceleration = float(sizes @ deviations**3) / (6 * squares**1.5) if squares > slack**2 else 0.0
    corrected = []
    for level in levels:
        shifted = bias + _NORMAL.inv_cdf(level)
        corrected.append(_NORMAL.cdf(bias + shifted / max(1 - acceleration * shifted, margin)))
    return corrected


def _p_value(point: FloatArray, samples: FloatArray) -> float:
    samples = samples[~np.isnan(samples)]
    if np.isnan(point) or not samples.size:
        return math.nan
    extreme = np.abs(samples - point) >= abs(float(point)) - 1e-9  # equal but for rounding is as extreme
    return float((1 + extreme.sum()) / (1 + len(samples)))
