"""Scores of subsets of the examples, by text length or source."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from klue_metrics.predictions import Cases
from klue_metrics.scoring import NO_BREAKDOWN, score_cases

PARTS = 4  # quantiles of text length
FEWEST = 40  # minimum number of examples of a split
# Task -> quantity, and its value for the id and the text of an example. Texts of mrc are parts of passages.
COUNTED: Mapping[str, tuple[str, Callable[[str, str], int]]] = {
    **dict.fromkeys(("ynat", "sts", "nli", "ner", "re"), ("characters", lambda name, text: len(text))),
    "dp": ("words", lambda name, text: len(text.split())),
    "wos": ("turns before", lambda name, text: int(name.rpartition("#")[2])),
}


@dataclasses.dataclass(frozen=True)
class Slice:
    """A subset of the examples.

    Attributes:
        kind: Criterion of the division: ``length`` or ``source``.
        name: Name of the subset.
        ids: Ids of its examples.
        scores: Key of a score -> ``score``, ``low`` and ``high``, each None if undefined.
    """

    kind: str
    name: str
    ids: Sequence[str]
    scores: Mapping[str, Mapping[str, Any]]


def by_length(task: str, cases: Cases, texts: Mapping[str, str], resamples: int) -> list[Slice]:
    """Score quarters of the examples by the length of their texts, or of the dialogue before them.

    Args:
        task: Name of the task.
        cases: Predictions and references.
        texts: Id -> text.
        resamples: Number of bootstrap resamples.

    Returns:
        The slices by increasing length; none if there are few examples, or their texts are unknown.
    """
    if task not in COUNTED or len(cases.ids) < FEWEST or not all(name in texts for name in cases.ids):
        return []
    unit, count = COUNTED[task]
    lengths = np.array([count(name, texts[name]) for name in cases.ids])
    edges = np.unique(np.quantile(lengths, np.arange(1, PARTS) / PARTS).astype(int))
    place = np.searchsorted(edges, lengths)
    found = []
    for number in range(len(edges) + 1):
        inside = np.flatnonzero(place == number)
        if not len(inside):
            continue
        name = f"{lengths[inside].min():,} to {lengths[inside].max():,} {unit}"
        found.append(_slice("length", name, task, cases, inside.tolist(), resamples))
    return found


def by_source(task: str, cases: Cases, resamples: int) -> list[Slice]:
    """Score the examples of each source, if the data has sources.

    Args:
        task: Name of the task.
        cases: Predictions and references.
        resamples: Number of bootstrap resamples.

    Returns:
        The slices by name of the source; none if sources are unknown, or one has fewer than two examples.
    """
    members: dict[str, list[int]] = {}
    for place, source in enumerate(cases.columns.get("sources", ())):
        members.setdefault(str(source), []).append(place)
    if any(len(places) < 2 for places in members.values()):  # the correlation of a single pair is undefined
        return []
    return [
        _slice("source", name, task, cases, places, resamples) for name, places in sorted(members.items())
    ]


def _slice(kind: str, name: str, task: str, cases: Cases, places: list[int], resamples: int) -> Slice:
    report = score_cases(task, _selected(cases, places), by=NO_BREAKDOWN, resamples=resamples,
                         confidence=0.95, method="percentile", seed=0)  # fmt: skip
    return Slice(kind, name, [cases.ids[place] for place in places], report["scores"])


def _selected(cases: Cases, positions: list[int]) -> Cases:
    """Select cases."""
    return dataclasses.replace(
        cases,
        ids=[cases.ids[index] for index in positions],
        predictions=[cases.predictions[index] for index in positions],
        references=[cases.references[index] for index in positions],
        columns={name: [values[index] for index in positions] for name, values in cases.columns.items()},
    )
