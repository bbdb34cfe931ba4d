"""Command line of the recipe scripts: presets, YAML files and flags, without heavy imports.

Later sources override earlier ones: defaults, the preset, ``--config`` files, flags and ``--set``.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import math
import os
import sys
import typing
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any, NoReturn

from klue_datasets.commands import input_file, needs, output_folder, repeated, without_collection
from recipes.arguments import (
    FIELDS,
    GROUPS,
    RecipeArguments,
    UsageError,
    check_number,
    choices_of,
    default_of,
    fields_of,
    help_of,
    is_expert,
)
from recipes.engine.settings_files import (
    kind_of,
    nearest,
    presets,
    read_pairs,
    read_preset,
    read_yaml,
    typed_values,
)
from recipes.engine.trainer_fields import HONOURED, REFUSED, check_fields, check_steps

DEFAULT_PRESET = "paper"
INTERRUPTED = 130  # exit status after Ctrl-C


@needs("train")
def main(task: str, description: str | None, argv: Sequence[str] | None = None) -> None:
    """Run the recipe of a task.

    Args:
        task: Name of the task.
        description: The script's docstring, for ``--help``.
        argv: The command-line arguments; None for those of this process.

    Raises:
        SystemExit: The flags are invalid (status 2), the run failed (1) or was interrupted (130); a message
            is printed to standard error.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser(task, description)
    try:
        arguments = parse(parser, task, words)
    except UsageError as error:
        parser.refuse(error)
    try:
        with without_collection():
            run = resolve_name("recipes.engine.run:run")
        run(task, arguments)
    except KeyboardInterrupt:
        again = words if "--resume_from_checkpoint" in words else [*words, "--resume_from_checkpoint"]
        command = repeated(again if arguments.do_train else words)
        print(f"\nInterrupted. To continue: {command}", file=sys.stderr)  # a progress bar may end here
        raise SystemExit(INTERRUPTED) from None
    except UsageError as error:
        parser.refuse(error)
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        raise SystemExit(1) from None


class RecipeParser(argparse.ArgumentParser):
    """A parser that raises UsageError, so that the flags of several runs can be checked in advance."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of ending the process."""
        raise UsageError(message)

    def refuse(self, error: UsageError) -> NoReturn:
        """Print a usage error and end the process with status 2."""
        super().error(str(error))


def make_parser(task: str, description: str | None) -> RecipeParser:
    """Build the parser of a recipe.

    Args:
        task: Name of the task.
        description: The script's docstring, shown above the flags.
    """
    parser = RecipeParser(
        usage="%(prog)s [flags]",
        description=description,
        epilog="Fields of transformers.TrainingArguments, such as --logging_steps 50, are flags too, unless "
        "a recipe refuses them with a reason.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--preset", choices=presets(task), help=f"Settings for the task (default: {DEFAULT_PRESET})."
    )
    parser.add_argument(
        "--config",
        type=input_file,
        action="append",
        metavar="YAML",
        help="YAML file of flags and expert settings.",
    )
    parser.add_argument(
        "--set",
        action="extend",
        nargs="+",
        metavar="KEY=VALUE",
        help="Expert settings, or any of the flags: docs/settings.md lists them.",
    )
    flags = {name: field for name, field in fields_of(task).items() if not is_expert(field)}
    used = {field.metadata["group"] for field in flags.values()}
    groups = {key: parser.add_argument_group(title) for key, title in GROUPS.items() if key in used}
    hints = typing.get_type_hints(RecipeArguments)
    preset = read_preset(task, DEFAULT_PRESET)
    for name, field in flags.items():
        option = _option(field, task, hints[name], preset.get(name, field.default))
        groups[field.metadata["group"]].add_argument(f"--{name}", **option)
    return parser


def parse(parser: argparse.ArgumentParser, task: str, argv: Sequence[str] | None = None) -> RecipeArguments:
    """Read the command line and the files it names.

    Args:
        parser: The parser from ``make_parser``.
        task: Name of the task.
        argv: The command-line arguments; None for those of this process.

    Raises:
        UsageError: A flag or a file is invalid.
    """
    flags, rest = parser.parse_known_args(argv)
    given = vars(flags)
    try:
        preset = read_preset(task, given.pop("preset", DEFAULT_PRESET))
        values: dict[str, Any] = {}
        for path in given.pop("config", []):
            values |= read_yaml(path, task)
        settings = typed_values(read_pairs(given.pop("set", []), "--set"), task, "--set ")
        trainer_flags = _trainer_flags(rest, task)
        if twice := sorted(settings.keys() & (given.keys() | trainer_flags.keys())):
            raise ValueError(f"{twice[0]} is given as a flag and in --set; expected one of them.")
        values |= given | settings
        if not values.get("do_train") and (values.get("do_eval") or values.get("do_predict")):
            preset = {name: value for name, value in preset.items() if not _describes_model(name, task)}
        values = preset | values
        precision = os.environ.get("ACCELERATE_MIXED_PRECISION")  # set by an Accelerate configuration
        if precision in ("bf16", "fp16") and not {"bf16", "fp16"} & values.keys():
            values[precision] = True
        values["trainer"] = _trainer_values(values) | trainer_flags
        arguments = RecipeArguments(**values)
        _check(arguments, task)
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    if not (arguments.do_train or arguments.do_eval or arguments.do_predict):
        arguments.do_train = arguments.do_eval = True
    arguments.output_dir = arguments.output_dir or f"out/{task}"
    return arguments


