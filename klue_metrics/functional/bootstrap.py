"""Uncertainty of scores: bootstrap confidence intervals and significance tests.

Sufficient statistics are resampled instead of examples. ``Metric.statistics`` gives the contribution of each
unit (an example, sentence, question or turn) to the scores, and ``Metric.scores_from`` computes scores from
sums of contributions. A resample is a row of weights, so that all resamples together are one matrix product.
Units with equal statistics are drawn together, by their number; classification has only a few kinds of them.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile 13.3, BCa 14.3, tests 16);
Koehn, Statistical Significance Tests for Machine Translation Evaluation, EMNLP 2004 (paired resampling);
Berg-Kirkpatrick, Burkett and Klein, An Empirical Investigation of Statistical Significance in NLP, EMNLP 2012
(the shifted test).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from klue_metrics.functional import Metric, get_metric, re
from klue_metrics.functional.inputs import FloatArray, IntArray, as_texts, to_python

METHODS = ("percentile", "bca")
RESAMPLES_PER_TEST = 40  # minimum number of resamples of ``group_tests``
_CELLS = 4_000_000  # entries of a table of draws at a time, which bounds memory
_NORMAL = NormalDist()

Scorer = Callable[[FloatArray], dict[str, FloatArray]]


class Comparison(NamedTuple):
    """Difference in one score between two sets of predictions: first minus second."""

    difference: float
    low: float
    high: float
    p_value: float


class GroupComparison(NamedTuple):
    """Difference between the mean scores of two systems: first minus second."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float


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
    """Compute confidence intervals for the scores of one task.

    Resamples in which a score is undefined (NaN) are ignored for that score. Both bounds are NaN if the
    score itself, or all of its resamples, are undefined. Classes that occur neither in the predictions nor in
    the references of a resample are left out of its macro F1, as in the definition of the metric. The auprc
    of re, computed if ``probabilities`` are given, is undefined in every resample without one of the
    relations; auprc_present is not. Neither is a function of sums of statistics, so both are computed from
    the weights of the examples, which is slower, above all with ``bca``.

    Args:
        task: Name of the task or its alias.
        predictions: Predictions as for ``compute``.
        references: The references, in the same format.
        resamples: Number of resamples.
        confidence: Confidence level.
        method: ``percentile``, or ``bca``: corrected for bias and acceleration, the latter by the jackknife.
        seed: Random seed.
        clusters: The cluster of each reference, as a string, such as the dialogue of a turn or the passage of
            a question; clusters are resampled as a whole. By default each reference is its own cluster.
        **extra: ``tokens`` for ner and ``probabilities`` for re, as for ``compute``.

    Returns:
        Score key -> lower and upper bound, in the units of the score (0 to 100).

    Raises:
        ValueError: ``compute`` raises it; the method, the number of resamples or the confidence level is
            invalid; the clusters do not match the references, or there is only one.
    """
    _check(resamples, confidence, method)
    metric = get_metric(task)
    side = _side(metric, predictions, to_python(references), extra)
    ((point, samples, jackknifed),), sizes = _resample(
        metric, [side], clusters, resamples, seed, jackknife=method == "bca"
    )
    return {key: _interval(point[key], samples[key], jackknifed.get(key), sizes, confidence) for key in point}


