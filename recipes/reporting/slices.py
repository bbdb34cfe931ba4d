"""Scores of subsets of the examples, by length of the text or by source."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from klue_metrics.predictions import Cases
from klue_metrics.scoring import NO_BREAKDOWN, score_cases

PARTS = 4  # quantiles of text length
FEWEST = 40  # minimum examples of a split
# What is counted, and how, from id and text; mrc texts are parts of passages.
COUNTED: Mapping[str, tuple[str, Callable[[str, str], int]]] = {
    **dict.fromkeys(("ynat", "sts", "nli", "ner", "re"), ("characters", lambda name, text: len(text))),
    "dp": ("words", lambda name, text: len(text.split())),
    "wos": ("turns before", lambda name, text: int(name.rpartition("#")[2])),
}


@dataclasses.dataclass(frozen=True)
class Slice:
    """A subset of the examples.

    Attributes:
        kind: What the examples are divided by: ``length`` or ``source``.
        name: Which, in words.
        ids: Ids of the examples.
        scores: Key of a metric -> ``score``, ``low`` and ``high``; None where undefined.
    """

    kind: str
    name: str
    ids: Sequence[str]
    scores: Mapping[str, Mapping[str, Any]]


def by_length(task: str, cases: Cases, texts: Mapping[str, str], resamples: int) -> list[Slice]:
    """Score quarters of the examples, by the length of their texts, or of the dialogue before them.

    Args:
        task: Name of the task.
        cases: Predictions and references.
        texts: Id -> text.
        resamples: Number of bootstrap resamples.

    Returns:
        The slices, short texts first; none where there are few examples, or texts are not known.
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
    """Score the examples of each source, if the data name sources.

    Args:
        task: Name of the task.
        cases: Predictions and references.
        resamples: Number of bootstrap resamples.

    Returns:
        The slices by the source's name; none where sources are not known, or two examples of one are not.
    """
    members: dict[str, list[int]] = {}
    for place, source in enumerate(cases.columns.get("sources", ())):
        members.setdefault(str(source), []).append(place)
    if any(len(places) < 2 for places in members.values()):  # a single pair has no correlation
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
