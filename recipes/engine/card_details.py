"""Details of a model card: intervals, breakdowns and wrong answers."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

from klue_datasets.iob import TAGS, spans_from_tags
from klue_metrics.predictions import Source, load_cases, read_rows
from klue_metrics.scoring import right_answers

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
    """A table of a card: title, header, and rows of cells in Markdown."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Details:
    """Details of a run's results and predictions beyond the scores.

    Attributes:
        intervals: Score key -> bounds of the 95 % bootstrap interval as text, if defined.
        breakdown: Scores by class or group; None if the task has no breakdown for this data.
        wrong: Some wrong answers, the most confident ones first if there are scores.
        right: Number of entirely right answers.
        answers: Number of answers.
        clusters: Number of clusters that are resampled; None if single answers are resampled.
    """

    intervals: Mapping[str, str]
    breakdown: Table | None
    wrong: Table | None
    right: int
    answers: int
    clusters: int | None


def details(
    task: str, report: Mapping[str, Any], predictions: Path, examples: datasets.Dataset | None
) -> Details:
    """Collect the details of an evaluation from its files, without scoring again.

    Args:
        task: Name of the task.
        report: The result of ``Evaluator.report``, read from eval_details.json; empty for folders of earlier
            versions, which do not have that file.
        predictions: Path of the predictions file.
        examples: The predicted examples, for their texts; None to omit texts.
    """
    cases = load_cases(task, str(predictions), Source())
    is_right = right_answers(task, cases)
    rows = [row.fields for row in read_rows(task, str(predictions), "prediction")]
    return Details(
        intervals={
            key: f"{row['low']:.2f} to {row['high']:.2f}"
            for key, row in report.get("scores", {}).items()
            if row["low"] is not None and math.isfinite(row["low"])
        },
        breakdown=_breakdown(report),
        wrong=_wrong(task, [row for row, right in zip(rows, is_right, strict=True) if not right], examples),
        right=int(is_right.sum()),
        answers=len(rows),
        clusters=report.get("clusters"),
    )


def _breakdown(report: Mapping[str, Any]) -> Table | None:
    for key, groups in report.items():
        if key.startswith("by_") and groups:
            columns = [name for name in next(iter(groups.values())) if name != "predicted_as"]
            title = key.removeprefix("by_")
            rows = [
                [_cell(name), *(_number(group[column]) for column in columns)]
                for name, group in groups.items()
                if group.get("support", 1)
            ]
            return Table(title, [title, *columns], rows)
    return None


def _wrong(task: str, rows: Sequence[Mapping[str, Any]], examples: datasets.Dataset | None) -> Table | None:
    """Select the worst answers and, among equally wrong ones, the most confident."""
    if not rows:
        return None
    worst = sorted(rows, key=lambda row: (-_error(task, row), -(row.get("score") or 0.0)))[:WRONG_ANSWERS]
    texts = _texts(task, examples)
    cells = []
    for row in worst:
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
    """Map the guid or position of an example, with the turn for wos, to the model's input."""
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


def _error(task: str, row: Mapping[str, Any]) -> float:
    """Return the size of an error, for tasks where errors have degrees."""
    predicted, expected = row["prediction"], row["reference"]
    if task == "sts":
        return abs(predicted - expected) if predicted is not None else math.inf
    if task == "ner":
        return sum(map(operator.ne, predicted, expected)) / max(len(expected), 1)
    if task == "dp":
        return len(wrong_words(predicted, expected)) / max(len(expected["head"]), 1)
    if task == "wos":
        return float(len(set(predicted) ^ set(expected)))
    return 1.0


def _answers(task: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """Format the expected and the predicted answer."""
    predicted, expected = row["prediction"], row["reference"]
    if task == "ner":
        return named_entities(predicted, expected, row.get("tokens"))
    if task == "dp":
        wrong = wrong_words(predicted, expected)
        return arcs(expected, wrong), arcs(predicted, wrong)
    if task == "mrc":
        golds = [] if expected.get("is_impossible") else expected["answers"]["text"]
        return " / ".join(golds) or "(none)", predicted["prediction_text"] or "(none)"
    if task == "sts":
        return f"{expected:.1f}", "NaN" if predicted is None else f"{predicted:.1f}"
    if task == "wos":
        missing, added = sorted(set(expected) - set(predicted)), sorted(set(predicted) - set(expected))
        return "missing: " + (", ".join(missing) or "(none)"), "added: " + (", ".join(added) or "(none)")
    return str(expected), str(predicted)


def named_entities(
    predicted: Sequence[str], expected: Sequence[str], tokens: Sequence[str] | None
) -> tuple[str, str]:
    """Format expected and predicted entities.

    Tags outside of entities, such as an I- tag that does not continue one, are shown if only they are wrong.

    Args:
        predicted: One tag per character, as names or Hub ids.
        expected: The gold tags, in the same format.
        tokens: The characters; without them, positions (end exclusive) are shown.
    """
    sides = []
    for tags in (expected, predicted):
        spans = (
            ((tokens and "".join(tokens[start:end])) or f"{start}–{end}", kind)
            for start, end, kind in spans_from_tags(tags)
        )
        sides.append(", ".join(f"{text} ({kind})" for text, kind in spans) or "(none)")
    if sides[0] == sides[1]:
        for side, tags in enumerate((expected, predicted)):
            names = [tag if isinstance(tag, str) else TAGS[tag] for tag in tags]
            wrong = [
                f"{tokens[index] if tokens else index} {name}"
                for index, name in enumerate(names)
                if predicted[index] != expected[index]
            ]
            sides[side] += f"; tags: {', '.join(wrong)}" if wrong else ""
    return sides[0], sides[1]


def wrong_words(predicted: Mapping[str, Any], expected: Mapping[str, Any]) -> list[int]:
    """Return the words of a sentence whose head or relation is wrong, counted from 0."""
    fields = (tree[name] for name in ("head", "deprel") for tree in (predicted, expected))
    return [
        index
        for index, (head, gold_head, relation, gold_relation) in enumerate(zip(*fields, strict=True))
        if (head, relation) != (gold_head, gold_relation)
    ]


def arcs(tree: Mapping[str, Any], words: Iterable[int]) -> str:
    """Format words of a tree, counted from 0: word, head and relation."""
    return ", ".join(f"{word + 1} → {tree['head'][word]} {tree['deprel'][word]}" for word in words)


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}" if math.isfinite(value) else "–"
    return _cell(value)


def _cell(value: Any) -> str:
    """Escape bars and line breaks, which would end a cell of a Markdown table."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
