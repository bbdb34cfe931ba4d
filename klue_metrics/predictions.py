"""Read predictions files and pair predictions with references.

A predictions file, as written by the recipes, has one JSON object per line, with these fields
(``prediction_files`` reads other formats, too):

* ``guid``, or ``index``, the position in the split;
* ``prediction``; for mrc a text, or a mapping with ``prediction_text``;
* ``reference``, unless references are read from another source;
* for wos, ``turn`` (0, 1, ...), the number of the user turn in its dialogue. Alternatively a line is a whole
  dialogue, and its prediction a list of states, one per user turn;
* optionally, in every line: ``tokens`` (ner), ``probabilities`` (re), ``source`` (sts, nli), and ``cluster``
  (any task), which names the examples that are resampled together.

Fields that are null or NaN count as missing, as do an empty ``guid``, ``index`` or ``cluster``. Blank lines
are skipped. The file may be compressed with gzip.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from klue_datasets.messages import excerpt
from klue_datasets.tasks import get_task
from klue_metrics.prediction_files import read_records

SHOWN = 5  # number of problems listed in an error message
_IDS = ("guid", "index")  # possible keys of a line
# Task -> column whose equal values form a cluster: three hypotheses share a premise, and several questions a
# passage. Clusters of wos are dialogues (guids). re has none, since only two of the 7,765 official validation
# rows share a sentence.
CLUSTERED_BY = {"nli": "premise", "mrc": "context"}
SOURCE_TASKS = ("sts", "nli")  # tasks whose scores are broken down by source
GROUP_COLUMNS = {"sts": ("source",), "nli": ("source", "premise"), "mrc": ("context",)}  # of ``group_fields``
# Field of a line -> name of the metric's argument, and the tasks that use it.
_COLUMNS = {
    "tokens": ("tokens", ("ner",)),
    "probabilities": ("probabilities", ("re",)),
    "source": ("sources", SOURCE_TASKS),
    "cluster": ("clusters", None),
}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where references come from, if not from the predictions file; at most one of the first four is set.

    Attributes:
        references: A file in the format of predictions files, with ``reference`` in every line.
        data_dir: Folder of raw KLUE files.
        mini: Whether to use the mini corpus.
        dataset_name: Id of a data set on the Hub, or an exported folder.
        split: Split of the data with the references.
        prediction_key: Name of the prediction field in the predictions file.
    """

    references: str | None = None
    data_dir: str | None = None
    mini: bool = False
    dataset_name: str | None = None
    split: str = "validation"
    prediction_key: str = "prediction"

    @property
    def is_data(self) -> bool:
        """Whether the references come from a data set."""
        return bool(self.data_dir or self.mini or self.dataset_name)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a file, or one turn of a line with a dialogue.

    Attributes:
        id: The guid or index, with the turn for wos.
        where: File and line, or data set, for messages.
        fields: The fields of the line.
    """

    id: str
    where: str
    fields: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Cases:
    """Predictions and references in the same order, as the metric expects them.

    Attributes:
        ids: Id of each unit.
        predictions: One prediction per unit.
        references: One reference per unit.
        columns: Further inputs of the metric by name: tokens, probabilities, sources and clusters.
    """

    ids: list[str]
    predictions: list[Any]
    references: list[Any]
    columns: dict[str, list[Any]]


def load_cases(task: str, path: str, source: Source) -> Cases:
    """Read a predictions file and pair it with references, in the order of the latter.

    Raises:
        ValueError: A line is broken, a field is missing, or an id is missing, unknown or repeated. The
            message lists the first few problems.
        OSError: A file cannot be read.
    """
    name = get_task(task).name
    rows = read_rows(name, path, "prediction", source.prediction_key)
    golds = rows
    if source.is_data:
        golds = _data_rows(name, source, rows)
    elif source.references:
        golds = read_rows(name, source.references, "reference")
    else:
        without = [row.where for row in rows if "reference" not in row.fields]
        if without:
            raise ValueError(
                f"{name}: no reference in {_first(without)}; expected one in every line, or --references, "
                "--data_dir, --mini or --dataset_name."
            )
    predicted = {row.id: row for row in rows}
    expected = {row.id for row in golds}
    for problem, wrong in (
        ("missing", [f"{row.id} ({row.where})" for row in golds if row.id not in predicted]),
        ("unknown", [f"{row.id} ({row.where})" for row in rows if row.id not in expected]),
    ):
        if wrong:
            raise ValueError(
                f"{name}: {len(wrong)} ids {problem} in {path}: {_first(wrong)}; "
                "expected exactly those of the references."
            )
    return _cases(name, [(predicted[gold.id], gold) for gold in golds])


def cases_of(task: str, lines: Sequence[Mapping[str, Any]]) -> Cases:
    """Pair predictions with references of lines in memory.

    Args:
        task: A task or its alias.
        lines: The fields of each line, with its reference.

    Raises:
        ValueError: Only some of the lines have a field.
    """
    rows = [_row(task, fields, f"line {number}") for number, fields in enumerate(lines, start=1)]
    return _cases(get_task(task).name, [(row, row) for row in rows])


def _cases(task: str, pairs: Sequence[tuple[Row, Row]]) -> Cases:
    """Pair predictions with references."""
    return Cases(
        [gold.id for _, gold in pairs],
        [_prediction(task, row) for row, _ in pairs],
        [_reference(task, gold) for _, gold in pairs],
        _columns(task, pairs),
    )


def group_fields(task: str, example: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the predictions file that group examples.

    Returns:
        ``source``, for the breakdown by source ("" if unknown), and ``cluster``, a hash of the text that the
        examples of a cluster share; each only if the task uses it and the example has its column.
    """
    fields = {}
    if task in SOURCE_TASKS and "source" in example:
        fields["source"] = str(example["source"] or "")
    whole = example.get(CLUSTERED_BY.get(task, ""))
    if whole is not None:
        fields["cluster"] = hashlib.sha1(str(whole).encode()).hexdigest()[:12]
    return fields


