"""Tests of the stored runs that compare presets, and of their table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from made_up_runs import make_run, nli_answers
from scipy import stats

from docs.generator.preset_runs import comparison, keep


def make(top: Path, preset: str, wrong_every: tuple[int, ...]) -> None:
    for seed, every in enumerate(wrong_every):
        settings = {"seed": seed, "evaluations_per_epoch": 4}
        folder = top / preset / "m/nli" / f"seed-{seed}"
        make_run(folder, "nli", *nli_answers(60, every), settings=settings, train_runtime=10.0 * (seed + 1))


def test_the_table_has_means_and_student_intervals(tmp_path: Path) -> None:
    make(tmp_path / "runs", "paper", (2, 3, 4))
    make(tmp_path / "runs", "tuned", (5, 6, 10))
    keep(tmp_path / "runs", tmp_path / "kept.json")
    assert len(json.loads((tmp_path / "kept.json").read_text())["runs"]) == 6
    [line] = comparison(tmp_path / "kept.json").splitlines()[2:]
    scores = [100 * (1 - 1 / every) for every in (2, 3, 4)]
    low, high = stats.t.interval(0.95, 2, sum(scores) / 3, stats.sem(scores))
    found = [float(number) for number in re.findall(r"[\d.]+", line.split(" | ")[2])]
    assert found == pytest.approx([sum(scores) / 3, low, high], abs=0.02)
    assert line.endswith(" | 10.00 | 20 | 20 |")


def test_new_runs_replace_those_of_the_same_task_and_preset(tmp_path: Path) -> None:
    make(tmp_path / "runs", "paper", (2, 3, 4))
    keep(tmp_path / "runs", tmp_path / "kept.json")
    [line] = comparison(tmp_path / "kept.json").splitlines()[2:]
    assert line.split(" | ")[3] == "not run"
    make(tmp_path / "more", "tuned", (5, 6))
    keep(tmp_path / "more", tmp_path / "kept.json")
    assert len(comparison(tmp_path / "kept.json").splitlines()) == 3
    make(tmp_path / "again", "tuned", (5, 6, 7, 8))
    keep(tmp_path / "again", tmp_path / "kept.json")
    assert len(json.loads((tmp_path / "kept.json").read_text())["runs"]) == 3 + 4
    with pytest.raises(ValueError, match="has no finished run in paper or tuned"):
        keep(tmp_path / "none", tmp_path / "kept.json")
    (tmp_path / "runs/paper/m/nli/seed-0/all_results.json").unlink()
    with pytest.raises(ValueError, match=r"there is no all_results\.json"):
        keep(tmp_path / "runs", tmp_path / "kept.json")
