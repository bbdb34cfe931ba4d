"""Charts of the report without a plotting library: lines as SVG, matrices and bars as HTML tables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from recipes.reporting.measure import Calibration

WIDTH, HEIGHT = 360, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 20, 10, 34
COLOURS = 8  # number of line colours in report.css
HEATS = 9  # number of matrix shades in report.css
MANY = 8  # maximum number of classes in a matrix with horizontal names
NAMES = {"precision": "precision", "recall": "recall", "f1": "F1", "uas": "UAS"}  # scores of a class


class Series(NamedTuple):
    """A line of a chart: label, colour and points."""

    label: str
    colour: int
    points: Sequence[tuple[float, float]]


def learning_curve(histories: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], key: str) -> list[Series]:
    """Plot one quantity during the training of several runs.

    Args:
        histories: Label and ``log_history`` of Trainer of each run.
        key: Name of the quantity, such as ``loss`` or ``eval_accuracy``.

    Returns:
        The lines of runs that logged the quantity; the colour is the position of the run.
    """
    lines = []
    for colour, (label, history) in enumerate(histories):
        points = [
            (float(entry["epoch"]), float(entry[key]))
            for entry in history
            if _is_finite(entry.get(key)) and _is_finite(entry.get("epoch"))
        ]
        if points:
            lines.append(Series(label, colour % COLOURS, points))
    return lines


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def line_chart(lines: Sequence[Series], title: str, x_title: str = "epoch") -> str:
    """Draw a line chart as SVG; the page's style sheet defines the colours.

    Args:
        lines: At least one line.
        title: Description of the chart, also for screen readers.
        x_title: Title of the horizontal axis.
    """
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    x_ticks, y_ticks = nice_ticks(0.0, max(xs)), nice_ticks(min(ys), max(ys))
    x_end = max(max(xs), x_ticks[-1])
    y_begin, y_end = y_ticks[0], y_ticks[-1]

    def across(x: float) -> str:
        return _short(LEFT + (WIDTH - LEFT - RIGHT) * x / x_end)

    def down(y: float) -> str:
        return _short(TOP + (HEIGHT - TOP - BOTTOM) * (y_end - y) / (y_end - y_begin))

    last = "; ".join(f"{line.label}: {line.points[-1][1]:.4g}" for line in lines)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(f"{title} by {x_title}; at the end {last}")}">'
    ]
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {down(tick)}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 5}" y="{down(tick)}" dy="4">{tick:g}</text>')
    for tick in x_ticks:
        parts.append(f'<text class="tick mid" x="{across(tick)}" y="{HEIGHT - BOTTOM + 15}">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    parts.append(f'<text class="tick mid" x="{middle}" y="{HEIGHT - 4}">{escape(x_title)}</text>')
    for line in lines:
        path = "L".join(f"{across(x)} {down(y)}" for x, y in line.points)
        parts.append(f'<path class="line s{line.colour}" d="M{path}"/>')
        for x, y in line.points:
            text = escape(f"{line.label}: {y:.4g} at {x_title} {x:.3g}")
            dot = f'<circle class="dot s{line.colour}" cx="{across(x)}" cy="{down(y)}" r="2.5">'
            parts.append(f"{dot}<title>{text}</title></circle>")
    return "".join([*parts, "</svg>"])


def reliability(found: Calibration, label: str) -> str:
    """Draw a reliability diagram as SVG, with fractions of right answers as bars, and the diagonal."""
    side = HEIGHT - TOP - BOTTOM
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(f"Reliability diagram of {label}")}">'
    ]
    for tick in (0, 0.5, 1):
        x, y = LEFT + side * tick, TOP + side * (1 - tick)
        parts.append(f'<text class="tick end" x="{LEFT - 5}" y="{y:.0f}" dy="4">{100 * tick:g}</text>')
        parts.append(f'<text class="tick mid" x="{x:.0f}" y="{HEIGHT - BOTTOM + 15}">{100 * tick:g}</text>')
    for sure, share, count in found.bins:
        text = f"{count:,} answers: confidence {100 * sure:.1f}, right {100 * share:.1f}"
        x, top = LEFT + side * sure, TOP + side * (1 - share)
        parts.append(
            f'<path class="line s0" style="stroke-width:10" d="M{x:.1f} {TOP + side}V{top:.1f}">'
            f"<title>{escape(text)}</title></path>"
        )
    parts.append(f'<path class="line s7" d="M{LEFT} {TOP + side}L{LEFT + side} {TOP}"/>')
    parts.append(f'<text class="tick mid" x="{LEFT + side // 2}" y="{HEIGHT - 4}">confidence</text>')
    return "".join([*parts, "</svg>"])


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round, evenly spaced numbers that cover ``low`` to ``high``."""
    if not high > low:
        around = (abs(low) or 1.0) / 2
        low, high = (max(0.0, low - around) if low >= 0 else low - around), high + around
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(begin, end + 1)]


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def breakable(name: str) -> str:
    """Format a name as HTML that may wrap after punctuation."""
    return re.sub(r"([_:/])", r"\1<wbr>", escape(name))


