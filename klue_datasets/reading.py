"""Raw KLUE files to columns: JSON records in, lists and Arrow arrays out, and errors that say where.

Every error is a KlueDataError that names the file, the record (its guid, else its position) and the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

Record = dict[str, Any]
_MISSING = object()


class KlueDataError(ValueError):
    """A raw KLUE file that is not what it should be."""


def read_records(path: str | Path) -> list[Record]:
    """Reads a KLUE JSON file whose top level is a list of objects.

    Args:
        path: A local file, UTF-8, with or without a byte order mark.

    Returns:
        The records, in file order.

    Raises:
        KlueDataError: The file is not UTF-8, not JSON, or not a list of objects.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise KlueDataError(f"{path}: not UTF-8 at byte {error.start}; KLUE files are UTF-8 text.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise KlueDataError(f"{path}: not valid JSON at {where} ({error.msg}).") from error
    except ValueError as error:  # e.g. an integer of more digits than Python converts
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error
    except RecursionError as error:
        raise KlueDataError(f"{path}: JSON nested too deeply; expected a list of flat records.") from error
    if not isinstance(data, list):
        raise KlueDataError(f"{path}: the top level is {_kind(data)}; expected a list of records.")
    for index, record in enumerate(data):
        if not isinstance(record, dict):
            raise KlueDataError(
                f"{path}: record {index} is {_kind(record)}; expected an object with named fields."
            )
    return data


def strings(
    records: Sequence[Record], path: str | Path, field: str, *, default: str | None = None
) -> pa.Array:
    """The text field ``field`` of every record as an Arrow string array.

    Args:
        records: What ``read_records`` gave.
        path: The file they came from, for messages.
        field: Name of the field.
        default: Value where the field is absent; None makes the field required.

    Raises:
        KlueDataError: The field is missing though required, is not a string, or cannot be encoded as UTF-8.
    """
    values = [record.get(field, _MISSING) for record in records]
    if default is not None and _MISSING in values:
        values = [default if value is _MISSING else value for value in values]
    if set(map(type, values)) - {str}:
        _raise_first(records, path, field, values, lambda value: isinstance(value, str), "a string")
    try:
        return pa.array(values, type=pa.string())
    except UnicodeEncodeError:
        _raise_first(records, path, field, values, _is_encodable, "text without lone surrogates")
        raise


def numbers(records: Sequence[Record], path: str | Path, field: str) -> pa.Array:
    """The required field ``field`` of every record, a finite number, as a float64 array."""
    values = [record.get(field, _MISSING) for record in records]
    if not all(map(_is_number, values)):
        _raise_first(records, path, field, values, _is_number, "a finite number")
    return pa.array([float(value) for value in values], type=pa.float64())


def class_ids(
    records: Sequence[Record], path: str | Path, field: str, names: Sequence[str], *, as_index: bool = False
) -> pa.Array:
    """The required class field ``field`` as an Arrow int64 array of positions in ``names``.

    Args:
        records: What ``read_records`` gave.
        path: The file they came from, for messages.
        field: Name of the field.
        names: The class names, in ClassLabel order.
        as_index: The file stores the position itself (0, 1, ...) instead of the name.

    Raises:
        KlueDataError: A value is missing or none of the classes.
    """
    ids = (
        {index: index for index in range(len(names))}
        if as_index
        else {name: i for i, name in enumerate(names)}
    )

    def is_class(value: object) -> bool:
        return type(value) is (int if as_index else str) and value in ids

    values = [record.get(field, _MISSING) for record in records]
    if not all(map(is_class, values)):
        _raise_first(records, path, field, values, is_class, f"one of {', '.join(map(str, ids))}")
    return pa.array([ids[value] for value in values], type=pa.int64())


def objects(records: Sequence[Record], path: str | Path, field: str) -> list[Record]:
    """The required field ``field`` of every record, an object, with its record's guid for messages."""
    values = [record.get(field, _MISSING) for record in records]
    if set(map(type, values)) - {dict}:
        _raise_first(records, path, field, values, lambda value: isinstance(value, dict), "an object")
    return [{"guid": record.get("guid"), **value} for record, value in zip(records, values, strict=True)]


def _raise_first(
    records: Sequence[Record],
    path: str | Path,
    field: str,
    values: Sequence[object],
    is_right: Callable[[Any], bool],
    expected: str,
) -> None:
    """Raises for the first value that is not right."""
    for index, (record, value) in enumerate(zip(records, values, strict=True)):
        if not is_right(value):
            guid = record.get("guid")
            where = f"guid {guid}" if isinstance(guid, str) and field != "guid" else f"record {index}"
            found = "is missing" if value is _MISSING else f"is {_excerpt(value)}"
            raise KlueDataError(f"{path}: {where}: field {field!r} {found}; expected {expected}.")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float64
        return False


def _is_encodable(value: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _excerpt(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not _is_encodable(value) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
