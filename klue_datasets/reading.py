"""Convert records of raw KLUE files to columns of lists and Arrow arrays.

Errors are KlueDataErrors that name the file, the record (its guid or position) and the field.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextvars import ContextVar
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .messages import excerpt
from .messages import some_labels
from .messages import unicode_note
from .raw_files import PLACE
from .raw_files import KlueDataError
from .raw_files import Record

_MISSING = object()


# Field -> number of records without it, and of all records, inside ``missing_fields``.
_missing: ContextVar[dict[str, tuple[int, int]] | None] = ContextVar("missing", default=None)


@contextlib.contextmanager
def missing_fields() -> Iterator[dict[str, tuple[int, int]]]:
    """Count the optional fields that are missing from records read inside the context.

    Yields:
        Name of the field -> number of records without it (absent, null or ""), and number of all records.
    """
    counts: dict[str, tuple[int, int]] = {}
    token = _missing.set(counts)
    try:
        yield counts
    finally:
        _missing.reset(token)


def strings(
    records: Sequence[Record], path: str | Path, field: str, *, default: str | None = None
) -> pa.Array:
    """Return the text field ``field`` of every record as an Arrow string array.

    Args:
        records: The result of ``read_records``, or of ``objects`` or ``nested`` on it.
        path: The source file, for messages.
        field: Name of the field.
        default: Value for records in which the field is absent or null; None makes it required.

    Raises:
        KlueDataError: A required field is missing, is not a string, or cannot be encoded as UTF-8.
    """
    values = _values(records, path, field, default, "a string", {str})
    try:
        return pa.array(values, type=pa.string())
    except UnicodeEncodeError:
        _raise_first(records, path, field, values, _is_encodable, "text without lone surrogates")
        raise


def string_lists(
    records: Sequence[Record],
    path: str | Path,
    field: str,
    *,
    default: Sequence[str] | None = None,
    single: bool = False,
) -> pa.ListArray:
    """Return the field ``field``, a list of strings or (``single``) characters; see ``strings``."""
    expected, is_right = (
        ("a list of single characters", _are_characters) if single else ("a list of strings", _are_strings)
    )
    values = _values(records, path, field, default, expected, {list}, is_right)
    try:
        return list_array(values, pa.array(list(chain.from_iterable(values)), type=pa.string()))
    except UnicodeEncodeError:
        expected = "text without lone surrogates"
        _raise_first(records, path, field, values, lambda value: all(map(_is_encodable, value)), expected)
        raise


def numbers(records: Sequence[Record], path: str | Path, field: str) -> pa.Array:
    """Return the required field ``field`` of every record, a finite number, as a float64 array."""
    values = _values(records, path, field, None, "a finite number", {int, float}, _is_finite)
    return pa.array([float(value) for value in values], type=pa.float64())


def integers(
    records: Sequence[Record], path: str | Path, field: str, *, default: int | None = None
) -> pa.Array:
    """Return the integer field ``field`` as an int32 array; it is required if there is no default."""
    values = _values(records, path, field, default, "a whole number of 32 bits", {int}, _is_int32)
    return pa.array(values, type=pa.int32())


def booleans(records: Sequence[Record], path: str | Path, field: str, *, default: bool) -> pa.Array:
    """Return the field ``field`` of every record as a boolean array."""
    values = _values(records, path, field, default, "true or false", {bool})
    return pa.array(values, type=pa.bool_())


def class_ids(
    records: Sequence[Record], path: str | Path, field: str, names: Sequence[str], *, as_index: bool = False
) -> pa.Array:
    """Return the required class field ``field`` as an Arrow int64 array of positions in ``names``.

    Args:
        records: The result of ``read_records``.
        path: The source file, for messages.
        field: Name of the field.
        names: The class names, in ClassLabel order.
        as_index: Whether the file has positions (0, 1, ...) instead of names.

    Raises:
        KlueDataError: A value is missing, or is not one of the classes.
    """
    ids: dict[Any, int] = {index if as_index else name: index for index, name in enumerate(names)}
    kind = int if as_index else str
    expected = f"one of {', '.join(map(str, ids))}"
    values = _values(
        records, path, field, None, expected, {kind}, ids.__contains__, () if as_index else names
    )
    return pa.array([ids[value] for value in values], type=pa.int64())


def objects(records: Sequence[Record], path: str | Path, field: str) -> list[Record]:
    """Return the required object ``field``, with the place of its record for messages."""
    values = _values(records, path, field, None, "an object", {dict})
    return [
        {**value, PLACE: _where(record, index)}
        for index, (record, value) in enumerate(zip(records, values, strict=True))
    ]


def nested(
    records: Sequence[Record], path: str | Path, field: str, *, default: Sequence[Record] | None = None
) -> list[list[Record]]:
    """Return the field ``field``, a list of objects with their places for messages."""
    values = _values(records, path, field, default, "a list of objects", {list}, _are_objects)
    return [
        [
            {**value, PLACE: f"{_where(record, index)}, {field}[{position}]"}
            for position, value in enumerate(inner)
        ]
        for index, (record, inner) in enumerate(zip(records, values, strict=True))
    ]


def label_lists(
    records: Sequence[Record], path: str | Path, field: str, names: Sequence[str]
) -> pa.ListArray:
    """Return the required field ``field``, a list of class names, as int64 positions in ``names``."""
    lists = _values(records, path, field, None, "a list of strings", {list}, _are_strings)
    ids = {name: index for index, name in enumerate(names)}
    for index, (record, labels) in enumerate(zip(records, lists, strict=True)):
        for place, label in enumerate(labels):
            if label not in ids:
                raise KlueDataError(
                    f"{path}: {_where(record, index)}: field {field!r}[{place}] is {excerpt(label)}; "
                    f"expected one of {some_labels(label, names)}.{unicode_note(label, names)}"
                )
    flat = [ids[label] for label in chain.from_iterable(lists)]
    return list_array(lists, pa.array(flat, type=pa.int64()))


def integer_lists(
    records: Sequence[Record], path: str | Path, field: str, *, at_most_length: bool = False
) -> pa.ListArray:
    """Return the required field ``field`` of every record, a list of integers, as lists of int32.

    Args:
        records: The result of ``read_rows``.
        path: The source file, for messages.
        field: Name of the field.
        at_most_length: Whether the numbers must be from 0 to the length of their list, like positions.
    """

    def is_right(value: list[Any]) -> bool:
        most = len(value) if at_most_length else 2**31 - 1
        return all(type(item) is int and 0 <= item <= most for item in value)

    expected = f"a list of whole numbers from 0{' to the number of its items' if at_most_length else ''}"
    lists = _values(records, path, field, None, expected, {list}, is_right)
    return list_array(lists, pa.array(list(chain.from_iterable(lists)), type=pa.int32()))


def check_lengths(records: Sequence[Record], path: str | Path, columns: dict[str, pa.ListArray]) -> None:
    """Raise KlueDataError for the first record whose lists differ in length."""
    (first, expected), *others = columns.items()
    for name, lists in others:
        wrong = np.flatnonzero(np.diff(lists.offsets.to_numpy()) != np.diff(expected.offsets.to_numpy()))
        if wrong.size:
            index = int(wrong[0])
            raise KlueDataError(
                f"{path}: {_where(records[index], index)}: field {name!r} has {len(lists[index])} items; "
                f"expected {len(expected[index])}, as in {first!r}."
            )


def list_array(lists: Sequence[Sequence[Any]], values: pa.Array) -> pa.ListArray:
    """Build an Arrow list array with the lengths of ``lists`` from their concatenated ``values``."""
    offsets = np.zeros(len(lists) + 1, dtype=np.int32)
    np.cumsum([len(items) for items in lists], out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def struct_array(columns: dict[str, pa.Array]) -> pa.StructArray:
    """Build an Arrow struct array of named columns."""
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _values(
    records: Sequence[Record],
    path: str | Path,
    field: str,
    default: Any,
    expected: str,
    kinds: set[type],
    is_right: Callable[[Any], bool] | None = None,
    names: Sequence[str] = (),
) -> list[Any]:
    """Return the field of every record, or ``default`` if it is absent or null.

    Values must have one of the types (a boolean is not an int) and pass the further checks, such as being one
    of ``names``.
    """
    if default is None:
        values = [record.get(field, _MISSING) for record in records]
    else:
        values = [default if (value := record.get(field)) is None else value for record in records]
        _count_missing(records, field, default)
    if set(map(type, values)) - kinds:
        _raise_first(records, path, field, values, lambda value: type(value) in kinds, expected)
    if is_right is not None and not all(map(is_right, values)):
        _raise_first(records, path, field, values, is_right, expected, names)
    return values


def _count_missing(records: Sequence[Record], field: str, default: Any) -> None:
    counts = _missing.get()
    if counts is None or isinstance(default, list):  # a missing list is an empty list
        return
    absent = sum(record.get(field) in (None, "") for record in records)
    if absent:
        before = counts.get(field, (0, 0))
        counts[field] = (before[0] + absent, before[1] + len(records))


def _raise_first(
    records: Sequence[Record],
    path: str | Path,
    field: str,
    values: Sequence[object],
    is_right: Callable[[Any], bool],
    expected: str,
    names: Sequence[str] = (),
) -> None:
    """Raise for the first invalid value."""
    for index, (record, value) in enumerate(zip(records, values, strict=True)):
        if not is_right(value):
            found = "is missing" if value is _MISSING else f"is {excerpt(value)}"
            where = _where(record, index, field)
            note = unicode_note(value, names)
            if names:
                expected = f"one of {some_labels(value, names)}"
            raise KlueDataError(f"{path}: {where}: field {field!r} {found}; expected {expected}.{note}")


def _where(record: Record, index: int, field: str = "") -> str:
    """Describe the place of a record for a message: its line or row, and its guid."""
    guid, place = record.get("guid"), str(record.get(PLACE, f"record {index}"))
    if not isinstance(guid, str) or field == "guid":
        return place
    known = f"guid {guid if _is_encodable(guid) else ascii(guid)}"
    return f"{place}, {known}" if place.startswith(("line ", "row ")) else known


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of float64
        return False


def _is_int32(value: int) -> bool:
    return -(2**31) <= value < 2**31


def _are_strings(value: list[Any]) -> bool:
    return all(isinstance(item, str) for item in value)


def _are_characters(value: list[Any]) -> bool:
    return all(isinstance(item, str) and len(item) == 1 for item in value)


def _are_objects(value: list[Any]) -> bool:
    return all(isinstance(item, dict) for item in value)


def _is_encodable(value: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in value)
