"""Rows of a leaderboard: models by method, with scores over seeds, and ranks with uncertainty."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from klue_datasets.tasks import TASKS
from klue_metrics.predictions import Cases, Source, load_cases
from recipes.engine.result_record import FINE_TUNED, PROMPTED, MetricScore, Record, ScoredData
from recipes.leaderboard.record_sources import Found
from recipes.reporting.measure import mean_of, paired_tests, seeds_interval
from recipes.reporting.runs import size_of

SIGNIFICANT = 0.05
# The official metrics, up to two per task: (task, key of the score).
COLUMNS = [(task, key) for task, record in TASKS.items() for key in record.leaderboards]
NAMED_SIZES = ("small", "base", "large")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A score in a table.

    Attributes:
        mean: Mean over the seeds.
        low: Lower bound of the 95 % interval; None if unknown.
        high: Upper bound of the interval.
        best_rank: One plus the number of models that are better beyond noise.
        worst_rank: The number of models minus that of models that are worse beyond noise.
        data: Version of the scored data; empty if unknown.
    """

    mean: float
    low: float | None
    high: float | None
    best_rank: int = 0
    worst_rank: int = 0
    data: str = ""


@dataclasses.dataclass(frozen=True)
class ModelRow:
    """A model with one method.

    Attributes:
        model: Name of the model.
        method: Description of the method.
        kind: Kind of the method.
        size: small, base, large or unknown.
        parameters: Number of parameters; None if unknown.
        seeds: Maximum number of seeds.
        latency: Milliseconds for a single example, averaged over tasks; None if not measured.
        cells: (task, key) -> score.
        records: The records of the row.
    """

    model: str
    method: str
    kind: str
    size: str
    parameters: int | None
    seeds: int
    latency: float | None
    cells: Mapping[tuple[str, str], Cell]
    records: Sequence[Record]


@dataclasses.dataclass(frozen=True)
class Standing:
    """Models that can be compared because they were scored on the same data.

    Attributes:
        key: Short name for links.
        title: Description of the data.
        is_official: Whether the data is a complete split published by KLUE.
        rows: The models.
        tests: Number of pairs of models whose predictions were compared.
        notes: Sentences about predictions that cannot be compared.
    """

    key: str
    title: str
    is_official: bool
    rows: Sequence[ModelRow]
    tests: int
    notes: Sequence[str]


def standings(found: Iterable[Found], resamples: int = 1000) -> list[Standing]:
    """Group records into tables of comparable models, with official data first.

    Args:
        found: The records.
        resamples: Number of bootstrap resamples for comparing models by their predictions.
    """
    found = list(found)
    contents: dict[tuple[str, ...], Counter[str]] = {}
    for one in found:
        contents.setdefault(_named_data(one), Counter())[_version(one.record.data)] += 1
    by_data: dict[tuple[bool, bool, str, int], list[Found]] = {}
    for one in found:
        data, known = one.record.data, contents[_named_data(one)]
        # Other data of the same name, such as dev.csv, has a table for each content.
        order = sorted((content for content in known if content), key=lambda name: (-known[name], name))
        is_first = data.is_official or not _version(data)
        place = 0 if is_first else order.index(_version(data))
        title = "" if data.is_official else data.name
        by_data.setdefault((not data.is_official, data.split != "validation", title, place), []).append(one)
    tables = []
    for (is_other, _, name, place), members in sorted(by_data.items(), key=lambda item: item[0]):
        split = members[0].record.data.split
        title = f"{name} ({split})" if is_other else f"KLUE, {split} split"
        key = f"{name}-{split}" if is_other else split
        if place:
            title, key = f"{title}, other content {place}", f"{key}-{place}"
        tables.append(_standing(key, title, not is_other, members, resamples))
    return tables


def _named_data(one: Found) -> tuple[str, ...]:
    data = one.record.data
    return ("" if data.is_official else data.name, data.split, one.record.task)


def _standing(key: str, title: str, is_official: bool, members: list[Found], resamples: int) -> Standing:
    groups: dict[tuple[str, ...], dict[tuple[str, str], list[Found]]] = {}
    for one in members:
        record, data = one.record, one.record.data
        name = (record.model.name, record.model.revision or "", _label(record))
        groups.setdefault(name, {}).setdefault((record.task, _version(data)), []).append(one)
    rows, answers = [], []
    for (model, revision, label), by_data in sorted(groups.items()):
        shown = f"{model} @ {revision[:7]}" if revision else model
        for part in _one_per_task(by_data):
            rows.append(_row(shown, label, part))
            answers.append(part)
    return _ranked(key, title, is_official, rows, answers, resamples)


def _version(data: ScoredData) -> str:
    """Return the KLUE version, or hash and number of examples of other data; empty if unknown."""
    if data.is_official:
        return data.version or ""
    return f"{data.hash}, {data.examples} examples" if data.hash else ""


def _one_per_task(by_data: Mapping[tuple[str, str], list[Found]]) -> list[dict[str, list[Found]]]:
    """Split a row with several versions of the data of a task."""
    versions: dict[str, list[list[Found]]] = {}
    for task, version in sorted(by_data):
        versions.setdefault(task, []).append(by_data[task, version])
    return [
        {task: members for task, members in zip(versions, row, strict=True) if members}
        for row in itertools.zip_longest(*versions.values())
    ]


