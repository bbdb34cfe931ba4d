"""Statistics of a board: means and standard deviations over seeds, intervals, breakdowns and tests."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from klue_metrics import scoring
from klue_metrics.functional.bootstrap import GroupComparison, group_tests
from klue_metrics.predictions import Cases, Source, load_cases, read_rows
from klue_metrics.scoring import count_right, right_answers
from recipes.engine.results import EVAL_DETAILS, read_json, strict
from recipes.reporting.runs import Board, Group, Run, size_of

SINGLE, SEEDS = "single runs", "seeds and examples"  # what a test accounts for
# 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
PROBABILITIES = ("ynat", "nli", "re")  # tasks whose score is the probability of the answer
BINS = 10  # number of bins of confidence
TOLERANCE = 1e-6  # tolerance between a stored score and the one computed from predictions


@dataclasses.dataclass(frozen=True)
class Measured:
    """Details of the evaluation of a run.

    Attributes:
        ends: Score key -> bounds of its interval; empty without predictions.
        breakdown: Name and groups of the breakdown from ``klue_metrics``; None if there is none.
        confusion: Gold label -> predicted label -> number of examples; None for tasks without classes.
        right: Number of entirely right answers; None if unknown.
        note: Reason why something is missing; may be empty.
    """

    ends: Mapping[str, tuple[float, float]]
    breakdown: tuple[str, Mapping[str, Mapping[str, Any]]] | None = None
    confusion: Mapping[str, Mapping[str, int]] | None = None
    right: int | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Score:
    """One score of a group.

    Attributes:
        mean: Mean over the seeds; None if the score is undefined for one of them.
        sd: Sample standard deviation over the seeds; None with one seed.
        low: Lower bound of the 95 % interval, which is the bootstrap interval of a single run, or
            ``seeds_interval`` of several; None without an interval.
        high: Upper bound of the interval.
        constant: Score of the constant baseline; None if undefined.
        is_best: Whether the mean is the highest in the board, and higher than another one.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    constant: float | None
    is_best: bool = False


@dataclasses.dataclass(frozen=True)
class Line:
    """One group in a table.

    Attributes:
        group: The group.
        scores: Score key -> score.
        parameters: Number of parameters; None if unknown.
        size: small, base, large or unknown.
        throughput: Training examples per second, averaged over seeds; None if unknown.
        latency: Milliseconds of evaluation per example in batches, averaged over seeds; None if unknown.
    """

    group: Group
    scores: Mapping[str, Score]
    parameters: int | None
    size: str
    throughput: float | None
    latency: float | None


def measure_run(run: Run, resamples: int) -> Measured:
    """Read the details of an evaluation: intervals, breakdown and confusion matrix.

    They are read from eval_details.json. Folders of earlier versions do not have it, so their predictions are
    scored.
    """
    try:
        found = read_json(run.folder / EVAL_DETAILS)
        if not found:
            if not run.predictions.is_file():
                return Measured({}, note=f"{run.name}: there is no {run.predictions.name}; no interval.")
            found = strict(scoring.score(run.task, str(run.predictions), Source(), resamples=resamples))
    except (OSError, ValueError) as error:
        return Measured({}, note=f"{run.name}: the predictions cannot be scored: {error}")
    for key, row in found["scores"].items():
        recorded = run.record.scores[key].score if key in run.record.scores else None
        both_undefined = recorded is None and row["score"] is None
        if not both_undefined and not abs(_number(recorded) - _number(row["score"])) <= TOLERANCE:
            return Measured(
                {},
                note=f"{run.name}: the predictions score {_number(row['score']):.4f} in {key}, but the "
                f"results say {_number(recorded):.4f}; expected the same, so the answers are left out.",
            )
    by = next((key for key in found if key.startswith("by_")), None)
    ends = {key: (_number(row["low"]), _number(row["high"])) for key, row in found["scores"].items()}
    breakdown = (by.removeprefix("by_"), found[by]) if by else None
    return Measured(ends, breakdown, found.get("confusion"), found["right"])


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def lines_of(board: Board, measured: Mapping[str, Measured]) -> list[Line]:
    """Build the table of a board; ``measured`` has the details of runs by name."""
    metric = board.groups[0].runs[0].metric
    scores = [{key: _score(group.runs, key, measured) for key in metric.names} for group in board.groups]
    for key in metric.names:
        means = [mean for row in scores if (mean := row[key].mean) is not None]
        if len(means) > 1 and max(means) > min(means):
            for row in scores:
                if row[key].mean == max(means):
                    row[key] = dataclasses.replace(row[key], is_best=True)
    return [_line(group, row) for group, row in zip(board.groups, scores, strict=True)]


