"""Tests of sweeps: jobs, claims, the choice of settings, and interrupted jobs."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from runs import read

from recipes.publishing.publishable import publishable
from recipes.sweep import main
from recipes.sweeps import launchers
from recipes.sweeps.jobs import FAILED, SEARCH, Job, Sweep, SweepError, claim, differences, words_of
from recipes.sweeps.search import chosen, final_jobs, search_table

ROOT = Path(__file__).resolve().parents[2]
Python = Callable[..., subprocess.CompletedProcess[str]]
SHORT = ["--mini", "--max_train_samples", "64", "--max_eval_samples", "32", "--max_steps", "2", "--use_cpu"]


def planned(folder: Path, *words: str) -> Sweep:
    """Write the jobs of a command line to a sweep without launching them."""
    assert main(["run", "--output_dir", str(folder), "--launcher", "print", *words]) == 0
    return Sweep.read(folder)


def finish(job: Job, **results: Any) -> None:
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "all_results.json").write_text(
        json.dumps({"eval_data": "data", "eval_samples": 9, **results})
    )
    (job.folder / "recipe_arguments.json").write_text(json.dumps({"model_name_or_path": job.model}))


def test_jobs_are_named_by_what_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model_name_or_path", "klue/roberta-base", "out/tiny", "--tasks", "ynat", "tc", "dst"]
    sweep = planned(tmp_path / "a", *words, "--seed", "1", "2", "--mini", "--learning_rate", "1e-4")
    assert len(sweep.jobs) == 2 * 2 * 2  # tc is another name of ynat
    names = [job.folder.name for job in sweep.jobs]
    assert names[0].startswith("ynat-roberta-base-seed1-")
    again = planned(tmp_path / "b", *words, "--seed", "1", "2", "--mini", "--learning_rate", "1e-4")
    assert [job.folder.name for job in again.jobs] == names
    other = planned(tmp_path / "c", *words, "--seed", "1", "2", "--mini", "--learning_rate", "2e-4")
    assert {job.folder.name for job in other.jobs}.isdisjoint(names)
    capsys.readouterr()
    planned(tmp_path / "a", *words, "--seed", "1", "2", "--mini", "--learning_rate", "1e-4")
    commands = capsys.readouterr().out.splitlines()
    assert commands == [f"klue sweep work {tmp_path / 'a'} --job {name}" for name in names]


def test_a_file_says_the_same_as_flags(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(
        "models: [out/tiny]\ntasks: [wos]\nseeds: [7]\n"
        "grid: {learning_rate: [1e-4, 1e-3], gate: [compared]}\n"
        "flags: {train_file: mine.csv, use_lora: true, column: [a=b, c=d]}\n"
    )
    flags = [
        "--model_name_or_path",
        "out/tiny",
        "--tasks",
        "wos",
        "--seed",
        "7",
        "--train_file",
        "mine.csv",
        "--use_lora",
    ]
    flags += ["--column", "a=b", "c=d", "--grid", "learning_rate=1e-4,1e-3", "gate=compared"]
    file = planned(tmp_path / "a", "--config", str(tmp_path / "sweep.yaml"))
    assert [job.folder.name for job in file.jobs] == [
        job.folder.name for job in planned(tmp_path / "b", *flags).jobs
    ]
    assert file.jobs[0].words[-4:] == ("--set", "gate=compared", "--set", "held_out_fraction=0.1")
    assert words_of([("learning_rate", "1"), ("gate", "context")], "wos")[2:] == ["--set", "gate=context"]
    seeds = planned(tmp_path / "c", "--config", str(tmp_path / "sweep.yaml"), "--seed", "8", "9")
    assert {job.seed for job in seeds.jobs} == {8, 9}


HF = ["run", "--tasks", "ynat", "--launcher", "hf-jobs", "--option", "bucket=me/x"]
LOCAL = ["run", "--tasks", "ynat", "--launcher", "submitit-local", "--option"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--grid", "learning_rate"], "--grid is 'learning_rate'; expected NAME=V1,V2"),
        (["run", "--config", "bad.yaml"], "bad.yaml has the key learning_rates; expected some of models"),
        (["run", "--tasks", "ynat", "--launcher", "hf-jobs"], "hf-jobs needs a bucket"),
        (["run", "--tasks", "ynat", "--option", "x"], "--option has 'x'; expected KEY=VALUE"),
        (["run", "--config", "text.yaml"], "text.yaml: models is 'out/tiny'; expected a list."),
        (["run", "--config", "grid.yaml"], "grid.yaml: learning_rate is '3e-5'; expected a list."),
        (["run", "--config", "number.yaml"], "number.yaml: models is [3]; expected a list of folders or Hub"),
        (
            ["run", "--config", "empty.yaml"],
            "empty.yaml: class_weights is [None, 'balanced']; expected",
        ),
        (["run", "--config", "preset.yaml"], "preset.yaml: the flag preset has no value; expected one."),
        (["run", "--config", "flags.yaml"], "flags.yaml: flags is ['mini']; expected a mapping."),
        (["run", "--config", "broken.yaml"], "broken.yaml: not valid YAML"),
        (["run", "--tasks", "nli", "--grid", "seed=1,2"], "nli: --seed is among the flags of all jobs"),
        (["run", "--tasks", "nli", "--config", "seed.yaml"], "nli: argument --seed: invalid int value: 'x'"),
        (["run", "--tasks", "nli", "--config", "seeds.yaml"], "nli: seed is -4; expected a number from 0"),
        (["run", "--grid", "=3"], "--grid is '=3'; expected NAME=V1,V2"),
        (["run", "--option", "foo=1"], "--option foo is not a setting of --launcher local; it has no"),
        ([*HF, "foo=1"], "--option foo is not a setting of --launcher hf-jobs; expected some of "),
        ([*HF, "script=x"], "--option script is not a setting of --launcher hf-jobs"),
        ([*HF], "me/x: the Hub was not asked, since HF_HUB_OFFLINE is set"),
        ([*LOCAL, "foo=1"], "--option: Parameter 'foo' need to be prefixed by an executor name."),
        ([*LOCAL, "timeout_min=x"], '--option: Parameter "timeout_min" expected type'),
        ([*LOCAL, "slurm_foo=1"], "--option: Unknown argument 'foo' for executor 'slurm'"),
        (["status", "nowhere"], "There is no nowhere/sweep.json"),
        (["status", "nowhere", "--fast"], "status does not know --fast"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["klue sweep"])
    Path("bad.yaml").write_text("learning_rates: [1]\n")
    Path("text.yaml").write_text("models: out/tiny\n")
    Path("grid.yaml").write_text("grid: {learning_rate: 3e-5}\n")
    Path("number.yaml").write_text("models: [3]\n")
    Path("empty.yaml").write_text("grid: {class_weights: [null, balanced]}\n")
    Path("preset.yaml").write_text("flags: {preset: null}\n")
    Path("flags.yaml").write_text("flags: [mini]\n")
    Path("seed.yaml").write_text("seeds: [x]\n")
    Path("seeds.yaml").write_text("seeds: [-4]\n")
    Path("broken.yaml").write_text("models: [\n")
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"klue sweep: {message}")
    assert error.count("\n") == 1 or "not valid YAML" in message
    assert not Path("out").exists() or words == HF


def test_a_search_chooses_on_held_out_data_and_says_what_it_cost(tmp_path: Path) -> None:
    grid = ["--grid", "learning_rate=1e-4,1e-3", "--tasks", "nli", "sts", "--seed", "1", "2", "--mini"]
    sweep = planned(tmp_path, *grid)
    assert {job.stage for job in sweep.jobs} == {SEARCH}
    scores = {("nli", "1e-4"): (50.0, 60.0), ("nli", "1e-3"): (54.0, 55.0), ("sts", "1e-4"): (None, 9.0)}
    for job in sweep.jobs:
        found = scores.get((job.task, job.settings[0][1]))
        if found:
            key = {"nli": "eval_accuracy", "sts": "eval_pearsonr"}[job.task]
            finish(job, **{key: found[job.seed - 1]}, train_runtime=10.0)
    assert [(trial.task, trial.settings) for trial in chosen(sweep.jobs)] == [
        ("nli", (("learning_rate", "1e-4"),))
    ]
    final = final_jobs(sweep)
    assert [(job.task, job.seed, job.stage) for job in final] == [("nli", 1, "final"), ("nli", 2, "final")]
    assert final[0].words == ("--mini", "--learning_rate", "1e-4")
    lines = search_table(sweep.jobs).splitlines()
    assert "| nli | learning_rate 1e-4 | accuracy | 55.00 | 2 | chosen |" in lines[2]
    assert "| sts | learning_rate 1e-3 | Pearson's r | not finished | 2 |  |" in lines[5]
    assert lines[-1] == "The search spent 6 runs and 60 s of training."


def test_searches_with_other_flags_are_chosen_from_separately(tmp_path: Path) -> None:
    grid = ["--grid", "learning_rate=1e-4,1e-3", "--tasks", "nli", "--mini"]
    planned(tmp_path, *grid, "--max_steps", "2")
    jobs = planned(tmp_path, *grid, "--max_steps", "9").jobs
    assert len(jobs) == 4
    for job, score in zip(jobs, (50.0, 60.0, 80.0, 70.0), strict=True):
        finish(job, eval_accuracy=score)
    best = [(trial.flags[-1], trial.settings[0][1], len(trial.jobs)) for trial in chosen(jobs)]
    assert best == [("2", "1e-3", 1), ("9", "1e-4", 1)]
    lines = search_table(jobs).splitlines()
    assert "learning_rate 1e-3 (--mini --max_steps 2) | accuracy | 60.00 | 1 | chosen |" in lines[3]


def test_a_search_runs_to_the_end(tiny: Path, tmp_path: Path, python: Python) -> None:
    words = ["--grid", "learning_rate=1e-4,1e-3", "--tasks", "nli", "--model_name_or_path", str(tiny)]
    done = python(ROOT / "recipes/sweep.py", "run", "--output_dir", tmp_path, "--jobs", "2", *words, *SHORT)
    sweep = Sweep.read(tmp_path)
    assert [job.stage for job in sweep.jobs] == [SEARCH, SEARCH, "final"]
    data = [job.results["eval_data"] for job in sweep.jobs]
    assert data == ["klue-hub mini corpus, 10% of train held out"] * 2 + ["klue-hub mini corpus"]
    assert differences(sweep.jobs[2]) == []
    published, left_out = publishable(sweep.jobs[2].folder)
    assert ".claim.lock" in left_out
    assert not {".claim.lock", ".lock", "run.log"} & set(published)
    assert "| nli | accuracy |" in done.stdout.splitlines()[-1]
    assert "The search spent 2 runs and " in done.stdout
    told = python(ROOT / "recipes/sweep.py", "status", tmp_path).stdout.splitlines()
    assert told[0].startswith("finished    nli-tiny-seed42-")
    assert told[-1] == "3 finished"


def test_a_job_runs_once_and_what_failed_runs_again_when_told(
    tiny: Path, tmp_path: Path, python: Python
) -> None:
    run = ROOT / "recipes/sweep.py"
    data = tmp_path / "data"
    words = ["--tasks", "nli", "--model_name_or_path", str(tiny), "--data_dir", str(data), *SHORT[1:]]
    where = tmp_path / "sweep"
    done = python(run, "run", "--output_dir", where, *words, check=False)
    assert done.returncode == 1
    assert "failed: [1/1]" in done.stderr
    [job] = Sweep.read(where).jobs
    assert read(job.folder / FAILED)["status"] == 1
    assert "no raw KLUE file" in read(job.folder / FAILED)["message"]
    done = python(run, "run", "--output_dir", where, *words, check=False)  # it is not tried again
    assert (done.returncode, done.stderr) == (1, f"failed: {job.folder.name}\n")
    shutil.copytree(ROOT / "klue_datasets/mini/klue-nli-v1.1", data)
    with claim(job) as is_mine:
        assert is_mine
        assert job.state == "running"
        done = python(run, "work", where, "--job", job.folder.name)
        assert "another process is running it" in done.stdout
        assert not job.results
    python(run, "retry", where)
    assert job.state == "finished"
    assert not (job.folder / FAILED).exists()


def test_a_job_whose_process_is_killed_continues(tiny: Path, tmp_path: Path, python: Python) -> None:
    words = ["--tasks", "nli", "--model_name_or_path", str(tiny), "--mini", "--max_steps", "40", "--use_cpu"]
    words += ["--save_steps", "4", "--max_eval_samples", "8"]
    [job] = planned(tmp_path, *words).jobs
    command = [sys.executable, ROOT / "recipes/sweep.py", "work", tmp_path, "--job", job.folder.name]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(job.folder.glob("checkpoint-*/trainer_state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert job.state == "running"
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    for pid in [process.pid, *map(int, children.stdout.split())]:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    while job.state == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert job.state == "interrupted"
    assert "--resume_from_checkpoint" in job.recipe_words()
    python(ROOT / "recipes/sweep.py", "run", "--output_dir", tmp_path, *words)
    assert Sweep.read(tmp_path).jobs == [job]
    assert job.state == "finished"
    steps = [row["step"] for row in read(job.folder / "trainer_state.json")["log_history"] if "loss" in row]
    assert steps == sorted(set(steps))


def test_submitit_runs_jobs_and_cancels_them(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--tasks", "nli", "--model_name_or_path", str(tiny), *SHORT, "--launcher", "submitit-local"]
    where = ["--output_dir", str(tmp_path)]
    assert main(["run", *where, *words, "--dry_run", "--option", "timeout_min=5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cluster"], told["timeout_min"], len(told["jobs"])) == ("local", 5, 1)
    assert not (tmp_path / "sweep.json").exists()
    assert main(["run", *where, *words, "--option", "timeout_min=5"]) == 0
    [job] = Sweep.read(tmp_path).jobs
    assert capsys.readouterr().out.startswith(f"{job.folder.name}: submitted as ")
    deadline = time.monotonic() + 120
    while job.state != "finished" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert job.state == "finished"
    assert list((tmp_path / "submitit").glob("*_log.out"))
    assert main(["cancel", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "There are no submitted jobs to cancel.\n"
    assert main(["run", *where, *words, "--seed", "2"]) == 0
    name = Sweep.read(tmp_path).jobs[1].folder.name
    assert main(["cancel", str(tmp_path)]) == 0
    assert f"{name}: cancelled local job " in capsys.readouterr().out


def test_hugging_face_jobs_get_one_command_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, Any]] = []
    cancelled: list[str] = []

    def start(**payload: Any) -> SimpleNamespace:
        calls.append(payload)
        return SimpleNamespace(id=f"id-{len(calls)}")

    start.__signature__ = inspect.signature(huggingface_hub.run_uv_job)  # type: ignore[attr-defined]
    stage = {"value": "RUNNING"}
    inspected = lambda job_id: SimpleNamespace(status=SimpleNamespace(stage=stage["value"]))  # noqa: E731
    copied: list[tuple[str, Any]] = []
    created: list[str] = []
    monkeypatch.setattr(
        huggingface_hub.HfApi, "create_bucket", lambda _, bucket, **__: created.append(bucket)
    )
    monkeypatch.setattr(
        huggingface_hub.HfApi, "batch_bucket_files", lambda _, bucket, add: copied.append((bucket, add))
    )
    monkeypatch.setattr(huggingface_hub, "run_uv_job", start)
    monkeypatch.setattr(huggingface_hub, "inspect_job", inspected)
    monkeypatch.setattr(huggingface_hub, "cancel_job", lambda job_id: cancelled.append(job_id))
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")
    words = ["run", "--tasks", "nli", "sts", "--launcher", "hf-jobs", "--output_dir", str(tmp_path / "one")]
    options = ["--option", "bucket=me/sweeps", "flavor=l4x1", "timeout=2h"]
    assert main([*words, *options, "--dry_run"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not calls
    assert not created
    assert (printed[0]["flavor"], printed[0]["volumes"]) == ("l4x1", {"/sweep": "me/sweeps"})
    assert "hf_secret" not in str(printed)
    assert main([*words, *options]) == 0
    jobs = Sweep.read(tmp_path / "one").jobs
    assert [call["name"] for call in calls] == [job.folder.name for job in jobs]
    arguments = calls[0]["script_args"]
    assert calls[0]["script"] == "klue"
    assert arguments == ["sweep", "work", "/sweep/one", "--job", jobs[0].folder.name]
    assert created == ["me/sweeps"]
    assert copied == [("me/sweeps", [(tmp_path / "one/sweep.json", "one/sweep.json")])]
    assert calls[0]["volumes"][0].source == "me/sweeps"
    assert calls[0]["secrets"] == {"HF_TOKEN": "hf_secret"}
    assert "hf_secret" not in (tmp_path / "one/launches.jsonl").read_text()
    assert main([*words, *options]) == 0  # they run: none is started twice
    assert len(calls) == 2
    stage["value"] = "ERROR"
    assert main([*words, *options]) == 0
    assert len(calls) == 4
    finish(jobs[0])
    assert main(["cancel", str(tmp_path / "one")]) == 0
    assert cancelled == ["id-2", "id-4"]
    fetched: list[tuple[str, str]] = []
    monkeypatch.setattr(
        huggingface_hub.HfApi, "sync_bucket", lambda _, source, target, **__: fetched.append((source, target))
    )
    launchers.fetch(Sweep.read(tmp_path / "one"), "me/sweeps")
    assert fetched == [("hf://buckets/me/sweeps/one", str(tmp_path / "one"))]


def test_a_sweep_of_another_version_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text('{"schema_version": 99, "jobs": []}')
    with pytest.raises(SweepError, match="has schema version 99; expected 1"):
        Sweep.read(tmp_path)
    planned(tmp_path / "a", "--tasks", "nli")
    with pytest.raises(SweepError, match="has no job 'x'"):
        Sweep.read(tmp_path / "a").job("x")
