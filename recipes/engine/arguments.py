"""The flags of every recipe: presets, YAML and command line in one record. Imports nothing heavy.

Values come from, weakest first: the defaults below, the task's preset, ``--config`` files, flags.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIGS_DIR = Path(__file__).resolve().parent.parent / "configs"
DEFAULT_PRESET = "paper"


def _flag(default: Any, help_text: str, **extra: Any) -> Any:
    return dataclasses.field(default=default, metadata={"help": help_text, **extra})


@dataclasses.dataclass
class RecipeArguments:
    """Everything that a recipe is told; named as in transformers' examples where these have a name for it."""

    # Model
    model_name_or_path: str = _flag(
        "klue/roberta-base", "checkpoint to start from: a Hub id or a folder", group="model"
    )
    model_revision: str = _flag("main", "branch, tag or commit of a Hub checkpoint", group="model")
    tokenizer_name: str | None = _flag(None, "tokenizer, where it is not the checkpoint's own", group="model")
    pooling: str | None = _flag(
        None,
        "what the head reads: the first token, the mean of all, or the means of two sentences, compared "
        "(default: the checkpoint's, else cls)",
        choices=("cls", "mean", "pair"),
        group="model",
    )
    use_lora: bool = _flag(
        False, "train low-rank adapters (PEFT) and the head instead of all weights", group="model"
    )
    lora_r: int = _flag(16, "rank of the adapters", group="model")
    lora_alpha: int = _flag(32, "scale of the adapters: alpha / r", group="model")
    lora_dropout: float = _flag(0.05, "dropout before the adapters", group="model")
    lora_target_modules: list[str] | None = _flag(
        None,
        "names of the layers that get an adapter (default: every linear layer of the encoder)",
        group="model",
    )

    # Data
    dataset_name: str = _flag(
        "klue/klue", "a Hub id, or a folder written by klue_datasets export", group="data"
    )
    data_dir: str | None = _flag(
        None, "raw KLUE files instead: the klue_benchmark folder or a task's", group="data"
    )
    mini: bool = _flag(False, "the small synthetic corpus of this package instead", group="data")
    max_train_samples: int | None = _flag(None, "use only the first N training examples", group="data")
    max_eval_samples: int | None = _flag(None, "use only the first N validation examples", group="data")
    max_seq_length: int = _flag(
        128, "tokens an example at most; longer ones are cut and counted", group="data"
    )
    preprocessing_num_workers: int | None = _flag(None, "processes that tokenise", group="data")

    # What to do
    output_dir: str | None = _flag(None, "where everything is written (default: out/<task>)", group="run")
    do_train: bool = _flag(False, "train (with none of the do_ flags: train and evaluate)", group="run")
    do_eval: bool = _flag(False, "evaluate on the validation split", group="run")
    do_predict: bool = _flag(
        False, "write predictions for the test split, or validation if there is none", group="run"
    )
    resume_from_checkpoint: str | None = _flag(
        None,
        "go on from a checkpoint folder, or from the last whole one in output_dir",
        const="last",
        group="run",
    )
    overwrite_output_dir: bool = _flag(
        False, "drop the checkpoints of an unfinished run and start over", group="run"
    )
    seed: int = _flag(42, "seed of everything random", group="run")

    # Training
    learning_rate: float = _flag(5e-5, "peak learning rate", group="training")
    head_learning_rate: float | None = _flag(
        None, "peak learning rate of the head and whatever else the checkpoint lacked", group="training"
    )
    num_train_epochs: float = _flag(4.0, "passes over the training data", group="training")
    max_steps: int = _flag(-1, "updates; overrides the epochs when positive", group="training")
    per_device_train_batch_size: int = _flag(32, "training examples a device and step", group="training")
    per_device_eval_batch_size: int = _flag(64, "validation examples a device and step", group="training")
    gradient_accumulation_steps: int = _flag(1, "steps an update", group="training")
    warmup_ratio: float = _flag(
        0.0, "share of the updates over which the learning rate rises", group="training"
    )
    weight_decay: float = _flag(0.0, "weight decay, not on biases and layer norms", group="training")
    group_by_length: bool = _flag(False, "batches of examples of like length: less padding", group="training")
    bf16: bool = _flag(False, "compute in bfloat16; the weights stay float32", group="training")
    fp16: bool = _flag(False, "compute in float16; the weights stay float32", group="training")
    eval_strategy: str = _flag(
        "epoch", "when to evaluate and save a checkpoint during training", choices=("no", "steps", "epoch"),
        group="training",
    )  # fmt: skip
    eval_steps: float | None = _flag(
        None, "updates between evaluations with --eval_strategy steps", group="training"
    )
    early_stopping_patience: int | None = _flag(
        None, "stop after this many evaluations without a better headline metric", group="training"
    )

    # Any other field of transformers.TrainingArguments, by its own name.
    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)


