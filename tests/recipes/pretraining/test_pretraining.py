"""Tests of pre-training runs: learning, resuming and invalid settings."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pretraining_ranks
import pytest
import safetensors.torch
import torch
from checkout import ROOT
from pretraining_ranks import train
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from recipes.engine.checkpoints import locked
from recipes.pretrain import main
from recipes.pretraining.objectives import new_objective
from recipes.pretraining.pretraining_arguments import PretrainingArguments
from recipes.pretraining.pretraining_run import ARGUMENTS, RESULTS, pretrain
from recipes.pretraining.pretraining_trainer import PretrainingTrainer
from recipes.pretraining.tiny_encoder import mini_texts
from recipes.pretraining.vocabulary import train_tokenizer

SETTINGS: dict[str, Any] = {
    "arch": "bert",
    "size": "tiny",
    "max_seq_length": 64,
    "max_steps": 6,
    "global_batch_size": 4,
    "per_device_train_batch_size": 4,
    "held_out": 50,
    "learning_rate": 1e-3,
    "warmup": 0.1,
    "eval_steps": 3,
    "save_steps": 2,
    "logging_steps": 1,
    "trainer": {"use_cpu": True, "disable_tqdm": True},
}


@pytest.fixture(scope="module")
def material(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Write a corpus of a few hundred lines, and a tokenizer."""

    def make(folder: Path) -> None:
        texts = [text.replace("\n", " ") for text in mini_texts() if text.count(" ") > 2][:800]
        folder.mkdir()
        (folder / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        train_tokenizer(texts, kind="wordpiece", vocab_size=2_000).save_pretrained(folder / "tokenizer")

    return made_once("pretraining", make)


def settings(material: Path, output_dir: Path, **others: Any) -> PretrainingArguments:
    given = {
        "corpus": (str(material / "corpus.txt"),), "tokenizer": str(material / "tokenizer"),
        "output_dir": str(output_dir),
    }  # fmt: skip
    return PretrainingArguments(**SETTINGS | given | others)


@pytest.fixture(scope="module")
def whole(material: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Run pre-training without interruption."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    return folder, pretrain(settings(material, folder))


def history(folder: Path) -> list[float]:
    """Return the losses of all steps before a checkpoint."""
    last = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    log = json.loads((last / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in log if "loss" in entry]


def test_what_a_run_leaves_can_be_loaded(whole: tuple[Path, dict[str, Any]], material: Path) -> None:
    folder, results = whole
    assert results == json.loads((folder / RESULTS).read_text())
    assert results["eval_loss"] < 8
    assert results["unigram_loss"] < results["eval_loss"]  # six steps are few
    assert results["train_tokens_per_second"] > 0
    model = AutoModelForMaskedLM.from_pretrained(folder)
    assert AutoModel.from_pretrained(folder).config.hidden_size == 128
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.vocab_size == len(tokenizer)
    card = (folder / "README.md").read_text()
    for words in (
        "## Tokenisation",
        "static, by word",
        "| updates | 6 |",
        "| token frequencies only |",
        "Limitations and bias",
    ):
        assert words in card
    again = pretrain(settings(material, folder))
    assert again == results  # a finished run is not repeated


def test_a_killed_run_goes_on_to_the_same_losses_and_weights(
    whole: tuple[Path, dict[str, Any]], material: Path, tmp_path: Path
) -> None:
    folder, results = whole
    arguments = settings(material, tmp_path / "model")
    child = multiprocessing.get_context("fork").Process(target=_killed, args=(arguments, 5))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / "model" / RESULTS).exists()
    assert (tmp_path / "model" / "checkpoint-4").is_dir()
    continued = pretrain(arguments)
    assert history(tmp_path / "model") == history(folder)
    assert continued["train_loss"] == pytest.approx(results["train_loss"], abs=1e-3)  # the log is rounded
    assert continued["eval_loss"] == pytest.approx(results["eval_loss"], abs=1e-6)
    both = [safetensors.torch.load_file(one / "model.safetensors") for one in (folder, tmp_path / "model")]
    assert all(torch.allclose(both[0][name], both[1][name], atol=1e-6) for name in both[0])


def _killed(arguments: PretrainingArguments, step: int) -> None:
    """Train up to a step and kill the run."""
    torch.set_num_threads(1)
    steps = iter(range(1, 100))
    original = PretrainingTrainer.training_step

    def training_step(self: PretrainingTrainer, *given: Any, **more: Any) -> torch.Tensor:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *given, **more)

    PretrainingTrainer.training_step = training_step  # type: ignore[method-assign]
    pretrain(arguments)


def test_a_folder_of_another_run_is_refused(whole: tuple[Path, dict[str, Any]], material: Path) -> None:
    folder, _ = whole
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(
        ValueError, match=r"holds a run with different settings \(max_steps, seed\); expected"
    ):
        pretrain(settings(material, folder, max_steps=7, seed=1))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_folder_is_written_by_one_run_and_started_over_when_asked(material: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    short = settings(material, folder, max_steps=2)
    first = pretrain(short)
    with locked(folder), pytest.raises(ValueError, match="Another run is writing to"):
        pretrain(dataclasses.replace(short, overwrite_output_dir=True))
    with pytest.raises(ValueError, match="There is no nowhere"):
        pretrain(dataclasses.replace(short, overwrite_output_dir=True, corpus=("nowhere",)))
    assert json.loads((folder / RESULTS).read_text()) == first  # nothing went before the corpus was read
    second = pretrain(dataclasses.replace(short, overwrite_output_dir=True, seed=1))
    assert second["eval_loss"] != first["eval_loss"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tokenizer": ""}, "There is no tokenizer; expected --tokenizer"),
        ({"corpus": ()}, "There is no corpus; expected files"),
        ({"corpus": ("nowhere.txt",)}, "There is no nowhere.txt; expected a file or a folder"),
        ({"size": "huge"}, "bert has no size 'huge'; expected one of tiny, small, base, large"),
        ({"arch": "gpt"}, "There is no architecture 'gpt'"),
        ({"global_batch_size": 5}, "is not a multiple of the 4"),
        ({"trainer": {"colour": 1}}, "expected fields of TrainingArguments"),
        ({"text_column": "body"}, "The corpus has the columns text; expected 'body'"),
        ({"arch": "electra", "generator_size": 2.0}, "The size of the generator is 2.0"),
    ],
)
def test_what_does_not_go_together_is_refused_and_nothing_is_written(
    values: dict[str, Any], message: str, material: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        pretrain(settings(material, tmp_path / "model", **values))
    assert not list((tmp_path / "model").glob("*.json"))


@pytest.mark.parametrize("arch", ["electra", "modernbert"])
def test_other_architectures_learn(arch: str, material: Path, tmp_path: Path) -> None:
    results = pretrain(settings(material, tmp_path / "model", arch=arch, mlm_probability=0.3,
                                mlm_probability_end=0.15, max_steps=3, save_steps=10))  # fmt: skip
    assert results["eval_loss"] < 9
    assert ("eval_discriminator_loss" in results) == (arch == "electra")
    assert (tmp_path / "model" / "generator").is_dir() == (arch == "electra")
    card = (tmp_path / "model" / "README.md").read_text()
    assert ("replaced tokens (discriminator)" in card) == (arch == "electra")
    assert str(material) not in card
    AutoModel.from_pretrained(tmp_path / "model")
    recorded = json.loads((tmp_path / "model" / ARGUMENTS).read_text())
    assert recorded["pack"] == (arch == "electra")
    further = PretrainingArguments(output_dir="x", continue_from=str(tmp_path / "model"))
    if arch == "electra":
        with pytest.raises(ValueError, match="is a model of the type electra; expected one of bert, roberta"):
            further.resolved()
    else:  # by the model, whatever the flags say
        assert (further.resolved().arch, further.resolved().pack) == ("modernbert", False)


def test_a_model_is_trained_further_from_the_command_line(
    whole: tuple[Path, dict[str, Any]], material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, before = whole
    words = ["--from", str(folder), "--corpus", str(material / "corpus.txt"), "--max_steps", "2"]
    words += ["--global_batch_size", "4", "--per_device_train_batch_size", "4", "--max_seq_length", "64"]
    words += ["--held_out", "50", "--learning_rate", "1e-3", "--set", "use_cpu=true", "disable_tqdm=true"]
    assert main([*words, "--output_dir", str(tmp_path / "more")]) == 0
    assert "by the frequency of tokens alone" in capsys.readouterr().out
    results = json.loads((tmp_path / "more" / RESULTS).read_text())
    assert results["eval_loss"] < before["eval_loss"]
    assert f"continued from `{folder.name}`" in (tmp_path / "more" / "README.md").read_text()
    assert main([*words, "--output_dir", str(tmp_path / "none"), "--set", "colour"]) == 1
    assert "--set has 'colour'; expected KEY=VALUE." in capsys.readouterr().err
    assert main(["--list"]) == 0
    assert "roberta        small" in capsys.readouterr().out


def test_settings_have_the_values_of_klue_unless_given() -> None:
    resolved = PretrainingArguments(output_dir="x", arch="roberta", size="large").resolved()
    assert (resolved.max_steps, resolved.global_batch_size, resolved.masking) == (500_000, 2048, "dynamic")
    resolved = PretrainingArguments(output_dir="x", arch="bert", size="base").resolved()
    assert (resolved.max_steps, resolved.global_batch_size, resolved.masking) == (1_000_000, 256, "static")
    assert resolved.learning_rate == 1e-4
    given = dataclasses.replace(resolved, masking="dynamic", warmup=0.0).resolved()
    assert (given.masking, given.warmup) == ("dynamic", 0.0)


def test_two_ranks_equal_one(material: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(material / "tokenizer")
    torch.manual_seed(0)
    model = new_objective("bert", "tiny", len(tokenizer), {"pad_token_id": tokenizer.pad_token_id}).model
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    model.save_pretrained(tmp_path / "start")
    tokenizer.save_pretrained(tmp_path / "start")
    places = [str(tmp_path / "start"), str(material / "corpus.txt")]
    train(*places, str(tmp_path / "one"))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = str(Path(pretraining_ranks.__file__))
    kept = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, script, *places, str(tmp_path / "two")], env={**os.environ, **kept}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert history(tmp_path / "one") == pytest.approx(history(tmp_path / "two"), abs=1e-3)
    both = [safetensors.torch.load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    assert all(torch.allclose(both[0][name], both[1][name], atol=1e-6) for name in both[0])
    results = [json.loads((tmp_path / name / RESULTS).read_text()) for name in ("one", "two")]
    assert [result["world_size"] for result in results] == [1, 2]
    assert results[0]["eval_loss"] == pytest.approx(results[1]["eval_loss"], abs=1e-5)
