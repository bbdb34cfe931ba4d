"""Tests of ``--class_weights balanced``."""

from __future__ import annotations

import collections
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from distributed_training import without_dropout
from runs import run

from recipes.arguments import fields_of
from recipes.engine import run as story
from recipes.tasks import SCRIPTS
from recipes.tasks.shared.classification import balanced_loss

WEIGHTED = ("ynat", "re")


def test_the_loss_weights_each_example_by_the_inverse_of_its_classs_frequency() -> None:
    train = [0, 0, 0, 0, 0, 2, 2, 3]  # none of class 1
    batch = [0, 2, 3, 0]
    logits = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    counts = collections.Counter(train)
    expected = 0.0
    for row, label in zip(logits.tolist(), batch, strict=True):
        weight = len(train) / (len(counts) * counts[label])
        expected += weight * (math.log(sum(map(math.exp, row))) - row[label])
    output = SimpleNamespace(logits=logits)
    given = balanced_loss(train, 4)(output, torch.tensor(batch), num_items_in_batch=torch.tensor(5))
    assert float(given) == pytest.approx(expected / 5)


def first_loss(folder: Path) -> dict[str, Any]:
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    return {name: log[0][name] for name in ("loss", "grad_norm")}


@pytest.mark.parametrize("task", WEIGHTED)
def test_a_run_is_the_same_with_accumulated_batches_and_another_without_weights(
    task: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "load_model", without_dropout(story.load_model))
    words = ("--max_steps", "1", "--eval_strategy", "no", "--max_eval_samples", "8")
    weighted = (*words, "--class_weights", "balanced")
    halves = ("--per_device_train_batch_size", "8", "--gradient_accumulation_steps", "2")
    run(task, tiny, tmp_path / "plain", *words)
    run(task, tiny, tmp_path / "whole", *weighted)
    run(task, tiny, tmp_path / "halves", *weighted, *halves)
    plain, whole, in_halves = (first_loss(tmp_path / name) for name in ("plain", "whole", "halves"))
    assert whole == pytest.approx(in_halves, rel=1e-4)
    assert whole["loss"] != pytest.approx(plain["loss"], rel=1e-2)
    assert "class_weights: balanced\n" in (tmp_path / "whole" / "README.md").read_text()
    assert "class_weights" not in (tmp_path / "plain" / "README.md").read_text()


def test_only_some_tasks_take_the_flag() -> None:
    assert tuple(task for task in SCRIPTS if "class_weights" in fields_of(task)) == WEIGHTED
