"""Inputs of the metrics: containers of any library are converted to validated lists and arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from klue_datasets.messages import excerpt, some_labels, unicode_note

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_PLAIN = frozenset({str, int, float, bool, type(None)})
# Methods that convert containers and scalars of a library to Python: pyarrow; polars and datasets; numpy,
# torch, pandas and jax. They are called by name, so that none of these libraries is imported.
_METHODS = ("to_pylist", "as_py", "to_list", "tolist")
_LARGEST_FLOAT = int(sys.float_info.max)
_LARGEST_INT = int(np.iinfo(np.int64).max)
_WHOLE = "whole numbers from 0"


def to_python(value: Any) -> Any:
    """Convert containers and scalars of any library to lists, dicts and scalars of Python.

    Supports lists, tuples, iterators, mappings, ``datasets.Column``, and arrays, series and scalars of NumPy,
    PyTorch (on any device), pandas, Polars, PyArrow and JAX, mixed and nested in any way. The number and
    order of items do not change. Sets, which have no order, and unknown objects are returned unchanged.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {key: to_python(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if _PLAIN.issuperset(map(type, value)) else [to_python(item) for item in value]
    for method in _METHODS:
        if hasattr(value, method):
            return to_python(getattr(value, method)())
    if isinstance(value, str):
        return str.__str__(value)  # the value may be of a subclass, such as an enumeration
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Iterable) and not isinstance(value, bytes | set | frozenset):
        return [to_python(item) for item in value]
    return value


def as_list(values: object, *, task: str, role: str, expected: str) -> list[Any]:
    """Convert a container of any kind to a list of plain Python values.

    Args:
        values: Any input of ``to_python``.
        task: Name of the task, for messages.
        role: Role of the values, such as ``predictions``, for messages.
        expected: Description of valid values, for messages.

    Raises:
        ValueError: The values are not a sequence, or are nested too deeply.
    """
    try:
        plain = to_python(values)
    except RecursionError as error:
        raise ValueError(f"{task}: {role} are nested too deeply; expected {expected}.") from error
    if not isinstance(plain, list):
        raise ValueError(f"{task}: {role} are {excerpt(plain)}; expected a sequence of {expected}.")
    return plain


def as_class_ids(values: object, names: Sequence[str], *, task: str, role: str) -> IntArray:
    """Convert class names or ids, in any container, to ids.

    Args:
        values: Names, ids, or a mixture of both.
        names: Class names in the order of the ids (the Hub's ClassLabel order).
        task: Name of the task, for messages.
        role: ``predictions`` or ``references``, for messages.

    Returns:
        An int64 array of shape (n,).

    Raises:
        ValueError: The values are not a flat sequence, or one is neither a name nor an id.
    """
    expected = f"class names or their ids (0 to {len(names) - 1})"
    flat = as_list(values, task=task, role=role, expected=expected)
    return _class_ids(flat, names, task, lambda index: f"{role}[{index}]")


def as_class_id_lists(
    values: object, names: Sequence[str], *, task: str, role: str
) -> tuple[IntArray, IntArray]:
    """Flatten lists of class names or ids to an array of ids and lengths; errors as in ``as_class_ids``."""
    lists = as_lists(values, task=task, role=role, expected="lists of class names or ids")
    flat, lengths = _flattened(lists)
    return _class_ids(flat, names, task, _places(role, lengths)), lengths


def as_integer_lists(values: object, *, task: str, role: str) -> tuple[IntArray, IntArray]:
    """Flatten lists of non-negative integers to an array and lengths; raise ValueError for others."""
    lists = as_lists(values, task=task, role=role, expected=f"lists of {_WHOLE}")
    flat, lengths = _flattened(lists)
    place = _places(role, lengths)
    for index, value in enumerate(flat):
        if type(value) is not int or not 0 <= value <= _LARGEST_INT:
            raise _wrong_value(value, place(index), task, _WHOLE)
    return np.array(flat, dtype=np.int64), lengths


def as_floats(values: object, *, task: str, role: str, finite: bool = True) -> FloatArray:
    """Convert real numbers in any container to float64.

    Args:
        values: The numbers.
        task: Name of the task, for messages.
        role: ``predictions`` or ``references``, for messages.
        finite: Whether NaN and infinity are errors.

    Returns:
        A float64 array of shape (n,).

    Raises:
        ValueError: The values are not a flat sequence, or one is not a number, is too large for a float or,
            with ``finite``, is not finite.
    """
    flat = as_list(values, task=task, role=role, expected="numbers")
    return _floats(flat, task, lambda index: f"{role}[{index}]", finite)


def as_matrix(values: object, shape: tuple[int, int], *, task: str, role: str) -> FloatArray:
    """Convert finite real numbers of a given shape to float64; raise ValueError for anything else."""
    rows = as_lists(values, task=task, role=role, expected=f"{shape[0]} rows of {shape[1]} numbers")
    flat, lengths = _flattened(rows)
    if len(rows) != shape[0]:
        raise ValueError(f"{task}: {role} have {len(rows)} rows; expected {shape[0]}.")
    wrong = np.flatnonzero(lengths != shape[1])
    if wrong.size:
        raise ValueError(
            f"{task}: {role}[{wrong[0]}] has {lengths[wrong[0]]} numbers; expected {shape[1]} in each row."
        )
    return _floats(flat, task, _places(role, lengths), finite=True).reshape(shape)


def as_lists(
    values: object,
    *,
    task: str,
    role: str,
    expected: str,
    inner: type[list[Any]] | type[dict[str, Any]] = list,
    item: type | None = None,
) -> list[Any]:
    """Convert nested input to a list whose elements have a given type.

    Args:
        values: Nested containers of any kind that ``to_python`` accepts.
        task: Name of the task, for messages.
        role: Role of the values, for messages.
        expected: Description of valid values, for messages.
        inner: Type of each element after conversion to Python.
        item: Type of each item of each element; None for any.

    Raises:
        ValueError: An element or item has another type.
    """
    elements = as_list(values, task=task, role=role, expected=expected)
    for index, element in enumerate(elements):
        is_right = isinstance(element, inner)
        if not is_right or (item is not None and not all(isinstance(part, item) for part in element)):
            raise _wrong_value(element, f"{role}[{index}]", task, expected)
    return elements


def as_texts(values: object, count: int, *, task: str, role: str) -> list[str]:
    """Convert a given number of strings to a list; raise ValueError for anything else."""
    texts = as_list(values, task=task, role=role, expected="strings")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong_value(text, f"{role}[{index}]", task, "a string")
    if len(texts) != count:
        raise ValueError(f"{task}: {len(texts)} {role} for {count} examples; expected one for each.")
    return texts


def check_pairs(
    predictions: Sequence[Any] | npt.NDArray[Any], references: Sequence[Any] | npt.NDArray[Any], task: str
) -> None:
    """Raise ValueError if there are no predictions, or another number of references."""
    if len(predictions) != len(references):
        raise ValueError(
            f"{task}: {len(predictions)} predictions and {len(references)} references; "
            "expected one prediction for each reference, in the same order."
        )
    if len(predictions) == 0:
        raise ValueError(f"{task}: predictions and references are empty; expected at least one of each.")


def _class_ids(flat: list[Any], names: Sequence[str], task: str, place: Callable[[int], str]) -> IntArray:
    """Return the id of each value; raise ValueError for the first invalid one."""
    table: dict[object, int] = {name: index for index, name in enumerate(names)}
    table |= {index: index for index in range(len(names))}
    # Types are compared, too: True and 1.0 equal 1 but are not ids.
    ids = [table.get(value, -1) if type(value) is str or type(value) is int else -1 for value in flat]
    array = np.array(ids, dtype=np.int64)
    wrong = np.flatnonzero(array < 0)
    if wrong.size:
        value = flat[wrong[0]]
        expected = f"class names ({some_labels(value, names)}) or their ids (0 to {len(names) - 1})"
        raise _wrong_value(value, place(int(wrong[0])), task, expected, unicode_note(value, names))
    return array


def _floats(flat: list[Any], task: str, place: Callable[[int], str], finite: bool) -> FloatArray:
    expected = "finite numbers" if finite else "numbers"
    is_checked = {float}.issuperset(map(type, flat))  # the usual case
    for index, value in enumerate(() if is_checked else flat):
        if type(value) is int and abs(value) > _LARGEST_FLOAT:
            raise _wrong_value(value, place(index), task, "numbers that a float can hold, up to 1.8e308")
        if type(value) is not float and type(value) is not int:
            raise _wrong_value(value, place(index), task, expected)
    array = np.array(flat, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(array))
    if finite and wrong.size:
        raise _wrong_value(flat[wrong[0]], place(int(wrong[0])), task, expected)
    return array


def _flattened(lists: list[list[Any]]) -> tuple[list[Any], IntArray]:
    """Concatenate lists; also return their lengths."""
    return [item for items in lists for item in items], np.array(list(map(len, lists)), dtype=np.int64)


def _places(role: str, lengths: IntArray) -> Callable[[int], str]:
    """Name the items of ``_flattened`` by position, for messages."""
    ends = np.cumsum(lengths)

    def place(index: int) -> str:
        outer = int(np.searchsorted(ends, index, side="right"))
        return f"{role}[{outer}][{index - ends[outer] + lengths[outer]}]"

    return place


def _wrong_value(value: object, place: str, task: str, expected: str, note: str = "") -> ValueError:
    return ValueError(f"{task}: {place} is {excerpt(value)}; expected {expected}.{note}")
