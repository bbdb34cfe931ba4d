"""Tests of the fields of TrainingArguments: support in all tasks, refusals, and secrets."""

from __future__ import annotations

import dataclasses
import json
import logging
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from runs import QUICK, read, run
from transformers import TrainingArguments

from recipes.arguments import FIELDS, RecipeArguments
from recipes.engine import run as story
from recipes.engine import training_arguments
from recipes.engine.command_line import main
from recipes.engine.settings_record import as_settings, to_record
from recipes.engine.trainer_fields import HONOURED, REFUSED
from recipes.redaction import SECRET_TEXTS, redact
from recipes.tasks import SCRIPTS

FIELD_NAMES = {field.name for field in dataclasses.fields(TrainingArguments) if field.init}
SMALL = ("--max_train_samples", "32", "--max_eval_samples", "8", "--max_steps", "2", "--save_steps", "1")
TOKEN = "hf_" + "s" * 34
SECRETS = {
    "a Hugging Face token": TOKEN,
    "an AWS access key": "AKIA" + "A" * 16,
    "an AWS secret key": "aws_secret_access_key=" + "a" * 40,
    "a GitHub token": "ghp_" + "g" * 36,
    "an OpenAI key": "sk-" + "k" * 48,
    "a Weights & Biases key": "WANDB_API_KEY=" + "0" * 40,
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
}
# A value, other than the default, of every field that is honoured.
SAMPLES: dict[str, Any] = {
    "lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": '{"min_lr_rate": 0.5}',
    "warmup_steps": 1, "optim": "adamw_torch", "adam_beta1": 0.8, "adam_beta2": 0.9, "adam_epsilon": 1e-6,
    "max_grad_norm": 0.5, "neftune_noise_alpha": 0.1, "train_sampling_strategy": "sequential",
    "activation_checkpointing": True, "activation_checkpointing_kwargs": '{"use_reentrant": false}',
    "torch_empty_cache_steps": 1, "eval_accumulation_steps": 1, "logging_strategy": "epoch",
    "logging_steps": 1, "logging_first_step": True, "log_on_each_node": False,
    "logging_nan_inf_filter": False, "include_num_input_tokens_seen": True, "log_level": "error",
    "log_level_replica": "error", "disable_tqdm": True, "run_name": TOKEN, "project": "klue",
    "skip_memory_metrics": False,
    "eval_delay": 2, "eval_on_start": True, "save_strategy": "best", "save_steps": 1, "save_total_limit": 2,
    "save_only_model": True, "save_on_each_node": True, "metric_for_best_model": "eval_loss",
    "greater_is_better": True, "load_best_model_at_end": True, "full_determinism": True, "data_seed": 7,
    "use_cpu": True, "dataloader_num_workers": 1, "dataloader_pin_memory": False,
    "dataloader_persistent_workers": True, "dataloader_prefetch_factor": 2,
    "dataloader_multiprocessing_context": "fork", "dataloader_in_order": False, "ddp_timeout": 100,
}  # fmt: skip
# What needs other hardware, several processes or further packages, or gives another name to one above.
NOT_HERE = {
    *(
        "auto_find_batch_size",
        "ddp_backend",
        "ddp_broadcast_buffers",
        "ddp_bucket_cap_mb",
        "ddp_static_graph",
    ),
    *("ddp_find_unused_parameters", "debug", "enable_jit_checkpoint", "gradient_checkpointing"),
    *("gradient_checkpointing_kwargs", "ignore_data_skip", "optim_args", "optim_target_modules"),
    *(
        "report_to",
        "tf32",
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "trackio_bucket_id",
    ),
    *("trackio_space_id", "trackio_static_space_id"),
}


def words_of(samples: dict[str, Any]) -> list[str]:
    """Return values as flags."""
    shown = {
        name: str(value).lower() if isinstance(value, bool) else value for name, value in samples.items()
    }
    return [word for name, value in shown.items() for word in (f"--{name}", str(value))]


