"""``push``: what is handed to huggingface_hub, and what is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from klue_datasets.__main__ import main

CALLS: list[tuple[str, dict[str, Any]]] = []


class FakeApi:
    """Remembers calls and what the folder held during the upload."""

    def create_repo(self, repo_id: str, **arguments: Any) -> None:
        CALLS.append(("create_repo", {"repo_id": repo_id, **arguments}))

    def upload_folder(self, *, folder_path: Path, **arguments: Any) -> SimpleNamespace:
        names = sorted(
            path.relative_to(folder_path).as_posix() for path in folder_path.rglob("*") if path.is_file()
        )
        card = (folder_path / "README.md").read_text()
        CALLS.append(("upload_folder", {"names": names, "card": card, "folder": folder_path, **arguments}))
        return SimpleNamespace(commit_url="https://hub/commit/1")


@pytest.fixture(autouse=True)
def fake_api(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    monkeypatch.setattr("huggingface_hub.HfApi", FakeApi)


WORDS = ["push", "--repo_id", "me/klue", "--mini", "--tasks", "sts"]
FILES = ["README.md", "sts/train-00000-of-00001.parquet", "sts/validation-00000-of-00001.parquet"]


def test_a_push_is_one_commit_that_removes_what_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--private"]) == 0
    (create, created), (upload, uploaded) = CALLS
    assert (create, upload) == ("create_repo", "upload_folder")
    assert created == {"repo_id": "me/klue", "repo_type": "dataset", "private": True, "exist_ok": True}
    assert uploaded["names"] == FILES
    assert uploaded["repo_id"] == "me/klue"
    assert uploaded["repo_type"] == "dataset"
    assert uploaded["commit_message"] == "KLUE 1.1.0: sts"
    assert uploaded["delete_patterns"] == ["*.parquet", "**/*.parquet"]
    assert not uploaded["folder"].exists()
    assert capsys.readouterr().out.splitlines()[-1] == "Uploaded in one commit: https://hub/commit/1"


def test_a_dry_run_lists_the_files_and_sends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--dry_run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == FILES
    assert lines[-1] == "Nothing was sent; without --dry_run this becomes one commit to me/klue."
    assert CALLS == []


def test_a_name_that_is_none_is_refused_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["push", "--repo_id", "a/b/c", "--mini", "--dry_run"])
    assert ended.value.code == 1
    assert "a/b/c" in capsys.readouterr().err
    assert CALLS == []
