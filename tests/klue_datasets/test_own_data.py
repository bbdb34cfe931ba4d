"""Tests of own data in all formats, and of archives of KLUE's files."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from klue_datasets import load
from klue_datasets.loading import MINI_DIR
from klue_datasets.raw_files import KlueDataError
from klue_datasets.tasks import TASKS


def as_csv(rows: datasets.Dataset, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        _write(rows, writer)


def as_tsv(rows: datasets.Dataset, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n")
        _write(rows, writer)


def _write(rows: datasets.Dataset, writer: Any) -> None:
    writer.writerow(rows.column_names)
    for row in rows:
        cells = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in row.values()
        )
        writer.writerow(cells)


def as_json_lines(rows: datasets.Dataset, path: Path) -> None:
    # Not Dataset.to_json, which rounds to ten digits.
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def as_parquet(rows: datasets.Dataset, path: Path) -> None:
    rows.to_parquet(path)


FORMATS: dict[str, Callable[[datasets.Dataset, Path], None]] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}


def named(task: str, rows: datasets.Dataset) -> datasets.Dataset:
    """Return the rows with label names instead of ids."""
    columns = {"ner": "ner_tags"}.get(task, "label")
    if columns not in rows.column_names:
        return rows
    feature = rows.features[columns]
    names = (feature.feature if task == "ner" else feature).names
    new = datasets.Value("string")
    features = rows.features | {columns: datasets.Sequence(new) if task == "ner" else new}

    def to_names(row: dict[str, Any]) -> dict[str, Any]:
        value = row[columns]
        return {columns: [names[one] for one in value] if task == "ner" else names[value]}

    return rows.map(to_names, features=datasets.Features(features))


@pytest.mark.parametrize("labels", ["ids", "names"])
@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("task", TASKS)
def test_rows_of_every_format_are_those_that_were_written(
    task: str, ending: str, labels: str, tmp_path: Path
) -> None:
    rows = load(task, "validation[:20]", mini=True)
    path = tmp_path / f"own.{ending}"
    FORMATS[ending](rows if labels == "ids" else named(task, rows), path)
    found = load(task, data_files={"validation": path}, cache_dir=tmp_path)["validation"]
    assert found.num_rows == 20
    assert found.features == rows.features
    assert found.to_list() == rows.to_list()


# Task -> the columns that suffice, and what the others become.
FEWEST: dict[str, tuple[str, ...]] = {
    "ynat": ("title", "label"),
    "sts": ("sentence1", "sentence2", "labels"),
    "nli": ("premise", "hypothesis", "label"),
    "ner": ("tokens", "ner_tags"),
    "re": ("sentence", "subject_entity", "object_entity", "label"),
    "dp": ("word_form", "pos", "head", "deprel"),
    "mrc": ("context", "question", "answers"),
    "wos": ("dialogue",),
}


@pytest.mark.parametrize("task", TASKS)
def test_few_columns_suffice_and_others_are_mapped(task: str, tmp_path: Path) -> None:
    rows = load(task, "validation[:20]", mini=True).select_columns(list(FEWEST[task]))
    path = tmp_path / "own.jsonl"
    as_json_lines(rows.rename_columns({name: f"my {name}" for name in FEWEST[task]}), path)
    columns = {name: f"my {name}" for name in FEWEST[task]}
    found = load(task, "train", data_files=path, columns=columns, cache_dir=tmp_path)
    assert found.select_columns(list(FEWEST[task])).to_list() == rows.to_list()
    assert found["guid"][:2] == ["0", "1"]
    if task == "mrc":
        assert list(found["is_impossible"]) == [not answers["text"] for answers in rows["answers"]]
    if task == "dp":
        assert found["index"][0] == list(range(1, 1 + len(rows[0]["head"])))
    with pytest.raises(
        KlueDataError, match=rf"own\.jsonl: the columns are my .*; expected columns .* for {task}"
    ):
        load(task, data_files=path, cache_dir=tmp_path)
    with pytest.raises(KlueDataError, match="expected 'absent', for "):
        load(task, data_files=path, columns={FEWEST[task][0]: "absent"}, cache_dir=tmp_path)
    with pytest.raises(ValueError, match=f"{task} has no column 'x' to map; expected one of "):
        load(task, data_files=path, columns={"x": "y"}, cache_dir=tmp_path)


def test_columns_map_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="columns were given without data_files"):
        load("ynat", mini=True, columns={"title": "headline"})
    path = MINI_DIR / "ynat-v1.1" / "ynat-v1.1_dev.json"
    with pytest.raises(
        KlueDataError, match="not a CSV, TSV, JSON lines or Parquet file, so its columns cannot"
    ):
        load("ynat", data_files=path, columns={"title": "headline"}, cache_dir=tmp_path)


# Task -> a column, a wrong value of it, and what is said of it.
WRONG: dict[str, tuple[str, Any, str]] = {
    "ynat": ("label", "정차", "field 'label' is '정차'; expected one of IT과학, "),
    "sts": ("labels", {"label": "높음"}, "field 'label' is '높음'; expected a finite number"),
    "nli": ("label", 3, "field 'label' is '3'; expected one of entailment, "),
    "ner": ("ner_tags", ["B-PER"], r"field 'ner_tags'\[0\] is 'B-PER'; expected one of B-DT, "),
    "re": ("label", "per:spous", "field 'label' is 'per:spous'; expected one of per:spouse, "),
    "dp": ("head", [99], "field 'head' is .99.; expected a list of whole numbers from 0 to the number"),
    "mrc": ("answers", "x", "field 'answers' is 'x'; expected a list of objects"),
    "wos": ("dialogue", "x", "field 'dialogue' is 'x'; expected a list of objects"),
}


@pytest.mark.parametrize(("ending", "place"), [("csv", "line 4"), ("jsonl", "line 4"), ("parquet", "row 2")])
@pytest.mark.parametrize("task", TASKS)
def test_an_error_names_the_file_the_line_the_field_and_both_values(
    task: str, ending: str, place: str, tmp_path: Path
) -> None:
    column, value, sentence = WRONG[task]
    rows = named(task, load(task, "validation[:4]", mini=True))
    path = tmp_path / f"own.{ending}"
    if ending == "parquet":
        given = [row | {column: value} for row in rows]
        datasets.Dataset.from_list(given).to_parquet(path)
        place = "row 0"  # a column of Parquet has one type
    else:
        changed = [row | ({column: value} if index == 2 else {}) for index, row in enumerate(rows)]
        if ending == "csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(rows.column_names)
                for row in changed:
                    writer.writerow(one if isinstance(one, str) else json.dumps(one) for one in row.values())
        else:  # with an empty line
            lines = [json.dumps(row, ensure_ascii=False) for row in changed]
            path.write_text("\n".join([lines[0], "", *lines[1:]]), encoding="utf-8")
    with pytest.raises(KlueDataError, match=rf"own\.{ending}: {place}, guid .*: {sentence}"):
        load(task, data_files=path, cache_dir=tmp_path)


def test_lists_of_a_row_are_equally_long_and_tokens_are_characters(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    row = {"tokens": ["가", "나"], "ner_tags": ["O"]}
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(
        KlueDataError, match="line 1, guid 0: field 'ner_tags' has 1 items; expected 2, as in 'tok"
    ):
        load("ner", data_files=path, cache_dir=tmp_path)
    path.write_text(json.dumps(row | {"tokens": ["가나"]}), encoding="utf-8")
    with pytest.raises(
        KlueDataError, match=r"field 'tokens' is .'가나'.; expected a list of single characters"
    ):
        load("ner", data_files=path, cache_dir=tmp_path)


def test_json_lines_may_hold_any_character_and_damage_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    title = "가\u2028나\x85다"
    path.write_text(json.dumps({"title": title, "label": 0}, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert load("ynat", "train", data_files=path, cache_dir=tmp_path)["title"][:] == [title]
    line = '{"title": "가", "label": 0}\n'
    for wrong, sentence in (
        ("{", "line 2 is not valid JSON"),
        ("[]", "line 2 is a list; expected an object"),
    ):
        path.write_text(line + wrong, encoding="utf-8")
        with pytest.raises(KlueDataError, match=rf"own\.jsonl: {sentence}"):
            load("ynat", data_files=path, cache_dir=tmp_path)
    path.write_bytes(b"PAR1broken")
    with pytest.raises(KlueDataError, match="not a readable Parquet file"):
        load("ynat", data_files=path, cache_dir=tmp_path)


def test_another_mapping_of_the_same_file_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("a,b,label\n가,나,0\n", encoding="utf-8")
    for theirs, title in (("a", "가"), ("b", "나")):
        rows = load("ynat", "train", data_files=path, columns={"title": theirs}, cache_dir=tmp_path)
        assert rows["title"][:] == [title]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the mini corpus in the layout of a KLUE checkout."""
    root = tmp_path_factory.mktemp("checkout") / "KLUE-main"
    shutil.copytree(MINI_DIR, root / "klue_benchmark")
    (root / "README.md").write_text("KLUE")
    return root


