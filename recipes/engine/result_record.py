"""Results as records: one JSON object per result, for runs, published scores and other sources.

A record contains the model, its scores, the data and the method. Files of records are JSON lines, from which
leaderboards and tables are made. ``SCHEMA`` is the version of the schema.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from klue_datasets.raw_files import read_text
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.engine.results import (
    ALL_RESULTS,
    ARGUMENTS,
    EVAL_DETAILS,
    PREDICTIONS,
    RECORD,
    TRAIN_RESULTS,
    read_json,
    strict,
    write_json_lines,
)
from recipes.engine.settings_files import presets, read_preset
from recipes.engine.settings_record import NOT_LEARNED, settings_of

SCHEMA = 1
SPLITS = ("validation", "test")
FINE_TUNED, PROMPTED, PUBLISHED = METHODS = ("fine-tuned", "prompted", "published")
# Settings that identify the model or are irrelevant; all others describe the method.
NO_SETTINGS = NOT_LEARNED | {"model_name_or_path", "model_revision", "schema_version"}


class RecordError(ValueError):
    """An invalid record; the message names the place and the expected value."""


@dataclasses.dataclass(frozen=True)
class MetricScore:
    """A score, times 100, or None if undefined; and the bounds of its 95 % interval, if known."""

    score: float | None
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True)
class ScoredData:
    """The scored data.

    Attributes:
        name: Name of the data.
        split: ``validation`` or ``test``, which are never compared with each other.
        is_official: Whether it is a complete split published by KLUE.
        version: Version of KLUE; None for other data, or if unknown.
        hash: Hash of the files, or the commit of a data set on the Hub.
        examples: Number of scored examples.
    """

    name: str
    split: str
    is_official: bool
    version: str | None = None
    hash: str | None = None
    examples: int | None = None


@dataclasses.dataclass(frozen=True)
class ScoredModel:
    """The model: its Hub id or name, its revision (of a local model: a hash), and number of parameters."""

    name: str
    revision: str | None = None
    parameters: int | None = None


@dataclasses.dataclass(frozen=True)
class Method:
    """The method by which scores were obtained.

    Attributes:
        kind: ``fine-tuned``, ``prompted`` or ``published`` (by others).
        preset: The preset of the training, for fine-tuned models.
        changes: Settings that differ from the preset, as ``key=value``.
        settings: Hash of all settings that affect what is learned.
        seeds: Random seeds.
        shots: Number of examples in the prompt.
        prompt: Version of the prompt.
        source: Source of published scores.
    """

    kind: str
    preset: str | None = None
    changes: list[str] = dataclasses.field(default_factory=list)
    settings: str | None = None
    seeds: list[int] = dataclasses.field(default_factory=list)
    shots: int | None = None
    prompt: str | None = None
    source: str | None = None


@dataclasses.dataclass(frozen=True)
class Speed:
    """Training and evaluation examples per second, latency of one example in ms, and device."""

    train_per_second: float | None = None
    eval_per_second: float | None = None
    latency_ms: float | None = None
    device: str | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """One result.

    Attributes:
        task: Name of the task.
        data: The scored data.
        scores: Key of a metric -> score.
        model: The model.
        method: The method.
        task_version: Version of the task's definition; None for scores of other software.
        speed: Speed of training and evaluation.
        date: Date of the evaluation, as YYYY-MM-DD.
        package: Version of klue-hub.
        predictions: Link to the predictions, or the name of the file in the folder of a run.
        schema: Version of the schema.
    """

    task: str
    data: ScoredData
    scores: Mapping[str, MetricScore]
    model: ScoredModel
    method: Method
    task_version: str | None = None
    speed: Speed = Speed()
    date: str | None = None
    package: str | None = None
    predictions: str | None = None
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Convert the record to JSON, without unknown fields."""
        return _without_none(strict(dataclasses.asdict(self)))

    @property
    def id(self) -> str:
        """Hash of model, method, data and task, which identify the result, but not of scores and speed."""
        named = {
            key: value
            for key, value in self.to_json().items()
            if key in ("task", "task_version", "data", "model", "method")
        }
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:12]


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in values.items():
        inner = _without_none(value) if isinstance(value, dict) else value
        if inner not in (None, [], {}) or key == "score":
            kept[key] = inner
    return kept


