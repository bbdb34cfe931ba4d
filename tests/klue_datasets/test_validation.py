"""Tests of ``validate``: official files, all kinds of defects, and naive oracles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klue_datasets.checks import check_rows
from klue_datasets.checks_tsv import ner_entities
from klue_datasets.tasks import DP_RELATIONS, TASKS, get_task
from klue_datasets.validation import format_report, known_defects, validate

HEADER = "## a\n" * 5
STS = {
    "guid": "g0",
    "source": "s",
    "sentence1": "하나",
    "sentence2": "둘",
    "labels": {"label": 3.0, "real-label": 3.0, "binary-label": 1},
}
RELATION = {
    "guid": "g0",
    "sentence": "가나다라마",
    "subject_entity": {"word": "가나", "start_idx": 0, "end_idx": 1, "type": "PER"},
    "object_entity": {"word": "라", "start_idx": 3, "end_idx": 3, "type": "LOC"},
    "label": "no_relation",
    "source": "s",
}
QUESTION = {
    "guid": "g0",
    "question": "누가?",
    "answers": [{"text": "나", "answer_start": 1}],
    "is_impossible": False,
    "question_type": 1,
}
DIALOGUE = {
    "guid": "g0",
    "domains": ["식당"],
    "dialogue": [
        {"role": "user", "text": "안녕", "state": ["식당-종류-한식당"]},
        {"role": "sys", "text": "네"},
    ],
}


def write(folder: Path, task: str, content: Any) -> Path:
    path = folder / get_task(task).filename("train", "1.1.0")
    if task == "mrc":
        content = {"data": [{"paragraphs": [{"context": "가나다", "qas": content}]}]}
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return path


def ner(*rows: str, sentence: str) -> str:
    return f"{HEADER}## g0\t{sentence}\n" + "".join(f"{row}\n" for row in rows) + "\n"


def dp(*heads: int, **changed: tuple[str, ...]) -> str:
    count = len(heads)
    words = changed.get("words", tuple("abcdefgh"[:count]))
    lemmas, tags = changed.get("lemmas", words), changed.get("tags", ("NNG",) * count)
    indices = changed.get("indices", tuple(str(index + 1) for index in range(count)))
    rows = zip(indices, words, lemmas, tags, map(str, heads), ["NP"] * count, strict=True)
    sentence = " ".join("abcdefgh"[:count])
    return f"{HEADER}## g0\t{sentence}\n" + "".join("\t".join(row) + "\n" for row in rows) + "\n"


def sts(**labels: float) -> list[dict]:
    return [
        STS | {"labels": STS["labels"] | {name.replace("_", "-"): value for name, value in labels.items()}}
    ]


def relation(field: str, **changed: object) -> list[dict]:
    return [RELATION | {field: RELATION[field] | changed}]


def turns(*given: tuple[str, str, list[str]]) -> list[dict]:
    return [
        DIALOGUE | {"dialogue": [{"role": role, "text": text, "state": state} for role, text, state in given]}
    ]


DEFECTS = [
    ("sts", [STS, STS], {"duplicate guid", "duplicate input"}),
    ("sts", [STS | {"sentence2": "  "}], {"empty text"}),
    ("sts", sts(label=5.5, real_label=5.5), {"score"}),
    ("sts", sts(label=3.2), {"score"}),
    ("sts", sts(binary_label=0), {"score"}),
    ("ner", ner("가\tI-PS", sentence="<가:PS>"), {"orphan I-", "inline tags against rows"}),
    ("ner", ner("가\tB-PS", "나\tI-LC", sentence="<가:PS>나"), {"orphan I-"}),
    ("ner", ner("가\tO", " \tB-PS", "나\tI-PS", sentence="가< 나:PS>"), {"blank with B-"}),
    ("ner", ner("가\tO", sentence="나"), {"sentence against tokens"}),
    ("ner", ner("가나\tO", sentence="가나"), {"token"}),
    ("ner", ner(*(f"{c}\tO" for c in "가<나:;LC>"), sentence="가<나:;LC>"), {"broken tag"}),
    ("ner", ner("가\tB-PS", sentence="<가:LC>"), {"inline tags against rows"}),
    ("re", relation("subject_entity", word="나다"), {"span"}),
    ("re", relation("object_entity", start_idx=9, end_idx=9), {"span"}),
    ("re", relation("subject_entity", type="LOC"), {"entity type"}),
    ("re", relation("object_entity", word="나", start_idx=1, end_idx=1), {"overlap"}),
    ("dp", dp(2, 3, 1), {"root", "cycle"}),
    ("dp", dp(2, 1, 0), {"cycle"}),
    ("dp", dp(0, 0), {"root"}),
    ("dp", dp(1, 0), {"self loop"}),
    ("dp", dp(9, 0), {"head out of range"}),
    ("dp", dp(2, 0, indices=("1", "3")), {"index"}),
    ("dp", dp(2, 0, words=("a", "c")), {"words against sentence"}),
    ("dp", dp(2, 0, lemmas=("a x", "b")), {"lemma against pos"}),
    ("dp", dp(2, 0, tags=("AV", "NNG")), {"pos tag"}),
    ("mrc", [QUESTION | {"answers": [{"text": "나", "answer_start": 2}]}], {"span of answers"}),
    ("mrc", [QUESTION | {"answers": [{"text": "다", "answer_start": -1}]}], {"span of answers"}),
    ("mrc", [QUESTION | {"is_impossible": True, "question_type": 3}], {"answerable"}),
    ("mrc", [QUESTION | {"answers": []}], {"answerable"}),
    ("mrc", [QUESTION | {"question_type": 4}], {"question type"}),
    ("wos", turns(("sys", "네", [])), {"role"}),
    ("wos", turns(("user", " ", [])), {"empty text"}),
    ("wos", turns(), {"empty text"}),
    ("wos", turns(("user", "네", ["식당-종류"])), {"state"}),
    ("wos", turns(("user", "네", ["식당-종류-한식당", "식당-종류-양식당"])), {"state"}),
    ("wos", turns(("user", "네", ["식당-색-파랑"])), {"slot"}),
    ("wos", turns(("user", "네", ["식당-종류-분식"])), {"value"}),
    ("ynat", [{"guid": "g", "title": "t", "label": "날씨"}], {"unreadable"}),
]


@pytest.mark.parametrize(("task", "content", "kinds"), DEFECTS)
def test_a_defect_is_found_and_is_the_only_one(
    task: str, content: Any, kinds: set[str], tmp_path: Path
) -> None:
    write(tmp_path, task, content)
    (tmp_path / "ontology.json").write_text(
        json.dumps({"식당-종류": ["none", "dontcare", "한식당", "양식당"]})
    )
    report = validate(tasks=[task], data_dir=tmp_path)
    assert {defect.finding.kind for defect in report.unknown} == kinds
    assert all(defect.finding.guid in format_report(report) for defect in report.unknown)


def test_right_rows_have_no_defect_and_an_unknown_count_is_a_remark(tmp_path: Path) -> None:
    right = {
        "sts": [STS],
        "re": [RELATION],
        "mrc": [QUESTION],
        "wos": [DIALOGUE],
        "ner": ner("<\tO", "가\tB-PS", "나\tI-PS", " \tO", "#\tB-QT", sentence="<<가나:PS> <#:QT>"),
        "dp": dp(3, 1, 0),
    }
    for task, content in right.items():
        write(tmp_path, task, content)
    report = validate(data_dir=tmp_path)
    assert report.defects == []
    remarks = {split.task: list(split.remarks) for split in report.splits if split.split == "train"}
    assert remarks["sts"] == ["1 rows; the published file has 11,668."]
    assert remarks["ynat"] == []
    assert {split.task for split in report.splits if split.hash == "absent" and split.split == "train"} == {
        "ynat",
        "nli",
    }


@pytest.mark.parametrize(
    ("ontology", "kind"),
    [
        ({"식당-종류": ["dontcare", "none"]}, "ontology"),
        ({"식당-종류": ["none", "dontcare", "한식당", "한식당"]}, "ontology"),
        ({"택시-출발 시간": ["none", "dontcare", "7시"]}, "ontology time"),
        ({"관광-이름": ["none", "dontcare", "서울중앙성원남산골 한옥 마을"]}, "broken value"),
    ],
)
def test_an_ontology_is_checked_where_it_lies(ontology: dict, kind: str, tmp_path: Path) -> None:
    write(tmp_path, "wos", turns(("user", "네", [])))
    (tmp_path / "ontology.json").write_text(json.dumps(ontology))
    report = validate(tasks=["dst"], data_dir=tmp_path)
    assert [defect.finding.kind for defect in report.defects] == [kind]


@pytest.mark.parametrize("content", ["[", "[]", '{"식당-종류": "한식당"}'])
def test_an_ontology_that_is_none_is_a_defect(content: str, tmp_path: Path) -> None:
    write(tmp_path, "wos", [DIALOGUE])
    (tmp_path / "ontology.json").write_text(content)
    (defect,) = validate(tasks=["wos"], data_dir=tmp_path).unknown
    assert defect.finding.kind == "unreadable"
    assert "ontology.json: " in defect.finding.message


def test_another_relation_list_is_a_defect(tmp_path: Path) -> None:
    write(tmp_path, "re", [RELATION])
    (tmp_path / "relation_list.json").write_text('{"relations": ["no_relation"]}')
    (defect,) = validate(tasks=["re"], data_dir=tmp_path).unknown
    assert defect.finding.kind == "relation list"


def test_the_official_files_have_the_published_figures_and_only_known_defects(shared: Path, python) -> None:
    done = python("-m", "klue_datasets", "validate", "--data_dir", shared / "data/klue-v1.1-dev")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        "sts validation 519 519 official",
        "nli validation 3,000 3,000 official",
        "ner validation 5,000 5,000 official 285,929 characters, 14,257 entities",
        "dp validation 2,000 2,000 official 22,496 words",
        "ynat train - 45,678 absent",
        "Known defects: 22",
        "Defects that are not known: 0",
    ):
        assert line in lines
    assert any("klue-ner-v1_dev_01601-wikitree ner_tags (blank with B-): [42]" in line for line in lines)


def test_every_guid_of_the_known_defects_of_dev_is_still_found(shared: Path) -> None:
    report = validate(data_dir=shared / "data/klue-v1.1-dev")
    found = {(defect.known, defect.finding.guid) for defect in report.defects}
    listed = {
        (entry["id"], guid)
        for entry in known_defects()
        for guid in entry["guids"]
        if entry["kinds"] and ("_dev_" in guid or guid == "ontology.json")
    }
    assert found == listed
    for entry in known_defects():
        assert entry["source"]
        assert entry["summary"]
        assert entry["summary_ko"]
        assert entry["task"] in TASKS


def test_klue_small_has_only_known_defects(shared: Path) -> None:
    report = validate(data_dir=shared / "data/klue-small")
    assert report.unknown == []
    plausible = {defect.finding.guid for defect in report.defects if defect.known == "mrc-plausible-offsets"}
    assert len(plausible) == 58


def test_the_mini_corpus_has_no_defect() -> None:
    report = validate(mini=True)
    assert report.defects == []
    assert {split.task for split in report.splits if split.rows} == set(TASKS)


def test_a_known_defect_is_known_only_as_often_as_it_occurs(tmp_path: Path) -> None:
    rows = [
        {
            "guid": f"klue-nli-v1_train_{i}",
            "premise": "가",
            "hypothesis": "나",
            "gold_label": "neutral",
            "source": "s",
        }
        for i in range(4)
    ]
    write(tmp_path, "nli", rows)
    report = validate(tasks=["nli"], data_dir=tmp_path)
    assert [defect.known for defect in report.defects] == ["nli-duplicates", "nli-duplicates", ""]


def test_the_exit_status_and_a_missing_folder(tmp_path: Path, python) -> None:
    write(tmp_path, "sts", [STS, STS])
    words = ("-m", "klue_datasets", "validate", "--tasks", "sts", "--data_dir")
    done = python(*words, tmp_path, check=False)
    assert done.returncode == 1
    assert "sts train g0 guid (duplicate guid): occurs before" in done.stdout
    wrong = python(*words, tmp_path / "nowhere", check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("python -m klue_datasets: sts: no raw KLUE file of version 1.1.0 below")


TAGS = TASKS["ner"].labels


@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12), min_size=1, max_size=5))
def test_entities_are_those_of_a_naive_reading(sentences: list[list[str]]) -> None:
    expected, position = [], 0
    for tags in sentences:
        begin = None
        for tag in [*tags, "O"]:
            if begin is not None and tag != f"I-{begin[1]}":
                expected.append((begin[0], position, begin[1]))
                begin = None
            if tag.startswith("B-"):
                begin = (position, tag[2:])
            position += 1
        position -= 1
    columns = {"ner_tags": pa.array([[TAGS.index(tag) for tag in tags] for tags in sentences])}
    starts, ends, ids = ner_entities(columns)
    found = zip(starts.tolist(), ends.tolist(), (TAGS[index][2:] for index in ids), strict=True)
    assert list(found) == expected


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_trees_are_judged_as_a_naive_walk_does(heads: list[int]) -> None:
    size = len(heads)
    columns = {
        "guid": pa.array(["g"]),
        "sentence": pa.array([" ".join(["a"] * size)]),
        "index": pa.array([list(range(1, size + 1))]),
        "word_form": pa.array([["a"] * size]),
        "lemma": pa.array([["a"] * size]),
        "pos": pa.array([["NNG"] * size]),
        "head": pa.array([heads]),
        "deprel": pa.array([[DP_RELATIONS[0]] * size]),
    }
    expected = set()
    if heads.count(0) != 1:
        expected.add("root")
    for word in range(1, size + 1):
        at, seen = word, set()
        while at and at <= size and heads[at - 1] != at and at not in seen:
            seen.add(at)
            at = heads[at - 1]
        if at and at in seen:
            expected.add("cycle")
        if heads[word - 1] > size:
            expected.add("head out of range")
        if heads[word - 1] == word:
            expected.add("self loop")
    assert {finding.kind for finding in check_rows("dp", columns, Path("nowhere"))} == expected


CHARACTERS = st.text(st.sampled_from("가a <>:;PSLC\t#\x7f"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | CHARACTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CHARACTERS, inner, max_size=3),
    max_leaves=6,
)
EXAMPLES: dict[str, dict] = {"sts": STS, "re": RELATION, "mrc": QUESTION, "wos": DIALOGUE}


def changed(record: dict, data: Callable) -> dict:
    """Return the record with a value at any depth replaced by another."""
    key = data(st.sampled_from(sorted(record)))
    inner = record[key]
    if isinstance(inner, dict) and data(st.booleans()):
        return record | {key: changed(inner, data)}
    if isinstance(inner, list) and inner and isinstance(inner[0], dict) and data(st.booleans()):
        return record | {key: [changed(inner[0], data), *inner[1:]]}
    return record | {key: data(VALUES)}


@pytest.mark.parametrize("task", EXAMPLES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_a_record_holds_the_answer_is_a_report(
    task: str, data: st.DataObject, tmp_path_factory
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    write(folder, task, [changed(EXAMPLES[task], data.draw)])
    (folder / "ontology.json").write_text(json.dumps(data.draw(VALUES)))
    assert "Defects that are not known: " in format_report(validate(tasks=[task], data_dir=folder))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CHARACTERS, st.sampled_from(TAGS)), max_size=6), sentence=CHARACTERS)
def test_whatever_ner_rows_hold_the_answer_is_a_report(rows: list, sentence: str, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("raw")
    write(folder, "ner", ner(*("\t".join(row) for row in rows), sentence=sentence))
    assert "Defects that are not known: " in format_report(validate(tasks=["ner"], data_dir=folder))
