"""Score predictions files, with intervals and breakdowns, and compare two files."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from klue_datasets.tasks import get_task
from klue_metrics.functional import Metric, get_metric, sts
from klue_metrics.functional.bootstrap import breakdown_intervals, intervals, paired_test
from klue_metrics.functional.classes import confusion_matrix
from klue_metrics.functional.inputs import BoolArray
from klue_metrics.predictions import SHOWN, Cases, Source, load_cases

NO_BREAKDOWN = "none"
RESAMPLES = 1000
_CATEGORIES = (UserWarning, RuntimeWarning)  # categories of the metrics' warnings


def score(
    task: str, path: str, source: Source, *, by: str | None = None, resamples: int = RESAMPLES, **options: Any
) -> dict[str, Any]:
    """Score one predictions file.

    Args:
        task: A task or its alias.
        path: The predictions file.
        source: Source of the references.
        by: Name of a breakdown, see ``score_cases``.
        resamples: Number of bootstrap resamples; 0 for no intervals.
        **options: Options of the intervals: confidence, method and seed.

    Returns:
        The result of ``score_cases``.

    Raises:
        ValueError: The predictions do not match the references, or the metric rejects them.
        OSError: A file cannot be read.
    """
    name = get_metric(task).task
    return score_cases(name, load_cases(name, path, source), by=by, resamples=resamples, **options)


def score_cases(
    task: str,
    cases: Cases,
    *,
    by: str | None = None,
    resamples: int = RESAMPLES,
    compute: Callable[..., dict[str, Any]] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score predictions, with intervals, a breakdown and the number of right answers.

    Args:
        task: A task or its alias.
        cases: Predictions and references.
        by: Name of a breakdown; None for the first one that the data allows, ``none`` for no breakdown.
        resamples: Number of bootstrap resamples; 0 for no intervals.
        compute: Function that computes the scores, such as the method of an evaluate module; by default that
            of ``functional``.
        **options: Options of the intervals: confidence, method and seed.

    Returns:
        task; number of examples and clusters (None without clusters); right, the number of entirely right
        examples (see ``Metric.right``); resamples and the options; scores (key -> score, low, high); notes,
        the warnings of the metric; confusion (gold label -> predicted label -> number of examples) for tasks
        with labels, and for the two sides of the threshold of sts; and ``by_<name>``, the breakdown.

    Raises:
        ValueError: The metric rejects the predictions.
    """
    metric = get_metric(task)
    columns = dict(cases.columns)
    clusters = columns.pop("clusters", None)
    breakdown = _first_breakdown(metric, cases) if by is None else by
    arguments: dict[str, Any] = dict(columns)
    if breakdown != NO_BREAKDOWN:
        arguments["by"] = breakdown
    sides = {"predictions": cases.predictions, "references": cases.references}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = (compute or metric.compute)(**sides, **arguments)
    ends: Mapping[str, tuple[float, float]] = {}
    notes = [*_messages(caught), *_missing_scores(metric, scores), *_order_note(metric, cases)]
    if resamples and clusters and len(set(clusters)) == 1:
        notes.append("All examples are in one cluster, so there are no intervals.")
    elif resamples:
        ends = intervals(
            metric.task,
            cases.predictions,
            cases.references,
            resamples=resamples,
            clusters=clusters,
            **_only(columns, "tokens", "probabilities"),
            **options,
        )
        if breakdown != NO_BREAKDOWN:
            _add_ends(scores[f"by_{breakdown}"], metric, cases, breakdown, resamples, options)
    flat = {key: value for key, value in scores.items() if key in metric.names}
    confusion = _confusion(metric, cases)
    return {
        "task": metric.task,
        "examples": len(cases.ids),
        "clusters": len(set(clusters)) if clusters else None,
        "right": count_right(metric.task, cases),
        "resamples": resamples,
        **options,
        "scores": {
            key: dict(zip(("score", "low", "high"), (value, *ends.get(key, (math.nan,) * 2)), strict=True))
            for key, value in flat.items()
        },
        "notes": notes,
        **({"confusion": confusion} if confusion else {}),
        **{key: value for key, value in scores.items() if key not in metric.names},
    }


