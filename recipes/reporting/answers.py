"""The answers of runs side by side, as the error browser of the report shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from klue_metrics.functional import mrc
from klue_metrics.predictions import Row, Source, load_cases, read_rows
from recipes.reporting.collect import Run
from recipes.reporting.measure import CLASSES, label_name
from recipes.reporting.texts import Texts, cut

NO_ANSWER = "(no answer)"


def collect_answers(
    task: str, runs: Sequence[tuple[str, Run]], texts: Texts, *, max_rows: int, max_bytes: int
) -> tuple[dict[str, Any], list[str]]:
    """The answers of some runs to the same examples.

    Where there are more than fit, those that some run got wrong come first.

    Args:
        task: Name of the task.
        runs: Label and run; the first says which examples there are, and others with other examples are
            left out.
        texts: Where the texts come from.
        max_rows: How many examples at most.
        max_bytes: How much they may take, as JSON.

    Returns:
        ``total`` examples, how many of them some run got ``wrong``; whether answers are of a few classes
        (``has_classes``); of those that are shown ``ids``, ``texts``, ``golds``; and for each run, in their
        order, its ``label``, ``answers``, ``right`` (1 or 0) and ``scores`` (None where there are none), or
        null for one that is left out. And sentences that say what is missing.
    """
    notes: list[str] = []
    sides = [_Side(task, run) for _, run in runs]
    first = sides[0]
    told: Mapping[str, str] = first.texts
    if not told:
        found = [texts.of(run) for _, run in runs]
        told = next((known for known, problem in found if not problem), {})
        notes += [] if told else [problem for _, problem in found[:1]]
    order = list(first.ids)
    for (_, run), side in zip(runs, sides, strict=True):
        if set(side.ids) != set(order) or any(side.golds[name] != first.golds[name] for name in order):
            notes.append(f"{run.name}: its examples are not those of {runs[0][1].name}; answers not shown.")
            side.is_left_out = True
    kept = [side for side in sides if not side.is_left_out]
    columns = {name: [told.get(name, ""), first.golds[name]] for name in order}
    columns = {name: [cut(text) for text in column] for name, column in columns.items()}
    wrong = [name for name in order if not all(side.right[name] for side in kept)]
    right = [name for name in order if all(side.right[name] for side in kept)]
    shown: set[str] = set()
    size = 0
    for name in (wrong + right)[:max_rows]:
        row = [name, columns[name], [[side.answers[name], side.scores.get(name)] for side in kept]]
        size += len(json.dumps(row, ensure_ascii=False).encode())
        if size > max_bytes:
            break
        shown.add(name)
    order = [name for name in order if name in shown]
    return {
        "total": len(first.ids),
        "wrong": len(wrong),
        "has_classes": task in CLASSES,
        "ids": order,
        "texts": [columns[name][0] for name in order],
        "golds": [columns[name][1] for name in order],
        "runs": [
            None if side.is_left_out else {"label": label, **side.columns(order)}
            for (label, _), side in zip(runs, sides, strict=True)
        ],
    }, notes


class _Side:
    """The answers of one run, by id."""

    def __init__(self, task: str, run: Run) -> None:
        cases = load_cases(task, str(run.predictions), Source())
        rows = {row.id: row for row in read_rows(task, str(run.predictions), "prediction")}
        self.ids = cases.ids
        self.is_left_out = False
        self.golds: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        self.right: dict[str, int] = {}
        self.scores: dict[str, float] = {}
        self.texts: dict[str, str] = {}
        exact = mrc.statistics(cases.predictions, cases.references)[:, 0] if task == "mrc" else None
        for index, name in enumerate(cases.ids):
            prediction, reference = cases.predictions[index], cases.references[index]
            row = rows[name]
            self.golds[name], self.answers[name] = _shown(task, prediction, reference, row)
            is_right = exact[index] == 1 if exact is not None else _is_right(task, prediction, reference, row)
            self.right[name] = int(is_right)
            score = row.fields.get("score")
            if isinstance(score, int | float):
                self.scores[name] = float(f"{score:.3g}")
            if "tokens" in row.fields:
                self.texts[name] = "".join(row.fields["tokens"])

    def columns(self, order: Sequence[str]) -> dict[str, Any]:
        """Answers, whether they are right, and scores, in some order."""
        return {
            "answers": [cut(self.answers[name]) for name in order],
            "right": [self.right[name] for name in order],
            "scores": [self.scores.get(name) for name in order],
        }


def _is_right(task: str, prediction: Any, reference: Any, row: Row) -> bool:
    if task in (*CLASSES, "sts"):
        return label_name(task, prediction) == label_name(task, reference)
    if task == "wos":
        return set(prediction) == set(reference)
    if task == "ner" and "tokens" in row.fields:  # blanks are not scored
        kept = [index for index, token in enumerate(row.fields["tokens"]) if token != " "]
        return all(prediction[index] == reference[index] for index in kept)
    return bool(prediction == reference)


def _shown(task: str, prediction: Any, reference: Any, row: Row) -> tuple[str, str]:
    """Reference and prediction, for people."""
    if task in CLASSES:
        return label_name(task, reference), label_name(task, prediction)
    if task == "sts":
        return f"{float(reference):.2f}", f"{float(prediction):.2f}"
    if task == "mrc":
        texts = list(dict.fromkeys(reference["answers"]["text"]))
        is_impossible = reference.get("is_impossible") or not texts
        gold = NO_ANSWER if is_impossible else " / ".join(texts)
        return gold, prediction["prediction_text"] or NO_ANSWER
    if task == "ner":
        tokens = row.fields.get("tokens")
        return _entities(reference, tokens), _entities(prediction, tokens)
    if task == "dp":
        return _arcs(reference), _arcs(prediction, reference)
    return ", ".join(sorted(reference)) or "(empty)", _changes(set(prediction), set(reference))


def _entities(tags: Sequence[Any], tokens: Sequence[str] | None) -> str:
    """Entities as text/TYPE, by position where there is no text."""
    from klue_datasets.tasks import get_task

    labels = get_task("ner").labels
    names = [tag if isinstance(tag, str) else labels[int(tag)] for tag in tags]
    spans: list[tuple[int, int, str]] = []
    for index, name in enumerate(names):
        prefix, _, kind = name.partition("-")
        if prefix == "I" and spans and spans[-1][1] == index and spans[-1][2] == kind:
            spans[-1] = (spans[-1][0], index + 1, kind)
        elif prefix != "O":
            spans.append((index, index + 1, kind))
    parts = []
    for begin, end, kind in spans:
        text = "".join(tokens[begin:end]) if tokens else f"{begin}–{end}"
        parts.append(f"{text}/{kind}")
    return " · ".join(parts) or "(no entity)"


def _arcs(tree: Mapping[str, Any], gold: Mapping[str, Any] | None = None) -> str:
    """Arcs as word→head RELATION; against a gold tree only those that differ from it."""
    arcs = list(zip(tree["head"], tree["deprel"], strict=True))
    others = list(zip(gold["head"], gold["deprel"], strict=True)) if gold else []
    parts = [
        f"{number}→{arc[0]} {arc[1]}"
        for number, arc in enumerate(arcs, start=1)
        if not gold or arc != others[number - 1]
    ]
    return " · ".join(parts) or "(all arcs right)"


def _changes(answer: set[str], gold: set[str]) -> str:
    """What a state lacks and what it has too much."""
    parts = [f"− {state}" for state in sorted(gold - answer)] + [
        f"+ {state}" for state in sorted(answer - gold)
    ]
    return "\n".join(parts) or "(state right)"
