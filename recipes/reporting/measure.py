"""Numbers of a board: means and deviations over seeds, bootstrap intervals, breakdowns, paired tests."""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from klue_datasets.tasks import get_task
from klue_metrics import scoring
from klue_metrics.predictions import Source, load_cases
from recipes.reporting.collect import Board, Group, Run, size_of

CLASSES = ("ynat", "nli", "re")
TOLERANCE = 1e-6  # between a score of the result files and the same computed from the predictions


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the answers of one run show.

    Attributes:
        ends: Score key -> both ends of its interval; empty where there are no predictions.
        breakdown: Name of the breakdown and its groups, as ``klue_metrics`` gives them; None without.
        confusion: Gold label -> predicted label -> examples; None for tasks without classes.
        note: Why something is missing; empty otherwise.
    """

    ends: Mapping[str, tuple[float, float]]
    breakdown: tuple[str, Mapping[str, Mapping[str, Any]]] | None = None
    confusion: Mapping[str, Mapping[str, int]] | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Score:
    """One score of a group.

    Attributes:
        mean: Over the seeds; None where the score is undefined in one of them.
        sd: Standard deviation over the seeds (n - 1); None with one seed.
        low: Lower end of the bootstrap interval, with several seeds the mean of theirs; None without.
        high: Upper end.
        constant: What the best constant answer scores; None where that is undefined.
        is_best: Whether no other group of the board has a higher mean, and one has a lower.
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
        parameters: Of the model; None if unknown.
        size: small, base, large or unknown.
        throughput: Training examples a second, mean over seeds; None if unknown.
        latency: Milliseconds of evaluation an example, in batches, mean over seeds; None if unknown.
    """

    group: Group
    scores: Mapping[str, Score]
    parameters: int | None
    size: str
    throughput: float | None
    latency: float | None


def measure_run(run: Run, resamples: int) -> Measured:
    """Intervals and breakdown from the predictions file of a run."""
    if not run.predictions.is_file():
        return Measured({}, note=f"{run.name}: there is no {run.predictions.name}; no interval, no answers.")
    try:
        found = scoring.score(run.task, str(run.predictions), Source(), resamples=resamples, seed=0)
    except (OSError, ValueError) as error:
        return Measured({}, note=f"{run.name}: the predictions cannot be scored: {error}")
    for key, row in found["scores"].items():
        told = run.results.get(f"eval_{key}")
        told = math.nan if told is None else float(told)
        both_undefined = math.isnan(told) and math.isnan(row["score"])
        if not both_undefined and not abs(told - row["score"]) <= TOLERANCE:
            return Measured(
                {},
                note=f"{run.name}: the predictions score {row['score']:.4f} in {key}, but the results say "
                f"{told:.4f}; expected the same, so the answers are left out.",
            )
    breakdown = next(
        ((key.removeprefix("by_"), value) for key, value in found.items() if key.startswith("by_")), None
    )
    ends = {key: (row["low"], row["high"]) for key, row in found["scores"].items()}
    return Measured(ends, breakdown, _confusion(run))


def _confusion(run: Run) -> dict[str, dict[str, int]] | None:
    """How often each label was answered for each, where either occurs; sts by its two classes."""
    if run.task not in (*CLASSES, "sts"):
        return None
    cases = load_cases(run.task, str(run.predictions), Source())
    labels = get_task(run.task).labels
    sides = [
        [label_name(run.task, value) for value in side] for side in (cases.references, cases.predictions)
    ]
    counts = Counter(zip(*sides, strict=True))
    present = [label for label in labels if any(label in side for side in sides)]
    return {gold: {answer: counts[gold, answer] for answer in present} for gold in present}


def label_name(task: str, value: Any) -> str:
    """A class as its name: ids by the Hub's order, similarities by the threshold of 3 that F1 uses."""
    labels = get_task(task).labels
    if task == "sts":
        return labels[int(float(value) >= 3)]
    return value if isinstance(value, str) else labels[int(value)]


def lines_of(board: Board, measured: Mapping[str, Measured]) -> list[Line]:
    """The table of a board; ``measured`` is by the runs' names."""
    metric = board.groups[0].runs[0].metric
    scores = [
        {key: _score(group.runs, key, measured) for key in metric.names if _is_there(group.runs, key)}
        for group in board.groups
    ]
    for key in metric.names:
        known = [row[key].mean for row in scores if key in row]
        means = [mean for mean in known if mean is not None]
        if len(means) > 1 and max(means) > min(means):
            for row in scores:
                if key in row and row[key].mean == max(means):
                    row[key] = dataclasses.replace(row[key], is_best=True)
    return [_line(group, row) for group, row in zip(board.groups, scores, strict=True)]


def _is_there(runs: Sequence[Run], key: str) -> bool:
    return all(f"eval_{key}" in run.results for run in runs)


def _score(runs: Sequence[Run], key: str, measured: Mapping[str, Measured]) -> Score:
    values = [run.results[f"eval_{key}"] for run in runs]
    ends = [measured[run.name].ends.get(key, (math.nan, math.nan)) for run in runs]
    return Score(
        mean=mean_of(values),
        sd=statistics.stdev(values) if len(runs) > 1 and None not in values else None,
        low=mean_of([low for low, _ in ends]),
        high=mean_of([high for _, high in ends]),
        constant=mean_of([run.results.get(f"constant_{key}") for run in runs]),
    )


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean; None if one of the values is None or NaN, or there are none."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def _line(group: Group, scores: Mapping[str, Score]) -> Line:
    results = [run.results for run in group.runs]
    parameters = results[0].get("parameters")
    times = [
        1000 * result["eval_seconds"] / result["eval_samples"]
        if result.get("eval_seconds") is not None and result["eval_samples"]
        else None
        for result in results
    ]
    return Line(
        group=group,
        scores=scores,
        parameters=parameters,
        size=size_of(parameters),
        throughput=mean_of([result.get("train_samples_per_second") for result in results]),
        latency=mean_of(times),
    )


def shown_runs(board: Board, limit: int) -> list[tuple[str, Run]]:
    """Label and run of those that are shown singly: each group's first seed, then the second, to a limit."""
    turns = itertools.zip_longest(*(group.runs for group in board.groups))
    names = [run.name for turn in turns for run in turn if run is not None][:limit]
    return [(label, run) for label, run in board.runs if run.name in names]


def comparisons(runs: Sequence[tuple[str, Run]], resamples: int) -> list[dict[str, Any]]:
    """The paired bootstrap test between any two runs, as ``klue_metrics compare`` prints it.

    Returns:
        One mapping a pair: ``first`` and ``second``, positions in ``runs``; ``scores``, key -> both scores,
        their difference, its interval and p-value; or ``problem``, why the pair cannot be compared.
    """
    found: list[dict[str, Any]] = []
    cases = {run.name: load_cases(run.task, str(run.predictions), Source()) for _, run in runs}
    for (first, (_, run)), (second, (_, other)) in itertools.combinations(enumerate(runs), 2):
        pair: dict[str, Any] = {"first": first, "second": second}
        try:
            sides = [(side.name, cases[side.name]) for side in (run, other)]
            result = scoring.compare_cases(run.task, *sides, resamples=resamples, seed=0)
        except ValueError as error:
            found.append(pair | {"problem": str(error)})
            continue
        found.append(pair | {key: result[key] for key in ("examples", "clusters", "scores")})
    return found
