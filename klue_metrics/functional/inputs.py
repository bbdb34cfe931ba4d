"""What a metric accepts: any flat container of labels or numbers, turned into numpy once, at the door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def as_class_ids(values: object, names: Sequence[str], *, task: str, role: str) -> IntArray:
    """Class names or ids, in any container, as ids.

    Args:
        values: A list, tuple, numpy array, torch tensor, ``datasets.Column`` or iterable of names or ids.
        names: Class names in the order of the ids (the Hub's ClassLabel order).
        task: Name of the task, for messages.
        role: ``predictions`` or ``references``, for messages.

    Returns:
        An int64 array of shape (n,).

    Raises:
        ValueError: Not a flat sequence, or a value that is neither a name nor an id.
    """
    expected = f"class names ({', '.join(names)}) or their ids (0 to {len(names) - 1})"
    flat = _flat(values, task=task, role=role, expected=expected)
    if isinstance(flat, np.ndarray) and flat.dtype.kind in "iu":
        wrong = np.flatnonzero((flat < 0) | (flat >= len(names)))
        if wrong.size:
            raise _wrong_value(flat[wrong[0]], int(wrong[0]), task=task, role=role, expected=expected)
        return flat.astype(np.int64)
    table: dict[object, int] = {name: index for index, name in enumerate(names)}
    ids = [_class_id(value, table, len(names)) for value in flat]
    for index, (value, found) in enumerate(zip(flat, ids, strict=True)):
        if found is None:
            raise _wrong_value(value, index, task=task, role=role, expected=expected)
    return np.array(ids, dtype=np.int64)


def as_floats(values: object, *, task: str, role: str, finite: bool = True) -> FloatArray:
    """Real numbers, in any container, as float64.

    Args:
        values: A list, tuple, numpy array, torch tensor, ``datasets.Column`` or other iterable of numbers.
        task: Name of the task, for messages.
        role: ``predictions`` or ``references``, for messages.
        finite: Whether NaN and infinity are errors.

    Returns:
        A float64 array of shape (n,).

    Raises:
        ValueError: Not a flat sequence, a value that is not a number or, if asked for, not finite.
    """
    expected = "finite numbers" if finite else "numbers"
    flat = _flat(values, task=task, role=role, expected=expected)
    if not (isinstance(flat, np.ndarray) and flat.dtype.kind in "iuf"):
        plain = [_plain(value) for value in flat]
        for index, value in enumerate(plain):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong_value(value, index, task=task, role=role, expected=expected)
        flat = np.array(plain, dtype=np.float64)
    array = flat.astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(array))
    if finite and wrong.size:
        raise _wrong_value(array[wrong[0]], int(wrong[0]), task=task, role=role, expected=expected)
    return array


def as_matrix(values: object, shape: tuple[int, int], *, task: str, role: str) -> FloatArray:
    """Finite real numbers of a given shape as float64; ValueError where they are not."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().float().numpy()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{task}: {role} are no table of numbers; expected the shape {shape}.") from error
    if array.shape != shape:
        raise ValueError(f"{task}: {role} have the shape {array.shape}; expected {shape}.")
    if not np.all(np.isfinite(array)):
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{task}: {role}[{row}][{column}] is {array[row, column]}; expected finite numbers.")
    return array


def as_lists(
    values: object, *, task: str, role: str, expected: str, inner: type = Sequence, item: type | None = None
) -> list[Any]:
    """Nested input as a list whose elements are of a kind.

    Args:
        values: Any iterable of them.
        task: Name of the task, for messages.
        role: What the values are, for messages.
        expected: What they should be, for messages.
        inner: What each element must be; Sequence means any list-like thing but a string, made a list.
        item: What each item of each element must be; None for anything.

    Raises:
        ValueError: An element or an item is something else.
    """
    if values is None or isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise ValueError(f"{task}: {role} are {_excerpt(values)}; expected {expected}.")
    elements = list(values)
    for index, element in enumerate(elements):
        if inner is Sequence and hasattr(element, "tolist"):
            elements[index] = element = element.tolist()
        is_right = isinstance(element, list | tuple) if inner is Sequence else isinstance(element, inner)
        if not is_right:
            raise ValueError(f"{task}: {role}[{index}] is {_excerpt(element)}; expected {expected}.")
        if item is not None and not all(isinstance(part, item) for part in element):
            raise ValueError(f"{task}: {role}[{index}] is {_excerpt(element)}; expected {expected}.")
    return elements


