"""Tests of resumed, accumulated, replaced and stopped runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from runs import QUICK, predictions, read, run, scores
from warm_python import WarmProcess, WarmPython

from recipes.engine.checkpoints import find_checkpoint

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("lora", [(), ("--use_lora",)], ids=["full", "lora"])
def test_a_killed_and_resumed_run_ends_like_one_that_was_not_killed(
    lora: tuple[str, ...], tiny: Path, tmp_path: Path, warm_python: WarmPython
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    words = [*QUICK, "--model_name_or_path", str(tiny), "--max_steps", "60", "--save_steps", "5"]
    words += ["--early_stopping_patience", "50", *lora]

    def train(folder: Path, *more: str) -> WarmProcess:
        return warm_python.start("recipes/train_nli.py", *words, "--output_dir", folder, *more, cwd=ROOT)

    train(whole).finished(check=True)
    process = train(killed)
    deadline = time.monotonic() + 120
    while find_checkpoint(killed, "last") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert find_checkpoint(killed, "last") is not None
    assert not (killed / "all_results.json").exists()
    refused = train(killed).finished(check=False)
    assert refused.returncode == 1
    assert "holds checkpoints of an unfinished run" in refused.stderr.splitlines()[-1]
    half = killed / "checkpoint-1000"  # as a kill in the middle of saving leaves it
    half.mkdir()
    (half / "trainer_state.json").write_text('{"epoch": 1')
    resumed = train(killed, "--resume_from_checkpoint").finished(check=True)
    assert "starting from the beginning" not in resumed.stderr
    assert scores(killed) == scores(whole)
    assert predictions(killed) == predictions(whole)
    trained = [read(folder / "train_results.json") for folder in (whole, killed)]
    assert trained[0]["best_checkpoint_step"] == trained[1]["best_checkpoint_step"]
    assert trained[0]["train_loss"] == pytest.approx(trained[1]["train_loss"], rel=1e-6)


def test_resuming_a_finished_run_trains_no_further(tiny: Path, tmp_path: Path) -> None:
    words = ("--max_steps", "3", "--save_steps", "3", "--lr_scheduler_type", "constant")
    before = run("nli", tiny, tmp_path, *words, "--eval_strategy", "no")
    weights = (tmp_path / "model.safetensors").read_bytes()
    after = run("nli", tiny, tmp_path, *words, "--eval_strategy", "no", "--resume_from_checkpoint", "last")
    assert (tmp_path / "model.safetensors").read_bytes() == weights
    assert read(tmp_path / "trainer_state.json")["global_step"] == 3
    for name in ("train_loss", "train_runtime"):
        assert after[name] == pytest.approx(before[name], rel=0.25), name
    assert "train_samples_per_second" not in after


def test_a_checkpoint_is_resumed_with_its_learning_rates_only(tiny: Path, tmp_path: Path) -> None:
    """The optimizer of the checkpoint keeps its learning rates."""
    words = ("--max_steps", "4", "--save_steps", "2", "--head_learning_rate", "1e-2")
    run("nli", tiny, tmp_path, *words)
    state = (tmp_path / "all_results.json").read_bytes()
    for changed in (("--learning_rate", "1e-6"), ("--head_learning_rate", "2e-2")):
        with pytest.raises(ValueError, match=r"checkpoint-\d was trained with .*; expected"):
            run("nli", tiny, tmp_path, *words, "--resume_from_checkpoint", "last", *changed)
    assert (tmp_path / "all_results.json").read_bytes() == state
    run("nli", tiny, tmp_path, *words, "--resume_from_checkpoint", "last", "--max_steps", "6")


def test_a_finished_run_is_replaced_whole(tiny: Path, tmp_path: Path) -> None:
    run("sts", tiny, tmp_path, "--max_steps", "3", "--save_steps", "3")
    assert (tmp_path / "checkpoint-3").is_dir()
    run("sts", tiny, tmp_path, "--max_steps", "2", "--save_steps", "2")
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]


def test_the_best_checkpoint_is_the_one_that_is_kept(tiny: Path, tmp_path: Path) -> None:
    results = run("ynat", tiny, tmp_path, "--max_steps", "40", "--save_steps", "4", "--learning_rate", "5e-3")
    log = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    seen = [entry["eval_macro_f1"] for entry in log if "eval_macro_f1" in entry]
    assert len(seen) == 10
    assert results["eval_macro_f1"] == pytest.approx(max(seen), abs=1e-6) == results["best_checkpoint_metric"]


@pytest.mark.parametrize(
    ("times", "batch", "expected"), [(4, 16, [3, 5, 8, 10]), (4, 64, [1, 2, 3]), (1, 16, [10])]
)
def test_an_epoch_is_evaluated_as_often_as_asked(
    times: int, batch: int, expected: list[int], tiny: Path, tmp_path: Path
) -> None:
    """An epoch of 160 examples has 10 updates, or 3 with an evaluation after each."""
    words = ("--max_steps", "-1", "--num_train_epochs", "2", "--evaluations_per_epoch", str(times))
    words += ("--early_stopping_patience", "50")  # instead of that of the preset
    run("nli", tiny, tmp_path, *words, "--per_device_train_batch_size", str(batch))
    log = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    steps = [entry["step"] for entry in log if "eval_accuracy" in entry]
    assert steps == [*expected, *(expected[-1] + step for step in expected)]


def test_a_preset_with_early_stopping_trains_without_evaluations(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path, "--do_train", "--max_steps", "1", "--early_stopping_patience", "5")
    assert not (tmp_path / "eval_results.json").exists()


def test_a_lower_loss_is_better_where_the_loss_chooses(tiny: Path, tmp_path: Path) -> None:
    words = ("--max_steps", "10", "--save_steps", "2", "--metric_for_best_model", "loss")
    results = run("nli", tiny, tmp_path, *words)
    log = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    losses = [entry["eval_loss"] for entry in log if "eval_loss" in entry]
    assert len(losses) == 5
    assert results["best_checkpoint_metric"] == min(losses)


def test_early_stopping_stops(tiny: Path, tmp_path: Path) -> None:
    words = (
        "--max_steps",
        "60",
        "--save_steps",
        "2",
        "--learning_rate",
        "0",
        "--early_stopping_patience",
        "3",
    )
    run("nli", tiny, tmp_path, *words)
    steps = json.loads((tmp_path / "trainer_state.json").read_text())["global_step"]
    assert steps == 2 * (1 + 3)


def test_accumulation_and_batch_size_agree(tiny: Path, tmp_path: Path) -> None:
    """Eight examples per update have the same loss in both cases, so padding has no influence."""
    words = ("--max_steps", "3", "--max_train_samples", "24", "--logging_steps", "1", "--eval_strategy", "no")
    losses = []
    for batch, accumulation in (("8", "1"), ("1", "8")):
        folder = tmp_path / batch
        config = tmp_path / "no_dropout.yaml"
        config.write_text(
            f"per_device_train_batch_size: {batch}\ngradient_accumulation_steps: {accumulation}\n"
        )
        model = _without_dropout(tiny, tmp_path / "model")
        run("nli", model, folder, *words, "--per_device_train_batch_size", batch,
            "--gradient_accumulation_steps", accumulation)  # fmt: skip
        log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
        losses.append([entry["loss"] for entry in log if "loss" in entry])
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def _without_dropout(model: Path, folder: Path) -> Path:
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(
        model, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder
