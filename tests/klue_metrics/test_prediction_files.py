"""Tests of formats of predictions files, which all have the same scores."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from klue_datasets.tasks import TASKS
from klue_metrics.__main__ import main
from klue_metrics.prediction_files import EXAMPLES, LABELLED
from klue_metrics.predictions import Source
from klue_metrics.scoring import score

FORMS = ("jsonl", "json", "bare", "csv", "tsv", "txt", "other key", "gz")


def records(task: str) -> list[dict[str, Any]]:
    """Return three right predictions and a wrong one."""
    right, wrong = EXAMPLES[task], {
        "ynat": "정치", "sts": 0.0, "nli": "entailment", "ner": ["O", "O", "B-LC"], "re": "no_relation",
        "dp": {"head": [0, 1], "deprel": ["VP", "NP"]}, "mrc": "서울", "wos": [],
    }[task]  # fmt: skip
    rows = [(right, right), (right, right), (wrong, right), (wrong, wrong)]
    if task == "mrc":
        rows = [(one, {"text": [gold], "answer_start": [0]}) for one, gold in rows]
    more = {"source": "x"} if task == "sts" else {}
    return [
        {"index": index, "prediction": one, "reference": gold} | more
        for index, (one, gold) in enumerate(rows)
    ]


def write(path: Path, form: str, rows: list[dict[str, Any]], role: str) -> Path:
    bare = [row[role] for row in rows]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if form in ("csv", "tsv"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter={"csv": ",", "tsv": "\t"}[form])
            names = [name for name in rows[0] if name != "index"]
            writer.writerow(names)
            for row in rows:
                cells = [row[name] for name in names]
                writer.writerow([cell if isinstance(cell, str) else json.dumps(cell) for cell in cells])
    elif form == "txt":
        path.write_text("".join(f"{value}\n" for value in bare))
    elif form == "gz":
        path.write_bytes(gzip.compress(lines.encode()))
    elif form == "other key":
        path.write_text(lines.replace('"prediction"', '"answer"'))
    else:
        path.write_text({"jsonl": lines, "json": json.dumps(rows), "bare": json.dumps(bare)}[form])
    return path


ENDINGS = {"bare": "json", "other key": "jsonl", "gz": "jsonl.gz"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", TASKS)
def test_every_form_scores_alike(task: str, form: str, tmp_path: Path) -> None:
    if form == "txt" and task not in LABELLED:
        return
    rows = records(task)
    lines = write(tmp_path / "lines.jsonl", "jsonl", rows, "prediction")
    expected = score(task, str(lines), Source(), resamples=20)["scores"]
    file = write(tmp_path / f"file.{ENDINGS.get(form, form)}", form, rows, "prediction")
    key = "answer" if form == "other key" else "prediction"
    for source in (Source(prediction_key=key), Source(references=str(lines), prediction_key=key)):
        if source.references or form not in ("bare", "txt"):
            assert score(task, str(file), source, resamples=20)["scores"] == expected
    if form != "other key":
        gold = write(tmp_path / f"gold.{ENDINGS.get(form, form)}", form, rows, "reference")
        assert score(task, str(lines), Source(references=str(gold)), resamples=20)["scores"] == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.csv", "guid,label\na,b\n", "has the columns guid, label; expected prediction"),
        ("p.csv", "prediction,reference\n경제\n", r"p.csv:2 \(2 columns expected"),
        ("p.json", "{}", "holds no list"),
        ("p.json", "[", "is not JSON .* JSON lines have the ending .jsonl"),
        ("p.txt", "경제\n", "no reference in p.txt:1"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        score("ynat", str(tmp_path / name), Source())


def test_a_text_of_labels_is_for_tasks_with_labels(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("B-PS O\n")
    with pytest.raises(ValueError, match=r"ner: .* is a text of labels, which ynat, sts, nli, re have"):
        score("ner", str(tmp_path / "p.txt"), Source())


def test_help_shows_the_form_of_each_task(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("score", "compare"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown = capsys.readouterr().out
        for task in TASKS:
            example = EXAMPLES[task]
            assert (example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)) in shown
        for ending in (".jsonl", ".json", ".csv", ".tsv", ".txt", "--prediction_key"):
            assert ending in shown
