"""Find runs in folders, read their results, and group runs that differ only in the seed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from klue_metrics.functional import METRICS, Metric
from recipes.engine.result_record import Record, record_of_run
from recipes.engine.results import ALL_RESULTS, ARGUMENTS, EVAL_RESULTS, PREDICTIONS, TRAIN_RESULTS, read_json
from recipes.engine.settings_record import NOT_LEARNED, settings_of

STATE = "trainer_state.json"
MODEL = "model_name_or_path"
NAMED = 3  # maximum number of settings in a label
# Sizes of models, as in KLUE's leaderboard, and their maximum numbers of parameters. XLM-R-base (278 M) is a
# base model, and KLUE-RoBERTa-large (337 M) a large one.
SIZES = (("small", 70_000_000), ("base", 300_000_000), ("large", None))
_CHECKPOINT = re.compile(r"checkpoint-\d+")
_SEED = re.compile(r"seed-(\d+)")


class BrokenRun(ValueError):
    """A folder without a run that can be reported; the message is the reason."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One finished and evaluated run.

    Attributes:
        folder: Folder of the run.
        name: Name of the folder in the report: its path, relative to the searched folder if there is only
            one.
        task: Name of the task.
        model: Last part of the model's name.
        record: The result record.
        results: The content of ``all_results.json``, with further results such as the constant baseline.
        settings: The content of ``recipe_arguments.json`` as a flat mapping, and the hash of the data if
            known; may be empty.
        history: ``log_history`` of Trainer; may be empty.
    """

    folder: Path
    name: str
    task: str
    model: str
    record: Record
    results: Mapping[str, Any]
    settings: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]

    @property
    def metric(self) -> Metric:
        """The metric of the task."""
        return METRICS[self.task]

    @property
    def seed(self) -> int | None:
        """The seed, from the settings or from a folder called ``seed-<n>``."""
        found = _SEED.fullmatch(self.folder.name)
        seed = self.settings.get("seed", int(found[1]) if found else None)
        return None if seed is None else int(seed)

    @property
    def predictions(self) -> Path:
        """Path of the predictions on the validation split."""
        return self.folder / PREDICTIONS


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ only in the seed.

    Attributes:
        label: Name that distinguishes the group from others of its board.
        runs: Runs by seed.
    """

    label: str
    runs: Sequence[Run]

    @property
    def model(self) -> str:
        """Last part of the model's name."""
        return self.runs[0].model

    def label_of(self, run: Run) -> str:
        """Return a name that distinguishes a run from others of its board."""
        return self.label if len(self.runs) == 1 else f"{self.label}, seed {run.seed}"


@dataclasses.dataclass(frozen=True)
class Board:
    """Runs that can be compared, on the same task and the same validation examples.

    Attributes:
        task: Name of the task.
        data: Name of the data.
        samples: Number of scored examples.
        is_official: Whether the data is KLUE's complete official validation split.
        groups: Groups by label.
    """

    task: str
    data: str
    samples: int
    is_official: bool
    groups: Sequence[Group]

    @property
    def runs(self) -> list[tuple[str, Run]]:
        """Labels and runs, in group order."""
        return [(group.label_of(run), run) for group in self.groups for run in group.runs]


