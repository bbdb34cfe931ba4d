"""Tests of run_all: runs, repetitions and the table."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import interruptible

from klue_datasets.loading import MINI_DIR
from recipes import sweep
from recipes.engine.checkpoints import locked
from recipes.engine.launching import Launcher, launch_command
from recipes.reporting.runs import find_runs, make_boards
from recipes.run_all import main, plan
from recipes.sweeps.jobs import Job, updates
from recipes.sweeps.result_tables import table

ROOT = Path(__file__).resolve().parents[2]
RUN_ALL = ROOT / "recipes/run_all.py"
Python = Callable[..., subprocess.CompletedProcess[str]]


def finish(run: Job, *, settings: dict | None = None, **results: object) -> None:
    run.folder.mkdir(parents=True)
    written = {"eval_data": "some data", "eval_samples": 9, **results}
    (run.folder / "all_results.json").write_text(json.dumps(written))
    told = {"model_name_or_path": run.model, "seed": run.seed, **(settings or {})}
    (run.folder / "recipe_arguments.json").write_text(json.dumps(told))


def test_the_plan_is_models_by_tasks_by_seeds(tmp_path: Path) -> None:
    runs = plan(["klue/roberta-base", "out/tiny"], ["ynat", "sts"], [1, 2], tmp_path)
    assert len(runs) == 8
    assert runs[1] == Job("klue/roberta-base", "ynat", 2, tmp_path / "roberta-base/ynat/seed-2")
    with pytest.raises(SystemExit, match="Models share a name: a/x, b/x"):
        plan(["a/x", "b/x"], ["ynat"], [1], tmp_path)


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    run = Job("m", "ynat", 7, tmp_path, ("--mini",))
    assert "--resume_from_checkpoint" not in run.recipe_words()
    (tmp_path / "checkpoint-3").mkdir()
    words = run.recipe_words()
    assert words[words.index("--resume_from_checkpoint") + 1] == "last"
    assert words[-1] == "--mini"
    command = launch_command("train_tc.py", words)
    assert command[1:4] == ["-m", "accelerate.commands.launch", str(ROOT / "recipes/train_tc.py")]
    assert command[4:] == words


def test_the_progress_of_a_run_is_that_of_its_longest_bar(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("Map:  50%|██   | 500/1000 [00:00<00:00, 9000 examples/s]\n")
    assert updates(log) == (0, 0)
    with log.open("a") as file:
        file.write("\r  0%|   | 0/320 [00:00<?, ?it/s]\r  5%|   | 15/320 [00:01<00:34, 8.9it/s]")
        file.write("\r 100%|██| 3/3 [00:00<00:00, 2.0it/s]\n")
    assert updates(log) == (15, 320)


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


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ({"num_train_epochs": 2}, {"num_train_epochs": 5}, "num_train_epochs {}"),
        ({"trainer": {"optim": "adafactor"}}, {"trainer": {"optim": "adamw_torch"}}, "optim {}"),
        ({"preset_of_old": 1}, {"preset_of_old": 2}, "preset_of_old {}"),  # a setting that is gone since
    ],
)
def test_the_table_and_the_report_do_not_pool_other_settings(
    first: dict, second: dict, difference: str, tmp_path: Path
) -> None:
    runs = plan(["org/m"], ["nli"], [1, 2, 3], tmp_path)
    for run, settings, score in zip(runs, (first, second, second), (10.0, 80.0, 82.0), strict=True):
        finish(run, settings=settings, eval_accuracy=score, constant_accuracy=35.0)
    values = [str(next(iter((told.get("trainer") or told).values()))) for told in (first, second)]
    values = [f"{float(value)}" if difference.startswith("num_") else value for value in values]
    found, problems = find_runs([tmp_path])
    assert not problems
    (board,) = make_boards(found)
    assert {group.label.split(" (")[1]: len(group.runs) for group in board.groups} == {
        difference.format(values[0].removesuffix(".0")) + ")": 1,
        difference.format(values[1].removesuffix(".0")) + ")": 2,
    }
    told = table(runs).splitlines()[2:]
    assert len(told) == 2
    assert any("| 10.00 | 35.00 | 1 |" in line for line in told)
    assert any("| 81.00 ± 1.41 | 35.00 | 2 |" in line for line in told)
    assert all(line.startswith(f"| org/m ({difference.split()[0]} ") for line in told)


def test_runs_of_other_versions_have_the_defaults_of_what_they_lack(tmp_path: Path) -> None:
    runs = plan(["m"], ["nli"], [1, 2], tmp_path)
    finish(runs[0], eval_accuracy=80.0, constant_accuracy=35.0)
    finish(
        runs[1],
        eval_accuracy=82.0,
        constant_accuracy=35.0,
        settings={"schema_version": 1, "weight_decay": 0.0},
    )
    assert table(runs).splitlines()[2:] == ["| m | nli | accuracy | 81.00 ± 1.41 | 35.00 | 2 | some data |"]


def test_the_table_does_not_pool_other_data(tmp_path: Path) -> None:
    runs = plan(["m"], ["nli"], [1, 2, 3], tmp_path)
    for run, results in zip(
        runs, ({"data_hash": "aa"}, {"data_hash": "bb"}, {"eval_samples": 4}), strict=True
    ):
        finish(run, eval_accuracy=80.0, constant_accuracy=35.0, **results)
    labels = [line.split(" | ")[0] for line in table(runs).splitlines()[2:]]
    assert labels == [
        "| m on some data, 4 examples",
        "| m (data_hash aa) on some data, 9 examples",
        "| m (data_hash bb) on some data, 9 examples",
    ]


def test_each_run_is_planned_once(tmp_path: Path) -> None:
    jobs = plan(["m"], ["ynat", "tc", "nli"], [1, 1, 2], tmp_path)
    assert [(job.task, job.seed) for job in jobs] == [("ynat", 1), ("ynat", 2), ("nli", 1), ("nli", 2)]


def test_data_of_one_name_with_different_rows_does_not_share_a_table(tmp_path: Path) -> None:
    runs = plan(["m"], ["nli"], [1, 2], tmp_path)
    for run, content in zip(runs, ("a" * 64, "b" * 64), strict=True):
        finish(run, eval_accuracy=80.0, constant_accuracy=35.0, validation_hash=content)
    boards = make_boards(find_runs([tmp_path])[0])
    assert [board.data for board in boards] == [
        "some data (content aaaaaaa)",
        "some data (content bbbbbbb)",
    ]


@pytest.mark.parametrize(("jobs", "devices"), [(3, ["2", "5", "2"]), (None, ["2", "5"]), (1, [None])])
def test_each_of_several_runs_gets_a_gpu(
    jobs: int | None, devices: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    given: list[dict[str, str]] = []

    def fork(script: str, task: str, words: object, environment: dict[str, str], output: object) -> tuple:
        given.append(environment)
        return 1, lambda: None

    monkeypatch.setattr("recipes.engine.forking.fork", fork)
    launcher = Launcher(jobs, forks=True)
    assert launcher.jobs == len(devices)
    processes = [launcher.start("train_tc.py", "ynat", [], tmp_path / "log") for _ in devices]
    assert [process.device for process in processes] == devices
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == [device or "2,5" for device in devices]


@pytest.mark.usefixtures("warm_launches")
def test_runs_are_launched_once_and_failures_are_reported(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``accelerate launch``, as on machines with a GPU."""
    monkeypatch.setattr("recipes.engine.forking.can_fork", lambda: False)
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_steps", "2", "--max_train_samples", "32", "--use_cpu"]
    assert main(words) == 0
    first = capfd.readouterr().out
    assert "| nli | accuracy | " in first
    changed = tmp_path.joinpath("tiny/nli/seed-42/all_results.json").stat().st_mtime_ns
    assert main(words) == 0
    assert "finished before" in capfd.readouterr().out
    assert tmp_path.joinpath("tiny/nli/seed-42/all_results.json").stat().st_mtime_ns == changed
    assert main([*words, "--seed", "1", "--max_seq_length", "3"]) == 1
    captured = capfd.readouterr()
    assert "did not finish" in captured.out
    assert "failed: [1/1]" in captured.err
    assert "nli: inputs would have at most 3 tokens" in captured.err


