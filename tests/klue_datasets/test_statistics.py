"""Tests of ``stats``: stored statistics of the official files, and comparison with naive counts."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klue_datasets import KlueDataError, load
from klue_datasets.download import official_splits
from klue_datasets.loading import make_builder
from klue_datasets.statistics import STATISTICS, describe, statistics
from klue_datasets.tasks import TASKS, get_task
from klue_datasets.validation import validate


def test_the_committed_figures_are_those_of_the_official_dev_files(shared: Path) -> None:
    folder = shared / "data/klue-v1.1-dev"
    committed = json.loads(STATISTICS.read_text())
    assert statistics(data_dir=folder) == committed
    assert {task: list(splits) for task, splits in committed.items()} == {
        task: ["validation"] for task in ("sts", "nli", "ner", "dp")
    }
    for task in committed:
        files = make_builder(task, data_dir=folder).files
        assert official_splits(get_task(task), files) == {"validation"}
        assert committed[task]["validation"]["rows"] == get_task(task).counts["validation"]


def test_the_figures_of_the_specification(shared: Path) -> None:
    committed = json.loads(STATISTICS.read_text())
    ner = committed["ner"]["validation"]
    assert sum(ner["labels"]["ner_tags"].values()) == 285_929
    assert ner["labels"]["ner_tags"]["O"] == 232_636
    assert ner["labels"]["entities"] == {
        "DT": 2_312,
        "LC": 1_649,
        "OG": 2_182,
        "PS": 4_418,
        "QT": 3_151,
        "TI": 545,
    }
    assert ner["lengths"]["tokens, characters"]["max"] == 145
    assert sum(committed["dp"]["validation"]["labels"]["deprel"].values()) == 22_496
    assert committed["dp"]["validation"]["lengths"]["word_form, words"]["max"] == 35
    assert committed["sts"]["validation"]["labels"]["binary-label"]["positive"] == 220
    assert set(committed["nli"]["validation"]["labels"]["label"].values()) == {1_000}


def test_counts_and_quantiles_are_the_naive_ones(shared: Path) -> None:
    found = statistics(data_dir=shared / "data/klue-small")
    assert list(found) == list(TASKS)
    titles = load("ynat", "validation", data_dir=shared / "data/klue-small")
    lengths = sorted(map(len, titles["title"]))
    counted = found["ynat"]["validation"]
    assert counted["lengths"]["title, characters"]["median"] == lengths[(len(lengths) - 1) // 2]
    assert counted["lengths"]["title, characters"]["max"] == lengths[-1]
    words = [len(title.split()) for title in titles["title"]]
    assert counted["lengths"]["title, words"]["mean"] == round(sum(words) / len(words), 2)
    names = titles.features["label"].names
    assert {k: v for k, v in counted["labels"]["label"].items() if v} == Counter(
        names[label] for label in titles["label"]
    )
    dialogues = load("wos", "train", data_dir=shared / "data/klue-small")["dialogue"]
    states = [turn["state"] for turns in dialogues for turn in turns if turn["role"] == "user"]
    slots = Counter("-".join(item.split("-")[:2]) for state in states for item in state)
    assert found["wos"]["train"]["labels"]["slots of states"] == slots
    assert found["wos"]["train"]["lengths"]["state of a user turn, slots"]["max"] == max(map(len, states))


def test_both_views_are_described(shared: Path) -> None:
    for task in TASKS:
        builder = make_builder(task, data_dir=shared / "data/klue-small", hub_compatible=True)
        assert describe(task, builder.columns(builder.files["train"][0]))["rows"] > 0


def test_the_command_prints_what_it_counts(shared: Path, python) -> None:
    words = ("-m", "klue_datasets", "stats", "--tasks", "nli", "--data_dir", shared / "data/klue-v1.1-dev")
    assert python(*words).stdout.startswith("nli validation: 3,000 rows\n  label: entailment 1,000, ")
    assert json.loads(python(*words, "--json").stdout)["nli"]["validation"]["rows"] == 3_000


@pytest.mark.parametrize("task", TASKS)
def test_a_file_without_rows_has_figures_and_no_defect(task: str, tmp_path: Path) -> None:
    empty = {"mrc": '{"data": []}', "ner": "## a\n" * 5, "dp": "## a\n" * 5}.get(task, "[]")
    (tmp_path / get_task(task).filename("train", "1.1.0")).write_text(empty)
    counted = statistics(tasks=[task], data_dir=tmp_path)[task]["train"]
    assert counted["rows"] == 0
    assert set(map(str, counted["lengths"].values())) == {"{}"}
    assert all(count == 0 for counts in counted["labels"].values() for count in counts.values())
    report = validate(tasks=[task], data_dir=tmp_path)
    assert report.defects == []
    assert [split.rows for split in report.splits] == [0, None]
    with pytest.raises(KlueDataError, match=r"train.*: there are no rows; expected at least one"):
        load(task, data_dir=tmp_path)


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.integers(0, 6)),
        min_size=1,
    )
)
def test_any_titles_are_counted_as_python_counts_them(rows: list[tuple[str, int]]) -> None:
    titles, labels = zip(*rows, strict=True)
    counted = describe("ynat", {"title": pa.array(titles), "label": pa.array(labels)})
    assert counted["rows"] == len(rows)
    characters = sorted(map(len, titles))
    points = counted["lengths"]["title, characters"]
    assert (points["min"], points["max"]) == (characters[0], characters[-1])
    assert points["q25"] == characters[max(0, math.ceil(len(rows) * 0.25) - 1)]
    assert points["mean"] == round(sum(characters) / len(rows), 2)
    assert counted["labels"]["label"] == {
        name: labels.count(index) for index, name in enumerate(TASKS["ynat"].labels)
    }
    words = counted["lengths"]["title, words"]
    assert words["max"] <= max(map(len, titles))