def confusion_matrix(matrix: Mapping[str, Mapping[str, int]]) -> str:
    """Format a confusion matrix as an HTML table with a row per gold label, shaded by fraction.

    With many classes, the names of columns are vertical.
    """
    head = "".join(f'<th scope="col"><span>{breakable(label)}</span></th>' for label in matrix)
    kind = "matrix many" if len(matrix) > MANY else "matrix"
    rows = []
    for gold, counts in matrix.items():
        total = sum(counts.values())
        cells = []
        for label, count in counts.items():
            heat = math.ceil(HEATS * count / total) if total else 0
            shade = f"h{heat} hit" if label == gold else f"h{heat}"
            cells.append(f'<td class="{shade}">{count or "·"}</td>')
        rows.append(f'<tr><th scope="row">{breakable(gold)}</th>{"".join(cells)}</tr>')
    return (
        f'<table class="{kind}"><thead><tr><th scope="col">gold ↓ predicted →</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def breakdown_bars(
    title: str, groups: Mapping[str, Mapping[str, Any]], key: str, names: Mapping[str, str]
) -> str:
    """Format a breakdown as an HTML table with bars, without groups that do not occur.

    Args:
        title: Name of the groups.
        groups: Group -> scores and ``support``.
        key: Score shown as bar if there is no F1.
        names: Names of the metric's scores by key.
    """
    occurring = {group: scores for group, scores in groups.items() if scores.get("support")}
    found = dict.fromkeys(name for scores in occurring.values() for name in scores)
    drawn = "f1" if "precision" in found else key
    columns = [name for name in found if name not in ("support", "predicted_as", "low", "high", drawn)]
    rows = []
    for group, scores in occurring.items():
        value = scores.get(drawn)
        width = max(0.0, min(100.0, float(value))) if _is_finite(value) and value is not None else 0.0
        cells = "".join(f'<td class="number">{_score(scores.get(name))}</td>' for name in columns)
        cells += f'<td class="number">{_score(value)}{_ends(scores)}</td>'
        bar = f'<td class="bar"><span style="width:{width:.1f}%"></span></td>'
        support = f'<td class="number">{scores["support"]:,}</td>'
        rows.append(f'<tr><th scope="row">{breakable(group)}</th>{cells}{bar}{support}</tr>')
    known = NAMES if "precision" in found else names
    heads = "".join(f'<th scope="col">{escape(known.get(name, name))}</th>' for name in [*columns, drawn])
    return (
        f'<table class="bars"><thead><tr><th scope="col">{escape(title)}</th>{heads}'
        f'<th scope="col"></th><th scope="col">support</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _ends(scores: Mapping[str, Any]) -> str:
    """Format an interval in brackets; empty without one."""
    low, high = scores.get("low"), scores.get("high")
    return f" <small>[{low:.2f}, {high:.2f}]</small>" if _is_finite(low) and _is_finite(high) else ""


def _score(value: object) -> str:
    return f"{value:.2f}" if _is_finite(value) else "undefined"
