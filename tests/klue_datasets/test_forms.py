"""Tests of other file formats: tables, SQuAD, mixed field names, missing fields, files of other tasks."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from klue_datasets import load
from klue_datasets.export import export
from klue_datasets.loading import MINI_DIR, make_builder
from klue_datasets.raw_files import KlueDataError
from klue_datasets.tasks import TASKS
from klue_datasets.validation import validate

JSON_TASKS = [name for name, task in TASKS.items() if task.extension == "json"]


def mini_file(task: str, split: str = "validation") -> Path:
    record = TASKS[task]
    return MINI_DIR / record.folder("1.1.0") / record.filename(split, "1.1.0")


def raw(task: str) -> Any:
    return json.loads(mini_file(task).read_text(encoding="utf-8"))


def columns(task: str, path: Path) -> dict[str, list[Any]]:
    found = make_builder(task, data_files=path).columns(str(path))
    return {name: column.to_pylist() for name, column in found.items()}


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def records_of(task: str, content: Any, field: str) -> list[dict[str, Any]]:
    """Return the records of a file that have an optional field."""
    if task != "mrc":
        return content
    if field in ("title", "news_category", "source"):
        return content["data"]
    return [
        question for article in content["data"] for part in article["paragraphs"] for question in part["qas"]
    ]


def test_nli_takes_the_source_of_each_record_from_whichever_name_it_has(tmp_path: Path) -> None:
    train, dev = raw("nli"), raw("nli")
    for record in train:
        record["genre"] = record.pop("source")
    expected = [record["source"] for record in dev]
    train[0]["source"] = None
    for content in (train + dev, dev + train):
        assert columns("nli", written(tmp_path / "both.json", content))["source"] == 2 * expected
    folder = tmp_path / TASKS["nli"].folder("1.1.0")
    folder.mkdir()
    written(folder / mini_file("nli").name, train + dev)
    (report,) = [split for split in validate(tasks=["nli"], data_dir=tmp_path).splits if split.rows]
    assert not [remark for remark in report.remarks if "missing" in remark]


# Every field that a raw file may lack.
OPTIONAL = [
    ("ynat", "url"),
    ("ynat", "date"),
    ("sts", "source"),
    ("nli", "source"),
    ("re", "source"),
    *(("mrc", name) for name in ("title", "news_category", "source", "is_impossible", "question_type")),
]


@pytest.mark.parametrize(("task", "field"), OPTIONAL)
def test_validate_counts_the_records_that_lack_an_optional_field(
    task: str, field: str, tmp_path: Path
) -> None:
    content = raw(task)
    records = records_of(task, content, field)
    assert len(records) > 5
    for record in records:  # the mini corpus need not have the field
        if record.get(field) in (None, ""):
            record[field] = {"is_impossible": False, "question_type": 1}.get(field, "x")
    del records[0][field]
    records[2][field] = None
    absent = 2
    if isinstance(records[4][field], str):
        records[4][field], absent = "", 3
    folder = tmp_path / TASKS[task].folder("1.1.0")
    folder.mkdir()
    path = written(folder / mini_file(task).name, content)
    (report,) = [split for split in validate(tasks=[task], data_dir=tmp_path).splits if split.rows]
    remarks = [remark for remark in report.remarks if remark.startswith(f"{field} is missing")]
    assert remarks == [f"{field} is missing in {absent} of {len(records)} records."]
    assert len(columns(task, path)[field]) == report.rows


def damaged_rows(task: str, change: Callable[[list[str]], list[str]], sentences: int) -> str:
    """Return the text of a mini file with changed rows in some sentences."""
    head, *blocks = mini_file(task).read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    *header, first = head.split("\n## klue")
    blocks = ["\n".join(["## klue" + first]), *blocks]
    for number in range(1, 1 + sentences):
        line, *rows = blocks[number].split("\n")
        blocks[number] = "\n".join([line, *change(rows)])
    return "\n## klue".join(header) + "\n" + "\n\n".join(blocks) + "\n\n"


@pytest.mark.parametrize("task", ["ner", "dp"])
@pytest.mark.parametrize(
    "change", [lambda rows: rows[:1] + rows[2:], lambda rows: rows[:2] + rows[1:]], ids=["lost", "repeated"]
)
def test_rows_that_do_not_spell_their_sentence_are_told_once(
    task: str, change: Callable[[list[str]], list[str]], tmp_path: Path
) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text(damaged_rows(task, change, 0), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = load(task, "train", data_files=path, cache_dir=tmp_path / "cache")
    path.write_text(damaged_rows(task, change, 3), encoding="utf-8")
    guid = rows[1]["guid"]
    for streaming in (False, True):
        with pytest.warns(UserWarning, match="do not match") as caught:
            list(load(task, "train", data_files=path, streaming=streaming, cache_dir=tmp_path / "cache"))
        (message,) = [str(one.message) for one in caught if "do not match" in str(one.message)]
        assert (
            f"{task}: in {path} the rows of 3 of {len(rows)} sentences do not match the sentence" in message
        )
        assert f"The first is {guid};" in message


@pytest.mark.parametrize("task", ["ner", "dp"])
def test_the_official_files_load_without_that_warning(task: str, shared: Path, tmp_path: Path) -> None:
    data_dir = shared / "data/klue-v1.1-dev"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load(task, data_dir=data_dir, cache_dir=tmp_path)
    wrong = make_builder(task, data_dir=data_dir)
    path = wrong.files["validation"][0]
    assert len(wrong.misspelt(wrong.columns(path))) == {"ner": 0, "dp": 6}[task]


@pytest.mark.parametrize("task", TASKS)
def test_compressed_files_are_read_and_other_encodings_named(task: str, tmp_path: Path) -> None:
    content = mini_file(task).read_bytes()
    path = tmp_path / "raw"
    path.write_bytes(gzip.compress(content))
    assert columns(task, path) == columns(task, mini_file(task))
    for encoding, sentence in (
        ("utf-16", "the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16"),
        ("utf-16-le", "the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16"),
        ("cp949", "not UTF-8 at byte .*iconv -f CP949"),
    ):
        path.write_bytes(content.decode().encode(encoding, "ignore"))
        with pytest.raises(KlueDataError, match=sentence):
            columns(task, path)


@pytest.mark.parametrize(("task", "other"), list(itertools.permutations(TASKS, 2)))
def test_a_file_of_another_task_is_refused_by_its_name(task: str, other: str) -> None:
    with pytest.raises(
        KlueDataError, match=rf"{mini_file(other).name}: .* The file looks like one of {other} "
    ):
        columns(task, mini_file(other))


def table(task: str, names: list[str], delimiter: str) -> str:
    """Write the mini corpus of a task as a table."""
    text = io.StringIO()
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    writer = csv.writer(
        text, delimiter=delimiter, quoting=quoting, quotechar=None if delimiter == "\t" else '"'
    )
    writer.writerow(names)
    for number, record in enumerate(raw(task)):
        known = {
            **record,
            "id": number,
            "index": number,
            "label": record.get("label", record.get("gold_label")) or record["labels"]["label"],
            "real-label": record.get("labels", {}).get("real-label"),
            "binary-label": record.get("labels", {}).get("binary-label"),
        }
        writer.writerow([known[name] for name in names])
    return text.getvalue()


TABLES = {
    "ynat": [["index", "title", "label"], ["guid", "title", "label", "url", "date"]],
    "sts": [
        ["id", "source", "sentence1", "sentence2", "label", "real-label", "binary-label"],
        ["sentence1", "sentence2", "real-label", "label"],
    ],
    "nli": [["index", "premise", "hypothesis", "label"], ["premise", "hypothesis", "gold_label", "source"]],
    "re": [["id", "sentence", "subject_entity", "object_entity", "label", "source"]],
}


@pytest.mark.parametrize("delimiter", [",", "\t"], ids=["csv", "tsv"])
@pytest.mark.parametrize(
    ("task", "form"), [(task, form) for task in TABLES for form in range(len(TABLES[task]))]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_tables_hold_what_the_json_holds(
    task: str, form: int, delimiter: str, end: str, tmp_path: Path
) -> None:
    names = TABLES[task][form]
    path = tmp_path / "table"
    text = table(task, names, delimiter).replace("\r\n", end) + end  # with a blank line
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found, expected = columns(task, path), columns(task, mini_file(task))
    if "guid" not in names:
        expected["guid"] = [str(number) for number in range(len(expected["guid"]))]
    for name in {"source", "url", "date"} & expected.keys() - set(names):
        expected[name] = [""] * len(expected["guid"])
    assert len(expected["guid"]) > 20
    assert found == expected


COMPETITION = """id,sentence,subject_entity,object_entity,label,source
0,〈Something〉는 조지 해리슨이 쓰고 비틀즈가 1969년 앨범 《Abbey Road》에 담은 노래다.,"{'word': '비틀즈', 'start_idx': 24, 'end_idx': 26, 'type': 'ORG'}","{'word': '조지 해리슨', 'start_idx': 13, 'end_idx': 18, 'type': 'PER'}",no_relation,wikipedia
"""  # noqa: E501


def test_the_csv_of_korean_competitions_in_relation_extraction(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(COMPETITION, encoding="utf-8")
    (row,) = load("re", "train", data_files=str(path), cache_dir=tmp_path)
    subject = row["subject_entity"]
    assert subject == {"word": "비틀즈", "start_idx": 24, "end_idx": 26, "type": "ORG"}
    assert row["sentence"][subject["start_idx"] : subject["end_idx"] + 1] == "비틀즈"
    assert (row["guid"], row["label"], row["source"]) == ("0", 0, "wikipedia")


@pytest.mark.parametrize(
    ("task", "text", "sentence"),
    [
        ("re", COMPETITION.replace("24", "'a'"), "guid 0: field 'start_idx' is 'a'; expected a whole number"),
        ("re", COMPETITION.replace("'type': 'ORG'}", ""), "field 'subject_entity' is .*; expected an object"),
        ("re", COMPETITION.replace("no_relation", "100"), "field 'label' is '100'; expected one of per:"),
        ("re", COMPETITION.replace(",wikipedia", ""), r"line 2 has 5 fields; expected 6 \(id, "),
        ("nli", COMPETITION, "expected columns premise, hypothesis, label for nli. .* looks like one of re "),
        ("mrc", COMPETITION, "columns context, question, answers for mrc, .* The file looks like one of re "),
        ("ynat", "title\tlabel\n가\t7\n", "line 2, guid 0: field 'label' is '7'; expected one of IT과학"),
        ("ynat", "title,date\n가,나\n", "columns are title, date; expected columns title, label for ynat"),
        ("sts", "sentence1,sentence2,label\n가,나,3점\n", "field 'label' is '3점'; expected a finite"),
        ("nli", "a,b\n1,2\n", "the columns are a, b; expected columns premise, hypothesis, label for nli"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_one_sentence(
    task: str, text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KlueDataError, match=rf"table\.csv: .*{sentence}"):
        columns(task, path)


def test_the_data_card_shows_how_to_read_it_and_what_the_example_scripts_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "klue", mini=True)
    card = (tmp_path / "klue" / "README.md").read_text(encoding="utf-8")
    (block,) = [code for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL) if "data_files" in code]
    (tmp_path / "train.csv").write_text(COMPETITION, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["relations"]["train"][0]["subject_entity"]["word"] == "비틀즈"
    removals = re.findall(r"`data\.remove_columns\(\[(.*?)\]\)` for\s+`(\w+)`", card)
    assert [task for _, task in removals] == ["nli", "ynat"]
    for listed, task in removals:  # what run_glue.py takes before, and after
        columns = [name for name in load(task, "train", mini=True).column_names if name != "label"]
        assert columns[:2] == {"nli": ["guid", "source"], "ynat": ["guid", "title"]}[task]
        left = [name for name in columns if name not in re.findall(r'"(\w+)"', listed)]
        assert left == {"nli": ["premise", "hypothesis"], "ynat": ["title"]}[task]
    assert 'data.rename_column("guid", "id")' in card


def test_squad_and_korquad_are_read_as_mrc(tmp_path: Path) -> None:
    answers = [{"text": "가", "answer_start": 0}]
    questions = [
        {"id": "6548850-0-0", "question": "무엇?", "answers": answers},
        {"id": "2", "question": "왜?", "answers": [], "is_impossible": True, "plausible_answers": answers},
    ]
    content = {
        "version": "KorQuAD_v1.0",
        "data": [{"title": "글", "paragraphs": [{"context": "가나", "qas": questions}]}],
    }
    path = written(tmp_path / "KorQuAD_v1.0_dev.json", content)
    rows = load("mrc", "validation", data_files={"validation": path}, cache_dir=tmp_path)
    assert list(rows["guid"]) == ["6548850-0-0", "2"]
    assert list(rows["question_type"]) == [1, 3]
    assert list(rows["is_impossible"]) == [False, True]
    assert rows[0]["answers"]["text"] == ["가"]
    assert rows[1]["answers"]["text"] == []
    content = {"version": "KorQuAD_v2.1", "data": [{"title": "글", "context": "<b>", "qas": questions}]}
    with pytest.raises(
        KlueDataError, match="looks like KorQuAD 2, whose answers are HTML; expected KLUE, SQuAD"
    ):
        columns("mrc", written(path, content))


@pytest.mark.parametrize("task", ["ynat", "nli", "re"])
def test_a_label_in_another_unicode_form_is_told_from_its_twin(task: str, tmp_path: Path) -> None:
    content = raw(task)
    field = "gold_label" if task == "nli" else "label"
    label = TASKS[task].labels[1]
    forms = {"decomposed": unicodedata.normalize("NFD", label)}
    forms["with compatibility characters"] = label.translate({code: code + 0xFEE0 for code in range(33, 127)})
    differ = {form: text for form, text in forms.items() if text != label}
    assert len(differ) == 1  # ynat's second label is Korean alone, those of the others are ASCII
    for form, text in differ.items():
        content[0][field] = text
        with pytest.raises(KlueDataError, match=rf"field '{field}' is .*\. It is '{label}' {form}"):
            columns(task, written(tmp_path / "raw.json", content))


@pytest.mark.parametrize(("task", "field"), [("mrc", "question_type"), ("sts", "label"), ("re", "start_idx")])
def test_numbers_of_400_digits_are_one_sentence(task: str, field: str, tmp_path: Path) -> None:
    content = raw(task)
    record = records_of(task, content, field)[0]
    {"sts": record.get("labels"), "re": record.get("subject_entity")}.get(task, record)[field] = 10**400
    with pytest.raises(
        KlueDataError, match=rf"field '{field}' is 10000.*\.\.\.; expected a (finite|whole) number"
    ):
        columns(task, written(tmp_path / "raw.json", content))


def test_every_json_task_has_its_optional_fields_tested() -> None:
    assert {task for task, _ in OPTIONAL} | {"wos"} == set(
        JSON_TASKS
    )  # wos has none but states of the system