FIELDS = {field.name: field for field in dataclasses.fields(RecipeArguments) if "help" in field.metadata}
GROUPS = {"model": "model", "data": "data", "run": "what to do", "training": "training"}


def make_parser(task: str, description: str | None) -> argparse.ArgumentParser:
    """The command line of a recipe.

    Args:
        task: Name of the task, whose presets ``--preset`` offers.
        description: Text above the flags; the docstring of the script.
    """
    parser = argparse.ArgumentParser(
        usage="%(prog)s [flags]",
        description=description,
        epilog="Every other field of transformers.TrainingArguments is a flag too, e.g. --logging_steps 50.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="append", metavar="YAML", help="file with any of the flags below")
    parser.add_argument(
        "--preset", choices=presets(task), help=f"settings for the task (default: {DEFAULT_PRESET})"
    )
    groups = {key: parser.add_argument_group(title) for key, title in GROUPS.items()}
    hints = typing.get_type_hints(RecipeArguments)
    preset = read_yaml(CONFIGS_DIR / task / f"{DEFAULT_PRESET}.yaml")
    for name, field in FIELDS.items():
        option = _option(field, hints[name], preset.get(name, field.default))
        groups[field.metadata["group"]].add_argument(f"--{name}", **option)
    return parser


def parse(parser: argparse.ArgumentParser, task: str, argv: Sequence[str] | None = None) -> RecipeArguments:
    """Reads the command line and the files it names.

    Args:
        parser: What ``make_parser`` gave.
        task: Name of the task.
        argv: The words of the command line; None for those of this process.

    Raises:
        SystemExit: A flag or a file is wrong; a sentence on standard error says how, the status is 2.
    """
    flags, rest = parser.parse_known_args(argv)
    given = vars(flags)
    try:
        values = read_yaml(CONFIGS_DIR / task / f"{given.pop('preset', DEFAULT_PRESET)}.yaml")
        for path in given.pop("config", []):
            values |= read_yaml(Path(path))
        values |= given
        values["trainer"] = _trainer_values(values) | _trainer_flags(rest)
        arguments = RecipeArguments(**values)
        _check(arguments)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if not (arguments.do_train or arguments.do_eval or arguments.do_predict):
        arguments.do_train = arguments.do_eval = True
    arguments.output_dir = arguments.output_dir or f"out/{task}"
    return arguments


def presets(task: str) -> list[str]:
    """The presets of a task: the names of its YAML files under recipes/configs."""
    return sorted(path.stem for path in (CONFIGS_DIR / task).glob("*.yaml"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a settings file: a mapping of flag names to values.

    Raises:
        ValueError: Not a mapping, a name that no flag has, or a value of the wrong type.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML ({error}).") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(
            f"{path}: holds {type(values).__name__}; expected a mapping of flag names to values."
        )
    hints = typing.get_type_hints(RecipeArguments)
    trainer_names = None
    for name, value in values.items():
        if name in FIELDS:
            values[name] = _typed(value, hints[name], f"{path}: {name}")
            continue
        trainer_names = trainer_names or _trainer_fields()
        if name not in trainer_names:
            raise ValueError(f"{path}: unknown key {name!r}{_nearest(str(name), [*FIELDS, *trainer_names])}.")
    return values


def _option(field: dataclasses.Field[Any], hint: Any, default: Any) -> dict[str, Any]:
    """The argparse options of one field."""
    kind, is_list = _kind(hint)
    text = field.metadata["help"] + ("" if default is None or kind is bool else f" (default: {default})")
    option: dict[str, Any] = {"help": text.replace("%", "%%")}
    if kind is bool:  # --flag, and --flag false against a file that says true
        return option | {"nargs": "?", "const": True, "type": _boolean, "metavar": "false"}
    if "const" in field.metadata:
        option |= {"nargs": "?", "const": field.metadata["const"]}
    if is_list:
        option |= {"nargs": "+"}
    if "choices" in field.metadata:
        return option | {"choices": field.metadata["choices"]}
    return option | {"type": kind, "metavar": {int: "N", float: "X", str: "TEXT"}[kind]}


def _boolean(word: str) -> bool:
    if word.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() == "true"


def _kind(hint: Any) -> tuple[type, bool]:
    """The plain type behind a field's hint, and whether the field is a list of it."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def _typed(value: Any, hint: Any, where: str) -> Any:
    """A YAML value as the field's type; YAML reads 5e-5 as text, so numbers in text are accepted."""
    kind, is_list = _kind(hint)
    if value is None and isinstance(hint, types.UnionType):
        return None
    if is_list:
        return [_typed(item, kind, where) for item in (value if isinstance(value, list) else [value])]
    if kind is bool or isinstance(value, bool):
        right = kind is bool and isinstance(value, bool)
    elif kind is str:
        right = isinstance(value, str)
    else:
        try:
            number = float(value)
            right = kind is float or number.is_integer()
        except (TypeError, ValueError):
            right = False
        if right:
            return kind(number)
    if not right:
        raise ValueError(
            f"{where} is {value!r}; expected {'true or false' if kind is bool else kind.__name__}."
        )
    return value


def _check(arguments: RecipeArguments) -> None:
    for name, field in FIELDS.items():
        value, choices = getattr(arguments, name), field.metadata.get("choices")
        if choices and value is not None and value not in choices:
            raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}.")
    for name in ("max_train_samples", "max_eval_samples", "early_stopping_patience"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            raise ValueError(f"{name} is {getattr(arguments, name)}; expected 1 or more.")
    if arguments.mini and arguments.data_dir:
        raise ValueError("--mini and --data_dir were both given; expected one source of data.")
    if arguments.bf16 and arguments.fp16:
        raise ValueError("--bf16 and --fp16 were both given; expected at most one of them.")
    if not 0 <= arguments.warmup_ratio < 1:
        raise ValueError(
            f"warmup_ratio is {arguments.warmup_ratio}; expected a share of the updates, from 0 to below 1."
        )


def _trainer_fields() -> list[str]:
    from transformers import TrainingArguments

    return [field.name for field in dataclasses.fields(TrainingArguments) if field.init]


def _trainer_values(values: dict[str, Any]) -> dict[str, Any]:
    """Takes what belongs to TrainingArguments alone out of ``values``."""
    return {name: values.pop(name) for name in list(values) if name not in FIELDS}


def _trainer_flags(words: Sequence[str]) -> dict[str, Any]:
    """Reads the flags that are fields of TrainingArguments, which is imported only if there are any."""
    if not words:
        return {}
    from transformers import HfArgumentParser, TrainingArguments

    parser = HfArgumentParser(TrainingArguments, allow_abbrev=False, add_help=False, exit_on_error=False)
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    try:
        values, unknown = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    if unknown:
        names = [*FIELDS, "config", "preset", *_trainer_fields()]
        hint = _nearest(unknown[0].lstrip("-").split("=")[0], names) if unknown[0].startswith("-") else ""
        raise ValueError(f"unknown argument {unknown[0]}{hint}.")
    return vars(values)


def _nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; the nearest is {close[0]}" if close else ""


def as_settings(arguments: RecipeArguments) -> Mapping[str, Any]:
    """The arguments as one flat mapping, for results and cards."""
    values = dataclasses.asdict(arguments)
    return {**{name: values[name] for name in FIELDS}, **values["trainer"]}