def record_from(values: Any, where: object) -> Record:
    """Parse a record.

    Args:
        values: The JSON value.
        where: Its place for messages, such as ``results.jsonl:3``.

    Raises:
        RecordError: The value is not a record of this schema.
    """
    record: Record = _read(values, Record, str(where))
    if record.schema != SCHEMA:
        raise RecordError(f"{where}: schema is {record.schema}; expected {SCHEMA}.")
    if record.task not in TASKS:
        raise RecordError(f"{where}: task is {record.task!r}; expected one of {', '.join(TASKS)}.")
    for name, value, allowed in (
        ("data.split", record.data.split, SPLITS),
        ("method.kind", record.method.kind, METHODS),
    ):
        if value not in allowed:
            raise RecordError(f"{where}: {name} is {value!r}; expected one of {', '.join(allowed)}.")
    names = METRICS[record.task].names
    if not record.scores:
        raise RecordError(f"{where}: scores is empty; expected one of {', '.join(names)}.")
    for key, row in record.scores.items():
        if key not in names:
            raise RecordError(f"{where}: scores has {key!r}; {record.task} has {', '.join(names)}.")
        for number in (row.score, row.low, row.high):
            if number is not None and not -100 <= number <= 100:
                raise RecordError(f"{where}: scores.{key} has {number}; expected a number from -100 to 100.")
    is_ours = record.method.kind != PUBLISHED
    if is_ours and record.data.is_official and not record.data.version:
        raise RecordError(f"{where}: data is official without a version; expected the version of KLUE.")
    return record


def _read(value: Any, kind: Any, where: str) -> Any:
    """Parse a JSON value as a type: a dataclass of this module, or the type of one of its fields."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise RecordError(f"{where}: is {_shown(value)}; expected an object.")
        hints = typing.get_type_hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind)}
        if unknown := sorted(value.keys() - fields.keys()):
            raise RecordError(f"{where}: unknown key {unknown[0]!r}; expected {', '.join(fields)}.")
        needed = [
            name
            for name, field in fields.items()
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        if missing := [name for name in needed if name not in value]:
            raise RecordError(f"{where}: there is no {missing[0]!r}; expected {', '.join(needed)}.")
        return kind(**{name: _read(item, hints[name], f"{where}: {name}") for name, item in value.items()})
    if isinstance(kind, types.UnionType):
        if value is None:
            return None
        kind = next(part for part in typing.get_args(kind) if part is not types.NoneType)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(value, list):
        return [_read(item, inner[0], where) for item in value]
    if origin is Mapping and isinstance(value, dict):
        return {key: _read(item, inner[1], f"{where}.{key}") for key, item in value.items()}
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind is float and is_number:
        return float(value)
    if kind in (str, bool, int) and type(value) is kind:
        return value
    raise RecordError(f"{where} is {_shown(value)}; expected {_name(kind)}.")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _name(kind: Any) -> str:
    names = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return names.get(kind) or ("a list" if typing.get_origin(kind) is list else "an object")


def read_records(path: Path, wrong: list[RecordError] | None = None) -> Iterator[Record]:
    """Read a file of records, one per line.

    Args:
        path: The file.
        wrong: List to which the errors of invalid lines are appended; by default, the first one is raised.

    Raises:
        RecordError: A line is not a valid record.
        FileNotFoundError: There is no such file.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            yield record_from(_parsed(line, where), where)
        except RecordError as error:
            if wrong is None:
                raise
            wrong.append(error)


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise RecordError(f"{where} is not JSON ({error}); expected one object per line.") from error


def unique(records: Iterable[Record]) -> list[Record]:
    """Remove duplicates: keep the last of the records with the same ``id``."""
    return list({record.id: record for record in records}.values())


