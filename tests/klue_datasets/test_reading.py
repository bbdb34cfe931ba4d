"""Tests of JSON files: valid, unusual and invalid ones."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klue_datasets import reading
from klue_datasets.raw_files import KlueDataError, read_records


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "raw.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not valid JSON at line 1, column 1"),
        (b'[{"guid": "a"}', "not valid JSON at line 1"),
        (b"\xff\xfe[\0]\0", "the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16"),
        ("[가]".encode("cp949"), "not UTF-8 at byte 1; .* iconv -f CP949"),
        (b"\x1f\x8b\x08", "a broken gzip file"),
        (b'{"data": []}', "the top level is an object; expected a list of records"),
        (b"[1]", "record 0 is a number; expected an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5_000 + b"]", "not readable as JSON"),
    ],
)
def test_files_that_are_no_list_of_records(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(KlueDataError, match=sentence) as caught:
        read_records(write(tmp_path, content), "ynat")
    assert "raw.json" in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert read_records(write(tmp_path, b'\xef\xbb\xbf[\r\n{"guid": "a"}\r\n]'), "ynat") == [{"guid": "a"}]


def test_missing_and_wrong_fields_are_named_with_file_and_guid(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    records = [{"guid": "a", "title": "하나"}, {"guid": "b"}]
    with pytest.raises(
        KlueDataError, match=r"raw\.json: guid b: field 'title' is missing; expected a string"
    ):
        reading.strings(records, path, "title")
    assert reading.strings(records, path, "url", default="").to_pylist() == ["", ""]
    assert reading.strings(records, path, "title", default="").to_pylist() == ["하나", ""]
    with pytest.raises(KlueDataError, match=r"guid a: field 'title' is \['하나'\]; expected a string"):
        reading.strings([{"guid": "a", "title": ["하나"]}], path, "title", default="")
    with pytest.raises(KlueDataError, match="record 0: field 'guid' is 3"):
        reading.strings([{"guid": 3}], path, "guid")


def test_lone_surrogates_are_named_and_other_odd_characters_kept(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    with pytest.raises(KlueDataError, match=r"guid b: field 'title' is '\\ud800'"):
        reading.strings([{"guid": "a", "title": "x"}, {"guid": "b", "title": "\ud800"}], path, "title")
    odd = "\0 \u1100\u1161 \U0001f600 \u00a0"
    assert reading.strings([{"guid": "a", "title": odd}], path, "title").to_pylist() == [odd]


def test_numbers_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    assert reading.numbers([{"x": 3}, {"x": 0.5}], path, "x").to_pylist() == [3.0, 0.5]
    for wrong in (True, "3", None, float("nan"), float("inf"), 10**400):
        with pytest.raises(KlueDataError, match=r"guid a: field 'x' is .*; expected a finite number"):
            reading.numbers([{"guid": "a", "x": wrong}], path, "x")
    assert reading.class_ids([{"x": "n"}, {"x": "y"}], path, "x", ["y", "n"]).to_pylist() == [1, 0]
    assert reading.class_ids([{"x": 1}], path, "x", ["y", "n"], as_index=True).to_pylist() == [1]
    for wrong in ("z", 0, None, ["y"]):
        with pytest.raises(KlueDataError, match="expected one of y, n"):
            reading.class_ids([{"guid": "a", "x": wrong}], path, "x", ["y", "n"])
    for wrong in (True, 2, -1, "0", 1.0):
        with pytest.raises(KlueDataError, match="expected one of 0, 1"):
            reading.class_ids([{"guid": "a", "x": wrong}], path, "x", ["y", "n"], as_index=True)


def test_a_list_of_records_inside_an_object(tmp_path: Path) -> None:
    assert read_records(write(tmp_path, {"version": 1, "data": [{"a": 1}]}), "mrc") == [{"a": 1}]
    for content, sentence in (
        ([], "the top level is a list; expected an object with a list 'data'"),
        ({"version": 1}, "the columns are version; expected columns context, question, answers for mrc"),
        ({"data": {"a": 1}}, "'data' is an object; expected a list of records"),
        ({"data": [[]]}, "record 0 is a list; expected an object"),
    ):
        with pytest.raises(KlueDataError, match=rf"raw\.json: {sentence}"):
            read_records(write(tmp_path, content), "mrc")


def test_integers_booleans_and_lists_of_strings(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    assert reading.integers([{"x": 2**31 - 1}, {}], path, "x", default=1).to_pylist() == [2**31 - 1, 1]
    for wrong in (True, "3", None, 3.0, 2**31, -(2**31) - 1):
        with pytest.raises(
            KlueDataError, match=r"guid a: field 'x' is .*; expected a whole number of 32 bits"
        ):
            reading.integers([{"guid": "a", "x": wrong}], path, "x")
    assert reading.booleans([{"x": True}, {}, {"x": None}], path, "x", default=False).to_pylist() == [
        True,
        False,
        False,
    ]
    for wrong in (1, "true", []):
        with pytest.raises(KlueDataError, match="expected true or false"):
            reading.booleans([{"x": wrong}], path, "x", default=False)
    assert reading.string_lists([{"x": ["a", ""]}, {}], path, "x", default=[]).to_pylist() == [["a", ""], []]
    for wrong in ("ab", ["a", 1], None, {}):
        with pytest.raises(KlueDataError, match="expected a list of strings"):
            reading.string_lists([{"x": wrong}], path, "x")
    with pytest.raises(
        KlueDataError, match=r"guid b: field 'x' is \['\\ud800'\]; expected text without lone"
    ):
        reading.string_lists([{"guid": "a", "x": []}, {"guid": "b", "x": ["\ud800"]}], path, "x")


def test_what_lies_deep_inside_is_named_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    turns = reading.nested([{"guid": "a", "turns": [{"text": "x"}, {}]}], path, "turns")[0]
    with pytest.raises(KlueDataError, match=r"raw\.json: guid a, turns\[1\]: field 'text' is missing"):
        reading.strings(turns, path, "text")
    paragraphs = reading.nested(
        [{}, {"paragraphs": [{"qas": [{"guid": 1}]}]}], path, "paragraphs", default=[]
    )
    questions = reading.nested(paragraphs[1], path, "qas")[0]
    with pytest.raises(
        KlueDataError, match=r"record 1, paragraphs\[0\], qas\[0\]: field 'guid' is 1; expected"
    ):
        reading.strings(questions, path, "guid")
    with pytest.raises(KlueDataError, match=r"guid a: field 'turns' is \[1\]; expected a list of objects"):
        reading.nested([{"guid": "a", "turns": [1]}], path, "turns")
    entity = reading.objects([{"guid": "a", "entity": {"word": None}}], path, "entity")
    with pytest.raises(KlueDataError, match="guid a: field 'word' is None; expected a string"):
        reading.strings(entity, path, "word")


def test_a_guid_that_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    with pytest.raises(KlueDataError) as caught:
        reading.strings([{"guid": "\udcff", "x": 1}], tmp_path, "x")
    assert "guid '\\udcff'" in str(caught.value).encode().decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORD = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("guid", "title", "label", "labels", "sentence1", "sentence2", "gold_label", "premise"), JSON
    ),
)


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORD, min_size=1, max_size=3), task=st.sampled_from(["ynat", "sts", "nli"]))
def test_whatever_the_fields_hold_the_answer_is_columns_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, records: list, task: str
) -> None:
    from klue_datasets.loading import make_builder

    path = write(tmp_path_factory.mktemp("fuzz"), records)
    builder = make_builder(task, data_files=path)
    with pytest.raises(KlueDataError, match=r"raw\.json: (guid|record) .*expected"):
        builder.columns(str(path))


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=60))
def test_whatever_the_bytes_are_the_answer_is_records_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), content)
    try:
        is_list = isinstance(json.loads(content), list)
    except ValueError:
        is_list = False
    if is_list and all(isinstance(record, dict) for record in json.loads(content)):
        assert read_records(path, "ynat") == json.loads(content)
    else:
        with pytest.raises(KlueDataError, match=r"raw\.json"):
            read_records(path, "ynat")


ENTITY = {"word": "가", "start_idx": 0, "end_idx": 0, "type": "PER"}
SPAN = {"text": "가", "answer_start": 0}
RAW = {
    "re": [
        {
            "guid": "a",
            "sentence": "가",
            "subject_entity": ENTITY,
            "object_entity": ENTITY,
            "label": "no_relation",
        }
    ],
    "mrc": {
        "data": [
            {
                "title": "가",
                "paragraphs": [
                    {
                        "context": "가",
                        "qas": [
                            {"guid": "a", "question": "?", "answers": [SPAN], "is_impossible": False},
                            {"guid": "b", "question": "?", "answers": [], "plausible_answers": [SPAN]},
                        ],
                    }
                ],
            }
        ]
    },
    "wos": [
        {
            "guid": "a",
            "domains": ["관광"],
            "dialogue": [
                {"role": "user", "text": "가", "state": ["관광-이름-가"]},
                {"role": "sys", "text": "나"},
            ],
        }
    ],
}
BROKEN = JSON | st.just("\ud800") | st.integers(-(2**40), 2**40)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return all containers in a JSON value with all keys or indices."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


@settings(max_examples=400, deadline=None)
@given(task=st.sampled_from(list(RAW)), data=st.data(), hub=st.booleans())
def test_whatever_becomes_of_a_right_file_the_answer_is_rows_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, task: str, data: st.DataObject, hub: bool
) -> None:
    from klue_datasets.loading import make_builder

    raw = [copy.deepcopy(RAW[task])]  # in a list, so that the top level can be replaced too
    for _ in range(data.draw(st.integers(0, 2))):
        container, key = data.draw(st.sampled_from(places(raw)))
        if isinstance(container, dict) and data.draw(st.booleans()):
            del container[key]
        else:
            container[key] = data.draw(BROKEN)
    path = write(tmp_path_factory.mktemp("fuzz"), raw[0])
    builder = make_builder(task, data_files=path, hub_compatible=hub)
    message = ""
    try:
        ((_, table),) = builder._generate_tables([str(path)])
    except KlueDataError as error:
        message = str(error)
    if message:
        assert re.search(r"raw\.json: .*expected", message)
        assert json.dumps(raw[0]) != json.dumps(RAW[task])  # False == 0, but not in JSON
    else:
        table.validate(full=True)
        assert table.schema.names == list(builder.features())
