"""Read predictions from JSON lines, a JSON list, CSV, TSV, or a text file with one label per line.

Rows of tables and lists may have neither ``guid`` nor ``index``; their index is then their position.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from klue_datasets.raw_files import extension, read_bytes, read_text

Record = tuple[str, Any]  # file and line, and the content or a ValueError
# An example prediction of each task, as JSON; ``cell_of`` formats it for tables.
EXAMPLES: Mapping[str, Any] = {
    "ynat": "경제",
    "sts": 3.2,
    "nli": "neutral",
    "ner": ["B-PS", "I-PS", "O"],
    "re": "per:date_of_birth",
    "dp": {"head": [2, 0], "deprel": ["NP_SBJ", "VP"]},
    "mrc": "황해",
    "wos": ["숙소-지역-서울 중앙"],
}
LABELLED = ("ynat", "sts", "nli", "re")  # tasks whose predictions may be lines of plain text
_PARSED = ("prediction", "reference", "tokens", "probabilities")  # columns of tables that may hold JSON


def read_records(task: str, path: str, field: str, key: str) -> Iterator[Record]:
    """Read predictions or references; the file's extension (.json, .csv, .tsv, .txt) gives the format.

    Args:
        task: Name of the task.
        path: The file; it may be compressed with gzip.
        field: Field that values without a name belong to: ``prediction`` or ``reference``.
        key: Name of the prediction field in the file.

    Yields:
        File and line (or row) of each record, and its fields.

    Raises:
        ValueError: The file is not in the format of its extension.
        OSError: It cannot be read.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{task}: there is no file {path}; expected predictions or references there.")
    ending = extension(path)
    if ending not in (".json", ".csv", ".tsv", ".txt"):
        yield from _renamed(_lines(read_bytes(path), path), key)
        return
    text = read_text(path)
    readers: Mapping[str, Callable[[], Iterator[Record]]] = {
        ".json": lambda: _json_list(task, text, path, field, key),
        ".csv": lambda: _table(task, text, ",", path, key),
        ".tsv": lambda: _table(task, text, "\t", path, key),
        ".txt": lambda: _labels(task, text, path, field),
    }
    for position, (where, fields) in enumerate(_renamed(readers[ending](), key)):
        has_id = isinstance(fields, ValueError) or "guid" in fields or "index" in fields
        yield where, fields if has_id else {"index": position, **fields}


def cell_of(task: str) -> str:
    """Format the example prediction of a task as a table cell or line of text."""
    example = EXAMPLES[task]
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)


def _lines(data: bytes, path: str) -> Iterator[Record]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:  # also raised for text that is not UTF-8
            fields = error
        else:
            fields = fields if isinstance(fields, dict) else ValueError("no object")
        yield f"{Path(path).name}:{number}", fields


def _json_list(task: str, text: str, path: str, field: str, key: str) -> Iterator[Record]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{task}: {path} is not JSON ({error}); JSON lines have the ending .jsonl."
        ) from error
    if not isinstance(found, list):
        raise ValueError(f"{task}: {path} holds no list; expected a list of predictions, or of objects.")
    names = {"guid", "index", "reference", "prediction", key}
    are_objects = all(isinstance(item, dict) and names & item.keys() for item in found)
    for number, item in enumerate(found):
        yield f"{Path(path).name}[{number}]", item if are_objects else {field: item}


def _table(task: str, text: str, delimiter: str, path: str, key: str) -> Iterator[Record]:
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if key not in (rows.fieldnames or ()) and "reference" not in (rows.fieldnames or ()):
        raise ValueError(
            f"{task}: {path} has the columns {', '.join(rows.fieldnames or ['(none)'])}; expected {key}, or "
            "another one that --prediction_key names."
        )
    for row in rows:
        where = f"{Path(path).name}:{rows.line_num}"
        if None in row or None in row.values():
            yield where, ValueError(f"{len(rows.fieldnames or ())} columns expected, as in the header")
            continue
        try:
            yield where, {name: _cell(task, name, value, key) for name, value in row.items()}
        except ValueError as error:
            yield where, error


def _labels(task: str, text: str, path: str, field: str) -> Iterator[Record]:
    if task not in LABELLED:
        raise ValueError(
            f"{task}: {path} is a text of labels, which {', '.join(LABELLED)} have; expected .jsonl, .json, "
            ".csv or .tsv."
        )
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                fields: Any = {field: _cell(task, field, line.strip(), field)}
            except ValueError as error:
                fields = error
            yield f"{Path(path).name}:{number}", fields


def _cell(task: str, name: str, value: str, key: str) -> Any:
    """Parse a table cell; raise ValueError if it does not hold an answer of the task."""
    name = "prediction" if name == key and key != "reference" else name
    if name in ("index", "turn"):
        return int(value) if value.strip().lstrip("-").isdigit() else value
    if name not in _PARSED:
        return value
    if name in ("prediction", "reference") and task in ("ynat", "nli", "re"):
        return int(value) if value.isdigit() else value
    if name in ("prediction", "reference") and task == "mrc":
        return json.loads(value) if value.startswith("{") else value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r:.60}, expected JSON such as {cell_of(task)}") from None


def _renamed(records: Iterator[Record], key: str) -> Iterator[Record]:
    for where, fields in records:
        if key != "prediction" and isinstance(fields, dict) and key in fields:
            fields = {**fields, "prediction": fields[key]}
        yield where, fields
