"""Tables of the report as Markdown, CSV, LaTeX and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from klue_datasets.tasks import get_task
from klue_metrics.functional import METRICS
from recipes.engine.settings_record import NOT_LEARNED
from recipes.reporting.measure import Line, Score
from recipes.reporting.runs import MODEL, Board, Run

NOT_KLUE = "Not KLUE's official validation split: **not a KLUE score**."
OFFICIAL = "KLUE's official validation split, in full; published KLUE scores are on a private test set."
INTERVALS = (
    "In brackets is the 95 % interval. For one run it is a bootstrap interval, resampled by example, or by "
    "the premise, passage or dialogue that examples share; it does not include seed variance. For several "
    "seeds it is the interval of their mean: the variance between the seeds, divided by their number and "
    "scaled by Student's t, is added to the mean sampling variance of the examples. Two seeds give a wide "
    "interval."
)
COLUMNS = (
    *("task", "data", "is_official", "samples", "model", "metric", "mean", "sd", "seeds", "low", "high"),
    *("constant", "is_best", "parameters", "size", "train_samples_per_second", "eval_ms_per_sample", "runs"),
)
Table = tuple[Board, Sequence[Line]]


def facts(run: Run) -> dict[str, Any]:
    """Return date, versions and hardware of the evaluation of a run; unknown facts are None."""
    record = run.record
    return {
        "date": record.date,
        "klue-hub version": record.package,
        "task version": record.task_version,
        "data": record.data.name,
        "data version": record.data.version,
        "data hash": record.data.hash,
        "device": record.speed.device,
    }


def settings(run: Run) -> dict[str, Any]:
    """Return the settings of a run that may affect scores, without those that are not set."""
    hidden = (NOT_LEARNED - {"seed", "max_eval_samples"}) | {MODEL, "data_hash"}
    if not run.settings.get("use_lora"):
        hidden |= {key for key in run.settings if key.startswith("lora_")}
    return {
        key: value
        for key, value in sorted(run.settings.items())
        if key not in hidden and value is not None and value is not False
    }


def as_markdown(tables: Sequence[Table], problems: Sequence[str], resamples: int) -> str:
    """Format all tables, one per board, and the list of omissions."""
    parts = [
        "# KLUE results",
        "Scores times 100: mean ± standard deviation over the seeds, the highest mean of a table in bold. "
        f"{INTERVALS} Tests between models, with {resamples:,} resamples or more, are in report.json. "
        "Constant: the same answer to every input, which the training split determines.",
    ]
    for board, lines in tables:
        parts += [f"## {heading(board)}", data_sentence(board), _markdown_table(board, lines)]
        parts += [_markdown_runs(board)]
    if problems:
        parts += ["## Left out", "\n".join(f"* {problem}" for problem in problems)]
    return "\n\n".join(parts) + "\n"


def heading(board: Board) -> str:
    """Return the title of a board."""
    return f"{get_task(board.task).title} ({board.task})"


def data_sentence(board: Board) -> str:
    """Name the metric and the data of a board's scores."""
    about = f"{board.data}, {board.samples:,} examples. "
    return about + (OFFICIAL if board.is_official else NOT_KLUE)


def _markdown_table(board: Board, lines: Sequence[Line]) -> str:
    names = METRICS[board.task].names
    header = ["model", "seeds"]
    for name in names.values():
        header += [name, "constant"]
    header += ["parameters", "training, examples/s", "evaluation, ms/example"]
    rows = [header, ["---"] * len(header)]
    for line in lines:
        cells = [_escaped(line.group.label), str(len(line.group.runs))]
        for key in names:
            score = line.scores[key]
            value = f"**{with_sd(score)}**" if score.is_best else with_sd(score)
            cells += [f"{value} {interval(score)}".strip(), constant(score)]
        cells += [millions(line.parameters), number(line.throughput, 1), number(line.latency)]
        rows.append(cells)
    return _markdown(rows)


def caption(board: Board, lines: Sequence[Line]) -> str:
    """Return the caption of a table with task, data, seeds and intervals."""
    counts = sorted({len(line.group.runs) for line in lines})
    seeds = (
        f"{counts[0]} to {counts[-1]} seeds"
        if len(counts) > 1
        else f"{counts[0]} seed" + "s" * (counts[0] > 1)
    )
    data = f"{board.data}, {board.samples:,} examples"
    klue = "" if board.is_official else ", not KLUE's official validation split"
    return (
        f"{heading(board)} on {data}{klue}: scores times 100, {seeds} per model, mean and standard "
        "deviation; 95 % intervals in brackets."
    )


def markdown(board: Board, lines: Sequence[Line]) -> str:
    """Format the scores of a board as a Markdown table with its caption."""
    names = METRICS[board.task].names
    rows = [["model", *names.values()], ["---", *["---:"] * len(names)]]
    rows += [
        [
            _escaped(line.group.label),
            *(f"{with_sd(line.scores[key])} {interval(line.scores[key])}".strip() for key in names),
        ]
        for line in lines
    ]
    return f"{_markdown(rows)}\n\n{caption(board, lines)}\n"


