"""Answers of several runs to the same examples, for the error browser of the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from klue_datasets.iob import spans_from_tags
from klue_datasets.tasks import get_task
from klue_metrics.functional import METRICS, sts
from klue_metrics.predictions import Cases, read_rows
from klue_metrics.scoring import right_answers
from recipes.engine.card_details import arcs, named_entities, wrong_words
from recipes.reporting.runs import Run
from recipes.reporting.texts import Texts, cut

NO_ANSWER = "(no answer)"
# Task -> format of its examples and answers, and definition of right answers.
LEGENDS = {
    "ynat": "An answer is right if it is the topic of the reference.",
    "sts": "① and ② are the two sentences; answers are similarities from 0 to 5. The threshold is that of "
    f"KLUE's F1, {sts.THRESHOLD:.1f}: an answer is right if it is on the same side of it as the reference "
    f"(both at or above {sts.THRESHOLD:.1f}, or both below) and wrong otherwise.",
    "nli": "① is the premise, ② the hypothesis. An answer is right if it is the label of the reference.",
    "ner": "Entities are written as text (type); after “tags:” come characters whose tag alone is wrong. An "
    "answer is right if every character that is scored has the tag of the reference.",
    "re": "⟦ ⟧ enclose the subject, ⟨ ⟩ the object. An answer is right if it is the relation of the "
    "reference, no_relation included.",
    "dp": "Words are numbered by subscripts: 4 → 5 AP says that the head of word 4 is word 5 and its "
    "relation AP; head 0 is the root. Of answers only wrong arcs are shown. An answer is right if every word "
    "has the head and the relation of the reference.",
    "mrc": "The question, then the passage or the part around the answer; “ / ” separates accepted answers. "
    "An answer is right if it is an exact match, as KLUE normalises texts.",
    "wos": "+ slot: a value that the answer has and the reference does not; − slot: one that the answer "
    "lacks. An answer is right if its state equals that of the reference.",
}


def collect_answers(
    task: str,
    runs: Sequence[tuple[str, Run]],
    cases: Mapping[str, Cases],
    texts: Texts,
    *,
    max_rows: int,
    max_bytes: int,
) -> tuple[dict[str, Any], list[str]]:
    """Collect the answers of runs to the same examples.

    If not all examples fit, those with a wrong answer of any run are preferred.

    Args:
        task: Name of the task.
        runs: Labels and runs. The first run defines the examples; runs with other examples are omitted.
        cases: Name of a run -> its predictions and references.
        texts: Source of the texts.
        max_rows: Maximum number of examples.
        max_bytes: Maximum size of the result as JSON.

    Returns:
        A mapping, and sentences about missing data. In the mapping, ``total`` is the number of examples,
        ``wrong`` that of examples with a wrong answer, and ``has_classes`` tells whether answers are classes.
        ``ids``, ``texts``, ``golds`` and, for tasks with drawings, ``drawn`` (entities or tree) are those of
        the examples shown. For each run, there are its ``label``, ``answers``, ``right`` (1 or 0), ``scores``
        (or None) and ``drawn``; or null for omitted runs.
    """
    sides = [_Side(task, run, cases[run.name]) for _, run in runs]
    first = sides[0]
    known, notes = _known_texts(first, runs, texts)
    for (_, run), side in zip(runs, sides, strict=True):
        if not side.has_examples_of(first):
            notes.append(f"{run.name}: its examples are not those of {runs[0][1].name}; answers not shown.")
            side.is_left_out = True
    kept = [side for side in sides if not side.is_left_out]
    shown_texts = {name: cut(known.get(name, "")) for name in first.ids}
    golds = {name: cut(first.golds[name]) for name in first.ids}

    def row(name: str) -> list[Any]:
        answers = [[side.answers[name], side.scores.get(name), side.drawn.get(name)] for side in kept]
        return [name, shown_texts[name], golds[name], first.gold_drawn.get(name), answers]

    wrong = [name for name in first.ids if not all(side.right[name] for side in kept)]
    right = [name for name in first.ids if all(side.right[name] for side in kept)]
    shown = _that_fit((wrong + right)[:max_rows], row, max_bytes)
    order = [name for name in first.ids if name in shown]
    return {
        "total": len(first.ids),
        "wrong": len(wrong),
        "has_classes": METRICS[task].types["references"] == "int64",
        "ids": order,
        "texts": [shown_texts[name] for name in order],
        "golds": [golds[name] for name in order],
        "drawn": [
            next((side.gold_drawn[name] for side in kept if name in side.gold_drawn), None) for name in order
        ],
        "runs": [
            None if side.is_left_out else {"label": label, **side.columns(order)}
            for (label, _), side in zip(runs, sides, strict=True)
        ],
    }, notes


def _known_texts(
    first: _Side, runs: Sequence[tuple[str, Run]], texts: Texts
) -> tuple[Mapping[str, str], list[str]]:
    """Find the texts of the examples in the answers of the first run, or in the data of any run."""
    if first.texts:
        return first.texts, []
    found = [texts.of(run) for _, run in runs]
    known = next((known for known, problem in found if not problem), {})
    return known, [] if known else [problem for _, problem in found[:1]]


def _that_fit(names: Iterable[str], row: Callable[[str], Any], max_bytes: int) -> set[str]:
    """Select the first names whose rows as JSON fit into a number of bytes."""
    shown: set[str] = set()
    size = 0
    for name in names:
        size += len(json.dumps(row(name), ensure_ascii=False).encode())
        if size > max_bytes:
            break
        shown.add(name)
    return shown


class _Side:
    """The answers of one run, by id."""

    def __init__(self, task: str, run: Run, cases: Cases) -> None:
        rows = {row.id: row.fields for row in read_rows(task, str(run.predictions), "prediction")}
        is_right = right_answers(task, cases)
        self.ids = cases.ids
        self.is_left_out = False
        self.golds: dict[str, str] = {}
        self.answers: dict[str, str] = {}
        self.references = dict(zip(cases.ids, cases.references, strict=True))
        self.right = dict(zip(cases.ids, is_right.astype(int).tolist(), strict=True))
        self.scores: dict[str, float] = {}
        self.texts: dict[str, str] = {}
        self.drawn: dict[str, Any] = {}
        self.gold_drawn: dict[str, Any] = {}
        for index, name in enumerate(cases.ids):
            fields = rows[name]
            self.golds[name], self.answers[name] = _shown(
                task, cases.predictions[index], cases.references[index], fields.get("tokens")
            )
            if task in DRAWN and (task == "ner" or not self.right[name]):
                draw = DRAWN[task]
                self.gold_drawn[name] = draw(cases.references[index])
                self.drawn[name] = draw(cases.predictions[index])
            score = fields.get("score")
            if isinstance(score, int | float):
                self.scores[name] = float(f"{score:.3g}")
            if "tokens" in fields:
                self.texts[name] = "".join(fields["tokens"])

    def has_examples_of(self, other: _Side) -> bool:
        """Return whether the examples and their references are those of another run.

        Labels may be names in one file and ids in another, and are shown alike; for entities, what is shown
        depends on the prediction as well.
        """
        return set(self.ids) == set(other.ids) and all(
            self.references[name] == other.references[name] or self.golds[name] == other.golds[name]
            for name in self.ids
        )

    def columns(self, order: Sequence[str]) -> dict[str, Any]:
        """Return answers, their correctness and their scores in a given order."""
        return {
            "answers": [cut(self.answers[name]) for name in order],
            "right": [self.right[name] for name in order],
            "scores": [self.scores.get(name) for name in order],
            "drawn": [self.drawn.get(name) for name in order],
        }


def _spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return start, end (exclusive) and type of entities."""
    return [(start, end, kind) for start, end, kind in spans_from_tags(tags)]