def _add_ends(
    table: Mapping[str, dict[str, Any]],
    metric: Metric,
    cases: Cases,
    by: str,
    resamples: int,
    options: Mapping[str, Any],
) -> None:
    """Add ``low`` and ``high`` to a breakdown: of the F1 of classes, or of the primary metric of groups."""
    ends = breakdown_intervals(
        metric.task,
        cases.predictions,
        cases.references,
        by,
        resamples=resamples,
        **_only(cases.columns, "tokens", "sources", "clusters"),
        **{key: value for key, value in options.items() if key in ("confidence", "seed")},
    )
    for name, row in table.items():
        key = "f1" if "precision" in row else metric.primary
        low, high = ends[name][key]
        rest = {name: row.pop(name) for name in ("support", "predicted_as") if name in row}
        row.update(low=low, high=high, **rest)


def count_right(task: str, cases: Cases) -> int:
    """Count the examples that are entirely right; see ``Metric.right``."""
    return int(right_answers(task, cases).sum())


def right_answers(task: str, cases: Cases) -> BoolArray:
    """Return for each example whether it is entirely right; see ``Metric.right``."""
    return get_metric(task).right(cases.predictions, cases.references, **_only(cases.columns, "tokens"))


def _confusion(metric: Metric, cases: Cases) -> dict[str, dict[str, int]]:
    """Build the confusion matrix of the labels that occur; empty for tasks without labels."""
    labels = get_task(metric.task).labels
    if not isinstance(metric.types["references"], str):  # a sequence or a mapping per example
        return {}
    sides = [
        metric.convert(values, role)
        for values, role in ((cases.references, "references"), (cases.predictions, "predictions"))
    ]
    if metric.task == "sts":
        sides = [sts.is_alike(side).astype(np.int64) for side in sides]
    counts = confusion_matrix(sides[1], sides[0], len(labels))
    present = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    return {
        labels[gold]: {labels[answer]: int(counts[gold, answer]) for answer in present} for gold in present
    }


def compare(
    task: str, first: str, second: str, source: Source, *, resamples: int = RESAMPLES, **options: Any
) -> dict[str, Any]:
    """Compare two predictions files for the same references.

    Args:
        task: A task or its alias.
        first: A predictions file.
        second: Another predictions file; differences are first minus second.
        source: Source of the references; by default both files, which must agree.
        resamples: Number of bootstrap resamples.
        **options: Options of the test: confidence, method and seed.

    Returns:
        task; numbers of examples, clusters and resamples; the options; scores (key -> first, second,
        difference, low, high, p_value); and notes: warnings of the metric, and of files from different
        versions of the data or the task.

    Raises:
        ValueError: As in ``score``, or the references of the files differ.
        OSError: A file cannot be read.
    """
    left, right = (load_cases(get_metric(task).task, path, source) for path in (first, second))
    report = compare_cases(task, (first, left), (second, right), resamples=resamples, **options)
    return {**report, "notes": [*report["notes"], *_version_notes(first, second)]}