def refused(capsys: pytest.CaptureFixture[str], model: Path, folder: Path, task: str, *words: str) -> str:
    """Return the last line of standard error of a refused run, which writes nothing."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(task, None, ["--model_name_or_path", str(model), "--output_dir", str(folder), *QUICK, *words])
    assert ended.value.code == 2
    assert not folder.exists()
    return capsys.readouterr().err.splitlines()[-1]


def test_every_field_is_honoured_refused_or_a_flag_of_ours() -> None:
    assert len(FIELD_NAMES) > 100
    assert (HONOURED | REFUSED.keys() | (FIELDS.keys() & FIELD_NAMES)) == FIELD_NAMES
    assert not HONOURED & REFUSED.keys()
    assert not FIELDS.keys() & (HONOURED | REFUSED.keys())
    assert set(SAMPLES) | NOT_HERE == HONOURED
    assert not set(SAMPLES) & NOT_HERE


@pytest.fixture
def process() -> Iterator[None]:
    """Undo the changes of some fields to the process."""
    verbosity = transformers.logging.get_verbosity()
    yield
    transformers.logging.set_verbosity(verbosity)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("task", SCRIPTS)
@pytest.mark.usefixtures("process")
def test_every_field_that_is_honoured_reaches_trainer_in_every_task(
    task: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all of them in one run, and a secret as ``run_name``."""
    defaults = TrainingArguments(output_dir=str(tmp_path / "unused"), disable_tqdm=False)
    seen: list[TrainingArguments] = []
    make_trainer = story.make_trainer

    def watched(recipe: Any, arguments: Any, given: TrainingArguments, *more: Any) -> Any:
        seen.append(given)
        return make_trainer(recipe, arguments, given, *more)

    monkeypatch.setattr(story, "make_trainer", watched)
    samples = dict(SAMPLES)
    if task == "wos":
        samples["metric_for_best_model"] = "eval_slot_micro_f1"
    run(task, tiny, tmp_path, *SMALL, "--eval_strategy", "steps", *words_of(samples))
    [given] = seen
    as_made = {"include_num_input_tokens_seen": "all"}
    for name, value in samples.items():
        expected = json.loads(value) if str(value).startswith("{") else as_made.get(name, value)
        made, default = (
            getattr(getattr(one, name), "value", getattr(one, name)) for one in (given, defaults)
        )
        assert made == expected, name
        assert default != expected, name
    state = json.loads((tmp_path / "trainer_state.json").read_text())  # Trainer writes NaN as such
    assert state["num_input_tokens_seen"] > 0
    evaluated = [row["step"] for row in state["log_history"] if samples["metric_for_best_model"] in row]
    assert evaluated == [0, 2]
    assert {path.name for path in tmp_path.glob("checkpoint-*")} <= {"checkpoint-0", "checkpoint-2"}
    assert not list(tmp_path.glob("checkpoint-*/optimizer*"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    # Pickles start with their protocol, those of torch are zip files. None is needed without the optimizer.
    assert [path for path in files if path.read_bytes()[:2] in (b"PK", b"\x80\x02", b"\x80\x04")] == []


def test_a_finished_run_leaves_no_pickle_beside_the_model(finished: tuple[str, Path]) -> None:
    files = [path for path in finished[1].iterdir() if path.is_file()]
    assert len(files) > 8
    assert [path.name for path in files if path.suffix in (".bin", ".pt", ".pth", ".pkl")] == []
    assert [path.name for path in files if path.read_bytes()[:2] in (b"PK", b"\x80\x02", b"\x80\x04")] == []
    assert list(finished[1].rglob("training_args.bin")) == []


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_field_is_refused_with_its_reason(
    name: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = typing.get_type_hints(TrainingArguments)[name]
    words = [] if name == "parallelism_config" else [f"--{name}", "true" if kind is bool else TOKEN]
    if kind in (float, int):
        words[1] = "1"
    if words:
        said = refused(capsys, tiny, tmp_path / "out", "dp", *words)
        assert said.endswith(f"error: --{name} is not supported: {REFUSED[name]}.")
        assert TOKEN not in said
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({name: TOKEN}))
    said = refused(capsys, tiny, tmp_path / "out", "dp", "--config", str(file))
    assert said.endswith(f"error: --{name} is not supported: {REFUSED[name]}.")


def test_what_follows_an_unknown_flag_is_not_repeated(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, tiny, tmp_path / "out", "nli", f"--hub_tokn={TOKEN}")
    assert "unknown argument --hub_tokn" in said
    assert TOKEN not in said


def text_fields(record: type) -> list[str]:
    """Return the fields of a record of arguments with text."""
    hints = typing.get_type_hints(record)
    fields = [field.name for field in dataclasses.fields(record) if field.init]
    return [name for name in fields if "str" in str(hints[name])]


@pytest.mark.parametrize("kind", SECRET_TEXTS)
def test_no_field_brings_a_secret_into_a_record_or_a_card(kind: str) -> None:
    secret = SECRETS[kind]
    ours, theirs = text_fields(RecipeArguments), text_fields(TrainingArguments)
    assert len(ours) > 15
    assert len(theirs) > 30
    cases = [RecipeArguments(**{name: secret}) for name in ours if name not in ("trainer", "column")]
    cases += [RecipeArguments(trainer={name: f"x {secret} y"}) for name in theirs]
    cases += [RecipeArguments(trainer={"deepspeed": {"comet": [{"key": secret}]}})]
    for arguments in cases:
        assert secret in repr(arguments)
        for task in SCRIPTS:
            assert secret not in repr(to_record(arguments)) + repr(as_settings(arguments, task))


def test_secrets_are_known_by_their_names_too() -> None:
    given = {"hub_token": "abc", "comet": {"api_key": "abc"}, "password": "abc", "max_new_tokens": 3}
    hidden = {"hub_token": "<HUB_TOKEN>", "comet": {"api_key": "<API_KEY>"}, "password": "<PASSWORD>"}
    assert redact(given) == hidden | {"max_new_tokens": 3}


@pytest.mark.parametrize("tracker", ["wandb", "nothing"])
def test_a_tracker_that_is_not_there_is_named_before_anything_is_loaded(
    tracker: str,
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_arguments, "get_available_reporting_integrations", lambda: ["tensorboard"])
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump({"report_to": ["tensorboard", tracker]}))
    for words in (("--report_to", tracker), ("--config", str(file))):
        said = refused(capsys, tiny, tmp_path / "out", "nli", *words)
        assert f"--report_to names {tracker}, which is not installed" in said
        assert "one of those installed (tensorboard)" in said


@pytest.mark.parametrize("task", SCRIPTS)
def test_a_metric_that_no_evaluation_gives_cannot_choose_the_checkpoint(
    task: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, tiny, tmp_path / "out", task, "--metric_for_best_model", "rouge_l")
    assert "metric_for_best_model is 'rouge_l'; expected one of " in said
    assert said.endswith(", loss.") == (task != "wos")
    if task == "wos":
        words = ("--metric_for_best_model", "eval_loss")
        assert "expected one of" in refused(capsys, tiny, tmp_path / "out", task, *words)


def chosen(folder: Path, metric: str) -> tuple[list[float], dict[str, Any], str]:
    """Return the scores of all evaluations, the results, and the card."""
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    seen = [row[metric] for row in log if metric in row]
    return seen, read(folder / "all_results.json"), (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "metric", "best"),
    [
        (("--eval_strategy", "steps", "--save_steps", "1", "--max_steps", "5"), "eval_accuracy", max),
        (("--eval_strategy", "steps", "--eval_steps", "1", "--max_steps", "5"), "eval_accuracy", max),
        (("--eval_strategy", "steps", "--logging_steps", "2"), "eval_accuracy", max),
        (("--eval_strategy", "steps"), "eval_accuracy", max),
        (("--eval_steps", "2", "--eval_strategy", "steps", "--save_strategy", "best"), "eval_accuracy", max),
        (("--save_steps", "2", "--metric_for_best_model", "eval_loss"), "eval_loss", min),
        (
            ("--save_steps", "2", "--metric_for_best_model", "loss", "--early_stopping_patience", "1"),
            "eval_loss",
            min,
        ),
        (("--save_steps", "2", "--load_best_model_at_end", "false"), "eval_accuracy", None),
        (("--save_strategy", "no"), "eval_accuracy", None),
        (
            ("--save_strategy", "steps", "--save_steps", "2", "--eval_strategy", "epoch"),
            "eval_accuracy",
            None,
        ),
    ],
)
def test_the_checkpoint_that_the_card_tells_of_is_the_one_that_is_scored(
    words: tuple[str, ...], metric: str, best: Any, tiny: Path, tmp_path: Path
) -> None:
    run("nli", tiny, tmp_path, "--learning_rate", "5e-3", "--seed", "1", *words)
    seen, results, card = chosen(tmp_path, metric)
    assert seen
    assert ("The checkpoint was chosen on" in card) == (best is not None)
    if best is None:
        assert results["best_checkpoint_metric"] is results["best_checkpoint_step"] is None
        assert results[metric] == pytest.approx(seen[-1], abs=1e-4)
    else:
        assert results["best_checkpoint_metric"] == best(seen)
        assert results[metric] == pytest.approx(best(seen), abs=1e-4)