def _tree(words: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {"head": list(words["head"]), "deprel": list(words["deprel"])}


# Task whose answers are drawn -> fields needed for the drawing.
DRAWN: Mapping[str, Callable[[Any], Any]] = {"ner": _spans, "dp": _tree}


def _shown(task: str, prediction: Any, reference: Any, tokens: Sequence[str] | None) -> tuple[str, str]:
    """Format reference and prediction."""
    if task == "sts":
        return f"{float(reference):.2f}", f"{float(prediction):.2f}"
    if task == "mrc":
        texts = list(dict.fromkeys(reference["answers"]["text"]))
        is_impossible = reference.get("is_impossible") or not texts
        gold = NO_ANSWER if is_impossible else " / ".join(texts)
        return gold, prediction["prediction_text"] or NO_ANSWER
    if task == "ner":
        return named_entities(prediction, reference, tokens)
    if task == "dp":
        every = range(len(reference["head"]))
        wrong = wrong_words(prediction, reference)
        return arcs(reference, every), arcs(prediction, wrong) or "(all arcs right)"
    if task == "wos":
        return ", ".join(sorted(reference)) or "(empty)", _changes(set(prediction), set(reference))
    return _label(task, reference), _label(task, prediction)


def _label(task: str, value: str | int) -> str:
    return value if isinstance(value, str) else get_task(task).labels[value]


def _changes(answer: set[str], gold: set[str]) -> str:
    """List missing and additional values of a state."""
    parts = [f"− {state}" for state in sorted(gold - answer)] + [
        f"+ {state}" for state in sorted(answer - gold)
    ]
    return "\n".join(parts) or "(state right)"
