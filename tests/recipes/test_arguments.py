"""Tests of flags, presets and YAML: priority, invalid settings, and the speed of ``--help``."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path

import pytest
from transformers import TrainingArguments

from recipes.arguments import FIELDS, RecipeArguments, UsageError, fields_of, help_of, is_expert
from recipes.engine.command_line import make_parser, parse
from recipes.engine.settings_files import TASKS_DIR, kind_of, presets, read_yaml
from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
SETTINGS_PAGE = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in (ROOT / "recipes").glob("train_*.py"))


def parsed(*words: str, task: str = "ynat") -> RecipeArguments:
    return parse(make_parser(task, "A recipe."), task, words)


def refused(*words: str, task: str = "ynat") -> str:
    with pytest.raises(UsageError) as caught:
        parsed(*words, task=task)
    return str(caught.value)


def test_every_task_has_a_script_and_its_presets() -> None:
    assert sorted(f"train_{SCRIPTS[task]}.py" for task in SCRIPTS) == FILES
    assert {path.parent.parent.name for path in TASKS_DIR.glob("*/presets/*.yaml")} == set(SCRIPTS)


def test_every_preset_parses() -> None:
    checked = [
        (task, preset, parsed("--preset", preset, task=task)) for task in SCRIPTS for preset in presets(task)
    ]
    assert len(checked) == len(list(TASKS_DIR.glob("*/presets/*.yaml"))) == 5 * len(SCRIPTS)
    values = {(task, preset): arguments for task, preset, arguments in checked}
    # KLUE_SPEC F
    assert values["nli", "paper"].num_train_epochs == 5
    assert values["sts", "paper-large"].learning_rate == 2e-5
    assert values["ynat", "paper-large"].warmup_ratio == 0.2


def test_the_precision_of_an_accelerate_configuration_is_a_setting_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not parsed().bf16
    for precision in ("bf16", "fp16"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", precision)
        found = parsed()
        assert (found.bf16, found.fp16) == (precision == "bf16", precision == "fp16")
        assert not parsed("--bf16", "false").bf16
    assert parsed("--bf16").bf16
    assert not parsed("--bf16").fp16
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    assert not parsed().bf16


def test_flags_win_over_files_and_files_over_presets(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("learning_rate: 1e-3\nseed: 1\nuse_lora: true\nlogging_steps: 7\n")
    second.write_text("seed: 2\nlora_target_modules: query\nmax_train_samples: null\n")
    arguments = parsed("--config", str(first), "--config", str(second), "--learning_rate", "1e-2")
    assert arguments.learning_rate == 1e-2
    assert arguments.seed == 2
    assert arguments.use_lora
    assert arguments.lora_target_modules == ["query"]
    assert arguments.num_train_epochs == 4  # the paper's
    assert arguments.trainer == {"logging_steps": 7}
    assert parsed("--config", str(first), "--use_lora", "false").use_lora is False


def test_no_do_flag_means_train_and_evaluate() -> None:
    assert (parsed().do_train, parsed().do_eval, parsed().do_predict) == (True, True, False)
    assert (parsed("--do_eval").do_train, parsed("--do_eval").do_eval) == (False, True)
    assert parsed().output_dir == "out/ynat"
    assert parsed("--resume_from_checkpoint").resume_from_checkpoint == "last"


def test_fields_of_training_arguments_are_flags_too() -> None:
    assert parsed("--adam_beta2", "0.98", "--save_only_model").trainer == {
        "adam_beta2": 0.98,
        "save_only_model": True,
    }


def test_unknown_and_wrong_flags_are_refused_with_a_hint(tmp_path: Path) -> None:
    assert "unknown argument --learnign_rate; the nearest is learning_rate." in refused(
        "--learnign_rate", "1"
    )
    assert "unknown argument --adam_beta3; the nearest is adam_beta" in refused("--adam_beta3", "1")
    assert "invalid float value: 'fast'" in refused("--learning_rate", "fast")
    assert "invalid float value: 'x'" in refused("--adam_beta1", "x")
    assert "expected one source of data" in refused("--mini", "--data_dir", "x")
    assert "max_train_samples is 0; expected 1 or more" in refused("--max_train_samples", "0")
    assert "invalid choice: 'max'" in refused("--pooling", "max")
    for text, sentence in (
        ("learnign_rate: 1", "unknown key 'learnign_rate'; the nearest is learning_rate"),
        ("learning_rate: fast", "learning_rate is 'fast'; expected float"),
        ("seed: 1.5", "seed is 1.5; expected int"),
        ("use_lora: 1", "use_lora is 1; expected true or false"),
        ("pooling: max", "pooling is 'max'; expected one of cls, mean"),
        ("- 1", "holds list; expected a mapping"),
        ("a: [", "not valid YAML"),
        ("seed: 1\npooling: cls\nseed: 2", "seed is set 2 times; expected it once"),
    ):
        path = tmp_path / "wrong.yaml"
        path.write_text(text)
        assert sentence in refused("--config", str(path))
    assert "there is no file" in refused("--config", str(tmp_path / "nowhere.yaml"))


def test_strategies_may_be_no_in_yaml(tmp_path: Path) -> None:
    """YAML reads ``no`` as False."""
    path = tmp_path / "a.yaml"
    for name in ("eval_strategy", "save_strategy", "logging_strategy"):
        path.write_text(f"{name}: no\n")
        assert read_yaml(path, "nli") == {name: "no"}
    words = ["--set", "eval_strategy=no", "save_strategy=no"]
    found = parse(make_parser("nli", ""), "nli", words)
    assert (found.eval_strategy, found.trainer["save_strategy"]) == ("no", "no")


def test_yaml_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("learning_rate: 5e-5\nnum_train_epochs: 3\nseed: 7.0\n")
    assert read_yaml(path, "nli") == {"learning_rate": 5e-5, "num_train_epochs": 3.0, "seed": 7}
    assert (
        json.dumps(read_yaml(path, "nli")) == '{"learning_rate": 5e-05, "num_train_epochs": 3.0, "seed": 7}'
    )


@pytest.mark.parametrize("script", [*FILES, "run_all.py", "tiny_model.py"])
def test_help_tells_the_flags_and_imports_nothing_heavy(script: str, cold_python) -> None:
    done = cold_python("-X", "importtime", f"recipes/{script}", "--help")
    assert done.stdout.startswith(f"usage: {script}")
    assert "--output_dir" in done.stdout
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"torch", "transformers", "datasets", "evaluate", "pyarrow", "peft", "accelerate"}


@pytest.mark.parametrize("task", SCRIPTS)
def test_help_names_every_flag_of_the_task_and_no_other(task: str, python) -> None:
    text = python(f"recipes/train_{SCRIPTS[task]}.py", "--help").stdout
    flags = [word.removeprefix("--") for line in text.splitlines() if line.startswith("  --")
             for word in line.split()[:1]]  # fmt: skip
    known = [name for name, field in fields_of(task).items() if not is_expert(field)]
    assert sorted(flags) == sorted(["config", "preset", "set", *known])
    of_transformers = {field.name for field in dataclasses.fields(TrainingArguments)}
    assert len(set(flags) - of_transformers) <= 30
    assert all(f"| `{name}` | " in SETTINGS_PAGE for name in fields_of(task))


def test_help_speaks_of_the_choices_of_the_task_alone() -> None:
    by_task = {
        name: field for name, field in FIELDS.items() if isinstance(field.metadata.get("choices"), dict)
    }
    assert len(by_task) >= 6
    for name, field in by_task.items():
        texts = {task: help_of(field, task) for task in field.metadata["choices"]}
        assert all(texts.values())
        if len(set(field.metadata["choices"].values())) > 1:
            assert len(set(texts.values())) > 1, f"{name} has other choices by task, but one text"


def test_settings_are_given_by_set_as_in_a_file(tmp_path: Path) -> None:
    words = (
        "--set",
        "gate=compared",
        "slot_spread=3",
        "--set",
        "dropout=0",
        "lora_target_modules=[query, key]",
    )
    words += ("learning_rate=1e-3", "logging_steps=7", "num_beams=null", "tokenizer_name=org/1")
    told = parsed(*words, task="wos")
    path = tmp_path / "settings.yaml"
    path.write_text(
        "gate: compared\nslot_spread: 3\ndropout: 0\nlora_target_modules: [query, key]\n"
        "learning_rate: 1e-3\nlogging_steps: 7\nnum_beams: null\ntokenizer_name: org/1\n"
    )
    assert told == parsed("--config", str(path), task="wos")
    assert (told.gate, told.slot_spread, told.dropout, told.num_beams) == ("compared", 3.0, 0.0, None)
    assert (told.lora_target_modules, told.learning_rate) == (["query", "key"], 1e-3)
    assert told.trainer == {"logging_steps": 7}
    assert parsed("--config", str(path), "--set", "gate=context", task="wos").gate == "context"
    assert parsed("--set", "dropout=0", "dropout=0.5", task="wos").dropout == 0.5


def test_every_setting_is_a_flag_or_said_to_be_none() -> None:
    experts = {name for name, field in FIELDS.items() if is_expert(field)}
    tried = set()
    for task in SCRIPTS:
        for name in experts & fields_of(task).keys():
            sentence = f"--{name} is an expert setting, not a flag; expected --set {name}=VALUE."
            assert refused(f"--{name}", "1", task=task) == sentence
            tried.add(name)
    assert tried == experts


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--set", "pooling"), "--set has 'pooling'; expected KEY=VALUE."),
        (("--set", "=mean"), "--set has '=mean'; expected KEY=VALUE."),
        (("--set", "poling=mean"), "--set unknown key 'poling'; the nearest is pooling."),
        (("--set", "gate=compared"), "--set unknown key 'gate'"),  # of another task
        (("--set", "pooling=max"), "pooling is 'max'; expected one of cls, mean."),
        (("--set", "lora_dropout=much"), "--set lora_dropout is 'much'; expected float."),
        (("--set", "lora_dropout=[0.1"), "--set lora_dropout: '[0.1' is not a YAML value."),
        (("--set", "seed=1", "--seed", "2"), "seed is given as a flag and in --set; expected one of them."),
        (("--set", "adam_beta1=0.1", "--adam_beta1", "0.2"), "adam_beta1 is given as a flag and in --set"),
        (("--set", "hub_token=abc"), "hub_token"),
    ],
)
def test_wrong_words_of_set_are_refused(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(*words)


def test_the_threshold_for_no_answer_is_a_number_or_auto() -> None:
    def threshold(*words: str) -> float | str | None:
        return parsed(*words, task="mrc").null_score_diff_threshold

    assert threshold() is None
    assert threshold("--null_score_diff_threshold", "-1.5") == -1.5
    assert threshold("--set", "null_score_diff_threshold=2") == 2.0
    for words in (("--null_score_diff_threshold", "auto"), ("--set", "null_score_diff_threshold=auto")):
        assert threshold(*words) == "auto"
    told = refused("--null_score_diff_threshold", "best", task="mrc")
    assert told.endswith("'best' is neither a number nor auto")


@pytest.mark.parametrize("task", SCRIPTS)
def test_an_evaluation_takes_the_settings_of_the_model_and_not_of_a_preset(task: str) -> None:
    usual, fields = RecipeArguments(), fields_of(task)
    of_model = [name for name in fields if fields[name].metadata["group"] in ("model", "data", "answers")]
    for preset in presets(task):
        words = ["--preset", preset]
        trained, evaluated, given = (
            parse(make_parser(task, ""), task, [*words, *more])
            for more in ([], ["--do_eval"], ["--do_predict", "--max_seq_length", "77"])
        )
        assert trained.max_seq_length > 77
        assert {name: getattr(evaluated, name) for name in of_model} == {
            name: getattr(usual, name) for name in of_model
        }
        assert evaluated.per_device_eval_batch_size == trained.per_device_eval_batch_size
        assert given.max_seq_length == 77


@pytest.mark.parametrize("task", SCRIPTS)
def test_every_numeric_setting_refuses_numbers_out_of_its_range(task: str) -> None:
    checked_together = {"max_steps", "warmup_ratio", "eval_steps", "held_out_fraction"}
    unlimited = {"null_score_diff_threshold"}
    hints = typing.get_type_hints(RecipeArguments)
    for name, field in fields_of(task).items():
        kind, is_list = kind_of(hints[name])
        if kind not in (int, float) or is_list or name in unlimited:
            continue
        assert ("least" in field.metadata) == (name not in checked_together), name
        for value in ("-2", "nan") if kind is float else ("-2",):
            told = refused("--set", f"{name}={value}", task=task)
            assert re.search(rf"{name} (is|has) {value}.*; expected", told), name
