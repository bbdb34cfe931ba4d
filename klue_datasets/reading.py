"""Raw KLUE files to columns: JSON records in, lists and Arrow arrays out, and errors that say where.

Every error is a KlueDataError that names the file, the record (its guid, else its position) and the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

Record = dict[str, Any]
_MISSING = object()
_WHERE = "\0where"  # in a record from inside another one: where it lies, for messages; no field is called so


class KlueDataError(ValueError):
    """A raw KLUE file that is not what it should be."""


def read_text(path: str | Path) -> str:
    """Reads a UTF-8 file, with or without a byte order mark; anything else is a KlueDataError."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KlueDataError(f"{path}: not UTF-8 at byte {error.start}; KLUE files are UTF-8 text.") from error


def read_records(path: str | Path, key: str | None = None) -> list[Record]:
    """Reads a KLUE JSON file whose top level is a list of objects, or an object that holds such a list.

    Args:
        path: A local file, UTF-8, with or without a byte order mark.
        key: Where in the top level the list is; None where the top level is the list.

    Returns:
        The records, in file order.

    Raises:
        KlueDataError: The file is not UTF-8, not JSON, or holds no list of objects there.
    """
    text = read_text(path)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise KlueDataError(f"{path}: not valid JSON at {where} ({error.msg}).") from error
    except ValueError as error:  # e.g. an integer of more digits than Python converts
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error
    except RecursionError as error:
        raise KlueDataError(f"{path}: JSON nested too deeply; expected a list of flat records.") from error
    place = "the top level"
    if key is not None:
        if not isinstance(data, dict) or key not in data:
            found = f"has no {key!r}" if isinstance(data, dict) else f"is {_kind(data)}"
            raise KlueDataError(f"{path}: the top level {found}; expected an object with a list {key!r}.")
        data, place = data[key], repr(key)
    if not isinstance(data, list):
        raise KlueDataError(f"{path}: {place} is {_kind(data)}; expected a list of records.")
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
        records: What ``read_records`` gave, or ``objects`` or ``nested`` made of it.
        path: The file they came from, for messages.
        field: Name of the field.
        default: Value where the field is absent or null; None makes the field required.

    Raises:
        KlueDataError: The field is missing though required, is not a string, or cannot be encoded as UTF-8.
    """
    values = _values(records, path, field, default, "a string", {str})
    try:
        return pa.array(values, type=pa.string())
    except UnicodeEncodeError:
        _raise_first(records, path, field, values, _is_encodable, "text without lone surrogates")
        raise


def string_lists(
    records: Sequence[Record], path: str | Path, field: str, *, default: Sequence[str] | None = None
) -> pa.ListArray:
    """The field ``field`` of every record, a list of strings; arguments and errors as in ``strings``."""
    values = _values(records, path, field, default, "a list of strings", {list}, _are_strings)
    try:
        return list_array(values, pa.array(list(chain.from_iterable(values)), type=pa.string()))
    except UnicodeEncodeError:
        expected = "text without lone surrogates"
        _raise_first(records, path, field, values, lambda value: all(map(_is_encodable, value)), expected)
        raise


def numbers(records: Sequence[Record], path: str | Path, field: str) -> pa.Array:
    """The required field ``field`` of every record, a finite number, as a float64 array."""
    values = _values(records, path, field, None, "a finite number", {int, float}, _is_finite)
    return pa.array([float(value) for value in values], type=pa.float64())


def integers(
    records: Sequence[Record], path: str | Path, field: str, *, default: int | None = None
) -> pa.Array:
    """The field ``field`` of every record, a whole number, as an int32 array; required without a default."""
    values = _values(records, path, field, default, "a whole number of 32 bits", {int}, _is_int32)
    return pa.array(values, type=pa.int32())


def booleans(records: Sequence[Record], path: str | Path, field: str, *, default: bool) -> pa.Array:
    """The field ``field`` of every record, true or false, as a boolean array."""
    values = _values(records, path, field, default, "true or false", {bool})
    return pa.array(values, type=pa.bool_())


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

    kind = int if as_index else str
    values = _values(
        records, path, field, None, f"one of {', '.join(map(str, ids))}", {kind}, ids.__contains__
    )
    return pa.array([ids[value] for value in values], type=pa.int64())


def objects(records: Sequence[Record], path: str | Path, field: str) -> list[Record]:
    """The required field ``field`` of every record, an object, which knows its record for messages."""
    values = _values(records, path, field, None, "an object", {dict})
    return [
        {**value, _WHERE: _where(record, index)}
        for index, (record, value) in enumerate(zip(records, values, strict=True))
    ]


def nested(
    records: Sequence[Record], path: str | Path, field: str, *, default: Sequence[Record] | None = None
) -> list[list[Record]]:
    """The field ``field`` of every record, a list of objects, each of which knows its place for messages."""
    values = _values(records, path, field, default, "a list of objects", {list}, _are_objects)
    return [
        [
            {**value, _WHERE: f"{_where(record, index)}, {field}[{position}]"}
            for position, value in enumerate(inner)
        ]
        for index, (record, inner) in enumerate(zip(records, values, strict=True))
    ]


def list_array(lists: Sequence[Sequence[Any]], values: pa.Array) -> pa.ListArray:
    """An Arrow list array of the lengths of ``lists``; ``values`` are the items, one list after the other."""
    offsets = np.zeros(len(lists) + 1, dtype=np.int32)
    np.cumsum([len(items) for items in lists], out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def struct_array(columns: dict[str, pa.Array]) -> pa.StructArray:
    """An Arrow struct array of named columns."""
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def excerpt(value: object) -> str:
    """A value as a message shows it: short and printable."""
    try:
        text = repr(value[:60] if isinstance(value, str) else value)  # lone surrogates come out escaped
    except RecursionError:
        text = _kind(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _values(
    records: Sequence[Record],
    path: str | Path,
    field: str,
    default: Any,
    expected: str,
    kinds: set[type],
    is_right: Callable[[Any], bool] | None = None,
) -> list[Any]:
    """The field of every record, ``default`` where it is absent or null, unless that is None.

    Each value must be of one of the kinds (a boolean is no int), and right where there is more to it.
    """
    if default is None:
        values = [record.get(field, _MISSING) for record in records]
    else:
        values = [default if (value := record.get(field)) is None else value for record in records]
    if set(map(type, values)) - kinds:
        _raise_first(records, path, field, values, lambda value: type(value) in kinds, expected)
    if is_right is not None and not all(map(is_right, values)):
        _raise_first(records, path, field, values, is_right, expected)
    return values


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
            found = "is missing" if value is _MISSING else f"is {excerpt(value)}"
            where = _where(record, index, field)
            raise KlueDataError(f"{path}: {where}: field {field!r} {found}; expected {expected}.")


def _where(record: Record, index: int, field: str = "") -> str:
    """How a message names a record: by its guid, unless that is what is wrong, or by its place."""
    guid = record.get("guid")
    if isinstance(guid, str) and field != "guid":
        return f"guid {guid if _is_encodable(guid) else ascii(guid)}"
    return str(record.get(_WHERE, f"record {index}"))


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float64
        return False


def _is_int32(value: int) -> bool:
    return -(2**31) <= value < 2**31


def _are_strings(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


def _are_objects(value: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in value)


def _is_encodable(value: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
