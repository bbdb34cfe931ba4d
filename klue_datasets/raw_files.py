"""Read files as records: KLUE's JSON, SQuAD and KorQuAD, and tables with the Hub's columns.

Tables are CSV, TSV, JSON lines or Parquet. Errors are KlueDataErrors that name the file and, if it resembles
the files of another task, that task.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from .tasks import TASKS

Record = dict[str, Any]
# Input fields in the raw files of each task, used to recognise files and find duplicates.
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
# The columns that rows must have.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    **{task: (*INPUTS[task], "label") for task in ("ynat", "sts", "nli", "re")},
    "ner": ("tokens", "ner_tags"),
    "dp": ("word_form", "pos", "head", "deprel"),
    "mrc": ("context", "question", "answers"),
    "wos": ("dialogue",),
}
# Columns that may replace a nested column of the Hub (``labels``).
FLAT_COLUMNS: Mapping[str, tuple[str, ...]] = {"sts": ("label", "real-label", "binary-label")}
GZIP = b"\x1f\x8b"  # magic number of gzip
PLACE = "\0where"  # key for the place of a record in its file, for messages; not the name of a field
# Column names of other tables, in lower case -> names used here.
_COLUMN_NAMES = {
    "id": "guid",
    "index": "guid",
    "gold_label": "label",
    "sentence_1": "sentence1",
    "sentence_2": "sentence2",
    "genre": "source",
}


class KlueDataError(ValueError):
    """A raw KLUE file is not in the expected format."""


def read_bytes(path: str | Path) -> bytes:
    """Read a text file, decompressing gzip; raise KlueDataError for UTF-16 and damaged gzip."""
    data = Path(path).read_bytes()
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise KlueDataError(f"{path}: a broken gzip file ({error}); expected a complete one.") from error
    _refuse_utf16(data, path)
    return data


def extension(path: str | Path) -> str:
    """Return the extension of a file's name in lower case, without that of gzip."""
    return Path(str(path).lower().removesuffix(".gz")).suffix


def read_lines(path: str | Path) -> Iterator[bytes]:
    """Read a text file line by line, in constant memory; otherwise like ``read_bytes``."""
    with ExitStack() as stack:
        file: Any = stack.enter_context(open(path, "rb"))
        if file.peek(2).startswith(GZIP):
            file = stack.enter_context(gzip.open(file))
        _refuse_utf16(file.peek(4), path)
        for line in file:
            yield from line.splitlines()


def _refuse_utf16(data: bytes, path: str | Path) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0\0" in (data[0:4:2], data[1:4:2]):
        raise KlueDataError(
            f"{path}: the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW"
        )


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file with or without byte order mark or gzip; raise KlueDataError for other files."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KlueDataError(
            f"{path}: not UTF-8 at byte {error.start}; expected UTF-8. If it comes from a Korean Windows, "
            "convert it: iconv -f CP949 -t UTF-8 OLD > NEW"
        ) from error


def read_records(
    path: str | Path,
    task: str,
    features: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Record]:
    """Read a file as records: KLUE's JSON, or rows as returned by ``read_rows``.

    Args:
        path: A local file: KLUE's JSON (for mrc also SQuAD or KorQuAD 1), or a table.
        task: Name of the task.
        features: See ``read_rows``.
        columns: See ``read_rows``.

    Returns:
        The records in the order of the file; for mrc articles of KLUE's JSON, or rows with one question each.

    Raises:
        KlueDataError: The file is not UTF-8, has none of these formats, or belongs to another task.
    """
    rows = read_rows(path, task, features, columns)
    if rows is not None:
        return rows
    data, place = _read_json(read_text(path), path), "the top level"
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
        raise KlueDataError(f"{path}: record 0 does not have the fields of {task}; expected those.{other}")
    return data


def read_rows(
    path: str | Path,
    task: str,
    features: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Record] | None:
    """Read a table with the Hub's columns.

    Args:
        path: A local file: CSV with quotes or TSV without, both with a header line; JSON lines; or Parquet.
            Labels are names or Hub ids. Lists and objects in CSV and TSV are JSON.
        task: Name of the task.
        features: Columns of the task and their types; by default the required columns, as text.
        columns: Column name -> its name in the file, if different.

    Returns:
        One record per row, with its place in the file; None for a file in KLUE's own format.

    Raises:
        KlueDataError: A line cannot be read, or a required column is missing.
    """
    features, columns = features or dict.fromkeys(_REQUIRED[task]), columns or {}
    data = read_bytes(path)
    if data.startswith(b"PAR1"):
        rows = _read_parquet(data, path)
    else:
        text = read_text(path)
        header = _header(text, {*features, *columns.values()}, path)
        if header:
            rows = _read_table(text, header, path)
        elif _is_json_lines(text):
            rows = _read_json_lines(text, path)
        elif columns:
            raise KlueDataError(
                f"{path}: not a CSV, TSV, JSON lines or Parquet file, so its columns cannot be mapped; "
                "expected one of these formats, or no mapping of columns."
            )
        else:
            return None
    own = {*features, *FLAT_COLUMNS.get(task, ())}
    _check_columns(rows[0] if rows else {}, own, columns, path, task)
    is_text = {name for name in own if getattr(features.get(name), "dtype", None) == "string"}
    parsed = own - is_text if not data.startswith(b"PAR1") else set()
    return [_record(task, _renamed(row, own, columns), index, parsed) for index, row in enumerate(rows)]


