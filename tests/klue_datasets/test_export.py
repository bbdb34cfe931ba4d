"""Tests of the exported folder: loading it, and protection of other files."""

from __future__ import annotations

import signal
from pathlib import Path

import datasets
import pytest
from pyarrow import parquet

import klue_datasets
from klue_datasets.export import export
from klue_datasets.loading import MINI_DIR
from klue_datasets.tasks import TASKS


def test_the_folder_loads_by_its_name_from_its_parent_with_equal_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = export(tmp_path / "hub" / "klue", mini=True)
    monkeypatch.chdir(tmp_path / "hub")
    assert list(rows) == list(TASKS)
    assert datasets.get_dataset_config_names("klue") == sorted(TASKS)
    for task in TASKS:
        expected = klue_datasets.load(task, mini=True)
        loaded = datasets.load_dataset("klue", task)
        assert {split: table.num_rows for split, table in loaded.items()} == rows[task]
        for split, table in loaded.items():
            assert table.features == expected[split].features
            assert list(table.features) == list(expected[split].features)
            assert table.to_list() == expected[split].to_list()
        stream = datasets.load_dataset("klue", task, split="validation", streaming=True)
        assert next(iter(stream)) == expected["validation"][0]


def test_the_files_are_parquet_with_zstd_and_the_card_tells_what_they_hold(tmp_path: Path) -> None:
    export(tmp_path / "klue", tasks=["tc"], mini=True)
    files = sorted(
        path.relative_to(tmp_path / "klue").as_posix() for path in (tmp_path / "klue").rglob("*.*")
    )
    assert files == [
        "README.md",
        "eval.yaml",
        "ynat/train-00000-of-00001.parquet",
        "ynat/validation-00000-of-00001.parquet",
    ]
    metadata = parquet.read_metadata(tmp_path / "klue" / files[2])
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert b"huggingface" in metadata.metadata
    card = (tmp_path / "klue" / "README.md").read_text()
    assert "license: cc-by-sa-4.0" in card
    assert "Not made from the published raw files" in card
    assert "45,678 train rows" in card


def test_the_card_says_which_split_is_the_published_file(shared: Path, tmp_path: Path) -> None:
    export(tmp_path / "klue", tasks=["nli"], data_dir=shared / "data/klue-v1.1-dev")
    card = (tmp_path / "klue" / "README.md").read_text()
    assert "Identical to the published raw files: validation." in card
    assert "Not made from the published raw files" not in card


def test_an_export_replaces_an_earlier_one_but_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "klue"
    export(target, tasks=["nli"], mini=True)
    export(target, tasks=["nli", "sts"], mini=True)
    assert sorted(path.name for path in target.iterdir()) == ["README.md", "eval.yaml", "nli", "sts"]
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match="holds nli too, which an export of sts alone would delete"):
        export(target, tasks=["sts"], mini=True)
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="was not written by an export"):
        export(mine, tasks=["sts"], mini=True)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_a_failure_leaves_the_old_folder_and_no_debris(tmp_path: Path) -> None:
    target = tmp_path / "klue"
    export(target, tasks=["sts"], mini=True)
    before = (target / "README.md").read_text()
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "klue-sts-v1.1_train.json").write_text('[{"guid": "g"}]')
    with pytest.raises(klue_datasets.KlueDataError, match="guid g: field 'labels' is missing"):
        export(target, tasks=["sts"], data_dir=raw)
    assert (target / "README.md").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["klue", "raw"]


KILLED = """
import os, signal, sys
from klue_datasets import export as module

def stop(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module.parquet if sys.argv[2] == "write_table" else module, sys.argv[2], stop)
module.export(sys.argv[1], tasks=["sts", "nli"], mini=True, hub_compatible=True)
"""