def _score(runs: Sequence[Run], key: str, measured: Mapping[str, Measured]) -> Score:
    """Summarise a score over seeds; runs of earlier versions may not have it."""
    values = [run.record.scores[key].score if key in run.record.scores else None for run in runs]
    known = [value for value in values if value is not None]
    ends = [measured[run.name].ends.get(key, (math.nan, math.nan)) for run in runs]
    low, high = seeds_interval(values, ends, floor=-100.0 if key == "pearsonr" else 0.0)
    return Score(
        mean=mean_of(values),
        sd=statistics.stdev(known) if len(known) == len(values) > 1 else None,
        low=low,
        high=high,
        constant=mean_of([run.results.get(f"constant_{key}") for run in runs]),
    )


def seeds_interval(
    scores: Sequence[float | None], ends: Sequence[tuple[float, float]], *, floor: float = 0.0
) -> tuple[float, float] | tuple[None, None]:
    """Compute the 95 % interval of a model's mean score over seeds and test examples.

    The interval combines two errors. The error due to the sample of k seeds is the half-width of Student's t
    interval of the mean, t sd / sqrt(k) with k - 1 degrees of freedom. The error due to the sample of
    examples, which all seeds share, is on each side the root mean square over seeds of the distance from the
    score to the bound of its bootstrap interval; it does not decrease with the number of seeds. The distance
    from the mean to a bound is the square root of the sum of squares of both errors. With equal scores of all
    seeds, the result is the bootstrap interval. With two seeds it is wide, since t is 12.7.

    Variance of predictions between seeds is part of both errors, which makes the interval conservative.
    Source:
    Zou and Donner, Construction of confidence limits about effect measures: A general approach, Statistics in
    Medicine 27, 2008 (limits of a sum of independent estimates).

    Args:
        scores: Score of each seed; None if undefined.
        ends: Bounds of the bootstrap interval of each seed; NaN without one.
        floor: The lowest possible score; the highest is 100. The interval is limited to this range.

    Returns:
        Both bounds; None if a score or bound is missing.
    """
    mean = mean_of(scores)
    known = [(score, low, high) for score, (low, high) in zip(scores, ends, strict=True) if score is not None]
    if mean is None or any(math.isnan(end) for _, *pair in known for end in pair):
        return None, None
    if len(known) == 1:
        return ends[0]
    seeds = student(len(known) - 1) * statistics.stdev(score for score, *_ in known) / math.sqrt(len(known))
    below, above = (
        math.hypot(seeds, math.sqrt(statistics.fmean(distance**2 for distance in distances)))
        for distances in (
            [score - low for score, low, _ in known],
            [high - score for score, _, high in known],
        )
    )
    return max(floor, mean - below), min(100.0, mean + above)


