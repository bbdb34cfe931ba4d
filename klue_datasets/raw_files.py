"""Raw files to records: KLUE's JSON, SQuAD's and KorQuAD's, and tables (CSV, TSV) of four tasks.

Standard library only. Every error is a KlueDataError that names the file and, where it looks like a file of
another task, that task.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .tasks import TASKS

Record = dict[str, Any]
# The inputs of each task as its raw files call them: by them a file is recognised, and duplicates are found.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "ynat": ("title",),
    "sts": ("sentence1", "sentence2"),
    "nli": ("premise", "hypothesis"),
    "ner": ("sentence",),
    "re": ("sentence", "subject_entity", "object_entity"),
    "dp": ("sentence",),
    "mrc": ("context", "question"),
    "wos": ("dialogue",),
}
TABLE_TASKS = ("ynat", "sts", "nli", "re")  # that are read from CSV and TSV, with a column ``label``
# How other people's tables call a column, in lower case -> how it is called here.
_COLUMN_NAMES = {
    "id": "guid",
    "index": "guid",
    "gold_label": "label",
    "sentence_1": "sentence1",
    "sentence_2": "sentence2",
    "genre": "source",
}


class KlueDataError(ValueError):
    """A raw KLUE file that is not what it should be."""


def read_bytes(path: str | Path) -> bytes:
    """The content of a text file, decompressed where it is gzip; KlueDataError for UTF-16 and broken gzip."""
    data = Path(path).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise KlueDataError(f"{path}: a broken gzip file ({error}); expected a whole one.") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0\0" in (data[0:4:2], data[1:4:2]):
        raise KlueDataError(
            f"{path}: the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        )
    return data


def read_text(path: str | Path) -> str:
    """A UTF-8 file, with or without a byte order mark or gzip; anything else is a KlueDataError."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KlueDataError(
            f"{path}: not UTF-8 at byte {error.start}; expected UTF-8. If it comes from a Korean Windows, "
            "convert it: iconv -f CP949 -t UTF-8 OLD > NEW"
        ) from error


def read_records(path: str | Path, task: str) -> list[Record]:
    """Reads a raw file as records in the form of KLUE's JSON files.

    Args:
        path: A local file: KLUE's JSON (for mrc also SQuAD or KorQuAD 1); for ynat, sts, nli and re also a
            table with a header line, CSV with the usual quotes or TSV without any.
        task: Name of the task.

    Returns:
        The records, in file order; of mrc the articles.

    Raises:
        KlueDataError: The file is not UTF-8, in none of these forms, or of another task.
    """
    text = read_text(path)
    header = _header(text)
    if header is not None:
        return _read_table(text, header, path, task)
    data, place = _read_json(text, path), "the top level"
    other = _resemblance(data, task)
    if task == "mrc":
        if not isinstance(data, dict) or "data" not in data:
            found = "has no 'data'" if isinstance(data, dict) else f"is {kind(data)}"
            raise KlueDataError(
                f"{path}: the top level {found}; expected an object with a list 'data'.{other}"
            )
        data, place = data["data"], "'data'"
    if not isinstance(data, list):
        raise KlueDataError(f"{path}: {place} is {kind(data)}; expected a list of records.{other}")
    for index, record in enumerate(data):
        if not isinstance(record, dict):
            raise KlueDataError(
                f"{path}: record {index} is {kind(record)}; expected an object with named fields."
            )
    if other:
        raise KlueDataError(f"{path}: record 0 has not the fields of {task}; expected those.{other}")
    return data


