"""Settings from presets, YAML files and arguments KEY=VALUE, without heavy imports."""

from __future__ import annotations

import collections
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from klue_datasets.raw_files import read_text
from recipes.arguments import RecipeArguments, fields_of
from recipes.engine.trainer_fields import HONOURED, REFUSED

TASKS_DIR = Path(__file__).resolve().parents[1] / "tasks"
# Settings with the value "no", which YAML 1.1 reads as False.
STRATEGIES = ("eval_strategy", "save_strategy", "logging_strategy")


def preset_file(task: str, name: str) -> Path:
    """Return the path of a preset of a task, which may not exist."""
    return TASKS_DIR / task / "presets" / f"{name}.yaml"


def presets(task: str) -> list[str]:
    """Return the names of the presets of a task."""
    return sorted(path.stem for path in preset_file(task, "").parent.glob("*.yaml"))


def read_preset(task: str, name: str) -> dict[str, Any]:
    """Read a preset of a task; with the key ``base`` it extends another preset."""
    values = read_mapping(preset_file(task, name))
    base = read_preset(task, values.pop("base")) if "base" in values else {}
    return base | typed_values(values, task, f"{preset_file(task, name)}: ")


def read_yaml(path: Path, task: str) -> dict[str, Any]:
    """Read a settings file of a task, a mapping from names of settings to values.

    Raises:
        ValueError: The file is not a mapping, a name is unknown, or a value has the wrong type.
    """
    return typed_values(read_mapping(path), task, f"{path}: ")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file with a mapping; an empty file is an empty mapping.

    Raises:
        ValueError: The file is not valid YAML or not a mapping, or it has a key twice.
    """
    try:
        text = read_text(path)
        values = yaml.safe_load(text)
        root: Any = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not valid YAML ({error}).") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(
            f"{path}: holds {type(values).__name__}; expected a mapping of flag names to values."
        )
    counts = collections.Counter(key.value for key, _ in root.value)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"{path}: {repeated[0]} is set {counts[repeated[0]]} times; expected it once.")
    return dict(values)


def read_pairs(words: Sequence[str], flag: str) -> dict[str, Any]:
    """Read the arguments ``KEY=VALUE`` of a flag, whose values are YAML.

    Raises:
        ValueError: An argument does not have that form.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not (name and sign):
            raise ValueError(f"{flag} has {word!r}; expected KEY=VALUE.")
        try:
            values[name] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"{flag} {name}: {text!r} is not a YAML value.") from error
    return values


def typed_values(values: Mapping[str, Any], task: str, where: str) -> dict[str, Any]:
    """Convert values to the types of their fields; raise ValueError for unknown names or wrong types."""
    hints = typing.get_type_hints(RecipeArguments)
    fields = fields_of(task)
    typed = {name: "no" if value is False and name in STRATEGIES else value for name, value in values.items()}
    for name, value in list(typed.items()):
        if name in fields:
            is_word = value is not None and value == fields[name].metadata.get("word")
            typed[name] = value if is_word else _typed(value, hints[name], f"{where}{name}")
        elif name not in HONOURED and name not in REFUSED:
            raise ValueError(f"{where}unknown key {name!r}{nearest(str(name), [*fields, *HONOURED])}.")
    return typed


def kind_of(hint: Any) -> tuple[type, bool]:
    """Return the type of a field or of its items, and whether the field is a list."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    return hint, False


def _typed(value: Any, hint: Any, where: str) -> Any:
    """Convert a YAML value to the field's type; numbers may be strings, as YAML reads 5e-5."""
    kind, is_list = kind_of(hint)
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


def nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; the nearest is {close[0]}" if close else ""
