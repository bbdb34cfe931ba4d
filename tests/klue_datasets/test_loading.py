"""Tests of ``load``: real files, splits, versions, caches and errors."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from importlib import import_module
from pathlib import Path

import datasets
import pytest

import klue_datasets
from klue_datasets import KlueDataError, KlueDownloadError, load
from klue_datasets.builder import find_files
from klue_datasets.download import git_blob_sha1, official_splits, url
from klue_datasets.loading import MINI_DIR
from klue_datasets.tasks import TASKS, get_task


def test_rows_are_those_of_the_raw_files(shared: Path) -> None:
    folder = shared / "data/klue-v1-sample"
    raw = json.loads((folder / "ynat-v1/ynat-v1_train.json").read_text())
    rows = load("ynat", "train", data_dir=folder, version="1.0.0")
    names = rows.features["label"].names
    assert [names[label] for label in rows["label"]] == [record["label"] for record in raw]
    for field in ("guid", "title", "url", "date"):
        assert list(rows[field]) == [record[field] for record in raw]
    raw = json.loads((folder / "klue-nli-v1/klue-nli-v1_train.json").read_text())
    rows = load("nli", "train", data_dir=folder, version="1.0.0")
    assert list(rows["source"]) == [record["genre"] for record in raw]
    assert [rows.features["label"].names[label] for label in rows["label"]] == [r["gold_label"] for r in raw]
    raw = json.loads((folder / "klue-sts-v1/klue-sts-v1_dev.json").read_text())
    rows = load("sts", "validation", data_dir=folder, version="1.0.0")
    assert list(rows["labels"]) == [record["labels"] for record in raw]


def test_hashes_tell_official_files_from_others(tmp_path: Path) -> None:
    path = tmp_path / "raw.json"
    path.write_text('[{"guid": "g", "title": "제목", "label": "경제"}]')
    task = get_task("ynat")
    assert official_splits(task, {"validation": [str(path)]}) == set()
    known = dataclasses.replace(task, blobs={"1.1.0": {"validation": git_blob_sha1(path)}})
    assert official_splits(known, {"validation": [str(path)]}) == {"validation"}
    assert official_splits(known, {"validation": [str(path)]}, "1.0.0") == set()
    assert official_splits(known, {"validation": [str(path), str(path)]}) == set()
    # git names an empty file so, wherever git is used
    empty = tmp_path / "empty"
    empty.touch()
    assert git_blob_sha1(empty) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_the_mini_corpus_by_name_alias_slice_and_stream() -> None:
    everything = load("tc", mini=True)
    assert list(everything) == ["train", "validation"]
    assert load("ynat", "train[:5]", mini=True).to_list() == everything["train"].select(range(5)).to_list()
    stream = load("ynat", "validation", mini=True, streaming=True)
    assert list(stream) == everything["validation"].to_list()
    both = load("ynat", "train+validation", mini=True)
    assert both.num_rows == everything["train"].num_rows + everything["validation"].num_rows


def test_one_tasks_folder_is_enough_and_files_can_be_named() -> None:
    whole = load("sts", mini=True)
    assert load("sts", "train", data_dir=MINI_DIR / "klue-sts-v1.1").to_list() == whole["train"].to_list()
    path = MINI_DIR / "klue-sts-v1.1/klue-sts-v1.1_dev.json"
    twice = load("sts", data_files={"validation": [path, path]}, num_proc=2)
    assert twice["validation"].to_list() == 2 * whole["validation"].to_list()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("source", ["mini", "data_dir", "data_files", "builder"])
def test_no_cache_answers_for_a_data_set_of_the_hub(task: str, source: str, tmp_path: Path) -> None:
    """Without a network, ``load_dataset`` reads any cache with the given name."""
    files = find_files(get_task(task), MINI_DIR, "1.1.0")
    if source == "builder":
        module = import_module(f"klue_datasets.{task}")
        getattr(module, task.capitalize())(files=files, cache_dir=str(tmp_path)).download_and_prepare()
    else:
        given = {"mini": True, "data_dir": MINI_DIR, "data_files": files}[source]
        load(task, cache_dir=tmp_path, **{source: given})
    assert list(tmp_path.rglob("*.arrow"))  # it was cached
    for name in ("klue", "klue/klue", task):
        with pytest.raises((ConnectionError, datasets.exceptions.DatasetNotFoundError)):
            datasets.load_dataset(name, task, cache_dir=str(tmp_path))


def test_a_replaced_file_is_read_anew(tmp_path: Path) -> None:
    folder = tmp_path / "klue-nli-v1.1"
    shutil.copytree(MINI_DIR / "klue-nli-v1.1", folder)
    path = folder / "klue-nli-v1.1_dev.json"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    before = load("nli", "validation", data_dir=tmp_path)
    text = path.read_text()
    first = json.loads(text)[0]["premise"]
    path.write_text(text.replace(first, first[::-1], 1))  # same size, same time
    os.utime(path, ns=times)
    assert load("nli", "validation", data_dir=tmp_path)[0]["premise"] == before[0]["premise"][::-1]


def test_versions_do_not_share_a_cache(tmp_path: Path) -> None:
    for version, suffix in (("1.1.0", "v1.1"), ("1.0.0", "v1")):
        folder = tmp_path / f"ynat-{suffix}"
        folder.mkdir()
        rows = [{"guid": version, "title": version, "label": "경제"}]
        (folder / f"ynat-{suffix}_dev.json").write_text(json.dumps(rows))
    new = load("ynat", "validation", data_dir=tmp_path)
    old = load("ynat", "validation", data_dir=tmp_path, version="1.0.0")
    assert (new[0]["guid"], old[0]["guid"]) == ("1.1.0", "1.0.0")
    assert (str(new.info.version), str(old.info.version)) == ("1.1.0", "1.0.0")


def test_a_wrong_row_is_one_clear_error_and_leaves_no_cache(tmp_path: Path) -> None:
    (tmp_path / "ynat-v1.1_train.json").write_text('[{"guid": "g-1", "title": "제목", "label": "날씨"}]')
    cache = tmp_path / "cache"
    with pytest.raises(
        KlueDataError, match=r"_train\.json: guid g-1: field 'label' is '날씨'; expected one of"
    ):
        load("ynat", data_dir=tmp_path, cache_dir=cache)
    assert not list(cache.rglob("*.arrow"))


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"task": "weather"}, ValueError, "no KLUE task 'weather'; expected one of ynat, sts, nli"),
        ({"task": "ynat", "mini": True, "split": "test"}, ValueError, "no split 'test'.*train, validation"),
        (
            {"task": "ynat", "mini": True, "version": "2.0"},
            ValueError,
            "no version '2.0'; expected one of 1.1.0",
        ),
        ({"task": "ynat", "mini": True, "data_dir": "x"}, ValueError, "data_dir and mini were given"),
        (
            {"task": "ynat", "data_dir": "nowhere"},
            FileNotFoundError,
            r"expected at least one of .*ynat-v1.1_train",
        ),
        ({"task": "ynat", "data_files": "nowhere.json"}, FileNotFoundError, "nowhere.json for split 'train'"),
        ({"task": "ynat", "data_files": []}, ValueError, "data_files names no file"),
    ],
)
def test_wrong_calls_say_what_was_expected(arguments: dict, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        load(**arguments)


def test_without_a_network_the_error_says_what_to_do() -> None:
    with pytest.raises(KlueDownloadError, match="name a folder of raw files with data_dir"):
        load("ynat")


def test_downloads_are_pinned_and_can_come_from_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    assert url(get_task("sts"), "validation").endswith(
        "/1cc52e64c0e0b6915577244f7439c55a42199a64/klue_benchmark/klue-sts-v1.1/klue-sts-v1.1_dev.json"
    )
    monkeypatch.setenv("KLUE_BASE_URL", "http://127.0.0.1:1/mirror/")
    assert url(get_task("tc"), "train", "1.0.0").startswith("http://127.0.0.1:1/mirror/ab22cd5c")


def test_a_file_of_version_1_whose_hash_is_unknown_comes_from_an_archive_whose_hash_is_known() -> None:
    for task in ("ner", "mrc"):
        with pytest.raises(KlueDownloadError, match=rf"could not download http.*/klue-{task}-v1\.tar\.gz"):
            load(task, version="1.0.0")


def test_importing_the_package_is_cheap(cold_python) -> None:
    cold_python(
        "-c", "import sys, klue_datasets; sys.exit('datasets' in sys.modules or 'pyarrow' in sys.modules)"
    )
    assert klue_datasets.load is load
