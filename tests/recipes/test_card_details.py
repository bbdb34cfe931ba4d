"""Tests of the details in model cards, such as published scores and wrong answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import datasets
import pytest

from hub_cards import published_tables, read_published
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from klue_metrics.predictions import Source
from klue_metrics.scoring import score
from recipes.engine.card_details import Details, details
from recipes.engine.hardware import hardware

# Block of published_scores.yaml -> row -> the sum of its figures, each times its place in the row (1, 2, ..):
# no figure can change, move or swap places with another unseen. Computed from the sources, not from the file.
CHECKSUMS = {
    "test": {
        "mBERT-base": 7068.67, "XLM-R-base": 7015.16, "XLM-R-large": 7453.22, "KR-BERT-base": 7430.80,
        "KoELECTRA-base": 7723.29, "KLUE-BERT-base": 7891.74, "KLUE-RoBERTa-small": 7664.76,
        "KLUE-RoBERTa-base": 8123.20, "KLUE-RoBERTa-large": 8414.33,
    },
    "dev": {
        "mBERT-base": 7111.12, "XLM-R-base": 7076.20, "XLM-R-large": 7480.36, "KR-BERT-base": 7493.72,
        "KoELECTRA-base": 7656.81, "KLUE-BERT-base": 7912.45, "KLUE-RoBERTa-small": 7737.65,
        "KLUE-RoBERTa-base": 8136.15, "KLUE-RoBERTa-large": 8392.18, "KF-DeBERTa-base": 8395.36,
    },
    "tokenisation": {"BPE": 7123.66, "morpheme-based subwords": 7894.57},
    "agreement": {
        "unanimous gold label": 403.57, "individual label is the gold label": 544.29,
        "individual label is the author's": 528.96, "gold label is the author's": 566.68,
        "gold label is not the author's": 26.13, "no gold label": 7.19,
    },
    "human_check": {
        "4 of 4 agree with the gold label": 180.0, "3 of 4 agree with it": 66.0, "2 of 4 agree with it": 24.0,
        "1 of 4 agrees with it": 20.0, "none agrees with it": 10.0,
        "individual label is the gold label": 246.5, "majority label is not the gold label": 26.0,
    },
}  # fmt: skip


def test_published_figures_are_those_of_their_sources() -> None:
    blocks = read_published()
    assert list(blocks) == list(CHECKSUMS)
    for name, block in blocks.items():
        assert block["split"] in ("test", "dev", "not stated")
        assert block["source"]
        sums = {}
        for row, tasks in block["rows"].items():
            figures = [value for scores in tasks.values() for value in scores.values()]
            sums[row] = round(sum(place * value for place, value in enumerate(figures, start=1)), 2)
            if name in ("test", "dev", "tokenisation"):
                assert list(tasks) == list(TASKS)
                assert len(figures) == 14
                assert all(set(scores) <= set(METRICS[task].names) for task, scores in tasks.items())
        assert sums == pytest.approx(CHECKSUMS[name], abs=0.005)


@pytest.mark.parametrize("task", TASKS)
def test_no_published_table_mixes_test_and_dev(task: str) -> None:
    test, dev = published_tables(task, METRICS[task].names, "test", "dev")
    assert (test.split, len(test.rows), dev.split, len(dev.rows)) == ("test", 9, "dev", 10)
    tables = published_tables(task, METRICS[task].names)
    assert [table.split for table in tables[:3]] == ["test", "dev", "test"]
    assert len(tables) == (5 if task == "nli" else 3)
    for table in tables[:3]:
        assert all(column.endswith(f" ({table.split})") for column in table.header[1:])
    for table in tables:
        assert all(len(row) == len(table.header) for row in table.rows)
        assert [note.split(":")[0] for note in table.notes] == (
            ["XLM-R-base, XLM-R-large"] if task == "mrc" and len(table.rows) > 2 else []
        )


def told(tmp_path: Path, task: str, rows: list[dict[str, Any]], **columns: list[Any]) -> Details:
    path = tmp_path / "predictions_validation.jsonl"
    rows = [{"guid": str(index), **row} for index, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    names = [row["guid"] for row in rows]
    report = score(task, str(path), Source())
    return details(
        task, report, path, datasets.Dataset.from_dict({"guid": names, **columns}) if columns else None
    )


def test_surest_mistakes_come_first_with_their_texts(tmp_path: Path) -> None:
    answers = [("neutral", 0.9), ("entailment", 0.5), ("contradiction", 0.7), ("neutral", 0.8)]
    rows = [{"prediction": name, "reference": "neutral", "score": score} for name, score in answers]
    found = told(tmp_path, "nli", rows, premise=list("abcd"), hypothesis=["|", "x", "y\n", "z"])
    assert (found.right, found.answers) == (2, 4)
    assert found.wrong is not None
    assert [list(row) for row in found.wrong.rows] == [
        ["2", "c / y", "neutral", "contradiction"],
        ["1", "b / x", "neutral", "entailment"],
    ]
    assert found.breakdown is not None
    assert "predicted_as" not in found.breakdown.header
    low, high = map(float, found.intervals["accuracy"].split(" to "))
    assert 0 <= low <= 50 <= high <= 100


def test_mistakes_have_degrees_where_the_task_has(tmp_path: Path) -> None:
    sts = told(
        tmp_path, "sts",
        [{"prediction": p, "reference": r} for p, r in [(3.2, 2.9), (0.0, 5.0), (4.0, 5.0), (2.0, 1.0)]],
        sentence1=list("abcd"), sentence2=list("efgh"),
    )  # fmt: skip
    assert sts.wrong is not None
    assert [row[0] for row in sts.wrong.rows] == ["1", "0"]
    tags = [["B-PS", "I-PS", "O"], ["B-PS", "O", "O"], ["O", "O", "O"]]
    rows = [{"prediction": given, "reference": tags[0], "tokens": ["민", "수", "|"]} for given in tags]
    ner = told(tmp_path, "ner", rows)
    assert ner.wrong is not None
    assert [list(row) for row in ner.wrong.rows] == [
        ["2", "민수\\|", "민수 (PS)", "(none)"],
        ["1", "민수\\|", "민수 (PS)", "민 (PS)"],
    ]
    gold = {"head": [2, 0], "deprel": ["NP_SBJ", "VP"]}
    wrong = {"head": [2, 0], "deprel": ["NP_OBJ", "VP"]}
    rows = [{"prediction": given, "reference": gold} for given in (gold, wrong)]
    dp = told(tmp_path, "dp", rows, sentence=["나는 간다", "나는 온다"])
    assert dp.right == 1
    assert dp.wrong is not None
    assert list(dp.wrong.rows[0]) == ["1", "나는 온다", "1 → 2 NP_SBJ", "1 → 2 NP_OBJ"]


def test_an_answer_that_is_none_is_shown_as_such(tmp_path: Path) -> None:
    def row(name: str, answer: str, golds: list[str]) -> dict[str, Any]:
        reference = {"guid": name, "answers": {"text": golds, "answer_start": [0] * len(golds)}}
        return {"prediction": {"guid": name, "prediction_text": answer}, "reference": reference}

    rows = [row("0", "", ["서울", "서울시"]), row("1", "", []), row("2", "서울시", ["서울", "서울시"])]
    found = told(tmp_path, "mrc", rows, question=["어디?", "누가?", "어디?"])
    assert found.right == 2
    assert found.wrong is not None
    assert [list(wrong) for wrong in found.wrong.rows] == [["0", "어디?", "서울 / 서울시", "(none)"]]


def test_a_perfect_run_has_no_wrong_answers(tmp_path: Path) -> None:
    found = told(tmp_path, "ynat", [{"prediction": "경제", "reference": "경제"}] * 2)
    assert found.wrong is None
    assert found.right == 2


def test_states_are_right_as_sets_turn_by_turn(tmp_path: Path) -> None:
    turns = [{"prediction": ["a-b-c", "a-b-d"], "reference": ["a-b-d", "a-b-c"], "turn": 0}]
    turns += [{"prediction": ["a-b-x"], "reference": ["a-b-c"], "turn": 1, "guid": "0"}]
    single = told(tmp_path, "wos", turns)
    dialogue = {name: [turn[name] for turn in turns] for name in ("prediction", "reference")}
    whole = told(tmp_path, "wos", [dialogue])
    for found in single, whole:
        assert (found.right, found.answers) == (1, 2)
        assert found.wrong is not None
        assert list(found.wrong.rows[0]) == ["0 turn 1", "missing: a-b-c", "added: a-b-x"]
    said = [
        {"role": role, "text": text} for role, text in zip(("user", "sys", "user"), "가나다", strict=True)
    ]
    heard = told(tmp_path, "wos", [dialogue], dialogue=[said]).wrong
    assert heard is not None
    assert list(heard.rows[0])[:2] == ["0 turn 1", "다"]


def test_the_hardware_has_a_name() -> None:
    assert re.search(r", \d+ cores$|GiB used at most$", hardware())


@pytest.mark.parametrize("task", ["nli"])
def test_the_card_shows_it_all(task: str, tiny: Path, tmp_path: Path) -> None:
    from recipes.engine import run as story
    from recipes.engine.command_line import make_parser, parse

    words = ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--mini", "--max_steps", "1"]
    words += ["--max_train_samples", "16", "--max_eval_samples", "20", "--use_cpu", "--disable_tqdm", "true"]
    story.run(task, parse(make_parser(task, ""), task, words))
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\| accuracy \| [\d.]+ \| [\d.]+ to [\d.]+ \| [\d.]+ \|$", card, flags=re.MULTILINE)
    assert "\n| KLUE-RoBERTa-large | 89.17 |\n" in card
    assert "\n| KF-DeBERTa-base | 88.37 |\n" in card
    assert "private **test** set" in card
    assert re.search(r"^\d+ of 20 answers are entirely correct\.$", card, flags=re.MULTILINE)
    assert re.search(r"^\* device: .+$", card, flags=re.MULTILINE)
    for header, rule in re.findall(r"^(\|.*\|)\n(\|[-|]+\|)$", card, flags=re.MULTILINE):
        assert header.count("|") == rule.count("|")
    assert not re.search(r"\n{3}", card)