def looks_like(text: str, task: str) -> str:
    """Name the task that a text resembles, for a message about a text that is not a file of ``task``."""
    header = _header(text)
    if header:
        return _resemblance([_renamed(dict.fromkeys(header), set(), {})], task)
    if text.startswith("##"):
        return _resemblance([{"rows": "dp" if "DEPREL" in text[:1000] else "ner"}], task)
    try:
        return _resemblance(json.loads(text), task)
    except (ValueError, RecursionError):
        return ""


def kind(value: object) -> str:
    """Name the type of a JSON value."""
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
    except ValueError as error:  # such as an integer with more digits than Python converts
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error
    except RecursionError as error:
        raise KlueDataError(f"{path}: JSON nested too deeply; expected a list of flat records.") from error


def _resemblance(data: Any, task: str) -> str:
    """Name the other task that the first record resembles; return an empty string if there is none."""
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
    elif "ner_tags" in first or "deprel" in first:
        found = "ner" if "ner_tags" in first else "dp"
    else:  # ner and dp are not JSON, and their field occurs in re, too
        fitting = [name for name in INPUTS if set(INPUTS[name]) <= set(first) and name not in ("ner", "dp")]
        found = task if task in fitting else "".join(fitting[:1])
    if not found or found == task:
        return ""
    return f" The file looks like one of {found} ({TASKS[found].title.lower()})."


def _header(text: str, known: Collection[str] = (), path: str | Path = "") -> list[str]:
    """Return the first line of a table, recognised by file name or columns; empty for other files."""
    line = text.partition("\n")[0].rstrip("\r")[:10_000]
    if line[:1] in ("[", "{", "#"):
        return []
    names = [name.strip() for name in next(_reader(line), [])]
    found = set(_renamed(dict.fromkeys(names), set(), {}))
    is_known = bool(found & {"label", *known, *chain.from_iterable(INPUTS.values())})
    is_named = extension(path) in (".csv", ".tsv")
    return names if len(names) > 1 and (is_known or is_named) else []


def _reader(text: str) -> Any:
    """Create a reader of table rows: TSV if the first line contains a tab, CSV otherwise."""
    lines = io.StringIO(text, newline="")
    if "\t" in text.partition("\n")[0]:
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return csv.reader(lines)


def _read_table(text: str, header: list[str], path: str | Path) -> list[Record]:
    rows = _reader(text)
    next(rows)
    records: list[Record] = []
    line = rows.line_num + 1  # quoted cells may contain line ends
    try:
        for row in rows:
            if len(row) == len(header):
                records.append({**dict(zip(header, row, strict=True)), PLACE: f"line {line}"})
            elif row:
                raise KlueDataError(
                    f"{path}: line {line} has {len(row)} fields; expected {len(header)} "
                    f"({', '.join(header)})."
                )
            line = rows.line_num + 1
    except csv.Error as error:
        raise KlueDataError(f"{path}: line {rows.line_num} is not readable as CSV ({error}).") from error
    return records


def _is_json_lines(text: str) -> bool:
    """Return whether the first line is a complete JSON object other than a file of articles."""
    line, _, rest = text.partition("\n")
    if line[:1] != "{" or (not rest.strip() and '"paragraphs"' in line):
        return False
    try:
        return "data" not in json.loads(line)
    except (ValueError, RecursionError):
        return False


def _read_json_lines(text: str, path: str | Path) -> list[Record]:
    records: list[Record] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 may occur in a string
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise KlueDataError(f"{path}: line {number} is not valid JSON ({error}).") from error
        if not isinstance(record, dict):
            raise KlueDataError(f"{path}: line {number} is {kind(record)}; expected an object.")
        records.append({**record, PLACE: f"line {number}"})
    return records