def student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t, from a table or by Abramowitz and Stegun, 26.7.5."""
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def mean_of(values: Sequence[float | None]) -> float | None:
    """Average values; None if there are none, or one is None or NaN."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _line(group: Group, scores: Mapping[str, Score]) -> Line:
    speeds = [run.record.speed for run in group.runs]
    parameters = group.runs[0].record.model.parameters
    return Line(
        group=group,
        scores=scores,
        parameters=parameters,
        size=size_of(parameters),
        throughput=mean_of([speed.train_per_second for speed in speeds]),
        latency=mean_of(
            [1000 / speed.eval_per_second if speed.eval_per_second else None for speed in speeds]
        ),
    )


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Calibration of confidences.

    Attributes:
        error: Expected calibration error, times 100.
        bins: Mean confidence, fraction of right answers and number of answers of each non-empty bin.
    """

    error: float
    bins: Sequence[tuple[float, float, int]]


def calibration(task: str, run: Run, cases: Cases) -> Calibration | None:
    """Compute the calibration of a run; None if its scores are not probabilities."""
    if task not in PROBABILITIES:
        return None
    rows = {row.id: row.fields.get("score") for row in read_rows(task, str(run.predictions), "prediction")}
    scores = [rows[name] for name in cases.ids]
    if not all(isinstance(score, int | float) and 0 <= score <= 1 for score in scores):
        return None
    confidence = np.asarray(scores, dtype=float)
    right = right_answers(task, cases).astype(float)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [
        (float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    ]
    error = sum(abs(sure - share) * count for sure, share, count in bins) / len(scores)
    return Calibration(100 * error, bins)


def shown_runs(board: Board, limit: int) -> list[tuple[str, Run]]:
    """Select the runs to show individually, up to a limit: first seeds of all groups, then second ones."""
    turns = itertools.zip_longest(*(group.runs for group in board.groups))
    names = [run.name for turn in turns for run in turn if run is not None][:limit]
    return [(label, run) for label, run in board.runs if run.name in names]


def load_answers(
    runs: Sequence[tuple[str, Run]], measured: Mapping[str, Measured]
) -> tuple[dict[str, Cases], list[str]]:
    """Load predictions and references of runs; also return sentences about missing data."""
    found, notes = {}, []
    for _, run in runs:
        if not measured[run.name].ends:  # there is a note about it
            continue
        try:
            cases = load_cases(run.task, str(run.predictions), Source())
            right = count_right(run.task, cases)
        except (OSError, ValueError) as error:
            notes.append(f"{run.name}: the answers cannot be read: {error}")
            continue
        if right != measured[run.name].right:
            notes.append(
                f"{run.name}: {right} of the predictions are right, but {measured[run.name].right} of those "
                "that were scored; expected the same, so the answers are left out."
            )
            continue
        found[run.name] = cases
    return found, notes


def comparisons(
    groups: Sequence[Group], cases: Mapping[str, Cases], resamples: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Test all pairs of groups of a board, with correction for multiple tests.

    Args:
        groups: The groups.
        cases: Name of a run -> its predictions and references; other runs are omitted.
        resamples: Number of bootstrap resamples.

    Returns:
        Mappings, one per pair, and sentences about runs that cannot be compared. The mappings have ``first``
        and ``second``, positions in ``groups``; ``seeds``, the numbers of seeds; ``test``, SINGLE or SEEDS;
        the numbers of ``examples`` and ``clusters``; ``tests``, the number of tests for the correction of
        p-values; and ``scores``, key -> fields of ``GroupComparison``.
    """
    task = groups[0].runs[0].task
    named = [[(run.name, cases[run.name]) for run in group.runs if run.name in cases] for group in groups]
    results, kept, notes = paired_tests(task, named, resamples)
    pairs = []
    for (first, second), scores in results.items():
        seeds = [len(kept[side]) for side in (first, second)]
        one = kept[first][0]
        clusters = one.columns.get("clusters")
        pairs.append(
            {
                "first": first,
                "second": second,
                "seeds": seeds,
                "test": SINGLE if max(seeds) == 1 else SEEDS,
                "examples": len(one.ids),
                "clusters": len(set(clusters)) if clusters else None,
                "tests": sum(
                    not math.isnan(row.p_value) for rows in results.values() for row in rows.values()
                ),
                "scores": {key: row._asdict() for key, row in scores.items()},
            }
        )
    return pairs, notes


def paired_tests(
    task: str, groups: Sequence[Sequence[tuple[str, Cases]]], resamples: int
) -> tuple[dict[tuple[int, int], dict[str, GroupComparison]], dict[int, list[Cases]], list[str]]:
    """Test all pairs of models on the same examples.

    Args:
        task: Name of the task.
        groups: Names and predictions of the seeds of each model; may be empty.
        resamples: Number of bootstrap resamples.

    Returns:
        Positions of two models -> key of a score -> the test; position of a model -> the compared
        predictions, in the same order; and sentences about predictions that cannot be compared.
    """
    kept: dict[int, list[Cases]] = {}
    notes: list[str] = []
    base: tuple[str, Cases] | None = None
    for position, group in enumerate(groups):
        for name, cases in group:
            base = base or (name, cases)
            try:
                fitting = scoring.aligned(task, cases, base[1], f"{base[0]} and {name}")
            except ValueError as problem:
                notes.append(f"{name} is not compared. {problem}")
                continue
            kept.setdefault(position, []).append(fitting)
    if base is None or len(kept) < 2:
        return {}, kept, notes
    columns = base[1].columns
    extra: dict[str, Any] = {"tokens": columns["tokens"]} if "tokens" in columns else {}
    if task == "re" and all("probabilities" in run.columns for runs in kept.values() for run in runs):
        extra["probabilities"] = [[run.columns["probabilities"] for run in runs] for runs in kept.values()]
    clusters = columns.get("clusters")
    if clusters and len(set(clusters)) == 1:
        return {}, kept, [*notes, f"{task}: all examples are in one cluster, so no runs can be compared."]
    results = group_tests(
        task,
        [[run.predictions for run in runs] for runs in kept.values()],
        base[1].references,
        resamples=resamples,
        clusters=clusters,
        **extra,
    )
    positions = list(kept)
    return {(positions[one], positions[two]): rows for (one, two), rows in results.items()}, kept, notes