def read_rows(task: str, path: str, field: str, key: str = "prediction") -> list[Row]:
    """Read the lines of a file, wos dialogues turn by turn; errors as in ``load_cases``.

    Args:
        task: Name of the task.
        path: The file.
        field: Field that every line must have.
        key: Name of the prediction field.
    """
    rows, broken = [], []
    for where, fields in read_records(task, path, field, key):
        try:
            if isinstance(fields, ValueError):
                raise fields
            row = _row(task, fields, where)
            if field not in row.fields:
                raise ValueError(f"no {field}")
            rows.append(row)
        except ValueError as error:
            broken.append(f"{where} ({error})")
    if broken:
        raise ValueError(
            f"{task}: {len(broken)} broken lines: {_first(broken)}; "
            f"expected a JSON object with guid or index and {field} in each line."
        )
    if not rows:
        raise ValueError(f"{task}: {path} is empty; expected a JSON object in each line.")
    if task == "wos" and any(_is_dialogue(row.fields[field]) for row in rows):
        rows = [turn for row in rows for turn in _turns(row, field)]
    _check_unique(task, rows)
    return rows


def _row(task: str, fields: Mapping[str, Any], where: str) -> Row:
    """Drop empty fields of a line; raise ValueError if it has no id."""
    given = {name: value for name, value in fields.items() if not _is_missing(task, name, value)}
    return Row(_id(given), where, given)


def _is_missing(task: str, name: str, value: object) -> bool:
    if name == "prediction" and task == "sts":
        return False  # null stands for NaN, which a model may predict
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or (name in (*_IDS, "cluster") and value == "")


def _id(fields: Mapping[str, Any]) -> str:
    """Return the key of a line: its guid or, without one, its index; and its turn."""
    key = next((name for name in _IDS if name in fields), None)
    if key is None:
        raise ValueError("no guid and no index")
    parts = []
    for name in (key, "turn"):
        value = fields.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # pandas writes integers as floats in columns with missing values
        if isinstance(value, bool) or not isinstance(value, int | str | None):
            raise ValueError(f"{name} {excerpt(value)}, expected a whole number")
        parts += [] if value is None else [str(value)]
    return "#".join(parts)


def _is_dialogue(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(state, list) for state in value)


def _turns(row: Row, field: str) -> list[Row]:
    """Convert a line with a dialogue to one row per user turn."""
    sides = {side: row.fields[side] for side in ("prediction", "reference") if side in row.fields}
    states = sides[field]
    if not all(isinstance(side, list) and len(side) == len(states) for side in sides.values()):
        raise ValueError(
            f"wos: {row.where} has different numbers of states in prediction and reference; "
            "expected one of each per user turn."
        )
    return [
        Row(
            f"{row.id}#{turn}",
            row.where,
            {"cluster": row.id, **row.fields, "turn": turn, **{side: sides[side][turn] for side in sides}},
        )
        for turn in range(len(states))
    ]


