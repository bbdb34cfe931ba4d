"""Tests of run folders, which never mix files of different or failed runs."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import QUICK, interruptible, read, roughly, run
from safetensors.torch import load_file

from klue_datasets.loading import MINI_DIR
from klue_datasets.tasks import get_task
from recipes.arguments import RecipeArguments
from recipes.engine import card, hardware, trainer
from recipes.engine import run as story
from recipes.engine.checkpoints import locked
from recipes.engine.command_line import main, make_parser, parse
from recipes.engine.results import RESULT_FILES
from recipes.engine.settings_record import SCHEMA_VERSION, from_record, settings_of, to_record
from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--max_train_samples", "32", "--max_eval_samples", "8", "--per_device_train_batch_size", "8")


def words_of(model: Path, folder: Path, *more: str) -> list[str]:
    return ["--model_name_or_path", str(model), "--output_dir", str(folder), *QUICK, *SMALL, *more]


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_run_that_diverges_ends_with_a_sentence_and_no_results(
    task: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--learning_rate", "1e9", "--save_steps", "1", "--eval_strategy", "no", "--max_steps", "60")
    more += ("--warmup_ratio", "0", "--save_strategy", "steps", "--max_grad_norm", "1e9")
    with pytest.raises(SystemExit) as ended:
        main(task, None, words_of(tiny, tmp_path, *more))
    assert ended.value.code == 1
    assert "training has diverged" in capsys.readouterr().err.splitlines()[-1]
    assert not {path.name for path in tmp_path.iterdir()} & {*RESULT_FILES, "README.md", "model.safetensors"}
    [checkpoint] = tmp_path.glob("checkpoint-*")
    weights = load_file(checkpoint / "model.safetensors")
    assert weights
    assert all(bool(torch.isfinite(weight).all()) for weight in weights.values())


def test_weights_that_the_last_update_made_infinite_are_not_saved(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No later loss or gradient would show them."""
    more = ("--learning_rate", "1e39", "--warmup_ratio", "0", "--max_steps", "1", "--eval_strategy", "no")
    for saving in ("no", "epoch"):
        with pytest.raises(SystemExit) as ended:
            main("nli", None, words_of(tiny, tmp_path / saving, *more, "--save_strategy", saving))
        assert ended.value.code == 1
        assert "not finite at step 1, so training has diverged" in capsys.readouterr().err.splitlines()[-1]
        assert not [path for path in (tmp_path / saving).rglob("*") if path.name != ".lock"]


