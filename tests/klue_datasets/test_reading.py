"""Raw files that are right, nearly right, and wrong in every way one meets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klue_datasets import reading
from klue_datasets.reading import KlueDataError


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "raw.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not valid JSON at line 1, column 1"),
        (b'[{"guid": "a"}', "not valid JSON at line 1"),
        (b"\xff\xfe[]", "not UTF-8 at byte 0"),
        (b'{"data": []}', "the top level is an object; expected a list of records"),
        (b"[1]", "record 0 is a number; expected an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" + b"9" * 5_000 + b"]", "not readable as JSON"),
    ],
)
def test_files_that_are_no_list_of_records(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(KlueDataError, match=sentence) as caught:
        reading.read_records(write(tmp_path, content))
    assert "raw.json" in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert reading.read_records(write(tmp_path, b'\xef\xbb\xbf[\r\n{"guid": "a"}\r\n]')) == [{"guid": "a"}]


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
        assert reading.read_records(path) == json.loads(content)
    else:
        with pytest.raises(KlueDataError, match=r"raw\.json"):
            reading.read_records(path)