def breakdown_intervals(
    task: str,
    predictions: object,
    references: object,
    by: str,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    clusters: object = None,
    **extra: Any,
) -> dict[str, dict[str, tuple[float, float]]]:
    """Compute percentile intervals for the scores of a breakdown, such as those of each class or source.

    All units are resampled, not those of one part only, so the size of a part varies between resamples.
    Resamples in which a score is undefined are ignored for that score.

    Args:
        task: Name of the task or its alias.
        predictions: Predictions as for ``compute``.
        references: The references, in the same format.
        by: Name of the breakdown, as for ``compute``.
        resamples: Number of resamples.
        confidence: Confidence level.
        seed: Random seed.
        clusters: Cluster of each reference; clusters are resampled as a whole.
        **extra: ``tokens`` for ner and ``sources`` for sts and nli, as for ``compute``.

    Returns:
        Part -> score key -> lower and upper bound; NaN if the score is undefined.

    Raises:
        ValueError: As in ``intervals``, or there is no such breakdown.
    """
    _check(resamples, confidence, "percentile")
    metric = get_metric(task)
    references = to_python(references)
    found = metric.breakdown(predictions, references, by, **extra)
    units = len(metric.convert(references, "references"))
    members = np.arange(units) if clusters is None else _cluster_ids(clusters, units, metric.task)
    kinds = np.ones(int(members.max()) + 1, dtype=np.int64)
    samples: dict[str, list[dict[str, FloatArray]]] = {name: [] for name in found.parts}
    for weights in draws(kinds, resamples, seed):
        of_units = weights[:, members]
        for name, part in found.parts.items():
            samples[name].append(found.scores_from(of_units[:, part.units] @ part.rows))
    ends: dict[str, dict[str, tuple[float, float]]] = {}
    for name, part in found.parts.items():
        points = found.scores_from(part.rows.sum(axis=0))
        ends[name] = {
            key: _interval(point, np.concatenate([block[key] for block in samples[name]]), None, kinds,
                           confidence)
            for key, point in points.items()
        }  # fmt: skip
    return ends


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
    """Compare two sets of predictions for the same references, scored on the same resamples.

    The p-value is two-sided, for the null hypothesis that the true difference is 0: the fraction of resamples
    whose difference is at least as far from the observed difference as the observed difference is from 0. The
    observed sample counts as one of the resamples, so the p-value is never 0. NaN is treated as in
    ``intervals``.

    Args:
        task: Name of the task or its alias.
        predictions_a: Predictions of the first system, as for ``compute``.
        predictions_b: Predictions of the second system.
        references: The references, in the same format.
        resamples: Number of resamples.
        confidence: Confidence level of the interval of the difference.
        method: ``percentile`` or ``bca``, as in ``intervals``.
        seed: Random seed.
        clusters: Cluster of each reference; clusters are resampled as a whole.
        **extra: ``tokens`` for ner; ``probabilities`` for re, a pair of tables, one per system.

    Returns:
        Score key -> difference (a minus b), its interval and its p-value.

    Raises:
        ValueError: As in ``intervals``.
    """
    _check(resamples, confidence, method)
    metric = get_metric(task)
    both = extra.pop("probabilities", (None, None))
    references, extra = to_python(references), to_python(extra)  # both sides read them
    sides = [
        _side(
            metric, predictions, references, extra | {"probabilities": given} if given is not None else extra
        )
        for predictions, given in ((predictions_a, both[0]), (predictions_b, both[1]))
    ]
    (left, right), sizes = _resample(metric, sides, clusters, resamples, seed, jackknife=method == "bca")
    found = {}
    for key in (key for key in left.point if key in right.point):
        point, samples = left.point[key] - right.point[key], left.samples[key] - right.samples[key]
        jackknifed = left.jackknifed[key] - right.jackknifed[key] if left.jackknifed else None
        ends = _interval(point, samples, jackknifed, sizes, confidence)
        found[key] = Comparison(float(point), *ends, _p_value(point, samples))
    return found