def test_a_loss_that_is_not_finite_ends_the_run_whatever_its_gradient(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With float16, updates would be skipped, and Trainer would not log the loss."""
    step = trainer.Trainer.training_step
    monkeypatch.setattr(
        trainer.Trainer, "training_step", lambda *args, **kwargs: step(*args, **kwargs) * float("nan")
    )
    with pytest.raises(trainer.NotFiniteError, match="nli: the loss is nan at step 1"):
        run("nli", tiny, tmp_path, *SMALL, "--max_steps", "2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--per_device_train_batch_size", "0"), "per_device_train_batch_size is 0; expected 1 or more"),
        (("--per_device_eval_batch_size", "0"), "per_device_eval_batch_size is 0; expected 1 or more"),
        (("--gradient_accumulation_steps", "0"), "gradient_accumulation_steps is 0; expected 1 or more"),
        (("--num_train_epochs", "-1"), "num_train_epochs is -1.0; expected 0 or more"),
        (("--learning_rate", "nan"), "learning_rate is nan; expected 0 or more"),
        (("--max_steps", "0"), "max_steps is 0; expected a number of updates"),
        (("--max_steps", "-5"), "max_steps is -5; expected a number of updates"),
        (("--eval_steps", "0"), "eval_steps is 0.0; expected a number of updates, or a share"),
        (("--save_steps", "-1"), "save_steps is -1.0; expected a number of updates, or a share"),
        (("--logging_steps", "0"), "logging_steps is 0.0; expected a number of updates, or a share"),
        (("--max_grad_norm", "-1"), "max_grad_norm is -1.0; expected 0 or more"),
        (("--warmup_steps", "-5"), "warmup_steps is -5.0; expected 0 or more"),
        (("--dataloader_num_workers", "-1"), "dataloader_num_workers is -1; expected 0 or more"),
        (("--save_total_limit", "0"), "save_total_limit is 0; expected 1 or more"),
        (("--seed", "-1"), "seed is -1; expected a number from 0"),
        (("--use_lora", "--lora_r", "0"), "lora_r is 0; expected 1 or more"),
        (("--set", "lora_dropout=2"), "lora_dropout is 2.0; expected a number from 0 to 1"),
        (("--fp16",), "--fp16 was given on a CPU"),
        (("--bf16", "--use_cpu", "false"), "these settings: Your setup doesn't support bf16"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_model_is_loaded(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("transformers.training_args.is_torch_bf16_gpu_available", lambda: False)
    monkeypatch.setattr(story, "load_model", lambda *_: pytest.fail("a model was loaded"))
    monkeypatch.setattr(story, "load_data", lambda *_: pytest.fail("data was loaded"))
    with pytest.raises(SystemExit) as ended:
        main("nli", None, words_of(tmp_path / "nowhere", tmp_path / "out", *words))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def repeat_a_row(task: str, folder: Path) -> Path:
    """Write the mini corpus of a task, with the first row of its validation split repeated."""
    record = get_task(task)
    data = folder / "data"
    shutil.copytree(MINI_DIR / record.folder("1.1.0"), data)
    file = data / record.filename("validation", "1.1.0")
    if file.suffix == ".json":
        content = json.loads(file.read_text())
        rows = content["data"] if isinstance(content, dict) else content
        rows.insert(1, rows[0])
        file.write_text(json.dumps(content))
    else:
        head, row, *rows = file.read_text().split("\n\n")
        file.write_text("\n\n".join([head, row, row, *rows]))
    return data


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_repeated_guid_costs_the_card_and_not_the_results(
    task: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The metric of mrc needs unique guids, which is checked before training."""
    write_card, was_written = card.write_card, []

    def watched(*given: Any) -> None:
        was_written.extend((tmp_path / "out" / name).is_file() for name in RESULT_FILES)
        write_card(*given)

    monkeypatch.setattr(card, "write_card", watched)
    data = repeat_a_row(task, tmp_path)
    words = [
        "--data_dir",
        str(data),
        *SMALL,
        "--max_steps",
        "1",
        "--eval_strategy",
        "no",
        "--learning_rate",
        "0.002",
        "--set",
        "preprocessing_num_workers=1",
    ]
    words += ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path / "out"), "--use_cpu"]
    if task == "mrc":
        monkeypatch.setattr(story, "load_model", lambda *_: pytest.fail("a model was loaded"))
        with pytest.raises(SystemExit) as ended:
            main(task, None, words)
        assert ended.value.code == 1
        [file] = data.glob("*_dev.json")
        guid = read(file)["data"][0]["paragraphs"][0]["qas"][0]["guid"]
        assert f"{guid} more than once" in capsys.readouterr().err.splitlines()[-1]
        assert not (tmp_path / "out").exists()
        return
    with caplog.at_level(logging.WARNING):
        main(task, None, words)
    assert was_written == [True] * len(RESULT_FILES)
    [warning] = [record.getMessage() for record in caplog.records if "model card" in record.getMessage()]
    assert "ids occur more than once" in warning
    command = warning.split("To write it again: ")[1]
    start = ["klue", "train", task, "--model_name_or_path", str(tmp_path / "out")]
    words_again = shlex.split(command)
    assert words_again[:5] == start
    again = words_again[3:]
    monkeypatch.setattr(card, "write_card", lambda *_: (tmp_path / "out/README.md").write_text("a card"))
    before = read(tmp_path / "out/all_results.json")
    assert again[-2:] == ["--set", "preprocessing_num_workers=1"]
    main(task, None, [*again, "--use_cpu"])
    after = read(tmp_path / "out/all_results.json")
    assert (tmp_path / "out/README.md").is_file()
    times = {"eval_seconds": 0, "eval_latency_ms": 0}
    assert {**after, **times} == roughly({**before, **times})


@pytest.mark.parametrize("task", SCRIPTS)
def test_the_command_for_a_card_has_what_evaluation_depends_on(task: str) -> None:
    arguments = RecipeArguments(bf16=True, mini=True, held_out_fraction=0.2, learning_rate=1e-4)
    words = shlex.split(card._evaluation_command(task, arguments, Path("out")))[3:]
    again = parse(make_parser(task, ""), task, words)
    assert (again.bf16, again.mini, again.held_out_fraction) == (True, True, 0.2)
    assert (again.do_train, again.do_eval, again.model_name_or_path) == (False, True, "out")
    assert "--learning_rate" not in words


def test_arguments_of_other_versions_are_read(caplog: pytest.LogCaptureFixture) -> None:
    record = to_record(RecipeArguments(seed=7))
    assert record["schema_version"] == SCHEMA_VERSION
    assert from_record(record, "here") == RecipeArguments(seed=7)
    assert not caplog.records
    del record["schema_version"], record["lora_r"]
    assert from_record({**record, "gone": 1, "scale_slots": True}, "out/a/file") == RecipeArguments(seed=7)
    [message] = [entry.getMessage() for entry in caplog.records]
    assert message.startswith("out/a/file has settings")
    assert message.endswith("ignored: gone, scale_slots.")
    caplog.clear()
    old = {"null_threshold": 2.0, "tune_null_threshold": False, "gold_gates": False, "gold_values": True}
    for more in ({"schema_version": 1}, {}):
        told = from_record({**old, **more}, "file")
        assert told == RecipeArguments(null_score_diff_threshold=2.0, oracle="values")
        assert settings_of({**old, **more}) == settings_of(to_record(told))
    tuned = from_record({**old, "tune_null_threshold": True, "gold_values": False}, "file")
    assert tuned == RecipeArguments(null_score_diff_threshold="auto")
    assert not caplog.records
    from_record({"schema_version": 99}, "file")
    assert "schema version 99" in caplog.text