def find_runs(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Find all finished runs in folders.

    Returns:
        The runs by folder, and sentences about folders of runs that are omitted.

    Raises:
        FileNotFoundError: One of the folders does not exist.
    """
    runs: dict[Path, Run] = {}
    problems: dict[Path, str] = {}
    for top in folders:
        if not top.is_dir():
            raise FileNotFoundError(f"There is no folder {top}; expected one that holds runs.")
        for folder in _run_folders(top):
            name = folder.as_posix() if len(folders) > 1 else folder.relative_to(top).as_posix()
            name = folder.resolve().name if name == "." else name
            try:
                runs.setdefault(folder.resolve(), read_run(folder, name))
            except BrokenRun as problem:
                problems.setdefault(folder.resolve(), str(problem))
    return [runs[folder] for folder in sorted(runs)], [problems[folder] for folder in sorted(problems)]


def _run_folders(top: Path) -> Iterator[Path]:
    """Yield folders with files of a recipe, except for checkpoints, which belong to their parent folder."""
    marks = {ALL_RESULTS, EVAL_RESULTS, TRAIN_RESULTS, ARGUMENTS}
    for folder, inner, files in os.walk(top):
        checkpoints = [name for name in inner if _CHECKPOINT.fullmatch(name)]
        inner[:] = sorted(set(inner) - set(checkpoints))
        if checkpoints or marks & set(files):
            yield Path(folder)


def read_run(folder: Path, name: str) -> Run:
    """Read one run.

    Args:
        folder: Folder of the run.
        name: Name of the run in the report.

    Raises:
        BrokenRun: The run has not finished or was not evaluated, or a file is not one of a recipe.
    """
    if not (folder / ALL_RESULTS).is_file():
        raise BrokenRun(f"{name}: there is no {ALL_RESULTS}, so the run is not finished; expected one.")
    results = _object(folder / ALL_RESULTS, name)
    task = next((task for task, metric in METRICS.items() if f"eval_{metric.primary}" in results), None)
    if task is None:
        raise BrokenRun(f"{name}: {ALL_RESULTS} has no score of a KLUE task; expected a run with --do_eval.")
    wrong = [key for key in _numbers(METRICS[task]) if not _is_number(results.get(key))]
    if wrong:
        raise BrokenRun(
            f"{name}: {ALL_RESULTS} has no number for {', '.join(wrong)}; expected numbers or null."
        )
    settings = _object(folder / ARGUMENTS, name)
    record = record_of_run(folder, results)
    if settings:
        settings = settings_of(settings) | {"data_hash": record.data.hash}
    history = _object(folder / STATE, name).get("log_history", [])
    model = _model_from(Path(settings.get(MODEL) or folder.resolve()), task)
    return Run(folder, name, task, model, record, results, settings, history)


def _numbers(metric: Metric) -> list[str]:
    return [f"eval_{key}" for key in metric.names] + ["eval_samples"]


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _object(path: Path, name: str) -> dict[str, Any]:
    """Read a JSON object, which is empty if there is no file."""
    try:
        return read_json(path)
    except (ValueError, OSError) as error:
        reason = str(error).replace(str(path), path.name)  # reports may be published
        raise BrokenRun(f"{name}: {reason}") from error


def _model_from(folder: Path, task: str) -> str:
    """Return the model in the layout of run_all, <model>/<task>/seed-<n>, or the name of the folder."""
    is_run_all = _SEED.fullmatch(folder.name) and folder.parent.name == task
    return folder.parent.parent.name if is_run_all else folder.name


def make_boards(runs: Iterable[Run]) -> list[Board]:
    """Group comparable runs into boards by task, with official data first."""
    boards: dict[tuple[str, bool, str, int, str], list[Run]] = {}
    for run in runs:
        data = run.record.data
        name = f"{data.name} {data.version}" if data.is_official and data.version else data.name
        content = "" if data.is_official else str(run.results.get("validation_hash") or "")[:7]
        boards.setdefault((run.task, data.is_official, name, data.examples or 0, content), []).append(run)
    namesakes = Counter(key[:4] for key in boards)
    order = list(METRICS)
    keys = sorted(boards, key=lambda key: (order.index(key[0]), not key[1], *key[2:]))
    return [
        Board(
            key[0],
            f"{key[2]} (content {key[4] or 'unknown'})" if namesakes[key[:4]] > 1 else key[2],
            key[3],
            key[1],
            _groups(boards[key]),
        )
        for key in keys
    ]


def _groups(runs: Iterable[Run]) -> list[Group]:
    alike: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        kept = {key: value for key, value in run.settings.items() if key not in NOT_LEARNED}
        # Without settings, it is unknown whether runs differ only in the seed.
        settings = json.dumps(kept, sort_keys=True, ensure_ascii=False) if run.settings else run.name
        repeat = 0
        while any(other.seed == run.seed for other in alike.get((settings, repeat), [])):
            repeat += 1
        alike.setdefault((settings, repeat), []).append(run)
    groups = [sorted(members, key=lambda run: (run.seed is None, run.seed)) for members in alike.values()]
    labelled = [Group(label, members) for label, members in zip(_labels(groups), groups, strict=True)]
    return sorted(labelled, key=lambda group: group.label)


def _labels(groups: Sequence[Sequence[Run]]) -> list[str]:
    """Build labels from the model's name and the differences between groups of that name.

    The differences are up to ``NAMED`` settings, and the number of others; or, if settings are equal, the
    parts of the folders that differ.
    """
    first = [members[0] for members in groups]
    labels = []
    for run in first:
        namesakes = [other.settings for other in first if other.model == run.model]
        every = differing_settings(namesakes)
        named = every if len(every) <= NAMED else _fewest(every, namesakes)
        differences = [f"{key} {run.settings[key]}" for key in named if run.settings.get(key) is not None]
        models = [str(settings[MODEL]) for settings in namesakes if MODEL in settings]
        if MODEL in run.settings and len(set(models)) > 1:
            differences.insert(0, f"model {_different_parts(models)[str(run.settings[MODEL])]}")
        if differences and len(every) > len(named):
            differences.append(f"{len(every) - len(named)} more")
        labels.append(f"{run.model} ({', '.join(differences)})" if differences else run.model)
    folders = [_without_seed(run.name) for run in first]
    for label in {label for label in labels if labels.count(label) > 1}:
        alike = [index for index, other in enumerate(labels) if other == label]
        parts = _different_parts([folders[index] for index in alike])
        for index in alike:
            labels[index] = f"{label} [{parts[folders[index]]}]"
    return labels


def differing_settings(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the settings in which runs differ, except for the model and ``NOT_LEARNED``, choices first."""
    keys = {key for values in settings for key in values} - NOT_LEARNED - {MODEL}
    differ = [key for key in keys if _kinds([key], settings) > 1]
    return sorted(differ, key=lambda key: (any(_is_amount(values.get(key)) for values in settings), key))


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kinds(keys: Sequence[str], settings: Sequence[Mapping[str, Any]]) -> int:
    """Count the distinct combinations of some settings."""
    return len({json.dumps([values.get(key) for key in keys], sort_keys=True) for values in settings})


def _fewest(keys: Sequence[str], settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Select the fewest settings that distinguish all runs, but at most ``NAMED``."""
    chosen: list[str] = []
    while len(chosen) < NAMED and _kinds(chosen, settings) < _kinds(keys, settings):
        chosen.append(max(keys, key=lambda key: _kinds([*chosen, key], settings)))
    return chosen


def _without_seed(name: str) -> str:
    folder = Path(name)
    return str(folder.parent) if _SEED.fullmatch(folder.name) and folder.parent.name else name


def _different_parts(paths: Sequence[str]) -> dict[str, str]:
    """Map paths to their parts without the leading and trailing folders that all share."""
    parts = [Path(path).parts for path in paths]
    begin = _shared(parts)
    rest = [part[begin:] for part in parts]
    end = _shared([part[::-1] for part in rest])
    return {
        path: "/".join(part[: len(part) - end]) or Path(path).name
        for path, part in zip(paths, rest, strict=True)
    }


def _shared(rows: Sequence[Sequence[str]]) -> int:
    """Count the leading items that all rows share."""
    columns = zip(*rows, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))


def size_of(parameters: float | None) -> str:
    """Return the size of a model: small, base, large, or unknown without a number of parameters."""
    if parameters is None:
        return "unknown"
    return next(name for name, limit in SIZES if limit is None or parameters <= limit)
