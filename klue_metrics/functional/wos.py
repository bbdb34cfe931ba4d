"""Dialogue state tracking: joint goal accuracy and slot micro F1 (klue_wos_*)."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_metrics.functional.breakdowns import Breakdown, Part, check_by, class_scores
from klue_metrics.functional.classes import plain, ratio
from klue_metrics.functional.inputs import BoolArray, FloatArray, as_lists, check_pairs

_Pair = tuple[list[str], list[str]]  # a turn: predicted state, gold state

TYPES = {"predictions": ["string"], "references": ["string"]}  # item of the output of ``convert``
NAMES = {"joint_goal_accuracy": "joint goal accuracy", "slot_micro_f1": "slot micro F1"}
BREAKDOWNS = ("domain", "slot")


def convert(values: object, role: str) -> list[Any]:
    """Convert predictions or references to lists of states; errors as in ``compute``."""
    expected = "lists of state strings, one per turn"
    return as_lists(values, task="wos", role=role, expected=expected, item=str)


def compute(predictions: object, references: object, *, by: str | None = None) -> dict[str, Any]:
    """Score dialogue state tracking over the user turns of all dialogues.

    Args:
        predictions: The state after each turn, a list of ``domain-slot-value`` strings. Strings are compared
            exactly.
        references: The references, in the same format and order.
        by: ``domain`` or ``slot`` for a breakdown.

    Returns:
        Scores from 0 to 100:

        ``joint_goal_accuracy``: fraction of turns whose predicted and gold states are equal as sets.
        ``slot_micro_f1``: mean over turns of the F1 between the two lists of strings, in which duplicates
        count; 1 if both are empty. In spite of its official name, it is not a micro average.

        With ``by="domain"`` also ``by_domain``: both scores of the states restricted to a domain, over the
        turns whose predicted or gold state has it (their number is the support).
        With ``by="slot"`` also ``by_slot``: precision, recall, f1 and support (gold strings) of each
        ``domain-slot``.

    Raises:
        ValueError: A state is not a list of strings, the numbers of turns differ, or there is nothing to
            score.
    """
    check_by("wos", by, BREAKDOWNS)
    pairs = _pairs(predictions, references)
    scores = plain(scores_from(_rows(pairs).sum(axis=0)))
    if by is not None:
        scores[f"by_{by}"] = _parts(pairs, by).table()
    return scores


def breakdown(predictions: object, references: object, by: str) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("wos", by, BREAKDOWNS)
    return _parts(_pairs(predictions, references), by)


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute for each turn whether its state is right, its F1, and 1, shape (turns, 3)."""
    return _rows(_pairs(predictions, references))


def right(predictions: object, references: object) -> BoolArray:
    """Return for each turn whether it has the gold state, compared as a set."""
    return np.asarray(statistics(predictions, references)[:, 0] == 1)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 3), to scores, each of shape (...)."""
    turns = counts[..., 2]
    return {
        "joint_goal_accuracy": 100 * ratio(counts[..., 0], turns),
        "slot_micro_f1": 100 * ratio(counts[..., 1], turns),
    }


def turn_f1(predicted: list[str], gold: list[str]) -> float:
    """Compute the F1 of one turn's lists of state strings, 0 to 1."""
    if not predicted and not gold:
        return 1.0
    predicted_set, gold_set = set(predicted), set(gold)
    hits = sum(item in predicted_set for item in gold)
    misses = len(gold) - hits
    invented = sum(item not in gold_set for item in predicted)
    return 2 * hits / (2 * hits + misses + invented)


def _rows(pairs: list[_Pair]) -> FloatArray:
    rows = [(set(state) == set(gold), turn_f1(state, gold), 1.0) for state, gold in pairs]
    return np.array(rows, dtype=np.float64)


def _pairs(predictions: object, references: object) -> list[_Pair]:
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "wos")
    return list(zip(predicted, gold, strict=True))


def _parts(pairs: list[_Pair], by: str) -> Breakdown:
    return _by_domain(pairs) if by == "domain" else _by_slot(pairs)


def _by_domain(pairs: list[_Pair]) -> Breakdown:
    turns: dict[str, list[int]] = {}
    states: dict[str, list[_Pair]] = {}
    for turn, pair in enumerate(pairs):
        domains = [[item.split("-", 1)[0] for item in state] for state in pair]
        for domain in {*domains[0], *domains[1]}:
            state, gold = (
                [item for item, name in zip(*side, strict=True) if name == domain]
                for side in zip(pair, domains, strict=True)
            )
            turns.setdefault(domain, []).append(turn)
            states.setdefault(domain, []).append((state, gold))
    parts = {
        domain: Part(np.array(turns[domain]), _rows(states[domain]), len(turns[domain]))
        for domain in sorted(turns)
    }
    return Breakdown(parts, scores_from)


def _by_slot(pairs: list[_Pair]) -> Breakdown:
    counts: dict[str, dict[int, list[float]]] = {}  # slot -> turn -> right, predicted, gold
    for turn, (state, gold) in enumerate(pairs):
        for item in gold:
            count = counts.setdefault(_slot(item), {}).setdefault(turn, [0.0, 0.0, 0.0])
            count[0] += item in state
            count[1] += item in state
            count[2] += 1
        for item in state:
            count = counts.setdefault(_slot(item), {}).setdefault(turn, [0.0, 0.0, 0.0])
            count[1] += item not in gold
    parts = {}
    for name in sorted(counts):
        rows = np.array(list(counts[name].values()))
        parts[name] = Part(np.array(list(counts[name])), rows, int(rows[:, 2].sum()))
    return Breakdown(parts, class_scores)


def _slot(item: str) -> str:
    return "-".join(item.split("-", 2)[:2])