def group_tests(
    task: str,
    groups: Sequence[Sequence[object]],
    references: object,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    clusters: object = None,
    probabilities: Sequence[Sequence[object]] | None = None,
    **extra: Any,
) -> dict[tuple[int, int], dict[str, GroupComparison]]:
    """Compare the mean scores of several systems, each with one or more seeds, pair by pair.

    The test accounts for the variance of examples and of seeds. Each resample draws the same units for all
    runs, and adds a random seed effect to the difference of the mean scores. There are too few seeds to
    resample them (with three, the variance of a resample is a third too small), so the seed effect is drawn
    from Student's t distribution with k + l - 2 degrees of freedom, for k and l runs, scaled by the pooled
    standard error of the two means; this assumes equal variances of both systems. The variance of predictions
    between runs is part of both terms, which makes the test conservative. With one run per system there is no
    seed effect: the test is then ``paired_test`` and does not generalise to other seeds.

    Args:
        task: Name of the task or its alias.
        groups: The runs of each system; a run is its predictions, as for ``compute``.
        references: The references of all runs.
        resamples: Minimum number of resamples. There are at least 40 per test, since with fewer no p-value
            could be below 0.05 after the correction.
        confidence: Confidence level of the intervals of the differences.
        seed: Random seed.
        clusters: Cluster of each reference; clusters are resampled as a whole.
        probabilities: For re, the probabilities of each run, nested like ``groups``.
        **extra: ``tokens`` for ner.

    Returns:
        Positions of two systems -> score key -> their comparison, first minus second. ``p_holm`` is corrected
        by Holm's method for all tests returned.

    Raises:
        ValueError: As in ``intervals``; there are fewer than two systems, or one has no run.
    """
    _check(resamples, confidence, "percentile")
    metric = get_metric(task)
    if len(groups) < 2 or not all(groups):
        raise ValueError(
            f"{metric.task}: the systems have {[len(runs) for runs in groups]} runs; expected at least two "
            "systems, each with at least one run."
        )
    tables = probabilities or [[None] * len(runs) for runs in groups]
    references, extra = to_python(references), to_python(extra)  # every run reads them
    sides = [
        _side(metric, predictions, references, extra if table is None else extra | {"probabilities": table})
        for runs, given in zip(groups, tables, strict=True)
        for predictions, table in zip(runs, given, strict=True)
    ]
    pairs = list(itertools.combinations(range(len(groups)), 2))
    resamples = max(resamples, RESAMPLES_PER_TEST * len(pairs) * len(metric.names))
    found, sizes = _resample(metric, sides, clusters, resamples, seed)
    ends = np.cumsum([len(runs) for runs in groups])
    members = [found[end - len(runs) : end] for end, runs in zip(ends, groups, strict=True)]
    keys = [key for key in found[0].point if all(key in run.point for run in found)]
    tests: dict[tuple[int, int], dict[str, GroupComparison]] = {}
    for first, second in pairs:
        generator = np.random.default_rng([seed, first, second])
        both = members[first], members[second]
        tests[first, second] = {}
        for key in keys:
            points = [np.array([run.point[key] for run in runs]) for runs in both]
            means = [np.mean([run.samples[key] for run in runs], axis=0) for runs in both]
            difference = points[0].mean() - points[1].mean()
            samples = means[0] - means[1] + _seed_effects(points, resamples, generator)
            low, high = _interval(difference, samples, None, sizes, confidence)
            p_value = _p_value(difference, samples)
            scores = float(points[0].mean()), float(points[1].mean())
            tests[first, second][key] = GroupComparison(
                *scores, float(difference), low, high, p_value, p_value
            )
    corrected = iter(holm([row.p_value for rows in tests.values() for row in rows.values()]))
    return {
        pair: {key: row._replace(p_holm=next(corrected)) for key, row in rows.items()}
        for pair, rows in tests.items()
    }


def _seed_effects(points: Sequence[FloatArray], count: int, generator: np.random.Generator) -> FloatArray:
    """Draw seed effects on a difference of means, shape (count,)."""
    sizes = [len(scores) for scores in points]
    freedom = sum(sizes) - len(sizes)
    if not freedom:
        return np.zeros(count)
    variance = sum(float(((scores - scores.mean()) ** 2).sum()) for scores in points) / freedom
    error = math.sqrt(variance * sum(1 / size for size in sizes))
    return np.asarray(error * generator.standard_t(freedom, count))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple tests by Holm's method, which controls the family-wise error rate.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics
    6, 1979. NaN is kept and not counted as a test.
    """
    values = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(len(values), np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in corrected]


def _check(resamples: int, confidence: float, method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; expected one of {', '.join(METHODS)}.")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples; expected at least 1.")
    if not 0 < confidence < 1:
        raise ValueError(f"The confidence is {confidence}; expected a number between 0 and 1, such as 0.95.")


class _Side(NamedTuple):
    """One set of predictions in a comparison."""

    rows: FloatArray  # statistics, one row per unit
    weighted: Scorer | None  # maps unit weights to the scores that statistics are insufficient for


def _side(metric: Metric, predictions: object, references: object, extra: Mapping[str, Any]) -> _Side:
    for_rows = dict(extra)
    weighted = None
    if metric.task == "re" and for_rows.get("probabilities") is not None:
        weighted = re.weighted_scores(references, for_rows.pop("probabilities"))
    return _Side(metric.statistics(predictions, references, **for_rows), weighted)


class _Resampled(NamedTuple):
    """Resampled scores of one set of predictions, by key."""

    point: dict[str, FloatArray]  # of all units, shape ()
    samples: dict[str, FloatArray]  # of each resample, shape (resamples,)
    jackknifed: dict[str, FloatArray]  # without one unit of each kind; empty unless requested


def _resample(
    metric: Metric,
    sides: Sequence[_Side],
    clusters: object,
    resamples: int,
    seed: int,
    *,
    jackknife: bool = False,
) -> tuple[list[_Resampled], IntArray]:
    """Score every side on the same resamples; also return the number of units of each kind."""
    rows = np.hstack([side.rows for side in sides])
    ends = np.cumsum([side.rows.shape[1] for side in sides])[:-1]
    members = np.arange(len(rows))
    if clusters is not None:
        members = _cluster_ids(clusters, len(rows), metric.task)
        if not members.any():
            raise ValueError(
                f"{metric.task}: all {len(rows)} examples are in one cluster; expected two clusters or more, "
                "since all resamples of one cluster are equal."
            )
        order = np.argsort(members, kind="stable")
        starts = np.flatnonzero(np.diff(members[order], prepend=-1))
        rows = np.add.reduceat(rows[order], starts, axis=0)
    needs_weights = any(side.weighted for side in sides)
    if needs_weights:  # units with equal statistics may differ
        sizes = np.ones(len(rows), dtype=np.int64)
    else:
        first, sizes = distinct(rows)
        rows = rows[first]

    def scores(counts: FloatArray, weights: FloatArray | None = None) -> list[dict[str, FloatArray]]:
        parts = []
        for side, part in zip(sides, np.split(counts, ends, axis=-1), strict=True):
            found = dict(metric.scores_from(part))
            if side.weighted and weights is not None:
                found |= side.weighted(weights[:, members])
            parts.append(found)
        return parts

    def of_blocks(blocks: Iterable[FloatArray]) -> list[dict[str, FloatArray]]:
        done = [scores(weights @ rows, weights) for weights in blocks]
        return [
            {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
            for parts in zip(*done, strict=True)
        ]

    everything = sizes[None].astype(np.float64)
    points = [{key: value[0] for key, value in found.items()} for found in of_blocks([everything])]
    samples = of_blocks(draws(sizes, resamples, seed))
    jackknifed: list[dict[str, FloatArray]] = [{} for _ in sides]
    if jackknife and needs_weights:
        step = max(1, _CELLS // len(rows))
        jackknifed = of_blocks(_all_but_one(len(rows), step))
    elif jackknife:
        jackknifed = scores(everything @ rows - rows)
    return [_Resampled(*found) for found in zip(points, samples, jackknifed, strict=True)], sizes


def _cluster_ids(clusters: object, count: int, task: str) -> IntArray:
    names = as_texts(clusters, count, task=task, role="clusters")
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _all_but_one(units: int, step: int) -> Iterator[FloatArray]:
    """Yield weights that leave out each unit in turn, a block of rows at a time."""
    for begin in range(0, units, step):
        left_out = np.arange(begin, min(begin + step, units))
        weights = np.ones((len(left_out), units))
        weights[np.arange(len(left_out)), left_out] = 0
        yield weights


def distinct(rows: FloatArray) -> tuple[IntArray, IntArray]:
    """Group equal rows: the first of each kind and its count, in the order of the kinds' bytes."""
    packed = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    _, first, sizes = np.unique(packed, return_index=True, return_counts=True)
    return first, sizes


