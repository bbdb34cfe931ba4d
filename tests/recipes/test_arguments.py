"""Flags, presets and YAML: who wins, what is refused, and how fast ``--help`` is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes.engine.arguments import RecipeArguments, fields_of
from recipes.engine.command_line import CONFIGS_DIR, make_parser, parse, presets, read_yaml
from recipes.tasks import MODULES

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "recipes").glob("train_*.py"))


def parsed(*words: str, task: str = "ynat") -> RecipeArguments:
    return parse(make_parser(task, "A recipe."), task, words)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_every_task_has_a_script_and_its_presets() -> None:
    assert sorted(f"train_{MODULES[task]}.py" for task in MODULES) == SCRIPTS
    assert {path.parent.name for path in CONFIGS_DIR.glob("*/*.yaml")} == set(MODULES)


def test_every_preset_parses() -> None:
    checked = [
        (task, preset, parsed("--preset", preset, task=task)) for task in MODULES for preset in presets(task)
    ]
    assert len(checked) == len(list(CONFIGS_DIR.glob("*/*.yaml"))) == 3 * len(MODULES)
    values = {(task, preset): arguments for task, preset, arguments in checked}
    # KLUE_SPEC F
    assert values["nli", "paper"].num_train_epochs == 5
    assert values["sts", "paper-large"].learning_rate == 2e-5
    assert values["ynat", "paper-large"].warmup_ratio == 0.2


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


def test_unknown_and_wrong_flags_are_refused_with_a_hint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "unknown argument --learnign_rate; the nearest is learning_rate." in refused(
        capsys, "--learnign_rate", "1"
    )
    assert "unknown argument --adam_beta3; the nearest is adam_beta" in refused(capsys, "--adam_beta3", "1")
    assert "invalid float value: 'fast'" in refused(capsys, "--learning_rate", "fast")
    assert "invalid float value: 'x'" in refused(capsys, "--adam_beta1", "x")
    assert "expected one source of data" in refused(capsys, "--mini", "--data_dir", "x")
    assert "max_train_samples is 0; expected 1 or more" in refused(capsys, "--max_train_samples", "0")
    assert "invalid choice: 'max'" in refused(capsys, "--pooling", "max")
    for text, sentence in (
        ("learnign_rate: 1", "unknown key 'learnign_rate'; the nearest is learning_rate"),
        ("learning_rate: fast", "learning_rate is 'fast'; expected float"),
        ("seed: 1.5", "seed is 1.5; expected int"),
        ("use_lora: 1", "use_lora is 1; expected true or false"),
        ("pooling: max", "pooling is 'max'; expected one of cls, mean"),
        ("- 1", "holds list; expected a mapping"),
        ("a: [", "not valid YAML"),
    ):
        path = tmp_path / "wrong.yaml"
        path.write_text(text)
        assert sentence in refused(capsys, "--config", str(path))
    assert "No such file" in refused(capsys, "--config", str(tmp_path / "nowhere.yaml"))


def test_yaml_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("learning_rate: 5e-5\nnum_train_epochs: 3\nseed: 7.0\n")
    assert read_yaml(path, "nli") == {"learning_rate": 5e-5, "num_train_epochs": 3.0, "seed": 7}
    assert (
        json.dumps(read_yaml(path, "nli")) == '{"learning_rate": 5e-05, "num_train_epochs": 3.0, "seed": 7}'
    )


@pytest.mark.parametrize("script", [*SCRIPTS, "run_all.py", "tiny_model.py"])
def test_help_tells_the_flags_and_imports_nothing_heavy(script: str, cold_python) -> None:
    done = cold_python("-X", "importtime", f"recipes/{script}", "--help")
    assert done.stdout.startswith(f"usage: {script}")
    assert "--output_dir" in done.stdout
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"torch", "transformers", "datasets", "evaluate", "pyarrow", "peft", "accelerate"}


@pytest.mark.parametrize("task", MODULES)
def test_help_names_every_flag_of_the_task_and_no_other(task: str, python) -> None:
    text = python(f"recipes/train_{MODULES[task]}.py", "--help").stdout
    flags = [word.removeprefix("--") for line in text.splitlines() if line.startswith("  --")
             for word in line.split()[:1]]  # fmt: skip
    assert sorted(flags) == sorted(["config", "preset", *fields_of(task)])