def _label(record: Record) -> str:
    """Describe a method."""
    method = record.method
    if method.kind == FINE_TUNED:
        return ", ".join([f"preset {method.preset}" if method.preset else "fine-tuned", *method.changes])
    if method.kind == PROMPTED:
        return f"prompted, {method.shots or 0} shots, prompt {method.prompt or 'unknown'}"
    return "published"


def _row(model: str, label: str, by_task: Mapping[str, list[Found]]) -> ModelRow:
    records = [one.record for members in by_task.values() for one in members]
    parameters = next((one.model.parameters for one in records if one.model.parameters), None)
    named = next((size for size in NAMED_SIZES if model.lower().endswith(size)), "unknown")
    cells = {}
    for task, members in by_task.items():
        for key in TASKS[task].leaderboards:
            scores = [one.record.scores[key] for one in members if key in one.record.scores]
            if cell := _cell(key, scores):
                cells[task, key] = dataclasses.replace(cell, data=_version(members[0].record.data))
    latencies = [one.speed.latency_ms for one in records if one.speed.latency_ms is not None]
    return ModelRow(
        model=model,
        method=label,
        kind=records[0].method.kind,
        size=size_of(parameters) if parameters else named,
        parameters=parameters,
        seeds=max(
            len({seed for one in members for seed in one.record.method.seeds}) or len(members)
            for members in by_task.values()
        ),
        latency=mean_of(latencies),
        cells=cells,
        records=records,
    )


def _cell(key: str, scores: Sequence[MetricScore]) -> Cell | None:
    """Average a score over seeds; None if one of them is undefined."""
    mean = mean_of([one.score for one in scores])
    if mean is None:
        return None
    ends = [
        (math.nan, math.nan) if one.low is None or one.high is None else (one.low, one.high) for one in scores
    ]
    low, high = seeds_interval([one.score for one in scores], ends, floor=-100 if key == "pearsonr" else 0)
    return Cell(mean, low, high)


def _ranked(
    key: str,
    title: str,
    is_official: bool,
    rows: list[ModelRow],
    answers: Sequence[Mapping[str, list[Found]]],
    resamples: int,
) -> Standing:
    """Assign ranks to all cells."""
    cells = [dict(row.cells) for row in rows]
    tests = 0
    notes: list[str] = []
    for task, names in itertools.groupby(COLUMNS, key=lambda column: column[0]):
        columns = list(names)
        cases, problems = _answers(task, [part.get(task, []) for part in answers])
        results, _, more = paired_tests(task, cases, resamples)
        tests, notes = tests + len(results), [*notes, *problems, *more]
        for column in columns:
            there = {place: row.cells[column] for place, row in enumerate(rows) if column in row.cells}
            for place, one in there.items():
                others = {
                    other: two for other, two in there.items() if other != place and is_comparable(one, two)
                }
                better = worse = 0
                for other, two in others.items():
                    pair = (min(place, other), max(place, other))
                    tested = results.get(pair, {}).get(column[1])
                    if tested is not None and not math.isnan(tested.p_holm):
                        differs = tested.p_holm < SIGNIFICANT
                    else:
                        differs = differ(one, two)
                    better += differs and two.mean > one.mean
                    worse += differs and two.mean < one.mean
                cells[place][column] = dataclasses.replace(
                    one, best_rank=1 + better, worst_rank=1 + len(others) - worse
                )
    ranked = [dataclasses.replace(row, cells=own) for row, own in zip(rows, cells, strict=True)]
    return Standing(key, title, is_official, ranked, tests, notes)


def is_comparable(one: Cell, two: Cell) -> bool:
    """Return whether two scores are not known to be on different versions of the data."""
    return not one.data or not two.data or one.data == two.data


def differ(one: Cell, two: Cell) -> bool:
    """Return whether the difference of two scores is significant according to their 95 % intervals.

    Errors are assumed to be independent, which is conservative for models scored on the same examples. If one
    interval is unknown, the other is used for both; without intervals, unequal scores differ.
    """
    lower, upper = sorted((one, two), key=lambda cell: cell.mean)
    above = None if lower.high is None else lower.high - lower.mean
    below = None if upper.low is None else upper.mean - upper.low
    known = [reach for reach in (above, below) if reach is not None]
    if not known:
        return lower.mean < upper.mean
    reach = math.hypot(above if above is not None else known[0], below if below is not None else known[0])
    return upper.mean - lower.mean > reach


def _answers(task: str, groups: Sequence[Sequence[Found]]) -> tuple[list[list[tuple[str, Cases]]], list[str]]:
    """Return the predictions of rows for which all of them are available, and problems with others."""
    kept: list[list[tuple[str, Cases]]] = []
    problems = []
    for group in groups:
        own = []
        for one in group:
            if one.predictions is None:
                continue
            try:
                own.append((str(one.predictions), load_cases(task, str(one.predictions), Source())))
            except (OSError, ValueError) as error:
                problems.append(f"{one.predictions} cannot be compared: {error}")
        kept.append(own if len(own) == len(group) else [])
    return kept, problems