@pytest.mark.parametrize("packed", ["folder", "zip", "tar", "gztar"])
@pytest.mark.parametrize("level", ["checkout", "klue_benchmark", "task"])
def test_data_dir_is_a_checkout_or_part_of_one_or_an_archive_of_it(
    level: str, packed: str, checkout: Path, tmp_path: Path
) -> None:
    for task in ("ynat", "wos"):
        benchmark = checkout / "klue_benchmark"
        source = {
            "checkout": checkout,
            "klue_benchmark": benchmark,
            "task": benchmark / TASKS[task].folder("1.1.0"),
        }
        path = source[level]
        if packed != "folder":
            path = Path(shutil.make_archive(str(tmp_path / task), packed, path.parent, path.name))
        found = load(task, data_dir=path, cache_dir=tmp_path / "cache")
        assert {split: rows.num_rows for split, rows in found.items()} == {
            split: rows.num_rows for split, rows in load(task, mini=True).items()
        }
        if packed != "folder" and task == "wos":
            extracted = list((tmp_path / "cache").rglob("ontology.json"))
            assert {one.parent.name for one in extracted} == {"wos-v1.1"}


def test_an_archive_writes_nothing_outside_its_folder_and_damage_is_told(tmp_path: Path) -> None:
    text = (MINI_DIR / "ynat-v1.1" / "ynat-v1.1_dev.json").read_bytes()
    names = ["../../ynat-v1.1_dev.json", "/tmp/evil.json", "../evil.json"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        for name in names:
            zipped.writestr(name, text)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
        link = tarfile.TarInfo("ynat-v1.1_train.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    cache = tmp_path / "inner" / "cache"
    before = set(tmp_path.iterdir())
    for archive in ("a.zip", "a.tar.gz"):
        assert set(load("ynat", data_dir=tmp_path / archive, cache_dir=cache)) == {"validation"}
    files = [path for path in cache.rglob("*.json") if "downloads" in path.parts]
    assert [path.relative_to(cache).parts[3:] for path in files] == [("ynat-v1.1", "ynat-v1.1_dev.json")] * 2
    assert set(tmp_path.iterdir()) - before == {tmp_path / "inner"}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as zipped:
        for folder in ("a", "b"):
            zipped.writestr(f"{folder}/ynat-v1.1_dev.json", text)
    with pytest.raises(KlueDataError, match=r"b\.zip: holds ynat-v1.1/ynat-v1.1_dev.json more than once"):
        load("ynat", data_dir=tmp_path / "b.zip", cache_dir=cache)
    (tmp_path / "c.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:1000])
    with pytest.raises(
        KlueDataError, match=r"c\.zip: not a readable archive .*; expected a folder, a \.zip or"
    ):
        load("ynat", data_dir=tmp_path / "c.zip", cache_dir=cache)
