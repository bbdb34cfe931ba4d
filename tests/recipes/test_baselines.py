"""Tests of constant baselines and of strict JSON in result files."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from recipes.engine.baselines import constant_scores
from recipes.engine.results import strict, write_json
from recipes.tasks import get_recipe


def constants(task: str, train: list, gold: list) -> dict[str, float | None]:
    recipe = get_recipe(task)
    train, gold = (datasets.Dataset.from_dict({recipe.target: rows}) for rows in (train, gold))
    return constant_scores(recipe, train, gold)


def test_the_majority_of_training_is_the_answer() -> None:
    assert constants("nli", [1, 1, 0], [1, 0]) == {"accuracy": 50.0}
    assert constants("ynat", [3, 3, 3, 2], [3, 2, 6]) == {"macro_f1": pytest.approx(100 * 0.5 / 3)}


def test_a_constant_similarity_has_no_correlation_but_an_f1() -> None:
    scores = constants(
        "sts", *([{"real-label": value} for value in side] for side in ([1.0, 2.0], [4.0, 1.0, 3.0]))
    )
    assert scores["pearsonr"] is None
    assert scores["f1"] == pytest.approx(80.0)  # all positive: 2 of 3


def test_results_are_strict_json(tmp_path: Path) -> None:
    values = {"a": float("nan"), "b": np.float32(0.5), "c": [np.int64(3), float("inf")], "d": {"e": True}}
    assert strict(values) == {"a": None, "b": 0.5, "c": [3, None], "d": {"e": True}}
    write_json(tmp_path / "deep" / "x.json", values)
    assert json.loads((tmp_path / "deep" / "x.json").read_text()) == strict(values)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]
