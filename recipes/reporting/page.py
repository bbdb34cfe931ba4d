"""Build the report from runs: statistics, tables and the page."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hub_cards import render
from klue_datasets.tasks import get_task
from klue_metrics.functional import METRICS, Metric
from recipes.engine.results import ALL_RESULTS, strict
from recipes.reporting import charts, tables
from recipes.reporting.answers import LEGENDS, collect_answers
from recipes.reporting.measure import (
    Line,
    Measured,
    calibration,
    comparisons,
    lines_of,
    load_answers,
    measure_run,
    shown_runs,
)
from recipes.reporting.runs import Board, Group, Run, differing_settings, find_runs, make_boards
from recipes.reporting.slices import Slice, by_length, by_source
from recipes.reporting.texts import Texts

TEMPLATES = Path(__file__).parent / "templates"

PAGE_BYTES = 3_600_000  # maximum size of all examples, so that the page is below 5 MB
CURVES = (("loss", "training loss"), ("eval_loss", "validation loss"))


@dataclasses.dataclass(frozen=True)
class Report:
    """A report in all its formats.

    Attributes:
        files: File name -> text.
        problems: Sentences about omitted runs and data.
        values: The content of report.json.
    """

    files: Mapping[str, str]
    problems: Sequence[str]
    values: Mapping[str, Any]

    def write(self, folder: Path) -> list[Path]:
        """Write the files; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in self.files]


def build(
    folders: Sequence[Path], *, resamples: int = 1000, max_runs: int = 6, max_rows: int = 1000
) -> Report:
    """Build the report of all runs below some folders, reproducibly.

    Args:
        folders: Folders to search.
        resamples: Number of bootstrap resamples.
        max_runs: Maximum number of runs per board that are shown individually and compared.
        max_rows: Maximum number of examples per board in the page.

    Raises:
        FileNotFoundError: A folder does not exist.
        ValueError: There is no finished run.
    """
    runs, problems = find_runs(folders)
    if not runs:
        details = "\n".join(["", *problems])
        raise ValueError(
            f"There is no finished run below {', '.join(map(str, folders))}; expected folders with "
            f"{ALL_RESULTS}, as the recipes write them.{details}"
        )
    boards = make_boards(runs)
    texts = Texts()
    made: list[_Section] = []
    for board in boards:
        measured = {run.name: measure_run(run, resamples) for _, run in board.runs}
        problems += [found.note for found in measured.values() if found.note]
        earlier = sum(section.board.task == board.task for section in made)
        section = _Section(
            f"{board.task}-{earlier + 1}" if earlier else board.task, board, measured, max_runs
        )
        problems += section.fill(texts, resamples, max_rows, PAGE_BYTES // len(boards))
        made.append(section)
    every = [(section.board, section.lines) for section in made]
    pairs = {position: section.named_pairs() for position, section in enumerate(made)}
    values = strict(tables.as_json(every, pairs, problems, resamples))
    return Report(
        {
            "report.md": tables.as_markdown(every, problems, resamples),
            "report.csv": tables.as_csv(every),
            "report.json": json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False) + "\n",
            "index.html": _html(made, problems, resamples),
        },
        problems,
        values,
    )