def record_of_run(folder: Path, results: Mapping[str, Any] | None = None) -> Record:
    """Create the record of a finished and evaluated run.

    Args:
        folder: Folder of the run.
        results: The content of its ``all_results.json``; None to read it.

    Raises:
        RecordError: The folder has no finished evaluation.
    """
    results = read_json(folder / ALL_RESULTS) if results is None else results
    details = read_json(folder / EVAL_DETAILS)
    task = next((name for name, metric in METRICS.items() if f"eval_{metric.primary}" in results), None)
    if task is None:
        raise RecordError(
            f"{folder} has no scores in {ALL_RESULTS}; expected a run that is finished and evaluated."
        )
    evaluated = results.get("eval_model")
    # The folder of the training, which may differ from that of the evaluation.
    trained = folder if (folder / ARGUMENTS).is_file() or not evaluated else Path(evaluated)
    arguments, training = read_json(trained / ARGUMENTS), read_json(trained / TRAIN_RESULTS)
    settings = settings_of(arguments) if arguments else {}
    ends = details.get("scores", {})
    seconds, examples = results.get("eval_seconds"), results.get("eval_samples")
    name = str(settings.get("model_name_or_path") or evaluated or folder.resolve().name)
    is_official = bool(results.get("eval_data_is_official"))
    return Record(
        task=task,
        task_version=results.get("task_version"),
        data=ScoredData(
            name="KLUE" if is_official else str(results.get("eval_data", "unknown")),
            split="validation",
            is_official=is_official,
            version=results.get("data_version"),
            hash=results.get("data_hash") or results.get("data_revision"),
            examples=examples,
        ),
        scores={
            key: MetricScore(
                results[f"eval_{key}"], ends.get(key, {}).get("low"), ends.get(key, {}).get("high")
            )
            for key in METRICS[task].names
            if f"eval_{key}" in results
        },
        model=ScoredModel(
            _without_folders(name),
            revision=_revision(settings, training, results),
            parameters=training.get("parameters", results.get("parameters")),
        ),
        method=_method(task, settings),
        speed=Speed(
            train_per_second=training.get("train_samples_per_second"),
            eval_per_second=round(examples / seconds, 3) if seconds and examples else None,
            latency_ms=results.get("eval_latency_ms"),
            device=results.get("eval_device", results.get("device")),
        ),
        date=results.get("eval_date"),
        package=results.get("klue_hub_version"),
        predictions=PREDICTIONS if (folder / PREDICTIONS).is_file() else None,
    )


def _revision(
    settings: Mapping[str, Any], training: Mapping[str, Any], results: Mapping[str, Any]
) -> str | None:
    """Return the revision of a model on the Hub, or the hash of a local one."""
    local = training.get("base_model_hash") if training else results.get("eval_model_hash")
    named = settings.get("model_revision")
    return local or (None if named == "main" else named)


def _method(task: str, settings: Mapping[str, Any]) -> Method:
    """Describe the method of a run relative to the preset with the fewest different settings."""
    if not settings:
        return Method(FINE_TUNED)
    learned = {key: value for key, value in settings.items() if key not in NO_SETTINGS}
    differ = {name: _changes(learned, read_preset(task, name)) for name in presets(task)}
    preset = min(differ, key=lambda name: (len(differ[name]), name))
    text = json.dumps(learned, sort_keys=True, ensure_ascii=False)
    seed = settings.get("seed")
    return Method(
        FINE_TUNED,
        preset=preset,
        changes=[
            f"{key}={json.dumps(_without_folders(value), ensure_ascii=False)}"
            for key, value in differ[preset].items()
        ],
        settings=hashlib.sha256(text.encode()).hexdigest()[:12],
        seeds=[] if seed is None else [int(seed)],
    )


def _without_folders(value: Any) -> Any:
    """Replace paths in a value by their file names."""
    if isinstance(value, str) and "/" in value and (value[0] in "/.~" or os.path.exists(value)):
        return Path(value).name
    return value


def _changes(settings: Mapping[str, Any], preset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that differ from the preset or, where it sets nothing, from the default."""
    expected = {**settings_of({}), **preset}
    return {
        key: value
        for key, value in sorted(settings.items())
        if value != expected.get(key) and not (key not in expected and value is None)
    }


def write_record(folder: Path) -> None:
    """Write the record of a finished run into its folder."""
    write_json_lines(folder / RECORD, [record_of_run(folder).to_json()])