def test_a_model_is_not_evaluated_into_the_folder_of_another(tiny: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    quick = (*SMALL, "--max_steps", "1", "--eval_strategy", "no")
    run("nli", tiny, one, *quick)
    run("nli", tiny, other, *quick)
    before = {path.name: path.read_bytes() for path in other.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match=f"{other} holds a model trained from .*; expected another") as error:
        run("nli", one, other, "--do_eval", *SMALL)
    assert str(one) in str(error.value)
    assert {path.name: path.read_bytes() for path in other.iterdir() if path.is_file()} == before
    elsewhere = tmp_path / "evaluated"
    results = run("nli", one, elsewhere, "--do_eval", *SMALL)
    assert not any(name.startswith("train_") for name in results)  # one was trained elsewhere
    run("nli", one, elsewhere, "--do_eval", *SMALL)  # again, into its own folder
    with pytest.raises(ValueError, match=f"holds the results of {one}"):
        run("nli", other, elsewhere, "--do_eval", *SMALL)


def test_two_runs_do_not_share_a_folder(tiny: Path, tmp_path: Path) -> None:
    """The lock is released when the other process is killed."""
    code = "import sys, time\nfrom pathlib import Path\nfrom recipes.engine.checkpoints import locked\n"
    code += f"with locked(Path({str(tmp_path)!r})):\n    print('locked', flush=True)\n    time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match="Another run is writing to"):
            run("nli", tiny, tmp_path, *SMALL, "--max_steps", "1")
        assert [path.name for path in tmp_path.iterdir()] in ([], [".lock"])
        other.send_signal(signal.SIGKILL)
        other.wait()
    with locked(tmp_path):
        pass


def test_a_resumed_run_counts_the_seconds_of_all_its_parts(tiny: Path, tmp_path: Path) -> None:
    quick = (*SMALL, "--save_steps", "2", "--eval_strategy", "no")
    run("nli", tiny, tmp_path, *quick, "--max_steps", "2")
    state_file = tmp_path / "checkpoint-2" / "trainer_state.json"
    state = json.loads(state_file.read_text())
    kept = state["stateful_callbacks"]["TrainingTimer"]["attributes"]
    assert kept["earlier_seconds"] > 0
    kept["earlier_seconds"] = 1000.0
    state_file.write_text(json.dumps(state))
    for name in RESULT_FILES:
        (tmp_path / name).unlink()
    results = run("nli", tiny, tmp_path, *quick, "--max_steps", "4", "--resume_from_checkpoint", "last")
    assert 1000 < results["train_runtime"] < 1100
    assert read(tmp_path / "train_results.json")["train_runtime"] == results["train_runtime"]


def test_threads_are_the_users_or_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    hardware.use_all_cores()
    assert set_to == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    hardware.use_all_cores()
    assert set_to == [64]


@pytest.mark.parametrize(
    ("before", "flags", "expected"),
    [({}, (), None), ({"OMP_NUM_THREADS": "1"}, (), "1"), ({}, ("--num_cpu_threads_per_process", "1"), "1")],
)
def test_the_launchers_own_setting_is_not_the_users(
    before: dict[str, str], flags: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    """With the real launcher, which always sets OMP_NUM_THREADS to 1."""
    script = tmp_path / "script.py"
    code = "import os, runpy\n"
    code += f"names = runpy.run_path({str(ROOT / 'recipes/engine/hardware.py')!r})\n"
    script.write_text(code + "print(os.environ['OMP_NUM_THREADS'], names['user_threads']())")
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | before
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", *flags]
    done = subprocess.run([*launch, str(script)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"1 {expected}"


def test_ctrl_c_ends_a_recipe_with_the_command_that_continues_it(tiny: Path, tmp_path: Path) -> None:
    words = ["recipes/train_nli.py", *words_of(tiny, tmp_path / "run", "--max_steps", "100000")]
    words += ["--save_steps", "5", "--eval_strategy", "no", "--save_strategy", "steps"]
    with interruptible(*words, cwd=ROOT, errors=tmp_path / "errors") as child:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("run/checkpoint-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=60) == 130
    errors = (tmp_path / "errors").read_text()
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("Interrupted. To continue: python recipes/train_nli.py --")
    assert last.endswith("--resume_from_checkpoint")
