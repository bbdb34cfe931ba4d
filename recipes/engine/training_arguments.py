"""Build TrainingArguments; only this module depends on the names of their fields."""

from __future__ import annotations

import argparse
import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import HfArgumentParser, TrainingArguments
from transformers.integrations import get_available_reporting_integrations

from klue_metrics.functional import get_metric
from recipes.arguments import RecipeArguments, UsageError
from recipes.tasks.protocol import Recipe

LOGGING_STEPS = 0.05  # fraction of the updates between two log entries
# Settings that are fields of TrainingArguments with the same name.
SAME = (
    *("do_train", "do_eval", "do_predict", "learning_rate", "num_train_epochs", "max_steps", "weight_decay"),
    *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    *("bf16", "fp16", "seed"),
)


def make_training_arguments(
    recipe: Recipe, arguments: RecipeArguments, output_dir: Path
) -> TrainingArguments:
    """Build the TrainingArguments of a run.

    Raises:
        UsageError: Settings contradict each other, or this machine does not support them.
    """
    extra = arguments.trainer
    best = extra.get("metric_for_best_model") or get_metric(recipe.task).primary
    _check_best_metric(recipe, best)
    _check_trackers(extra.get("report_to"))
    values: dict[str, Any] = {name: getattr(arguments, name) for name in SAME}
    values |= {
        "output_dir": str(output_dir),
        "warmup_steps": arguments.warmup_ratio,  # a number below 1 is a fraction of the updates
        "train_sampling_strategy": "group_by_length" if arguments.group_by_length else "random",
        "save_total_limit": 1,
        "metric_for_best_model": best,
        "greater_is_better": not best.endswith("loss"),
        "restore_callback_states_from_checkpoint": True,  # otherwise early stopping restarts its count
        "logging_steps": LOGGING_STEPS,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,  # features have no unused columns
    }
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.accelerator.is_available():
        values["use_cpu"] = True  # otherwise the processes do not find each other
    values |= extra | _when_to_evaluate(arguments)
    known = inspect.signature(TrainingArguments).parameters
    missing = sorted(set(values) - set(known))
    if missing:
        raise ValueError(
            f"transformers {transformers.__version__} has no training argument {', '.join(missing)}."
        )
    try:
        made = TrainingArguments(**values)
        device = made.device.type
    except ValueError as error:  # such as --bf16 on a GPU that does not support it
        raise UsageError(f"transformers refuses these settings: {error}") from error
    if made.fp16 and device == "cpu":
        raise UsageError(
            "--fp16 was given on a CPU, which cannot train in float16; expected --bf16, or neither."
        )
    return made


def _when_to_evaluate(arguments: RecipeArguments) -> dict[str, Any]:
    """Return the fields for the schedule of evaluations and checkpoints."""
    extra = arguments.trainer
    evaluates = arguments.do_train and arguments.do_eval
    strategy = arguments.eval_strategy if evaluates else "no"
    if strategy == "epoch" and "save_steps" in extra and "save_strategy" not in extra:
        strategy = "steps"  # checkpoints are compared by evaluations
    save_strategy = extra.get("save_strategy")
    if save_strategy is None:
        save_strategy = "steps" if "save_steps" in extra else "epoch" if strategy == "no" else strategy
    # As in transformers, evaluations are as frequent as log entries by default.
    steps = arguments.eval_steps or extra.get("save_steps") or extra.get("logging_steps") or LOGGING_STEPS
    return {
        "eval_strategy": strategy,
        "eval_steps": steps if strategy == "steps" else None,
        "save_strategy": save_strategy,
        "save_steps": extra.get("save_steps", steps),
        "load_best_model_at_end": extra.get(
            "load_best_model_at_end", strategy != "no" and save_strategy in (strategy, "best")
        ),
    }


def read_flags(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Read the flags that are fields of TrainingArguments.

    Returns:
        The values of the fields given, and the remaining arguments.

    Raises:
        ValueError: A value has the wrong type.
    """
    parser = HfArgumentParser(TrainingArguments, allow_abbrev=False, add_help=False, exit_on_error=False)
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    try:
        values, unknown = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    return vars(values), unknown


def _check_best_metric(recipe: Recipe, name: str) -> None:
    """Raise UsageError if evaluations of the task do not have the metric that selects checkpoints."""
    known = [*get_metric(recipe.task).names, *(["loss"] if recipe.evaluates_loss else [])]
    if name.removeprefix("eval_") not in known:
        raise UsageError(f"metric_for_best_model is {name!r}; expected one of {', '.join(known)}.")


def _check_trackers(report_to: str | Sequence[str] | None) -> None:
    """Raise UsageError if a tracker is not installed."""
    names = [report_to] if isinstance(report_to, str) else report_to or []
    installed = get_available_reporting_integrations()
    if missing := sorted({*names} - {"all", "none", *installed}):
        raise UsageError(
            f"--report_to names {', '.join(missing)}, which is not installed or not known to transformers; "
            f"expected none, all, or one of those installed ({', '.join(installed) or 'there is none'})."
        )