def _describes_model(name: str, task: str) -> bool:
    """Return whether a trained model's configuration determines this setting."""
    field = fields_of(task).get(name)
    return field is not None and field.metadata["group"] in ("model", "data", "answers")


def _option(field: dataclasses.Field[Any], task: str, hint: Any, default: Any) -> dict[str, Any]:
    """Build the argparse options of one field."""
    kind, is_list = kind_of(hint)
    shown = default_of(field, task) if default == field.default else default
    default_text = f" (default: {shown})" if shown and kind is not bool else ""
    option: dict[str, Any] = {"help": f"{help_of(field, task)}{default_text}.".replace("%", "%%")}
    if kind is bool:  # --flag, or --flag false to override a file
        return option | {"nargs": "?", "const": True, "type": _boolean, "metavar": "false"}
    if "const" in field.metadata:
        option |= {"nargs": "?", "const": field.metadata["const"]}
    if is_list:
        option |= {"nargs": "+", "action": "extend"}
    if choices := choices_of(field, task):
        return option | {"choices": choices}
    metavar = {int: "N", float: "X", str: "TEXT"}[kind]
    if word := field.metadata.get("word"):
        return option | {"type": functools.partial(_number_or, word), "metavar": f"{metavar}|{word}"}
    return option | {"type": kind, "metavar": metavar}


def _number_or(word: str, text: str) -> float | str:
    try:
        return text if text == word else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor {word}") from None


def _boolean(word: str) -> bool:
    if word.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() == "true"


def _check(arguments: RecipeArguments, task: str) -> None:
    """Raise ValueError for values out of range, and for settings that contradict each other."""
    check_fields(arguments.trainer)
    if arguments.output_dir:
        output_folder(arguments.output_dir)
    for name, field in fields_of(task).items():
        value, choices = getattr(arguments, name), choices_of(field, task)
        if choices and value is not None and value not in choices:
            raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}.")
        if "least" in field.metadata:
            check_number(name, value, field.metadata["least"], field.metadata.get("most", math.inf))
    if arguments.eval_steps is not None:
        check_steps("eval_steps", arguments.eval_steps)
    if arguments.max_steps == 0 or arguments.max_steps < -1:
        raise ValueError(
            f"max_steps is {arguments.max_steps}; expected a number of updates, or -1 for whole epochs."
        )
    if arguments.bf16 and arguments.fp16:
        raise ValueError("--bf16 and --fp16 were both given; expected at most one of them.")
    other = sorted({"auto_find_batch_size", "train_sampling_strategy"} & arguments.trainer.keys())
    if arguments.tokens_per_batch is not None and other:
        raise ValueError(f"tokens_per_batch and {other[0]} were both given; expected one of them.")
    if not 0 <= arguments.warmup_ratio < 1:
        raise ValueError(
            f"warmup_ratio is {arguments.warmup_ratio}; expected a share of the updates, from 0 to below 1."
        )


def _trainer_values(values: dict[str, Any]) -> dict[str, Any]:
    """Move fields of TrainingArguments out of ``values``."""
    return {name: values.pop(name) for name in list(values) if name not in FIELDS}


def _trainer_flags(words: Sequence[str], task: str) -> dict[str, Any]:
    """Read the flags that are fields of TrainingArguments, which is imported only if there are any."""
    if not words:
        return {}
    named = (word[2:].split("=")[0].replace("-", "_") for word in words if word.startswith("--"))
    check_fields(dict.fromkeys(name for name in named if name in REFUSED))  # before their values are parsed
    values, unknown = resolve_name("recipes.engine.training_arguments:read_flags")(words)
    if unknown:
        word = unknown[0].split("=")[0]  # the value may be a secret
        if (name := word.lstrip("-")) in fields_of(task):
            raise ValueError(f"{word} is an expert setting, not a flag; expected --set {name}=VALUE.")
        names = [*fields_of(task), "config", "preset", "set", *HONOURED]
        hint = nearest(name, names) if word.startswith("-") else ""
        raise ValueError(f"unknown argument {word}{hint}.")
    return dict(values)
