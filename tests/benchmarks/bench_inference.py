"""Compare the time of a call of ``load_pipeline`` and transformers' pipeline with the same model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from runs import run

from recipes.engine.inference import load_pipeline

KINDS = {"ynat": "text-classification", "ner": "token-classification"}
CALLS = 300


def milliseconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)


@pytest.mark.parametrize("task", KINDS)
def test_a_call_costs_what_it_costs_in_transformers(task: str, tiny: Path, tmp_path: Path) -> None:
    run(task, tiny, tmp_path / task)
    ours = load_pipeline(task, tmp_path / task, device="cpu")
    theirs = transformers.pipeline(KINDS[task], model=str(tmp_path / task), device="cpu")
    text = ours.recipe.raw_input.sample
    pairs = [(milliseconds(lambda: ours(text)), milliseconds(lambda: theirs(text))) for _ in range(CALLS)]
    one, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(left / right for left, right in pairs)
    print(f"\n{task}: load_pipeline {one:.2f} ms, transformers {other:.2f} ms; median of ratios {ratio:.2f}")
    assert ratio < 2
