"""Tests of ``push`` with a fake API of huggingface_hub."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from klue_datasets.__main__ import main

CALLS: list[tuple[str, dict[str, Any]]] = []


class FakeApi:
    """Records calls."""

    def create_repo(self, repo_id: str, **arguments: Any) -> None:
        CALLS.append(("create_repo", {"repo_id": repo_id, **arguments}))

    def repo_info(self, **arguments: Any) -> SimpleNamespace:
        names = ["README.md", "sts/train-00000-of-00002.parquet", "notes.txt"]
        return SimpleNamespace(sha="0" * 40, siblings=[SimpleNamespace(rfilename=name) for name in names])

    def create_commit(self, *, operations: list[Any], **arguments: Any) -> SimpleNamespace:
        added = [entry for entry in operations if hasattr(entry, "path_or_fileobj")]
        folders = {Path(entry.path_or_fileobj).parents[entry.path_in_repo.count("/")] for entry in added}
        names = {
            "added": [entry.path_in_repo for entry in added],
            "deleted": [entry.path_in_repo for entry in operations if entry not in added],
        }
        CALLS.append(("create_commit", {**names, "folders": folders, **arguments}))
        return SimpleNamespace(commit_url="https://hub/commit/1", oid="1" * 40)


@pytest.fixture(autouse=True)
def fake_api(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    monkeypatch.setattr("klue_datasets.hub.HfApi", FakeApi)


WORDS = ["push", "--repo_id", "me/klue", "--mini", "--tasks", "sts"]
FILES = [
    "README.md", "eval.yaml", "sts/train-00000-of-00001.parquet", "sts/validation-00000-of-00001.parquet",
]  # fmt: skip


def test_a_push_is_one_commit_that_removes_what_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--private"]) == 0
    (create, created), (commit, committed) = CALLS
    assert (create, commit) == ("create_repo", "create_commit")
    assert created.pop("space_sdk") is None
    assert created == {"repo_id": "me/klue", "repo_type": "dataset", "private": True, "exist_ok": True}
    assert committed["added"] == FILES
    assert committed["deleted"] == ["sts/train-00000-of-00002.parquet"]
    assert committed["repo_id"] == "me/klue"
    assert committed["repo_type"] == "dataset"
    assert committed["commit_message"] == "KLUE 1.1.0: sts"
    assert committed["parent_commit"] == "0" * 40
    (folder,) = committed["folders"]
    assert not folder.exists()
    assert capsys.readouterr().out.splitlines()[-1] == "Uploaded in one commit: https://hub/commit/1"


def test_a_dry_run_lists_the_files_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--dry_run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == FILES
    assert lines[-1] == "Nothing was sent; without --dry_run this becomes one commit to me/klue."
    assert CALLS == []


def test_a_name_that_is_none_is_refused_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", "--repo_id", "a/b/c", "--mini", "--dry_run"]) == 1
    assert "a/b/c" in capsys.readouterr().err
    assert CALLS == []


def test_a_hub_that_does_not_answer_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class ConnectError(Exception):
        """Like that of httpx, not an OSError."""

    ConnectError.__module__ = "httpx2"

    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectError("no route")

    monkeypatch.setattr(FakeApi, "create_repo", fail)
    assert main(WORDS) == 1
    assert "me/klue: the connection to the Hub failed (ConnectError: no route)." in capsys.readouterr().err
