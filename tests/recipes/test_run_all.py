"""All tasks in one go: what is run, what is not run again, and the table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runs import hear_ctrl_c

from recipes.run_all import Run, launch_command, main, plan, table

ROOT = Path(__file__).resolve().parents[2]


def finish(run: Run, **scores: float | None) -> None:
    run.folder.mkdir(parents=True)
    (run.folder / "all_results.json").write_text(json.dumps({"eval_data": "some data", **scores}))


def test_the_plan_is_models_by_tasks_by_seeds(tmp_path: Path) -> None:
    runs = plan(["klue/roberta-base", "out/tiny"], ["ynat", "sts"], [1, 2], tmp_path)
    assert len(runs) == 8
    assert runs[1] == Run("klue/roberta-base", "ynat", 2, tmp_path / "roberta-base/ynat/seed-2")
    with pytest.raises(SystemExit, match="Models share a name: a/x, b/x"):
        plan(["a/x", "b/x"], ["ynat"], [1], tmp_path)


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    run = Run("m", "ynat", 7, tmp_path)
    assert "--resume_from_checkpoint" not in launch_command(run, [])
    (tmp_path / "checkpoint-3").mkdir()
    command = launch_command(run, ["--mini"])
    assert command[command.index("--resume_from_checkpoint") + 1] == "last"
    assert command[-1] == "--mini"
    assert command[2:4] == ["accelerate.commands.launch", command[3]]
    assert command[3].endswith("train_tc.py")


def test_the_table_has_means_constants_and_what_did_not_finish(tmp_path: Path) -> None:
    runs = plan(["m"], ["ynat", "sts", "nli"], [1, 2], tmp_path)
    finish(runs[0], eval_macro_f1=80.0, constant_macro_f1=4.0)
    finish(runs[1], eval_macro_f1=82.0, constant_macro_f1=4.0)
    finish(runs[2], eval_pearsonr=None, constant_pearsonr=None, eval_f1=50.0, constant_f1=60.0)
    assert table(runs).splitlines()[2:] == [
        "| m | ynat | macro F1 | 81.00 ± 1.41 | 4.00 | 2 | some data |",
        "| m | sts | Pearson's r | undefined | undefined | 1 | some data |",
        "| m | sts | F1 | 50.00 | 60.00 | 1 | some data |",
        "| m | nli | accuracy | did not finish | | 0 | |",
    ]


def test_runs_are_launched_once_and_failures_are_reported(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_steps", "2", "--max_train_samples", "32", "--use_cpu"]
    assert main(words) == 0
    first = capfd.readouterr().out
    assert "| nli | accuracy | " in first
    changed = tmp_path.joinpath("tiny/nli/seed-42/all_results.json").stat().st_mtime_ns
    assert main(words) == 0
    assert "finished before" in capfd.readouterr().out
    assert tmp_path.joinpath("tiny/nli/seed-42/all_results.json").stat().st_mtime_ns == changed
    assert main([*words, "--seed", "1", "--max_train_samples", "none"]) == 1
    captured = capfd.readouterr()
    assert "did not finish" in captured.out
    assert "failed: [1/1]" in captured.err


def test_a_finished_run_with_other_settings_is_named_and_kept(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_train_samples", "32", "--use_cpu"]
    assert main([*words, "--max_steps", "2"]) == 0
    folder = tmp_path / "tiny/nli/seed-42"
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    capfd.readouterr()
    assert main([*words, "--max_steps", "3", "--learning_rate", "0.001"]) == 1
    captured = capfd.readouterr()
    assert f"{folder}: learning_rate was 5e-05, now 0.001" in captured.err
    assert f"{folder}: max_steps was 2, now 3" in captured.err
    assert captured.err.splitlines()[-1].endswith("--rerun to replace these runs.")
    assert "| score |" not in captured.out
    assert {path.name: path.read_bytes() for path in folder.glob("*.json")} == before
    assert main([*words, "--max_steps", "2", "--preset", "demo"]) == 1
    monkeypatch.setattr("recipes.run_all.version", lambda _: "99.0")
    assert main([*words, "--max_steps", "2"]) == 1
    assert "klue-hub was 0.1.0, now 99.0" in capfd.readouterr().err
    assert main([*words, "--max_steps", "3", "--rerun"]) == 0
    assert json.loads((folder / "recipe_arguments.json").read_text())["max_steps"] == 3


def test_ctrl_c_is_one_line_with_the_command_that_goes_on(tiny: Path, tmp_path: Path) -> None:
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_steps", "100000", "--save_steps", "5", "--use_cpu", "--disable_tqdm", "true"]
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        command = [sys.executable, "recipes/run_all.py", *words]
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=file, stdout=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=hear_ctrl_c,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not list(tmp_path.rglob("checkpoint-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    told = errors.read_text().strip().splitlines()
    assert told[-1].startswith("Interrupted. To continue: python recipes/run_all.py --mini ")
    assert not any("Traceback" in line for line in told)
