"""Tests of folders that must not be published, which are refused before any upload."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import HubServer
from publishing import TOKEN

from recipes.publish import main


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("notes.txt", f"login {TOKEN}", "notes.txt holds a Hugging Face token"),
        ("setup.sh", "key AKIA" + "ABCDEFGH12345678", "setup.sh holds an AWS access key"),
        ("id.txt", "-----BEGIN OPENSSH " + "PRIVATE KEY-----", "id.txt holds a private key"),
        (".env", "DEBUG=1", ".env is a file for secrets, by its name"),
        ("config/credentials.json", "{}", "config/credentials.json is a file for secrets"),
        (".git/config", "", "it has a folder .git (config)"),
    ],
)
def test_a_folder_with_a_secret_is_refused(
    small: Path, hub: HubServer, here: list[float], capsys: pytest.CaptureFixture[str], name: str, text: str,
    problem: str,
) -> None:  # fmt: skip
    (small / name).parent.mkdir(exist_ok=True)
    (small / name).write_text(text)
    assert main(["model", "--folder", str(small), "--repo_id", "me/secret"]) == 1
    error = capsys.readouterr().err
    assert problem in error
    assert TOKEN not in error
    assert hub.requests == []


def test_a_secret_across_two_blocks_is_found(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recipes.publishing import publishable

    monkeypatch.setattr(publishable, "BLOCK", 250)
    (small / "long.txt").write_text("x " * 115 + TOKEN + " x" * 500)
    assert publishable.secrets_in(small / "long.txt") == ["a Hugging Face token"]


def test_large_files_and_links_out_of_the_folder_are_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (small / "model.safetensors").open("wb") as file:
        file.truncate(3_000_000)
    (tmp_path / "diary.txt").write_text("dear diary")
    (small / "link.txt").symlink_to(tmp_path / "diary.txt")
    assert (
        main(["model", "--folder", str(small), "--repo_id", "me/x", "--dry_run", "--max_file_mb", "2"]) == 1
    )
    error = capsys.readouterr().err
    assert "model.safetensors has 3 MB, with 2 allowed (--max_file_mb)" in error
    assert "link.txt is a link that leads out of the folder" in error


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("all_results.json", "has no all_results.json"),
        (".eval_results/klue.yaml", "has no .eval_results/klue.yaml"),
        ("README.md", "has no README.md"),
        ("model.safetensors", "has no weights (*.safetensors)"),
    ],
)
def test_a_run_without_results_is_refused(
    small: Path, capsys: pytest.CaptureFixture[str], missing: str, said: str
) -> None:
    (small / missing).unlink()
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert said in capsys.readouterr().err


def test_a_run_that_was_only_trained_is_refused(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "all_results.json").write_text('{"train_loss": 0.1, "eval_accuracy": null}')
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "has no scores in all_results.json" in capsys.readouterr().err


def test_a_folder_that_is_no_export_is_no_data_set(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "was not written by `klue_datasets export`" in capsys.readouterr().err
    assert main(["dataset", "--folder", str(small), "--mini", "--repo_id", "me/x"]) == 1
    assert "expected one or the other" in capsys.readouterr().err