def as_class_id_lists(
    values: object, names: Sequence[str], *, task: str, role: str
) -> tuple[IntArray, IntArray]:
    """Lists of class names or ids as one array of ids, and each list's length; errors as ``as_class_ids``."""
    expected = "lists of class names or ids"
    lists = as_lists(values, task=task, role=role, expected=expected)
    table: dict[object, int] = {name: index for index, name in enumerate(names)}
    table |= {index: index for index in range(len(names))}
    lengths = np.array([len(items) for items in lists], dtype=np.int64)
    flat = [item for items in lists for item in items]
    try:
        ids = [table[item] for item in flat]
    except (KeyError, TypeError):
        ids = []
    if len(ids) != len(flat) or bool in set(map(type, flat)) or float in set(map(type, flat)):
        for index, items in enumerate(lists):
            as_class_ids(items, names, task=task, role=f"{role}[{index}]")
    return np.array(ids, dtype=np.int64), lengths


def as_integer_lists(values: object, *, task: str, role: str) -> tuple[IntArray, IntArray]:
    """Lists of whole numbers from 0 as one array, and each list's length; ValueError for anything else."""
    lists = as_lists(values, task=task, role=role, expected="lists of whole numbers from 0")
    for index, items in enumerate(lists):
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int | np.integer) or item < 0:
                raise ValueError(
                    f"{task}: {role}[{index}] holds {_excerpt(item)}; expected whole numbers from 0."
                )
    lengths = np.array([len(items) for items in lists], dtype=np.int64)
    return np.array([item for items in lists for item in items], dtype=np.int64), lengths


def as_texts(values: object, count: int, *, task: str, role: str) -> list[str]:
    """A given number of strings, in any container, as a list; ValueError where they are not."""
    texts = _flat(values, task=task, role=role, expected="strings")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise _wrong_value(text, index, task=task, role=role, expected="a string")
    if len(texts) != count:
        raise ValueError(f"{task}: {len(texts)} {role} for {count} examples; expected one for each.")
    return [str(text) for text in texts]


def check_pairs(
    predictions: Sequence[Any] | npt.NDArray[Any], references: Sequence[Any] | npt.NDArray[Any], task: str
) -> None:
    """Raises ValueError unless there are as many predictions as references, and at least one."""
    if len(predictions) != len(references):
        raise ValueError(
            f"{task}: {len(predictions)} predictions and {len(references)} references; "
            "expected one prediction for each reference, in the same order."
        )
    if len(predictions) == 0:
        raise ValueError(f"{task}: predictions and references are empty; expected at least one of each.")


def _flat(values: object, *, task: str, role: str, expected: str) -> npt.NDArray[Any] | list[Any]:
    """A one-dimensional array where one is at hand (numpy, torch), otherwise a list."""
    array = values
    if hasattr(values, "detach"):  # a torch tensor, perhaps on a GPU, perhaps bfloat16
        tensor = values.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    if isinstance(array, np.ndarray):
        if array.ndim != 1:
            raise ValueError(
                f"{task}: {role} have the shape {array.shape}; "
                f"expected one dimension, a sequence of {expected}."
            )
        return array if array.dtype.kind in "iuf" else array.tolist()
    if values is None or isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise ValueError(f"{task}: {role} are {_excerpt(values)}; expected a sequence of {expected}.")
    return list(values)


def _class_id(value: object, table: dict[object, int], count: int) -> int | None:
    value = _plain(value)
    if isinstance(value, str):
        return table.get(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < count:
        return value
    return None


def _plain(value: Any) -> Any:
    """The Python number inside a numpy or torch scalar."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _wrong_value(value: object, index: int, *, task: str, role: str, expected: str) -> ValueError:
    return ValueError(f"{task}: {role}[{index}] is {_excerpt(_plain(value))}; expected {expected}.")


def _excerpt(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