def draws(sizes: IntArray, resamples: int, seed: int) -> Iterator[FloatArray]:
    """Draw units with replacement, as many as there are.

    Args:
        sizes: Number of units of each kind, shape (kinds,).
        resamples: Number of resamples.
        seed: Random seed.

    Yields:
        Counts of each kind, in blocks of shape (some of the resamples, kinds).
    """
    generator = np.random.default_rng(seed)
    kinds, units = len(sizes), int(sizes.sum())
    few = kinds * 16 < units  # drawing counts is then faster than drawing units
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
    point: FloatArray, samples: FloatArray, jackknifed: FloatArray | None, sizes: IntArray, confidence: float
) -> tuple[float, float]:
    """Compute the percentile interval or, given jackknifed scores, the BCa interval."""
    samples = samples[~np.isnan(samples)]
    if np.isnan(point) or not samples.size:
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    levels = [tail, 1 - tail]
    if jackknifed is not None:
        levels = _corrected(levels, float(point), samples, jackknifed, sizes)
    low, high = np.quantile(samples, levels)
    return float(low), float(high)


def _corrected(
    levels: list[float], point: float, samples: FloatArray, jackknifed: FloatArray, sizes: IntArray
) -> list[float]:
    """Compute the quantiles that BCa uses (Efron and Tibshirani, 14.9 to 14.15)."""
    # Scores that tie with the point estimate (up to rounding) count half as below.
    slack = 1e-9 * max(1.0, abs(point))
    below = np.mean(samples < point - slack) + np.mean(np.abs(samples - point) <= slack) / 2
    margin = 1 / (len(samples) + 1)
    bias = _NORMAL.inv_cdf(float(np.clip(below, margin, 1 - margin)))
    defined = ~np.isnan(jackknifed)
    jackknifed, sizes = jackknifed[defined], sizes[defined]
    deviations = np.average(jackknifed, weights=sizes) - jackknifed if len(jackknifed) else jackknifed
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
    extreme = np.abs(samples - point) >= abs(float(point)) - 1e-9  # equal up to rounding counts as extreme
    return float((1 + extreme.sum()) / (1 + len(samples)))
