"""Tests of two processes, which train and evaluate like a single process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import distributed_training
import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from distributed_training import losses, train_all, without_dropout
from runs import predictions, read, scores
from safetensors.torch import load_file
from transformers import AutoTokenizer
from warm_python import WarmPython

import klue_datasets
from recipes.engine import run as story
from recipes.engine.token_batches import TokenBatchSampler
from recipes.tasks import SCRIPTS, get_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def evaluate(warm_python: WarmPython, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Evaluate a model in one and in two processes; return the folders."""

    def run(task: str, model: Path, *words: str) -> tuple[Path, Path]:
        script = f"recipes/train_{SCRIPTS[task]}.py"
        words = (
            "--model_name_or_path",
            str(model),
            "--do_eval",
            "--use_cpu",
            "--disable_tqdm",
            "true",
            *words,
        )
        for number in (1, 2):
            folder = tmp_path / str(number)
            warm_python.run_ranks(number, script, *words, "--output_dir", folder, cwd=ROOT)
            assert read(folder / "eval_results.json")["eval_world_size"] == number
        return tmp_path / "1", tmp_path / "2"

    return run


def assert_equal_runs(one: Path, two: Path) -> None:
    """Check that scores and predictions in one and two processes are equal."""
    results = [{**scores(folder), "eval_world_size": None} for folder in (one, two)]
    for result in results:
        del result["eval_loss"]  # Trainer's is a mean over batches, whose sizes differ
    assert results[0] == pytest.approx(results[1], abs=0.05)
    assert [row["guid"] for row in predictions(one)] == [row["guid"] for row in predictions(two)]