def looks_like(text: str, task: str) -> str:
    """A sentence for a message about a text that is no file of ``task``: which one it resembles, if any."""
    header = _header(text)
    if header is not None:
        return _resemblance([dict.fromkeys(header)], task)
    if text.startswith("##"):
        return _resemblance([{"rows": "dp" if "DEPREL" in text[:1000] else "ner"}], task)
    try:
        return _resemblance(json.loads(text), task)
    except (ValueError, RecursionError):
        return ""


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _read_json(text: str, path: str | Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise KlueDataError(
            f"{path}: not valid JSON at {where} ({error.msg}), nor a table with known columns."
            f"{looks_like(text, '')}"
        ) from error
    except ValueError as error:  # e.g. an integer of more digits than Python converts
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error
    except RecursionError as error:
        raise KlueDataError(f"{path}: JSON nested too deeply; expected a list of flat records.") from error


def _resemblance(data: Any, task: str) -> str:
    """Which other task the fields of the first record are those of, as a sentence; empty if none."""
    articles = data.get("data") if isinstance(data, dict) else None
    records = articles if isinstance(articles, list) else data
    first = records[0] if isinstance(records, list) and records else None
    if not isinstance(first, dict):
        return ""
    if "qas" in first and articles is records:
        return " The file looks like KorQuAD 2, whose answers are HTML; expected KLUE, SQuAD or KorQuAD 1."
    if "rows" in first:
        found = first["rows"]
    elif "paragraphs" in first:
        found = "mrc"
    else:  # ner and dp have no JSON, and re has their field too
        fitting = [name for name in INPUTS if set(INPUTS[name]) <= set(first) and name not in ("ner", "dp")]
        found = task if task in fitting else "".join(fitting[:1])
    if not found or found == task:
        return ""
    return f" The file looks like one of {found} ({TASKS[found].title.lower()})."


def _header(text: str) -> list[str] | None:
    """The columns of a table, as they are called here; None for a text that is no table of known ones."""
    line = text.partition("\n")[0].rstrip("\r")[:10_000]
    if line[:1] in ("[", "{", "#"):
        return None
    names: list[str] = [name.strip() for name in next(_reader(line), [])]
    renamed = [_COLUMN_NAMES.get(name.lower(), name) for name in names]
    columns = [new if new not in names else old for old, new in zip(names, renamed, strict=True)]
    known = {"label", *(name for names in INPUTS.values() for name in names)}
    return columns if known & set(columns) and len(columns) > 1 else None


def _reader(text: str) -> Any:
    """The rows of a table: of TSV, where there is a tab in the first line, otherwise of CSV."""
    lines = io.StringIO(text, newline="")
    if "\t" in text.partition("\n")[0]:
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines)


def _read_table(text: str, header: list[str], path: str | Path, task: str) -> list[Record]:
    expected = (*INPUTS[task], "label") if task in TABLE_TASKS else ()
    missing = [name for name in expected if name not in header]
    if missing or not expected:
        wanted = f"columns {', '.join(expected)}" if expected else "KLUE's own form"
        raise KlueDataError(
            f"{path}: a table with the columns {', '.join(header)}; expected {wanted} for {task}."
            f"{looks_like(text, task)}"
        )
    rows = _reader(text)
    next(rows)
    records: list[Record] = []
    try:
        for row in rows:
            if len(row) == len(header):
                records.append(_record(task, dict(zip(header, row, strict=True)), len(records)))
            elif row:
                raise KlueDataError(
                    f"{path}: line {rows.line_num} has {len(row)} fields; expected {len(header)} "
                    f"({', '.join(header)})."
                )
    except csv.Error as error:
        raise KlueDataError(f"{path}: line {rows.line_num} is not readable as CSV ({error}).") from error
    return records


def _record(task: str, row: Record, number: int) -> Record:
    """A row of a table as a record of KLUE's JSON; what cannot be converted stays a string."""
    row.setdefault("guid", str(number))
    if task == "nli":
        row["gold_label"] = row["label"]
    elif task == "re":
        row |= {field: _literal(row[field]) for field in ("subject_entity", "object_entity")}
    elif task == "sts":
        score = _literal(row["label"])
        real = _literal(row["real-label"]) if row.get("real-label") else score
        is_number = isinstance(real, int | float)
        binary = _literal(row["binary-label"]) if row.get("binary-label") else is_number and real >= 3
        row["labels"] = {
            "label": score,
            "real-label": real,
            "binary-label": int(binary) if binary in (0, 1) else binary,
        }
    return row


def _literal(text: str) -> Any:
    """The Python literal that a cell holds; the text where it holds none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
