"""Dialogue state: joint goal accuracy and the mean F1 of turns (KLUE-baseline, klue_wos_*)."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_metrics.functional.inputs import as_lists, check_pairs

TYPES = {"predictions": ["string"], "references": ["string"]}  # of what ``convert`` gives
NAMES = {"joint_goal_accuracy": "joint goal accuracy", "slot_micro_f1": "slot micro F1"}


def convert(values: object, role: str) -> list[Any]:
    """Predictions or references as lists of states; errors as in ``compute``."""
    expected = "lists of state strings, one a turn"
    return as_lists(values, task="wos", role=role, expected=expected, item=str)


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores dialogue state tracking, turn by turn of the user; turns of all dialogues are pooled.

    Args:
        predictions: For each turn its state: ``domain-slot-value`` strings, compared letter by letter.
        references: Likewise, in the same order.

    Returns:
        ``joint_goal_accuracy``: share of turns whose states are equal as sets.
        ``slot_micro_f1``: the mean over turns of each turn's F1 over its list of strings (a duplicate counts
        twice); a turn where both are empty counts as 1. Despite its name neither micro nor over slots.
        Both 0 to 100.

    Raises:
        ValueError: A state that is no list of strings, unequal numbers of turns, or nothing to score.
    """
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "wos")
    pairs = list(zip(predicted, gold, strict=True))
    joint = np.mean([set(state) == set(reference) for state, reference in pairs])
    f1 = np.mean([turn_f1(state, reference) for state, reference in pairs])
    return {"joint_goal_accuracy": 100 * float(joint), "slot_micro_f1": 100 * float(f1)}


def turn_f1(predicted: list[str], gold: list[str]) -> float:
    """F1 of one turn's lists of state strings, 0 to 1."""
    if not predicted and not gold:
        return 1.0
    predicted_set, gold_set = set(predicted), set(gold)
    hits = sum(item in predicted_set for item in gold)
    misses = len(gold) - hits
    invented = sum(item not in gold_set for item in predicted)
    return 2 * hits / (2 * hits + misses + invented)
