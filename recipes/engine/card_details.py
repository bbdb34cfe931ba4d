"""What a model card says beyond the scores: intervals, the breakdown, wrong answers."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from klue_metrics.predictions import Source
from klue_metrics.scoring import score
from recipes.tasks.ner import entities

RESAMPLES = 1000
WRONG_ANSWERS = 5
LONGEST = 120  # characters of a text in a card
TEXTS = {
    "ynat": ("title",),
    "sts": ("sentence1", "sentence2"),
    "nli": ("premise", "hypothesis"),
    "re": ("sentence",),
    "dp": ("sentence",),
    "mrc": ("question",),
}  # columns; those of ner are in the predictions file


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a card: its title, its header, and rows of cells that Markdown takes as they are."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Details:
    """What the predictions file of a run tells.

    Attributes:
        intervals: Score key -> both ends of the 95 % bootstrap interval as text, where it is defined.
        breakdown: Scores in parts; None where the task has none for this data.
        wrong: Some wrong answers, surest first where the model says how sure it is.
        right: How many answers are right in full.
        answers: How many there are.
        clusters: How many groups of them the intervals resample; None where it is the answers themselves.
    """

    intervals: Mapping[str, str]
    breakdown: Table | None
    wrong: Table | None
    right: int
    answers: int
    clusters: int | None


def details(task: str, predictions: Path, examples: datasets.Dataset | None) -> Details:
    """Reads a predictions file again, as ``klue_metrics score`` does.

    Args:
        task: Name of the task.
        predictions: The file.
        examples: The rows that were predicted, for their texts; None to go without.
    """
    report = score(task, str(predictions), Source(), resamples=RESAMPLES)
    rows = [
        row
        for line in predictions.read_text(encoding="utf-8").splitlines()
        for row in _turns(json.loads(line))
    ]
    intervals = {
        key: f"{entry['low']:.2f} to {entry['high']:.2f}"
        for key, entry in report["scores"].items()
        if math.isfinite(entry["low"])
    }
    badness = [_badness(task, row) for row in rows]
    return Details(
        intervals=intervals,
        breakdown=_breakdown(report),
        wrong=_wrong(task, rows, badness, examples),
        right=sum(not bad for bad in badness),
        answers=len(rows),
        clusters=report["clusters"],
    )


def _turns(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A line as it is, or, where it is a dialogue with a list of states, one row a turn."""
    states = row["prediction"]
    if not (isinstance(states, list) and any(isinstance(state, list) for state in states)):
        return [row]
    sides = enumerate(zip(states, row["reference"], strict=True))
    return [{**row, "turn": turn, "prediction": left, "reference": right} for turn, (left, right) in sides]


def _breakdown(report: Mapping[str, Any]) -> Table | None:
    for key, groups in report.items():
        if key.startswith("by_") and groups:
            columns = [name for name in next(iter(groups.values())) if name != "predicted_as"]
            rows = [
                [_cell(name), *(_number(group[column]) for column in columns)]
                for name, group in groups.items()
                if group.get("support", 1)
            ]
            title = key.removeprefix("by_")
            return Table(title, [title, *columns], rows)
    return None


def _wrong(
    task: str, rows: Sequence[Mapping[str, Any]], badness: Sequence[float], examples: datasets.Dataset | None
) -> Table | None:
    worst = sorted(
        (index for index, bad in enumerate(badness) if bad),
        key=lambda index: (-badness[index], -(rows[index].get("score") or 0.0)),
    )[:WRONG_ANSWERS]
    if not worst:
        return None
    texts = _texts(task, examples)
    cells = []
    for index in worst:
        row = rows[index]
        name = row.get("guid", row.get("index"))
        turn = f" turn {row['turn']}" if "turn" in row else ""
        expected, predicted = _answers(task, row)
        text = "".join(row["tokens"]) if "tokens" in row else texts.get(f"{name}{turn}", "")
        cells.append([_cell(value) for value in (f"{name}{turn}", text, expected, predicted)])
    header = ["example", "text", "expected", "answered"]
    if not any(text for _, text, *_ in cells):
        header, cells = [header[0], *header[2:]], [[row[0], *row[2:]] for row in cells]
    return Table("wrong answers", header, cells)


def _texts(task: str, examples: datasets.Dataset | None) -> dict[str, str]:
    """Guid, or position where there are none, with the turn if any -> what the model was asked."""
    if examples is None:
        return {}
    names = list(examples["guid"]) if "guid" in examples.column_names else range(len(examples))
    if task == "wos" and "dialogue" in examples.column_names:
        return {
            f"{name} turn {turn}": said["text"]
            for name, dialogue in zip(names, examples["dialogue"], strict=True)
            for turn, said in enumerate(dialogue[::2])
        }
    if task not in TEXTS:
        return {}
    parts = zip(*(examples[column] for column in TEXTS[task]), strict=True)
    return {str(name): " / ".join(texts) for name, texts in zip(names, parts, strict=True)}


def _badness(task: str, row: Mapping[str, Any]) -> float:
    """0 for a right answer; for others how wrong it is, where the task has degrees, else 1."""
    predicted, expected = row["prediction"], row["reference"]
    if task == "sts":  # as its F1 sees it, on either side of 3
        return abs(predicted - expected) if (predicted >= 3) != (expected >= 3) else 0.0
    if task == "ner":
        return _unequal(predicted, expected) / max(len(expected), 1)
    if task == "dp":
        return len(_wrong_words(row)) / max(len(expected["head"]), 1)
    if task == "mrc":
        return float(predicted["prediction_text"] not in (expected["answers"]["text"] or [""]))
    if task == "wos":
        return float(len(set(predicted) ^ set(expected)))
    return float(predicted != expected)


def _answers(task: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """The expected and the given answer, for people."""
    predicted, expected = row["prediction"], row["reference"]
    if task == "ner":
        return _named(expected, row["tokens"]), _named(predicted, row["tokens"])
    if task == "dp":
        return _arcs(expected, _wrong_words(row)), _arcs(predicted, _wrong_words(row))
    if task == "mrc":
        return " / ".join(expected["answers"]["text"]) or "(none)", predicted["prediction_text"] or "(none)"
    if task == "sts":
        return f"{expected:.1f}", f"{predicted:.1f}"
    if task == "wos":
        missing, added = sorted(set(expected) - set(predicted)), sorted(set(predicted) - set(expected))
        return "missing: " + (", ".join(missing) or "(none)"), "added: " + (", ".join(added) or "(none)")
    return str(expected), str(predicted)


def _named(tags: list[str], tokens: Sequence[str]) -> str:
    found = (f"{''.join(tokens[start:end])} ({kind})" for kind, start, end in entities(tags))
    return ", ".join(found) or "(none)"


def _wrong_words(row: Mapping[str, Any]) -> list[int]:
    """The words whose head or relation is wrong, counted from 0."""
    trees = row["prediction"], row["reference"]
    left, right = (list(zip(tree["head"], tree["deprel"], strict=True)) for tree in trees)
    return [index for index, pair in enumerate(zip(left, right, strict=True)) if pair[0] != pair[1]]


def _arcs(tree: Mapping[str, Any], words: Iterable[int]) -> str:
    return ", ".join(f"{word + 1} → {tree['head'][word]} {tree['deprel'][word]}" for word in words)


def _unequal(left: Sequence[Any], right: Sequence[Any]) -> int:
    return sum(a != b for a, b in zip(left, right, strict=True))


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if math.isfinite(value) else "–"
    return _cell(value)


def _cell(value: Any) -> str:
    """Text that stays in its cell: Markdown tables end at bars and line ends."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