@pytest.mark.parametrize("at", ["write_table", "_card"])
def test_a_killed_export_leaves_the_old_folder(at: str, tmp_path: Path, python) -> None:
    target = tmp_path / "klue"
    export(target, tasks=["sts", "nli"], mini=True)
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    done = python("-c", KILLED, target, at, check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    export(target, tasks=["sts", "nli", "ynat"], mini=True)
    assert sorted(path.name for path in target.iterdir()) == ["README.md", "eval.yaml", "nli", "sts", "ynat"]


def test_the_new_folder_takes_the_place_of_the_old(tmp_path: Path) -> None:
    export(tmp_path / "klue", tasks=["sts"], mini=True)
    export(tmp_path / "klue", tasks=["nli", "sts"], mini=True)
    assert sorted(path.name for path in (tmp_path / "klue").iterdir()) == [
        "README.md",
        "eval.yaml",
        "nli",
        "sts",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["klue"]


@pytest.mark.parametrize("hub_compatible", [False, True])
def test_all_tasks_of_klue_small_load_with_equal_rows_in_either_view(
    hub_compatible: bool, shared: Path, tmp_path: Path
) -> None:
    source = {"data_dir": shared / "data/klue-small", "hub_compatible": hub_compatible}
    export(tmp_path / "klue", **source)
    for task in TASKS:
        expected = klue_datasets.load(task, **source)
        loaded = datasets.load_dataset(str(tmp_path / "klue"), task)
        for split, table in loaded.items():
            assert table.features == expected[split].features
            assert table.to_list() == expected[split].to_list()
    card = (tmp_path / "klue/README.md").read_text()
    assert f"contains the **{'hub_compatible' if hub_compatible else 'default'}** view" in card
    assert "from raw files in the format of KLUE 1.1.0 that are not all the published ones" in card
    assert "as published" not in card


def test_a_card_of_published_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klue_datasets.export.official_splits", lambda *_: {"train", "validation"})
    export(tmp_path / "klue", tasks=["sts"], data_dir=MINI_DIR)
    assert "from KLUE, version 1.1.0, as published" in (tmp_path / "klue/README.md").read_text()


@pytest.mark.parametrize("repo_id", [None, "me/klue"])
def test_the_lines_of_a_card_load_what_it_describes(
    repo_id: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "me/klue", tasks=["nli"], mini=True, repo_id=repo_id)
    card = (tmp_path / "me/klue/README.md").read_text()
    blocks = [part.split("```")[0] for part in card.split("```python\n")[1:]]
    blocks = [block for block in blocks if "load_dataset(" in block]
    assert len(blocks) == 2  # English and Korean
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        assert "klue/klue" not in block.replace("me/klue/klue", "")
        names: dict[str, datasets.DatasetDict] = {}
        exec(block.replace("path/of/this/folder", "me/klue"), names)
        assert names["data"]["train"].num_rows == klue_datasets.load("nli", "train", mini=True).num_rows


def test_the_card_has_issues_statistics_examples_and_both_languages(tmp_path: Path) -> None:
    export(tmp_path / "klue", tasks=["nli"], mini=True)
    card = (tmp_path / "klue" / "README.md").read_text()
    for text in (
        "## English",
        "## 한국어",
        "### Two views",
        "KLUE-benchmark/KLUE#42 (open)",
        "train에 같은 쌍이 중복되어 있습니다",
        "| premise, characters | train |",
        "* train, label: entailment ",
        '"hypothesis": ',
        "@misc{park2021klue",
        "CC BY-SA 4.0",
    ):
        assert card.count(text) >= 1, text
    assert "PR #39" not in card  # of another task
    assert card.count("### Two views") == 1


def test_the_command_prints_what_it_wrote_and_says_what_is_wrong(tmp_path: Path, python) -> None:
    words = ("-m", "klue_datasets", "export", "--output_dir", tmp_path / "klue", "--tasks", "nli")
    done = python(*words, "--mini")
    assert done.stdout.splitlines()[0].startswith("nli: ")
    assert done.stdout.splitlines()[1] == f"Written to {tmp_path / 'klue'}"
    wrong = python(*words, "--data_dir", tmp_path / "nowhere", check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.splitlines()[-1].startswith(
        "python -m klue_datasets: nli: no raw KLUE file of version 1.1.0 below"
    )
    assert "Traceback" not in wrong.stderr
