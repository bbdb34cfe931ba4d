"""Measure the false positive rate of the tests at .05, with and without clusters, Holm's method and seeds.

    python -m pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_false_positives.py

All systems are equally good, so all significant differences are false positives. With 400 boards, 1.96
standard errors of a rate of 5 % are 2 points. The power of the test over seeds is printed as well.
"""

from __future__ import annotations

import numpy as np
from simulated_boards import (
    Setting,
    clusters_of,
    corrected_p_values,
    make_board,
    rate_of_marks,
    single_run_p_values,
)

from klue_metrics.functional.bootstrap import group_tests

BOARDS = 400


def test_nli_by_pair_and_by_premise() -> None:
    """Two systems, one run each."""
    by_pair = rate_of_marks(single_run_p_values(Setting(), 4 * BOARDS, by_premise=False))
    by_premise = rate_of_marks(single_run_p_values(Setting(), 4 * BOARDS))
    print(
        f"\nNLI, two equal systems: by pair {by_pair:.1%}, by premise {by_premise:.1%} ({4 * BOARDS} boards)"
    )
    assert by_pair > 0.08
    assert by_premise < 0.065


def test_six_equal_systems() -> None:
    setting = Setting(systems=6)
    by_pair, before = (
        rate_of_marks(single_run_p_values(setting, BOARDS, by_premise=by_premise))
        for by_premise in (False, True)
    )
    after = rate_of_marks(corrected_p_values(setting, BOARDS))
    print(
        f"\nSix equal systems, one run each, any p < .05: by pair {by_pair:.1%}, by premise {before:.1%}; "
        f"with Holm {after:.1%} ({BOARDS} boards)"
    )
    assert before > 0.25
    assert after < 0.08


def test_seeds_alone() -> None:
    """Systems that differ by their seeds alone, by 1.0 points."""
    for systems in (2, 6):
        single = Setting(systems=systems, seed_sd=1.0)
        before = rate_of_marks(single_run_p_values(single, BOARDS))
        holm = rate_of_marks(corrected_p_values(single, BOARDS))
        print(
            f"\n{systems} equal systems, seeds with sd 1.0, any p < .05: single runs {before:.1%}, with Holm "
            f"{holm:.1%} (never marked: they say nothing about other seeds)"
        )
        for seeds in (2, 3, 5):
            setting = Setting(systems=systems, seeds=seeds, seed_sd=1.0)
            after = rate_of_marks(corrected_p_values(setting, BOARDS // 2))
            print(f"  {seeds} seeds each, test over seeds and examples: {after:.1%} ({BOARDS // 2} boards)")
            assert after < 0.08


def test_power_of_the_test_over_seeds() -> None:
    """Two systems that do differ."""
    setting = Setting(seeds=3, seed_sd=0.5)
    for points in (2.0, 4.0, 6.0):
        better = Setting(seeds=3, seed_sd=0.5, systems=1, accuracy=setting.accuracy + points / 100)
        found = []
        for number in range(BOARDS // 4):
            generator = np.random.default_rng(number)
            (one, _), references = make_board(setting, generator)
            (other,), gold = make_board(better, generator)
            moved = [np.where(run == gold, references, (references + 1) % 3) for run in other]
            tests = group_tests(
                "nli", [one, moved], references, clusters=clusters_of(setting), resamples=500, seed=number
            )
            found.append([tests[0, 1]["accuracy"].p_holm])
        rate = rate_of_marks(np.array(found))
        print(
            f"\n{points} points apart, three seeds each with sd 0.5: {rate:.0%} marked ({BOARDS // 4} boards)"
        )