def _check_unique(task: str, rows: Sequence[Row]) -> None:
    first: dict[str, Row] = {}
    again = []
    for row in rows:
        if first.setdefault(row.id, row) is not row:
            again.append(f"{row.id} ({first[row.id].where} and {row.where})")
    if again:
        raise ValueError(
            f"{task}: {len(again)} ids occur more than once: {_first(again)}; expected each once."
        )


def _first(problems: Sequence[str]) -> str:
    rest = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return ", ".join(problems[:SHOWN]) + rest


def _prediction(task: str, row: Row) -> Any:
    value = row.fields["prediction"]
    if task == "mrc":
        text = value.get("prediction_text") if isinstance(value, Mapping) else value
        return {"guid": row.id, "prediction_text": text}
    if task == "sts" and value is None:  # null stands for NaN in strict JSON
        return math.nan
    return value


def _reference(task: str, row: Row) -> Any:
    value = row.fields["reference"]
    if task == "mrc":
        fields = value if isinstance(value, Mapping) and "answers" in value else {"answers": value}
        return {**fields, "guid": row.id}
    return value


def _columns(task: str, pairs: Iterable[tuple[Row, Row]]) -> dict[str, list[Any]]:
    """Return the further columns, from the predictions file or the source of the references."""
    merged = [{**gold.fields, **row.fields} for row, gold in pairs]
    if task == "wos":  # turns with a guid belong to its dialogue
        merged = [
            {"cluster": fields["guid"], **fields} if "turn" in fields and fields.get("guid") else fields
            for fields in merged
        ]
    columns = {}
    for field, (name, tasks) in _COLUMNS.items():
        have = sum(field in fields for fields in merged)
        if not have or (tasks and task not in tasks):
            continue
        if have < len(merged):
            raise ValueError(f"{task}: {have} of {len(merged)} lines have {field}; expected all or none.")
        values = [fields[field] for fields in merged]
        columns[name] = [str(value) for value in values] if field == "cluster" else values
    return columns


def _data_rows(task: str, source: Source, predicted: Sequence[Row]) -> list[Row]:
    """Return the rows of a data set, with the same kind of keys as the predictions."""
    import datasets  # imported here since metrics need numpy only

    import klue_datasets

    datasets.disable_progress_bars()
    if source.dataset_name:
        table = datasets.load_dataset(source.dataset_name, task, split=source.split)
    else:
        table = klue_datasets.load(task, source.split, data_dir=source.data_dir, mini=source.mini)
    by_guid = any(row.fields.get("guid") is not None for row in predicted)
    if by_guid and "guid" not in table.column_names:
        raise ValueError(f"{task}: the data has no guid; expected index in the predictions file.")
    by_turn = any("turn" in row.fields for row in predicted)
    rows: list[Row] = []
    for index, example in enumerate(table):
        key = {"guid": example["guid"]} if by_guid else {"index": index}
        for extra in _examples(task, example):
            if not by_turn:
                extra.pop("turn", None)
                key = key if by_guid or task != "wos" else {"index": len(rows)}
            fields = {**key, **extra}
            rows.append(Row(_id(fields), source.split, fields))
    if task == "wos" and by_guid and not by_turn:
        raise ValueError(
            "wos: the lines have a guid but no turn; expected the number of the user turn, from 0."
        )
    return rows


def _examples(task: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the references in a row of the data, with the fields for breakdowns and clusters."""
    if task == "wos":
        states = [turn["state"] for turn in row["dialogue"] if turn["role"] == "user"]
        return [
            {"turn": turn, "reference": list(state or []), "cluster": row["guid"]}
            for turn, state in enumerate(states)
        ]
    fields: dict[str, Any] = dict(group_fields(task, row))
    if task == "sts":
        return [fields | {"reference": row["labels"]["real-label"]}]
    if task == "ner":
        return [fields | {"reference": row["ner_tags"], "tokens": row["tokens"]}]
    if task == "dp":
        return [fields | {"reference": {"head": row["head"], "deprel": row["deprel"]}}]
    if task == "mrc":
        gold = {field: row[field] for field in ("answers", "is_impossible", "question_type")}
        return [fields | {"reference": gold}]
    return [fields | {"reference": row["label"]}]