@pytest.mark.usefixtures("warm_launches")
def test_two_processes_train_as_one_that_accumulates(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses, gradient norms (clipped at 1) and weights are equal for all tasks, with and without LoRA.

    This is tested with DDP and, for all weights, with FSDP2 as in recipes/configs/accelerate/fsdp2.yaml.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])}
    monkeypatch.setattr(story, "load_model", without_dropout(story.load_model))
    for name, more in (("two", {}), ("sharded", fsdp_settings())):
        command = [*launcher, distributed_training.__file__, str(tiny), str(tmp_path / name)]
        given = {"env": environment | more, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **given) as ranks:
            if name == "two":
                train_all(tiny, tmp_path / "one")
            _, stderr = ranks.communicate()
        assert ranks.returncode == 0, stderr.decode()[-3_000:]
    for task in SCRIPTS:
        assert_trained_alike(tmp_path / "one" / task / "full", tmp_path / "sharded" / task / "full")
        assert read(tmp_path / "sharded" / task / "full" / "eval_results.json")["eval_world_size"] == 2
    folders = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").glob("*/*"))
    assert len(folders) == 2 * len(SCRIPTS) == 16
    for folder in folders:
        assert_trained_alike(tmp_path / "one" / folder, tmp_path / "two" / folder)


def test_deepspeed_trains_as_one_process_that_accumulates(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All tasks with ZeRO-2 on two CPU processes; dp without LSTMs."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed: pip install deepspeed")
    monkeypatch.setattr(story, "load_model", without_dropout(story.load_model))
    monkeypatch.setitem(distributed_training.SPECIAL, "dp", ["--head", "biaffine"])
    config = ROOT / "recipes/configs/accelerate/deepspeed_zero2.yaml"
    command = [Path(sys.executable).with_name("accelerate"), "launch", "--config_file", config]
    command += ["--num_processes", "2", "--mixed_precision", "no", distributed_training.__file__]
    given = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    given["PYTHONPATH"] = os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])
    done = subprocess.run([*command, tiny, tmp_path / "two"], env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3_000:]
    train_all(tiny, tmp_path / "one", ("full",))
    for task in SCRIPTS:
        assert_trained_alike(tmp_path / "one" / task / "full", tmp_path / "two" / task / "full")


def test_two_processes_share_batches_of_a_number_of_tokens(
    warm_python: WarmPython, tiny: Path, tmp_path: Path
) -> None:
    """An epoch of 40 headlines has as many updates as there are pairs of batches."""
    words = ["--mini", "--max_train_samples", "40", "--do_train", "--num_train_epochs", "1"]
    words += ["--set", "tokens_per_batch=64", "--save_strategy", "no", "--logging_steps", "1"]
    words += ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path)]
    warm_python.run_ranks(2, "recipes/train_tc.py", *words, cwd=ROOT)
    recipe = get_recipe("ynat")
    rows = recipe.prepare(klue_datasets.load("ynat", "train[:40]", mini=True))
    lengths = AutoTokenizer.from_pretrained(tiny)(list(rows["title"]), return_length=True)["length"]
    updates = len(TokenBatchSampler(lengths, 64, world_size=2))
    assert 2 < updates < 20
    assert len(losses(tmp_path)) == updates


def fsdp_settings() -> dict[str, str]:
    """Return the environment that accelerate launch sets for FSDP2."""
    config = load_config_from_file(str(ROOT / "recipes/configs/accelerate/fsdp2.yaml"))
    settings = {name.upper(): str(value) for name, value in config.fsdp_config.items()}
    assert settings["FSDP_VERSION"] == "2"
    return {"ACCELERATE_USE_FSDP": "true", **settings}


def assert_trained_alike(one: Path, other: Path) -> None:
    """Check that one process with accumulation and two processes have equal losses and weights."""
    assert [read(path / "train_results.json")["world_size"] for path in (one, other)] == [1, 2], one
    log = losses(one)
    assert len(log) == 3
    assert log == [pytest.approx(row, abs=1e-4, rel=1e-4) for row in losses(other)], one
    assert log[0]["loss"] != pytest.approx(log[2]["loss"], abs=1e-3)
    name = "adapter_model.safetensors" if one.name == "lora" else "model.safetensors"
    weights, others = load_file(one / name), load_file(other / name)
    torch.testing.assert_close(weights, others, rtol=0, atol=1e-4)


def test_two_processes_and_one_evaluate_the_same(
    finished: tuple[str, Path], evaluate: Callable[..., tuple[Path, Path]]
) -> None:
    task, folder = finished
    words = ("--mini", "--max_eval_samples", "47", "--per_device_eval_batch_size", "4")
    one, two = evaluate(task, folder, *words)
    assert_equal_runs(one, two)
    examples = get_recipe(task).prepare(klue_datasets.load(task, "validation[:47]", mini=True))
    assert len(predictions(two)) == examples.num_rows


@pytest.mark.parametrize("finished", ["ner", "re", "mrc"], indirect=True)
def test_two_processes_lose_and_repeat_nothing_of_1003_examples(
    finished: tuple[str, Path], evaluate: Callable[..., tuple[Path, Path]], shared: Path, tmp_path: Path
) -> None:
    task, folder = finished
    name = f"klue-{task}-v1.1"
    # The official dev set of ner, real rows of re, and synthetic ones of mrc, whose real passages are long.
    data = {"ner": shared / "data/klue-v1.1-dev"}.get(task, tmp_path / "data")
    source = {"re": shared / "data/klue-small" / name, "mrc": Path(klue_datasets.__path__[0], "mini", name)}
    if task in source:
        make_dev_set(task, source[task], data / name, 1_003)
    words = ("--data_dir", str(data), "--max_eval_samples", "1003", "--max_seq_length", "128")
    one, two = evaluate(task, folder, *words)
    guids = [row["guid"] for row in predictions(two)]
    assert len(guids) == len(set(guids)) == 1_003
    assert_equal_runs(one, two)


def make_dev_set(task: str, source: Path, target: Path, number: int) -> None:
    """Write a dev set of repeated rows with unique guids."""
    files = [json.loads((source / f"klue-{task}-v1.1_{name}.json").read_text()) for name in ("dev", "train")]
    rows: list[dict] = []
    while len(rows) < number:
        for file in files:
            if task == "re":
                rows += [{**row, "guid": f"{row['guid']}-{len(rows) + at}"} for at, row in enumerate(file)]
                continue
            for article in file["data"]:
                for paragraph in article["paragraphs"]:
                    for question in paragraph["qas"]:
                        renamed = {**question, "guid": f"{question['guid']}-{len(rows)}"}
                        rows.append({**article, "paragraphs": [{**paragraph, "qas": [renamed]}]})
    target.mkdir(parents=True)
    content = rows[:number] if task == "re" else {"data": rows[:number]}
    (target / f"klue-{task}-v1.1_dev.json").write_text(json.dumps(content, ensure_ascii=False))
