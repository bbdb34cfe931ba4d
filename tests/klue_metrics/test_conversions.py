"""Tests of conversions from spans to tags and ids to names, and of the verdict of comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import klue_datasets
from klue_datasets.iob import ENTITY_TYPES
from klue_datasets.tasks import TASKS
from klue_metrics import label_names, spans_from_tags, tags_from_spans
from klue_metrics.__main__ import main


def test_the_entities_of_all_mini_sentences_survive() -> None:
    checked = 0
    table = klue_datasets.load("ner", "validation", mini=True)
    names = table.features["ner_tags"].feature.names
    for tokens, ids in zip(table["tokens"], table["ner_tags"], strict=True):
        tags = [names[number] for number in ids]
        spans = spans_from_tags(tags)
        assert tags_from_spans(tokens, spans) == tags
        assert tags_from_spans("".join(tokens), reversed(spans)) == tags
        checked += len(spans)
    assert checked > 100


@given(st.data())
def test_spans_come_back(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 30))
    ends = sorted(data.draw(st.sets(st.integers(0, length), max_size=10)))
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    spans = [(start, end, data.draw(st.sampled_from(ENTITY_TYPES))) for start, end in pairs]
    assert spans_from_tags(tags_from_spans("가" * length, spans)) == spans


def test_outputs_of_the_pipeline_are_spans() -> None:
    grouped = [{"entity_group": "PS", "score": 0.9, "word": "박 보검", "start": 0, "end": 4}]
    single = [
        {"entity": "B-PS", "index": 1, "start": 0, "end": 1},
        {"entity": "I-PS", "index": 2, "start": 2, "end": 4},
    ]
    expected = ["B-PS", "I-PS", "I-PS", "I-PS", "O"]
    assert tags_from_spans("박 보검은", grouped) == tags_from_spans("박 보검은", single) == expected
    apart = [*single[:1], {"entity": "I-LC", "start": 2, "end": 4}]
    assert tags_from_spans("박 보검은", apart) == ["B-PS", "O", "B-LC", "I-LC", "O"]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 6, "PS")], "is not in the sentence of 5 characters"),
        ([(0, 2, "PS"), (1, 3, "LC")], "overlaps another one"),
        ([(2, 2, "PS")], "is empty"),
        ([(0, 2, "PER")], "is a 'PER'; expected one of DT, LC"),
        ([{"start": 0, "end": 2}], "expected start, end and entity_group or entity"),
        ([{"entity": "B-PS", "start": None, "end": None}], "with a fast tokenizer"),
        ([(0, 2)], r"expected \(start, end, type\)"),
    ],
)
def test_spans_that_are_none_are_refused(spans: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tags_from_spans("박 보검은", spans)


def test_numbers_of_the_baseline_have_its_names() -> None:
    assert label_names("tc", range(7)) == ["정치", "경제", "사회", "생활문화", "세계", "IT과학", "스포츠"]
    assert label_names("nli", np.array([0, 1, 2])) == ["entailment", "contradiction", "neutral"]
    assert label_names("ner", [[0, 1, 12], [11]]) == [["B-PS", "I-PS", "O"], ["I-QT"]]
    assert label_names("re", range(30)) == list(TASKS["re"].labels)
    for task in ("ynat", "nli", "ner", "re"):
        names = TASKS[task].labels
        assert label_names(task, range(len(names)), order="hub") == list(names)
        assert sorted(label_names(task, range(len(names)))) == sorted(names)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"nli: ids\[1\] is 3; expected a whole number from 0 to 2"):
        label_names("nli", [0, 3])
    with pytest.raises(ValueError, match=r"ner: ids\[0\]\[1\] is True"):
        label_names("ner", [[0, True]])
    with pytest.raises(ValueError, match="mrc has no classes"):
        label_names("mrc", [0])
    with pytest.raises(ValueError, match="there is no order 'mine'; expected hub or klue-baseline"):
        label_names("nli", [0], order="mine")


def file_of(path: Path, predictions: list[Any], references: list[Any]) -> Path:
    rows = enumerate(zip(predictions, references, strict=True))
    lines = [{"index": index, "prediction": one, "reference": gold} for index, (one, gold) in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_comparison_ends_with_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = ["neutral", "entailment"] * 100
    right = file_of(tmp_path / "right.jsonl", gold, gold)
    wrong = file_of(tmp_path / "wrong.jsonl", ["contradiction"] * 60 + gold[60:], gold)
    for pair in ((right, wrong), (wrong, right)):
        assert main(["compare", "--task", "nli", *map(str, pair), "--resamples", "200"]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith(f"{right} is better than {wrong} on accuracy by 30.00 [2")
        assert last.endswith("p = 0.005.")
    assert main(["compare", "--task", "nli", str(right), str(right), "--resamples", "200"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"No difference on accuracy is shown between {right} and {right} (p = 1.000)."


@pytest.mark.parametrize(
    ("task", "first"), [("ynat", "0 IT과학, 1 경제"), ("nli", "0 entailment, 1 neutral")]
)
def test_a_file_of_numbers_says_how_they_are_read(
    task: str, first: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = file_of(tmp_path / "numbers.jsonl", [0, 1, 2], [0, 1, 1])
    names = TASKS[task].labels
    named = file_of(tmp_path / "names.jsonl", list(names[:3]), [names[0], names[1], names[1]])
    for path, is_told in ((numbers, True), (named, False)):
        assert main(["score", "--task", task, "--predictions", str(path), "--resamples", "0"]) == 0
        assert (first in capsys.readouterr().out) == is_told
