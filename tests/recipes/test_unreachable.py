"""Tests of missing models and data, and of those of other tasks: one-sentence errors."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from recipes import predict
from recipes.engine.command_line import main
from recipes.tasks import SCRIPTS, get_recipe

FOLDERS = ("/nothere", "out/not/there", "../nothere")
NOT_CACHED = ("somebody/nothing", "nothing")


def last_line(capsys: pytest.CaptureFixture[str], task: str, words: list[str]) -> str:
    """Return the error message of a recipe that ends with status 1."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(task, None, words)
    assert ended.value.code == 1
    return one_line(capsys)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "transformers/installation" not in said
    return said.splitlines()[-1]


@pytest.mark.parametrize("task", SCRIPTS)
def test_without_a_network_the_flags_that_need_none_are_named(
    task: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path / "out"), "--use_cpu"]
    said = last_line(capsys, task, words)
    for part in ("klue/klue", "--data_dir", "--mini", os.environ["HF_DATASETS_CACHE"]):
        assert part in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_data_set_that_is_not_there_is_named(
    task: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*FOLDERS, *NOT_CACHED):
        said = last_line(
            capsys, task, ["--model_name_or_path", str(tiny), "--dataset_name", name, "--use_cpu"]
        )
        assert f"there is no folder {name}, " in said
        for part in ("--data_dir", "--mini"):
            assert part in said


def write_sample(task: str, folder: Path) -> Path:
    """Write a file with one input of the task."""
    path = folder / f"{task}.jsonl"
    path.write_text(json.dumps(get_recipe(task).raw_input.sample, ensure_ascii=False) + "\n")
    return path


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_model_that_is_not_there_is_named_by_recipes_and_by_predict(
    task: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = write_sample(task, tmp_path)
    for model in (*FOLDERS, *NOT_CACHED):
        words = ["--mini", "--use_cpu", "--max_train_samples", "8", "--max_eval_samples", "8"]
        said = [last_line(capsys, task, ["--model_name_or_path", model, *words])]
        names = ["--model_name_or_path", str(tiny), "--set", f"tokenizer_name={model}"]
        said.append(last_line(capsys, task, [*names, *words]))
        assert predict.main(["--task", task, "--model", model, "--input", str(given)]) == 1
        said.append(one_line(capsys))
        for text in said:
            assert f"there is no folder {model}" in text
            assert ("the Hub cannot be reached" in text) == (model in NOT_CACHED)


def test_predict_does_not_suggest_a_flag_that_it_lacks(
    finished: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    refused = 0
    for other in SCRIPTS:
        capsys.readouterr()
        if other != task and predict.main(
            ["--task", other, "--model", str(folder), "--input", str(write_sample(other, tmp_path))]
        ):
            refused += 1
            said = one_line(capsys)
            assert f": {other}: " in said
            assert "--do_train" not in said
            assert len(said) < 400
    assert refused >= 5


def damage(folder: Path, how: str) -> None:
    """Damage the folder of a model."""
    weights = folder / "model.safetensors"
    if how == "truncated weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif how == "pointer of Git LFS":
        weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 10\n")
    elif how == "no weights":
        weights.unlink()
    elif how == "truncated config":
        (folder / "config.json").write_text('{"model_type": ')
    else:
        for path in folder.glob("tokenizer*"):
            path.unlink()


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("truncated weights", "the weights of .* cannot be read .*; expected complete safetensors files"),
        ("pointer of Git LFS", "the weights of .* cannot be read .*; expected complete safetensors files"),
        ("no weights", "no file named model.safetensors"),
        ("truncated config", "config.json' is not a valid JSON file"),
        ("no tokenizer", "has no tokenizer; expected its files"),
    ],
)
def test_a_damaged_model_is_a_sentence(
    how: str,
    sentence: str,
    finished: tuple[str, Path],
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, folder = finished
    for number, source in enumerate((folder, tiny)):
        model = shutil.copytree(source, tmp_path / str(number))
        damage(model, how)
        words = [
            "--mini",
            "--use_cpu",
            "--model_name_or_path",
            str(model),
            "--output_dir",
            str(tmp_path / "out"),
        ]
        assert re.search(sentence, last_line(capsys, task, words))
    given = write_sample(task, tmp_path)
    assert predict.main(["--task", task, "--model", str(tmp_path / "0"), "--input", str(given)]) == 1
    assert re.search(sentence, one_line(capsys))
    assert not (tmp_path / "out").exists()
