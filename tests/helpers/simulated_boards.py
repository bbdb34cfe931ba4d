"""Simulated boards of equally good systems, to measure false positives of the tests.

There are NLI pairs with three hypotheses per premise. Whether a run is right on a pair depends on the
difficulty of the pair, an effect of system and premise, and noise, which are normal variables whose sum has
variance 1. All systems have the same expected accuracy; seeds may add a normal variable with a given standard
deviation.
"""

from __future__ import annotations

import dataclasses
import itertools
from statistics import NormalDist

import numpy as np

from klue_metrics.functional.bootstrap import group_tests, paired_test

HYPOTHESES = 3


@dataclasses.dataclass(frozen=True)
class Setting:
    """Parameters of simulated boards.

    Attributes:
        systems: How many there are.
        seeds: Runs of each.
        premises: Each with three hypotheses.
        accuracy: That all systems are expected to have, 0 to 1.
        seed_sd: Standard deviation of the expected accuracy over seeds, in points of 100.
        shared: Part of the variance that is the pair's difficulty, the same for all.
        of_premise: Part of the variance that is how a system copes with a premise.
    """

    systems: int = 2
    seeds: int = 1
    premises: int = 1000
    accuracy: float = 0.8
    seed_sd: float = 0.0
    shared: float = 0.4
    of_premise: float = 0.35


def make_board(setting: Setting, generator: np.random.Generator) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return the predictions of all runs of all systems as ids, and the references."""
    pairs = setting.premises * HYPOTHESES
    shared = np.sqrt(setting.shared) * generator.normal(size=pairs)
    rest = np.sqrt(1 - setting.shared - setting.of_premise)
    references = generator.integers(0, 3, pairs)
    groups = []
    for _ in range(setting.systems):
        own = np.sqrt(setting.of_premise) * generator.normal(size=setting.premises).repeat(HYPOTHESES)
        runs = []
        for _ in range(setting.seeds):
            accuracy = setting.accuracy + generator.normal() * setting.seed_sd / 100
            limit = NormalDist().inv_cdf(float(np.clip(accuracy, 0.01, 0.99)))
            is_right = shared + own + rest * generator.normal(size=pairs) < limit
            runs.append(np.where(is_right, references, (references + 1) % 3))
        groups.append(runs)
    return groups, references


def clusters_of(setting: Setting) -> list[str]:
    """The premise of each pair."""
    return [str(premise) for premise in range(setting.premises) for _ in range(HYPOTHESES)]


def single_run_p_values(
    setting: Setting, boards: int, *, by_premise: bool = True, resamples: int = 500
) -> np.ndarray:
    """P-values of the uncorrected test between the first runs of all pairs of systems, (boards, pairs)."""
    clusters = clusters_of(setting) if by_premise else None
    found = []
    for number in range(boards):
        groups, references = make_board(setting, np.random.default_rng(number))
        found.append(
            [
                paired_test(
                    "nli", one[0], other[0], references, clusters=clusters, resamples=resamples, seed=number
                )["accuracy"].p_value
                for one, other in itertools.combinations(groups, 2)
            ]
        )
    return np.array(found)


def corrected_p_values(setting: Setting, boards: int, *, resamples: int = 500) -> np.ndarray:
    """P-values of ``group_tests`` after Holm's correction, shape (boards, pairs)."""
    found = []
    for number in range(boards):
        groups, references = make_board(setting, np.random.default_rng(number))
        tests = group_tests(
            "nli", groups, references, clusters=clusters_of(setting), resamples=resamples, seed=number
        )
        found.append([rows["accuracy"].p_holm for rows in tests.values()])
    return np.array(found)


def rate_of_marks(p_values: np.ndarray, level: float = 0.05) -> float:
    """Return the fraction of boards with any p-value below the level."""
    return float(np.mean((p_values < level).any(axis=1)))