def test_forks_fail_as_processes_do(tiny: Path, tmp_path: Path, python: Python) -> None:
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    done = python(RUN_ALL, *words, "--max_seq_length", "3", check=False)
    assert done.returncode == 1
    assert re.search(r"^failed: \[1/1\].*max_seq_length", done.stderr, flags=re.MULTILINE)
    assert "did not finish" in done.stdout


@pytest.mark.parametrize("command", ["run_all", "sweep"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--max_train_samples", "none"], ": argument --max_train_samples: invalid int value: 'none'"),
        (["--max_stepz", "3"], ": unknown argument --max_stepz; the nearest is max_steps"),
        (["--decoder", "best"], "nli: unknown argument --decoder"),
        (["--set", "lora_dropout=2"], ": lora_dropout is 2.0; expected a number from 0 to 1"),
    ],
)
def test_wrong_settings_of_any_task_are_refused_before_a_run_starts(
    command: str, words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tasks", "dp", "nli", "--output_dir", str(tmp_path / "out"), *words]
    assert (main(words) if command == "run_all" else sweep.main(["run", *words])) == 1
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("warm_launches")
def test_runs_side_by_side_give_the_scores_of_runs_one_by_one_and_one_line_each(
    tiny: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    python: Python,
) -> None:
    """Several forks at once, and processes of ``accelerate launch`` one by one."""
    monkeypatch.setattr("recipes.engine.forking.can_fork", lambda: False)
    words = ["--mini", "--model_name_or_path", str(tiny), "--tasks", "nli", "sts"]
    words += ["--max_steps", "2", "--max_train_samples", "32", "--max_eval_samples", "40", "--use_cpu"]
    scores = {}
    for folder, jobs in (("one", "1"), ("two", "2")):
        places = ["--output_dir", str(tmp_path / folder), "--jobs", jobs]
        if jobs == "1":
            assert main([*words, *places]) == 0
            captured = capfd.readouterr()
            printed, errors = captured.out, captured.err
        else:
            done = python(RUN_ALL, *words, *places)
            printed, errors = done.stdout, done.stderr
        lines = [line for line in printed.splitlines() if line.startswith("[")]
        assert len(lines) == 4
        for line in lines:
            number = line[1]
            log = tmp_path / folder / "tiny" / {"1": "nli", "2": "sts"}[number] / "seed-42/run.log"
            assert line.endswith(f"started; its log is {log}") or re.search(r"finished in \d+ s: [aP]", line)
            assert "train_loss" in log.read_text()
        assert "train_loss" not in printed + errors
        scores[jobs] = [line for line in printed.splitlines() if line.startswith("| ")]
    assert scores["1"] == scores["2"]
    begun = [line for line in lines if "started" in line]
    assert lines[:2] == begun  # the second run did not wait for the first


def test_a_finished_run_with_other_settings_is_named_and_kept(
    tiny: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    python: Python,
) -> None:
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_train_samples", "32", "--use_cpu"]
    python(RUN_ALL, *words, "--max_steps", "2")
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
    with monkeypatch.context() as patched:
        patched.setattr("recipes.sweeps.jobs.__version__", "99.0")
        assert main([*words, "--max_steps", "2"]) == 1
    assert "klue-hub was '0.1.0', now '99.0'" in capfd.readouterr().err
    # The same data elsewhere is the same; with one more line at the end of a file it is not.
    data = tmp_path / "elsewhere"
    shutil.copytree(MINI_DIR / "klue-nli-v1.1", data)
    copied = ["--data_dir", str(data), *words[1:], "--max_steps", "2"]
    assert main(copied) == 0
    assert "finished before" in capfd.readouterr().out
    with (data / "klue-nli-v1.1_train.json").open("a") as file:
        file.write("\n")
    assert main(copied) == 1
    assert f"{folder}: data_hash was " in capfd.readouterr().err
    assert main(["--data_dir", str(tmp_path / "nowhere"), *words[1:], "--max_steps", "2"]) == 1
    assert ": nli: no raw KLUE file" in capfd.readouterr().err
    python(RUN_ALL, *words, "--max_steps", "3", "--rerun")
    assert json.loads((folder / "recipe_arguments.json").read_text())["max_steps"] == 3


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_ends_run_all_ends_its_recipe_too(
    signum: signal.Signals, status: int, tiny: Path, tmp_path: Path
) -> None:
    """Ctrl-C prints one line with the command to continue, and the lock of the folder is released."""
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), "--tasks", "nli"]
    words += ["--max_steps", "100000", "--save_steps", "5", "--use_cpu", "--disable_tqdm", "true"]
    folder = tmp_path / "tiny/nli/seed-42"
    with interruptible("recipes/run_all.py", *words, cwd=ROOT, errors=tmp_path / "errors") as process:
        deadline = time.monotonic() + 120
        while not list(folder.glob("checkpoint-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(ValueError, match="Another run is writing"), locked(folder):
            pass
        os.killpg(process.pid, signum)
        assert process.wait(timeout=60) == status
        with locked(folder):
            pass
    told = (tmp_path / "errors").read_text().strip().splitlines()
    assert not any("Traceback" in line for line in told)
    if signum == signal.SIGINT:
        assert told[-1].startswith("Interrupted. To continue: python recipes/run_all.py --mini ")
