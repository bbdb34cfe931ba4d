"""Tests of files with lines, in which only line feeds are line breaks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klue_datasets.raw_files import read_records
from klue_datasets.reading_tsv import read_sentences
from klue_metrics.predictions import read_rows
from recipes.prediction.raw_text import read_items
from recipes.tasks.dp.conllu import read_conllu, write_conllu
from recipes.tasks.wos.turns import converse

ENDS = ("\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e")
WORDS = [f"가{end}나" for end in ENDS]
HEAD = "## KLUE\n" * 5


def written(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def predictions(folder: Path) -> list[Any]:
    lines = [json.dumps({"guid": word, "prediction": word}, ensure_ascii=False) for word in WORDS]
    rows = read_rows("ynat", written(folder / "p.jsonl", "\n".join(lines) + "\n"), "prediction")
    return [row.fields["prediction"] for row in rows]


def inputs_as_json(folder: Path) -> list[Any]:
    lines = [json.dumps(word, ensure_ascii=False) for word in WORDS]
    path = written(folder / "in.jsonl", "\n".join(lines) + "\n")
    return [item for _, item in read_items("ynat", path)]


def inputs_as_text(folder: Path) -> list[Any]:
    path = written(folder / "in.txt", "\r\n".join(WORDS) + "\r\n")
    return [item for _, item in read_items("ynat", path)]


def inputs_as_conllu(folder: Path) -> list[Any]:
    parsed = [{"index": 1, "word": word, "head": 0, "relation": "NP"} for word in WORDS]
    text = "".join(write_conllu([word]) for word in parsed)
    sentences = [item for _, item in read_items("dp", written(folder / "in.conllu", text))]
    assert sentences == read_conllu(text.replace("\n", "\r\n"))
    return [word for sentence in sentences for word in sentence.words]


def sentences_of_klue(folder: Path) -> list[Any]:
    text = HEAD + "".join(f"## klue-{at}\t{word}\n{word}\tO\n\n" for at, word in enumerate(WORDS))
    return read_sentences(written(folder / "ner.tsv", text), ("token", "tag")).fields["token"].to_pylist()


def records_of_klue(folder: Path) -> list[Any]:
    text = json.dumps([{"title": word} for word in WORDS], ensure_ascii=False)
    return [record["title"] for record in read_records(written(folder / "ynat.json", text), "ynat")]


def typed_dialogues(folder: Path) -> list[Any]:
    lines = io.StringIO("\n\n".join(WORDS) + "\n")  # a dialogue each
    return [turn["said"] for turn in converse(lambda said: [{"said": said[-1]}], lines, lambda _: None)]


READERS = (
    predictions, inputs_as_json, inputs_as_text, inputs_as_conllu, sentences_of_klue, records_of_klue,
    typed_dialogues,
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_lines_end_at_line_feeds_alone(reader: Callable[[Path], list[Any]], tmp_path: Path) -> None:
    assert reader(tmp_path) == WORDS