def test_a_checkpoint_without_optimizer_state_is_not_resumed_from(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("nli", tiny, tmp_path, *SMALL, "--save_only_model", "--eval_strategy", "no")
    (tmp_path / "all_results.json").unlink()
    words = ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path), *QUICK, *SMALL]
    for wanted in ("last", str(tmp_path / "checkpoint-2")):
        with pytest.raises(SystemExit) as ended:
            main("nli", None, [*words, "--resume_from_checkpoint", wanted])
        assert ended.value.code == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert "checkpoint-2 has no optimizer state (it was saved with --save_only_model)" in said


FOUR_EPOCHS = ("--max_train_samples", "64", "--num_train_epochs", "4", "--do_train", "--save_steps", "2")


@pytest.fixture(scope="module")
def four_updates(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four")
    run("nli", tiny, folder, *FOUR_EPOCHS, "--max_steps", "4")
    return folder


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--max_steps", "4"), None),
        (
            ("--max_steps", "6"),
            "of 4 updates with batches of 16; this run has 6 with batches of 16",
        ),
        (("--max_steps", "4", "--per_device_train_batch_size", "8"), "this run has 4 with batches of 8"),
        (("--max_steps", "-1", "--gradient_accumulation_steps", "2"), "this run has 8 with batches of 16"),
    ],
)
def test_resuming_with_another_schedule_warns(
    words: tuple[str, ...],
    told: str | None,
    tiny: Path,
    four_updates: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    resume = ("--resume_from_checkpoint", str(four_updates / "checkpoint-4"))
    with caplog.at_level(logging.WARNING):
        run("nli", tiny, tmp_path, *FOUR_EPOCHS, *resume, *words)
    warnings = [text for text in caplog.messages if text.startswith("The checkpoint is from a run of")]
    assert len(warnings) == (told is not None)
    assert told is None or told in warnings[0]
