"""Tests of the page on deviations from KLUE-baseline."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from transformers import TrainingArguments

from docs.generator.deviations import DIRECTIONS, PRESETS, procedures, read_baseline, settings
from klue_datasets.tasks import TASKS
from recipes.engine.command_line import make_parser, parse
from recipes.engine.training_arguments import make_training_arguments
from recipes.tasks import get_recipe


def test_no_line_is_empty_and_every_task_has_its_lines() -> None:
    tables, others = settings(), procedures()
    assert list(tables) == list(TASKS)
    rows = [row for rows in tables.values() for row in rows]
    assert len(rows) == sum(15 + 3 * (task == "mrc") for task in TASKS)
    for row in rows:
        assert all([row.name, *row.klue, *row.ours, row.deviation])
    assert [row.name for row in rows if row.deviation != "none"] == ["max_seq_length"]  # mrc: 512 or 510
    assert {name for names in others for name in names.split(", ")} == {"all tasks", *TASKS}
    lines = [line for lines in others.values() for line in lines]
    assert len(lines) > 40
    for line in lines:
        assert all(line)
        assert line[-1] in DIRECTIONS
        assert "|" not in "".join(line)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("task", TASKS)
def test_the_values_of_klue_arrive_in_what_trainer_is_told(task: str, preset: str, tmp_path: Path) -> None:
    baseline = read_baseline()
    expected: dict[str, Any] = baseline["defaults"] | baseline["tasks"][task][preset]
    arguments = parse(make_parser(task, ""), task, ["--preset", preset, "--do_train", "--do_eval"])
    made = make_training_arguments(get_recipe(task), arguments, tmp_path)
    for name in (
        *("learning_rate", "num_train_epochs", "per_device_train_batch_size", "per_device_eval_batch_size"),
        *("gradient_accumulation_steps", "weight_decay", "max_grad_norm", "adam_epsilon", "seed"),
        "lr_scheduler_type",
    ):
        assert getattr(made, name) == expected[name], name
    assert made.warmup_steps == expected["warmup_ratio"]
    assert made.metric_for_best_model.removeprefix("eval_") == expected["metric_for_best_model"]
    assert made.greater_is_better is True
    assert made.load_best_model_at_end
    assert (made.eval_strategy, made.save_strategy) == ("epoch", "epoch")
    assert arguments.evaluations_per_epoch == expected["evaluations_per_epoch"] == 4
    assert arguments.early_stopping_patience == expected["early_stopping_patience"]
    lengths = [512] if (task, preset) == ("mrc", "paper") else [expected["max_seq_length"]]
    assert [arguments.max_seq_length] == lengths


def test_the_defaults_of_trainer_are_those_that_the_page_states() -> None:
    made = TrainingArguments(output_dir="unused")
    for name, value in read_baseline()["trainer_defaults"].items():
        assert getattr(made, name) == value


def test_a_deviation_without_a_reason_and_a_reason_without_one_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "klue-baseline.yaml"
    baseline = read_baseline()

    def written(change: Any) -> Path:
        changed = copy.deepcopy(baseline)
        change(changed)
        path.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
        return path

    with pytest.raises(ValueError, match=r"nli seed is .* and no reason for a difference"):
        settings(written(lambda values: values["tasks"]["nli"]["paper"].update(seed=1)))
    with pytest.raises(ValueError, match=r"sts seed is .* and a reason for a difference"):
        settings(written(lambda values: values["reasons"].update(sts={"seed": {}})))
    with pytest.raises(ValueError, match="mrc gives reasons for unknown settings speed"):
        settings(written(lambda values: values["reasons"]["mrc"].update(speed={})))
    with pytest.raises(ValueError, match="all tasks, data: expected here, reason and direction"):
        procedures(written(lambda values: values["procedures"]["all tasks"][0].pop("direction")))
