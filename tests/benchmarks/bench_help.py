"""Measure the time of a recipe's --help, from the start of the process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.py"))


@pytest.mark.parametrize("script", [path.name for path in SCRIPTS if path.name != "__init__.py"])
def test_help_answers_within_a_second_and_a_half(script: str, python) -> None:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        python(f"recipes/{script}", "--help")
        seconds.append(time.perf_counter() - started)
    print(f"\n{script} --help: {min(seconds):.2f} s")
    assert min(seconds) < 1.5
