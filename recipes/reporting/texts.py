"""Look up the texts of examples in the evaluation data of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets

import klue_datasets
from klue_metrics.predictions import read_rows
from recipes.arguments import RecipeArguments
from recipes.reporting.runs import Run

LONGEST = 600  # maximum number of characters of a displayed text
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
PASSAGE = 450  # maximum number of characters of a displayed passage


class Texts:
    """Texts of validation splits; each split is read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], dict[str, str]] = {}

    def of(self, run: Run) -> tuple[Mapping[str, str], str]:
        """Return the texts of the examples of a run.

        Args:
            run: The run.

        Returns:
            Id of an example in the predictions file -> its text; and the reason if there are none, or "".
        """
        if not run.settings:
            return {}, f"{run.name}: there is no recipe_arguments.json, so its texts are unknown."
        source = _source(run.settings)
        key = run.task, repr(source)
        try:
            if key not in self._read:
                self._read[key] = _read(run.task, source)
        except (OSError, ValueError) as error:
            return {}, f"{run.name}: the texts cannot be read from the data: {error}"
        return self._read[key], ""

    def known(self, run: Run) -> Mapping[str, str]:
        """Return the texts of a run's examples, if known; for ner, they may be in its predictions file."""
        texts, _ = self.of(run)
        if texts or run.task != "ner" or not run.predictions.is_file():
            return texts
        rows = read_rows(run.task, str(run.predictions), "prediction")
        return {row.id: "".join(row.fields["tokens"]) for row in rows if "tokens" in row.fields}


def _source(settings: Mapping[str, Any]) -> tuple[str, str]:
    if settings.get("mini"):
        return "mini", ""
    if settings.get("validation_file"):
        return "data_files", json.dumps([settings["validation_file"], settings.get("column")])
    if settings.get("data_dir"):
        return "data_dir", str(settings["data_dir"])
    return "dataset_name", str(settings.get("dataset_name"))


def _read(task: str, source: tuple[str, str]) -> dict[str, str]:
    datasets.disable_progress_bars()
    kind, name = source
    if kind == "mini":
        rows = klue_datasets.load(task, "validation", mini=True)
    elif kind == "data_dir":
        if not Path(name).exists():
            raise FileNotFoundError(f"There is no folder or archive {name}.")
        rows = klue_datasets.load(task, "validation", data_dir=name)
    elif kind == "data_files":
        path, column = json.loads(name)
        columns = RecipeArguments(validation_file=path, column=column).columns
        rows = klue_datasets.load(task, "validation", data_files={"validation": path}, columns=columns)
    else:
        rows = datasets.load_dataset(name, task, split="validation")
    texts: dict[str, str] = {}
    for index, row in enumerate(rows):
        for turn, text in enumerate(_texts(task, row)):
            suffix = f"#{turn}" if task == "wos" else ""
            for known_as in (row.get("guid"), None if task == "wos" else index):
                if known_as is not None:
                    texts[f"{known_as}{suffix}"] = text
    return texts


def _texts(task: str, row: Mapping[str, Any]) -> list[str]:
    """Return the text of a row or, for a dialogue, one text per user turn."""
    if task == "ynat":
        return [row["title"]]
    if task == "sts":
        return [f"① {row['sentence1']}\n② {row['sentence2']}"]
    if task == "nli":
        return [f"① {row['premise']}\n② {row['hypothesis']}"]
    if task == "re":
        return [_with_entities(row)]
    if task == "mrc":
        return [f"{row['question']}\n{_around_answer(row)}"]
    if task == "dp":
        words = zip(row["index"], row["word_form"], strict=True)
        return [" ".join(f"{word}{str(number).translate(SUBSCRIPTS)}" for number, word in words)]
    if task == "wos":
        return _turns(row["dialogue"])
    return ["".join(row["tokens"])]


def _around_answer(row: Mapping[str, Any]) -> str:
    """Return the passage, or its part around the first answer."""
    starts = row["answers"]["answer_start"]
    begin = max(0, (starts[0] if starts else 0) - PASSAGE // 2)
    begin = max(0, min(begin, len(row["context"]) - PASSAGE))
    return ("…" if begin else "") + cut(row["context"][begin:], PASSAGE)


def _with_entities(row: Mapping[str, Any]) -> str:
    """Mark the subject with ⟦ ⟧ and the object with ⟨ ⟩."""
    sentence = row["sentence"]
    marks = []
    for field, (begin, end) in (("subject_entity", "⟦⟧"), ("object_entity", "⟨⟩")):
        marks += [(row[field]["start_idx"], begin), (row[field]["end_idx"] + 1, end)]
    for position, mark in sorted(marks, reverse=True):
        sentence = sentence[:position] + mark + sentence[position:]
    return sentence


def _turns(dialogue: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each user turn with the system turn before it."""
    texts = []
    before = ""
    for turn in dialogue:
        if turn["role"] == "user":
            texts.append(f"{before}사용자: {turn['text']}")
            before = ""
        else:
            before = f"시스템: {turn['text']}\n"
    return texts


def cut(text: str, longest: int = LONGEST) -> str:
    """Shorten a text, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
