"""Tests of the raw inputs that models answer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from recipes.tasks import SCRIPTS, get_recipe

WRONG: tuple[Any, ...] = (None, True, 3, -1, 3.0, "3", "", b"3", [], {}, [3], {"text": 3})
# Inputs with all optional parts.
COMPLETE: dict[str, Any] = {
    "re": {
        "sentence": "박보검은 배우다.",
        "subject_entity": {"word": "박보검", "start_idx": 0, "end_idx": 2, "type": "PER"},
        "object_entity": {"word": "배우", "start_idx": 5, "end_idx": 6, "type": "POH"},
    },
    "dp": {"words": ["나는", "간다."], "pos": ["NP+JX", "VV+EF+SF"]},
    "wos": {"dialogue": [{"role": "user", "text": "가요"}, {"role": "sys", "text": "네"}]},
}


def variants(value: Any) -> Iterator[Any]:
    """Yield copies in which one part, or the whole, has another type or is missing."""
    yield from WRONG
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for part in variants(value[key]):
            changed = copy.copy(value)
            changed[key] = part
            yield changed
        changed = copy.copy(value)
        del changed[key]
        yield changed


def is_like(value: Any, example: Any) -> bool:
    """Return whether a row has the columns and types of another row."""
    if isinstance(value, dict) and isinstance(example, dict):
        return value.keys() == example.keys() and all(is_like(value[key], example[key]) for key in value)
    if isinstance(value, list) and isinstance(example, list):
        return all(is_like(part, example[0]) for part in value)
    return type(value) is type(example)


@pytest.mark.parametrize("task", SCRIPTS)
def test_an_input_with_another_type_anywhere_is_refused_or_read_as_a_row(task: str) -> None:
    raw_input = get_recipe(task).raw_input
    sample = COMPLETE.get(task, raw_input.sample)
    example, outcomes = raw_input.read(sample), {"refused": 0, "read": 0}
    for changed in variants(sample):
        try:
            row = raw_input.read(changed)
        except ValueError as error:
            outcomes["refused"] += "expected" in str(error)
        else:
            assert is_like(row, example), changed
            outcomes["read"] += 1
    assert outcomes["refused"] >= len(WRONG) - 4
    assert outcomes["read"] > 0