def _messages(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return the distinct warnings of the metric."""
    messages = (str(warning.message) for warning in caught if issubclass(warning.category, _CATEGORIES))
    return list(dict.fromkeys(messages))


def _version_notes(first: str, second: str) -> list[str]:
    """Return a warning if the results beside two files name different versions of data or task."""
    sides = [_results_beside(path) for path in (first, second)]
    notes = []
    for key, what in (("data_version", "data"), ("task_version", "task")):
        if all(key in side for side in sides) and sides[0][key] != sides[1][key]:
            one, other = (side[key] or "unknown" for side in sides)
            notes.append(
                f"The version of the {what} is {one} for {first} and {other} for {second}: the scores may "
                "not be comparable."
            )
    return notes


def _results_beside(path: str) -> dict[str, Any]:
    """Read the evaluation results in the folder of a predictions file; empty if there are none."""
    results = Path(path).with_name("eval_results.json")
    values: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    return values


def compare_cases(
    task: str, one: tuple[str, Cases], other: tuple[str, Cases], *, resamples: int = RESAMPLES, **options: Any
) -> dict[str, Any]:
    """Compare predictions that are in memory; see ``compare``.

    Args:
        task: A task or its alias.
        one: Name of the first file for messages, and its cases.
        other: The same for the second file; differences are first minus second.
        resamples: Number of bootstrap resamples.
        **options: Options of the test: confidence, method and seed.

    Raises:
        ValueError: As in ``compare``.
    """
    metric = get_metric(task)
    (first, left), (second, right) = one, other
    right = aligned(metric.task, right, left, f"{first} and {second}")
    shared = {**right.columns, **left.columns}  # either file may have them
    clusters, tokens = shared.get("clusters"), _only(shared, "tokens")
    tables = [_only(side.columns, "probabilities") for side in (left, right)]
    given: dict[str, Any] = dict(tokens)
    if all(tables):
        given["probabilities"] = tuple(table["probabilities"] for table in tables)
    results = paired_test(
        metric.task,
        left.predictions,
        right.predictions,
        left.references,
        resamples=resamples,
        clusters=clusters,
        **given,
        **options,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        both = [
            metric.compute(side.predictions, left.references, **tokens, **table)
            for side, table in zip((left, right), tables, strict=True)
        ]
    return {
        "task": metric.task,
        "examples": len(left.ids),
        "clusters": len(set(clusters)) if clusters else None,
        "resamples": resamples,
        **options,
        "scores": {
            key: {"first": both[0][key], "second": both[1][key], **result._asdict()}
            for key, result in results.items()
        },
        "notes": [*_messages(caught), *_missing_scores(metric, results)],
    }


def _missing_scores(metric: Metric, scores: Mapping[str, Any]) -> list[str]:
    """Name the scores that need more fields than the predictions have (AUPRC of re)."""
    missing = [name for key, name in metric.names.items() if key not in scores]
    if not missing:
        return []
    return [
        f"{' and '.join(missing)} need the probability of each relation, in Hub order: expected the field "
        "probabilities in every prediction."
    ]


def _order_note(metric: Metric, cases: Cases) -> list[str]:
    """State the assumed order of numeric labels if that of KLUE-baseline is different."""
    plain = (value.item() if hasattr(value, "item") else value for value in cases.predictions)
    if metric.task not in ("ynat", "nli") or not all(isinstance(value, int) for value in plain):
        return []
    names = ", ".join(f"{index} {name}" for index, name in enumerate(get_task(metric.task).labels))
    return [
        f"The predictions are numbers, read in the order of the Hub's data set: {names}. KLUE-baseline "
        "numbers the classes in another order; klue_metrics.label_names gives the names of its numbers."
    ]


def _only(columns: Mapping[str, list[Any]], *names: str) -> dict[str, Any]:
    return {name: columns[name] for name in names if name in columns}


def _first_breakdown(metric: Metric, cases: Cases) -> str:
    """Return the first breakdown whose required columns exist."""
    for name in metric.breakdowns:
        has_types = metric.task == "mrc" and all(row.get("question_type") for row in cases.references)
        if name == "source" and "sources" not in cases.columns:
            continue
        if metric.task == "mrc" and name == "type" and not has_types:
            continue
        return name
    return NO_BREAKDOWN


def aligned(task: str, cases: Cases, others: Cases, between: str) -> Cases:
    """Reorder cases like others with the same ids and references.

    Args:
        task: Name of the task, for messages.
        cases: The cases to reorder.
        others: The cases that define the order.
        between: Names of both in messages, such as ``a.jsonl and b.jsonl``.

    Raises:
        ValueError: Ids or references differ.
    """
    position = {name: index for index, name in enumerate(cases.ids)}
    missing = [name for name in others.ids if name not in position] + sorted({*cases.ids} - {*others.ids})
    if missing:
        raise ValueError(
            f"{task}: {len(missing)} ids are in only one of the two files ({between}): "
            f"{', '.join(missing[:SHOWN])}; "
            "expected the same."
        )
    order = [position[name] for name in others.ids]
    found = Cases(
        list(others.ids),
        [cases.predictions[index] for index in order],
        [cases.references[index] for index in order],
        {name: [values[index] for index in order] for name, values in cases.columns.items()},
    )
    pairs = zip(others.ids, found.references, others.references, strict=True)
    different = [name for name, *sides in pairs if sides[0] != sides[1]]
    if different:
        raise ValueError(
            f"{task}: {len(different)} references differ between {between}: "
            f"{', '.join(different[:SHOWN])}; expected the same."
        )
    return found


def to_json(report: Mapping[str, Any]) -> str:
    """Format a report as strict JSON, with null for NaN."""
    return json.dumps(_strict(report), ensure_ascii=False, indent=2, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def format_scores(report: Mapping[str, Any]) -> str:
    """Format the output of ``score``: scores with intervals, then the breakdown."""
    names = get_metric(report["task"]).names
    rows = [
        [names[key], _number(row["score"]), _number(row["low"]), _number(row["high"])]
        for key, row in report["scores"].items()
    ]
    header = ["metric", "score", "low", "high"]
    if not report["resamples"]:
        header, rows = header[:2], [row[:2] for row in rows]
    parts = [_heading(report), format_table([header, *rows])]
    parts += [f"Note: {note}" for note in report["notes"]]
    for key, groups in report.items():
        if key.startswith("by_"):
            parts += _breakdown(key, groups)
    return "\n\n".join(parts)


def format_comparison(report: Mapping[str, Any], first: str, second: str) -> str:
    """Format the output of ``compare``: scores, differences, intervals, p-values and a verdict."""
    names = get_metric(report["task"]).names
    columns = ("first", "second", "difference", "low", "high")
    rows = [
        [names[key], *(_number(row[column]) for column in columns), _number(row["p_value"], 4)]
        for key, row in report["scores"].items()
    ]
    header = ["metric", "first", "second", "difference", "low", "high", "p"]
    notes = [f"Warning: {note}" for note in report.get("notes", [])]
    notes.append(
        "This test of single runs does not cover other seeds. p is not corrected for multiple metrics."
    )
    return "\n\n".join(
        [_heading(report), *notes, format_table([header, *rows]), verdict(report, first, second)]
    )


def verdict(report: Mapping[str, Any], first: str, second: str) -> str:
    """Summarise a comparison in one line: which file is better on the primary metric, if either.

    Args:
        report: The result of ``compare``.
        first: Name of the first file.
        second: Name of the second file.
    """
    metric = get_metric(report["task"])
    row = report["scores"][metric.primary]
    name, p_value = metric.names[metric.primary], row["p_value"]
    if math.isnan(p_value) or not p_value < 1 - report["confidence"]:
        return f"No difference on {name} is shown between {first} and {second} (p = {_number(p_value, 3)})."
    sign = 1 if row["difference"] > 0 else -1
    better, worse = (first, second)[::sign]
    by, *ends = (sign * row[key] for key in ("difference", "low", "high"))
    low, high = sorted(ends)
    return (
        f"{better} is better than {worse} on {name} by {by:.2f} [{low:.2f}, {high:.2f}], p = {p_value:.3f}."
    )


def _heading(report: Mapping[str, Any]) -> str:
    text = f"{report['task']}: {report['examples']:,} examples"
    if report["clusters"]:
        text += f" in {report['clusters']:,} clusters"
    if report["resamples"]:
        text += f"; low and high: {100 * report['confidence']:g} % {report['method']} interval"
        text += f" of {report['resamples']:,} resamples, seed {report['seed']}"
    return text


def _breakdown(key: str, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Format a breakdown and its confusion matrix as tables."""
    if not groups:
        return []
    title = key.removeprefix("by_")
    columns = [name for name in next(iter(groups.values())) if name != "predicted_as"]
    rows = [[title, *columns]]
    rows += [[name, *(_number(group[column]) for column in columns)] for name, group in groups.items()]
    tables = [format_table(rows)]
    matrix = {name: group["predicted_as"] for name, group in groups.items() if "predicted_as" in group}
    if matrix:
        counts = [[name, *map(str, row.values())] for name, row in matrix.items()]
        tables.append(format_table([["gold \\ predicted", *matrix], *counts]))
    return tables


def _number(value: float, digits: int = 2) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def format_table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> str:
    """Format columns as text: those in ``left`` are left-aligned, others (numbers) right-aligned."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]  # Hangul is two cells wide
    lines = []
    for row in rows:
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - _width(cell))
            cells.append(cell + blank if index in left else blank + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if 0x1100 <= ord(character) <= 0xFFEF else 1 for character in text)