def latex(board: Board, lines: Sequence[Line]) -> str:
    """Format the scores of a board as a LaTeX table with its caption; needs the package booktabs."""
    names = METRICS[board.task].names
    rows = [
        [
            _tex(line.group.label),
            *(_tex(f"{with_sd(line.scores[key])} {interval(line.scores[key])}".strip()) for key in names),
        ]
        for line in lines
    ]
    body = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * len(names)}}}", r"\toprule"]
    body += [" & ".join(["Model", *map(_tex, names.values())]) + r" \\", r"\midrule"]
    body += [" & ".join(row) + r" \\" for row in rows]
    body += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_tex(caption(board, lines))}}}", r"\end{table}"]
    return "\n".join(body) + "\n"


def _tex(text: str) -> str:
    """Escape a text for LaTeX."""
    signs = {
        "\\": r"\textbackslash{}",
        "±": r"$\pm$",
        "–": "--",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
    signs |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return "".join(signs.get(sign, sign) for sign in text)


def _markdown_runs(board: Board) -> str:
    """List date and versions of each run; settings are in report.json and in the page."""
    shown = ("date", "klue-hub version", "task version", "data version", "data hash")
    rows = [["run", "folder", *shown], ["---"] * (2 + len(shown))]
    for label, run in board.runs:
        known = facts(run)
        cells = [str(known[name]) if known[name] is not None else "–" for name in shown]
        rows.append([_escaped(label), _escaped(run.name), *cells])
    return _markdown(rows)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def with_sd(score: Score) -> str:
    """Format the mean, with the standard deviation if there are several seeds."""
    return number(score.mean) + (f" ± {score.sd:.2f}" if score.sd is not None else "")


def constant(score: Score) -> str:
    """Format the score of the constant baseline."""
    return "undefined" if score.constant is None else number(score.constant)


def interval(score: Score) -> str:
    """Format the interval in brackets; empty without one."""
    return "" if score.low is None or score.high is None else f"[{score.low:.2f}, {score.high:.2f}]"


def slice_score(score: Mapping[str, Any] | None) -> str:
    """Format a slice's score with its interval; a dash if undefined."""
    if score is None or score["score"] is None or math.isnan(score["score"]):
        return "–"
    ends = [score["low"], score["high"]]
    if any(end is None or math.isnan(end) for end in ends):
        return number(score["score"])
    return f"{score['score']:.2f} [{ends[0]:.2f}, {ends[1]:.2f}]"


def number(value: float | None, digits: int = 2) -> str:
    """Format a number; a dash if unknown or undefined."""
    return "–" if value is None else f"{value:,.{digits}f}"


def millions(parameters: int | None) -> str:
    """Format a number of parameters."""
    return "unknown" if parameters is None else f"{parameters / 1e6:,.1f} M"


def as_csv(tables: Sequence[Table]) -> str:
    """Format one line per board, model and metric as CSV, with unrounded numbers."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for board, lines in tables:
        for line in lines:
            for key, score in line.scores.items():
                writer.writerow(_record(board, line) | {"metric": key, **_score(score)})
    return stream.getvalue()


def _record(board: Board, line: Line) -> dict[str, Any]:
    return {
        "task": board.task,
        "data": board.data,
        "is_official": board.is_official,
        "samples": board.samples,
        "model": line.group.label,
        "seeds": " ".join(str(run.seed) for run in line.group.runs),
        "parameters": line.parameters,
        "size": line.size,
        "train_samples_per_second": line.throughput,
        "eval_ms_per_sample": line.latency,
        "runs": " ".join(run.name for run in line.group.runs),
    }


def _score(score: Score) -> dict[str, Any]:
    return dataclasses.asdict(score)


def as_json(
    tables: Sequence[Table],
    comparisons: Mapping[int, Sequence[Mapping[str, Any]]],
    problems: Sequence[str],
    resamples: int,
) -> dict[str, Any]:
    """Convert all tables to plain values.

    Args:
        tables: The boards and their lines.
        comparisons: Position of a board -> its tests, with labels as ``first`` and ``second``.
        problems: Sentences about omitted runs and data.
        resamples: Number of bootstrap resamples.
    """
    boards = []
    for position, (board, lines) in enumerate(tables):
        rows = []
        for line in lines:
            record = _record(board, line)
            rows.append(
                {
                    **{key: record[key] for key in ("model", "parameters", "size")},
                    **{key: record[key] for key in ("train_samples_per_second", "eval_ms_per_sample")},
                    "seeds": [run.seed for run in line.group.runs],
                    "runs": [run.name for run in line.group.runs],
                    "scores": {key: _score(score) for key, score in line.scores.items()},
                }
            )
        boards.append(
            {
                "task": board.task,
                "data": board.data,
                "is_official": board.is_official,
                "samples": board.samples,
                "metrics": dict(METRICS[board.task].names),
                "rows": rows,
                "runs": [
                    {"run": run.name, "label": label, **facts(run), "settings": settings(run)}
                    for label, run in board.runs
                ],
                "comparisons": list(comparisons.get(position, [])),
            }
        )
    return {"resamples": resamples, "confidence": 0.95, "boards": boards, "left_out": list(problems)}