def _read_parquet(data: bytes, path: str | Path) -> list[Record]:
    # Imported here, since the metrics use this module without Arrow.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.read_table(pa.BufferReader(data)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise KlueDataError(f"{path}: not a readable Parquet file ({error}).") from error
    return [{**row, PLACE: f"row {number}"} for number, row in enumerate(rows)]


def _renamed(row: Record, own: Collection[str], columns: Mapping[str, str]) -> Record:
    """Rename the columns of a row to the names used here."""
    renamed = {}
    for name, value in row.items():
        usual = _COLUMN_NAMES.get(name.lower(), name)
        renamed[usual if name not in own and usual not in row else name] = value
    return renamed | {ours: row.get(theirs) for ours, theirs in columns.items()}


def _check_columns(
    row: Record, own: Collection[str], columns: Mapping[str, str], path: str | Path, task: str
) -> None:
    """Raise KlueDataError if the first row lacks a mapped or required column."""
    if not row:
        return
    listed = ", ".join(name if name.isprintable() else repr(name) for name in row if name != PLACE)
    for ours, theirs in columns.items():
        if theirs not in row:
            raise KlueDataError(f"{path}: the columns are {listed}; expected {theirs!r}, for {ours!r}.")
    found = set(_renamed(row, own, columns))
    required = [name for name in _REQUIRED[task] if name != "label" or "labels" not in found]
    if set(required) - found:
        other = _resemblance([_renamed(row, own, columns)], task)
        raise KlueDataError(
            f"{path}: the columns are {listed}; expected columns {', '.join(required)} for {task}, or a "
            f"mapping to them, such as --column {required[0]}=NAME.{other}"
        )


def _record(task: str, row: Record, number: int, parsed: Collection[str]) -> Record:
    """Convert a row to a record like those of KLUE's JSON, dropping empty fields.

    Args:
        task: Name of the task.
        row: The row, with the column names used here.
        number: Position of the row, used as its guid if it has none.
        parsed: Names of the columns with JSON.
    """
    for name in parsed & row.keys():
        if isinstance(row[name], str):
            row[name] = _literal(row[name])
    row = {name: value for name, value in row.items() if value is not None}
    row["guid"] = str(row.get("guid", number))
    if task == "sts":
        row["labels"] = _scores(row.get("labels", row))
    elif task == "ner":
        if isinstance(row.get("ner_tags"), list):
            row["ner_tags"] = [_name(tag, TASKS["ner"].labels) for tag in row["ner_tags"]]
        row.setdefault("sentence", _joined(row.get("tokens"), ""))
    elif task == "dp":
        words = row.get("word_form")
        row.setdefault("sentence", _joined(words, " "))
        row.setdefault("lemma", words)
        row.setdefault("index", [*range(1, 1 + len(words))] if isinstance(words, list) else words)
    elif task == "mrc":
        for field in ("answers", "plausible_answers"):
            row[field] = _spans(row.get(field, []))
        row.setdefault("is_impossible", not row["answers"])
    elif task == "wos":
        row.setdefault("domains", [])
    elif "label" in row:
        row["label"] = _name(row["label"], TASKS[task].labels)
    return row


def _name(label: Any, names: Sequence[str]) -> Any:
    """Convert a label given as Hub id to its name; return other values unchanged."""
    if type(label) is not int:
        return label
    return names[label] if 0 <= label < len(names) else str(label)


def _scores(found: Any) -> Any:
    """Complete the scores of a sentence pair; real-label and binary-label may be derived from label."""
    if not isinstance(found, dict) or "label" not in found:
        return found
    score = found["label"]
    real = found.get("real-label", score)
    binary = found.get("binary-label", int(real >= 3) if isinstance(real, int | float) else real)
    names = TASKS["sts"].labels
    return {
        "label": score,
        "real-label": real,
        "binary-label": names.index(binary)
        if binary in names
        else int(binary)
        if binary in (0, 1)
        else binary,
    }


def _spans(found: Any) -> Any:
    """Convert answers from the Hub's object of lists to a list of objects."""
    if not isinstance(found, dict) or not all(isinstance(values, list) for values in found.values()):
        return found
    if len({len(values) for values in found.values()}) > 1:
        return found
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def _joined(parts: Any, separator: str) -> str:
    return separator.join(map(str, parts)) if isinstance(parts, list) else ""


def _literal(text: str) -> Any:
    """Parse a cell as JSON or Python literal; return None for an empty cell, or else its text."""
    if text.lower() in ("", "true", "false"):  # spreadsheets write TRUE and FALSE
        return {"true": True, "false": False}.get(text.lower())
    if text.startswith('"') and text.endswith('"'):  # some TSV files are quoted
        text = text[1:-1].replace('""', '"')
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text