class _Section:
    """One board, with the values for report.html.

    Attributes:
        anchor: Anchor of the section: the name of the task, with a number for further boards of the task.
    """

    def __init__(self, anchor: str, board: Board, measured: Mapping[str, Measured], max_runs: int) -> None:
        self.anchor = anchor
        self.board = board
        self.measured = measured
        self.lines: list[Line] = lines_of(board, measured)
        self.shown: list[tuple[str, Run]] = shown_runs(board, max_runs)
        self.answered: list[tuple[str, Run]] = []
        self.groups: list[Group] = []  # groups that are compared
        self.pairs: list[dict[str, Any]] = []
        self.answers: dict[str, Any] | None = None
        self.calibrations: list[dict[str, Any]] = []
        self.slices: dict[str, list[Slice]] = {}

    @property
    def heading(self) -> str:
        """Title of the section."""
        return tables.heading(self.board)

    def short(self, boards: Sequence[Board]) -> str:
        """Distinction from other boards of the task; empty if there are none."""
        others = [board for board in boards if board.task == self.board.task]
        namesakes = [board for board in others if board.data == self.board.data]
        samples = f", {self.board.samples:,}" if len(namesakes) > 1 else ""
        return f"{self.board.data}{samples}" if len(others) > 1 else ""

    @property
    def title_ko(self) -> str:
        """Title in Korean."""
        return get_task(self.board.task).title_ko

    @property
    def description(self) -> str:
        """Record of the task."""
        return get_task(self.board.task).description

    @property
    def legend_of_answers(self) -> str:
        """Format of examples and answers, and definition of right answers."""
        return LEGENDS[self.board.task]

    @property
    def metric(self) -> Metric:
        """Metric of the task."""
        return METRICS[self.board.task]

    @property
    def run_count(self) -> int:
        """Number of all runs."""
        return len(self.board.runs)

    def fill(self, texts: Texts, resamples: int, max_rows: int, max_bytes: int) -> list[str]:
        """Load answers and compare runs; return sentences about missing data."""
        names = {run.name for _, run in self.shown}
        self.groups = [group for group in self.board.groups if any(run.name in names for run in group.runs)]
        runs = [(group.label_of(run), run) for group in self.groups for run in group.runs]
        cases, notes = load_answers(runs, self.measured)
        self.answered = [(label, run) for label, run in self.shown if run.name in cases]
        if not self.answered:
            return notes
        self.slices = {
            run.name: by_length(self.board.task, cases[run.name], texts.known(run), resamples)
            + by_source(self.board.task, cases[run.name], resamples)
            for _, run in self.answered
        }
        self.calibrations = [
            {"label": label, "error": found.error, "svg": Markup(charts.reliability(found, label))}
            for label, run in self.answered
            if (found := calibration(self.board.task, run, cases[run.name])) is not None
        ]
        self.pairs, problems = comparisons(self.groups, cases, resamples)
        self.answers, missing = collect_answers(
            self.board.task, self.answered, cases, texts, max_rows=max_rows, max_bytes=max_bytes
        )
        return [*notes, *problems, *missing]

    def named_pairs(self) -> list[dict[str, Any]]:
        """Return the tests with labels instead of positions."""
        labels = [group.label for group in self.groups]
        return [pair | {side: labels[pair[side]] for side in ("first", "second")} for pair in self.pairs]

    def embedded(self) -> Markup | None:
        """Serialise answers and tests as JSON for a script element, which must not contain <."""
        if self.answers is None:
            return None
        of_run = {run.name: place for place, group in enumerate(self.groups) for run in group.runs}
        values = {
            **self.answers,
            "task": self.board.task,
            "slices": self._slices(self.answers["ids"]),
            "groups": [of_run[run.name] for _, run in self.answered],
            "labels": [group.label for group in self.groups],
            "pairs": self.pairs,
            "metrics": dict(self.metric.names),
        }
        text = json.dumps(strict(values), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return Markup(text.replace("<", "\\u003c"))

    def _slices(self, ids: Sequence[str]) -> list[tuple[str, list[int]]]:
        """Return the name of each slice, and the positions of its examples in a list of ids."""
        places = {name: place for place, name in enumerate(ids)}
        slices = next((found for found in self.slices.values() if found), [])
        return [(part.name, [places[name] for name in part.ids if name in places]) for part in slices]

    def texts(self) -> dict[str, str]:
        """Return the table of scores with captions, in formats for other documents."""
        return {
            "Markdown": tables.markdown(self.board, self.lines),
            "LaTeX": tables.latex(self.board, self.lines),
        }

    def curves(self) -> list[dict[str, Any]]:
        """Return title, SVG and lines of each learning curve."""
        primary = self.metric.primary
        histories = [(label, run.history) for label, run in self.shown]
        drawn = []
        for key, title in ((f"eval_{primary}", self.metric.names[primary]), *CURVES):
            lines = charts.learning_curve(histories, key)
            if lines:
                drawn.append({"title": title, "lines": lines, "svg": Markup(charts.line_chart(lines, title))})
        return drawn

    def legend(self) -> list[dict[str, Any]]:
        """Return label and colour of each run with a curve."""
        seen = {line.label: line.colour for curve in self.curves() for line in curve["lines"]}
        return [{"label": label, "colour": colour} for label, colour in seen.items()]

    def run_table(self) -> list[dict[str, Any]]:
        """Return the rows of settings, date and versions: name, a cell per run, and whether runs differ."""
        runs = [run for _, run in self.board.runs]
        facts = [{"folder": run.name, **tables.facts(run), **tables.settings(run)} for run in runs]
        differ = {"seed", *tables.facts(runs[0]), *differing_settings([run.settings for run in runs])}
        rows = []
        for name in dict.fromkeys(name for values in facts for name in values):
            cells = ["–" if values.get(name) is None else str(values[name]) for values in facts]
            rows.append({"name": name, "cells": cells, "differs": name in differ and len(set(cells)) > 1})
        return rows

    def details(self) -> list[dict[str, Any]]:
        """Return confusion matrix and breakdown of each run, each of which may be None."""
        found = []
        for label, run in self.shown:
            measured = self.measured[run.name]
            matrix, bars = measured.confusion, measured.breakdown
            slices = self.slices.get(run.name)
            if matrix is None and bars is None and not slices:
                continue
            primary = self.metric.primary
            found.append(
                {
                    "label": label,
                    "slices": slices,
                    "matrix": matrix and Markup(charts.confusion_matrix(matrix)),
                    "bars": bars and Markup(charts.breakdown_bars(*bars, primary, self.metric.names)),
                }
            )
        return found


def _overview(sections: Sequence[_Section]) -> list[dict[str, Any]]:
    """Build the table of all tasks: a label and, for each section, a line or None and its best score.

    Each configuration of a model has a row if all of them occur in every board of the model. Otherwise the
    model has one row, with its best configuration on each board by the primary metric.
    """
    rows = []
    for model in sorted({line.group.model for section in sections for line in section.lines}):
        boards = [[line for line in section.lines if line.group.model == model] for section in sections]
        labels = {tuple(line.group.label for line in lines) for lines in boards if lines}
        if len(labels) == 1:
            for label in next(iter(labels)):
                found = [[line for line in lines if line.group.label == label] for lines in boards]
                rows.append(_row(label, found, sections))
        else:
            rows.append(_row(model, boards, sections))
    return rows


def _row(label: str, boards: Sequence[Sequence[Line]], sections: Sequence[_Section]) -> dict[str, Any]:
    lines = [
        max(lines, key=lambda line: _mean_or_lowest(line, key), default=None)
        for lines, key in zip(boards, (section.metric.primary for section in sections), strict=True)
    ]
    known = next(line for line in lines if line)
    return {"label": label, "lines": lines, "known": known, "counts": [len(lines) for lines in boards]}


def _mean_or_lowest(line: Line, key: str) -> float:
    mean = line.scores[key].mean
    return -math.inf if mean is None else mean


def _html(sections: Sequence[_Section], problems: Sequence[str], resamples: int) -> str:
    return render(
        "report.html",
        folder=TEMPLATES,
        sections=sections,
        boards=[section.board for section in sections],
        rows=_overview(sections),
        problems=problems,
        resamples=f"{resamples:,}",
        tables=tables,
        breakable=lambda name: Markup(charts.breakable(name)),
        any_unofficial=any(not section.board.is_official for section in sections),
        styles=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "report.js").read_text(encoding="utf-8")),
    )


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.report``, and write the report."""
    settings = dict(vars(arguments))
    output = settings.pop("output")
    report = build(settings.pop("folders"), **settings)
    for problem in report.problems:
        print(problem, file=sys.stderr)
    for path in report.write(output):
        print(f"{path} ({path.stat().st_size:,} bytes)")
