"""Compare the time of a sweep of eight tasks and two seeds with that of separate commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.sweeps.jobs import SWEEP
from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (42, 43)
FLAGS = ["--mini", "--preset", "demo", "--max_steps", "40", "--eval_strategy", "no", "--save_strategy", "no"]


def test_a_sweep_beside_one_run_after_another(tiny: Path, tmp_path: Path) -> None:
    flags = [*FLAGS, "--model_name_or_path", str(tiny)]
    begin = time.perf_counter()
    for task, script in SCRIPTS.items():
        for seed in SEEDS:
            words = [f"recipes/train_{script}.py", *flags, "--seed", str(seed)]
            command = [sys.executable, *words, "--output_dir", str(tmp_path / "single" / task / str(seed))]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    single = time.perf_counter() - begin
    begin = time.perf_counter()
    words = ["--tasks", *TASKS, "--seed", *map(str, SEEDS), "--jobs", "2", *flags]
    command = [sys.executable, "-m", "recipes.sweep", "run", *words, "--output_dir", str(tmp_path / "sweep")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    sweep = time.perf_counter() - begin
    print(
        f"\n16 runs: {single:.1f} s one after the other, {sweep:.1f} s as a sweep: {single / sweep:.2f} times"
    )
    jobs = json.loads((tmp_path / "sweep" / SWEEP).read_text(encoding="utf-8"))["jobs"]
    assert len(jobs) == 16
    for folder in (tmp_path / "sweep").rglob("all_results.json"):
        arguments = json.loads((folder.parent / "recipe_arguments.json").read_text(encoding="utf-8"))
        results = json.loads(folder.read_text(encoding="utf-8"))
        task = next(name for name in TASKS if f"eval_{METRICS[name].primary}" in results)
        alone = tmp_path / "single" / task / str(arguments["seed"]) / "all_results.json"
        expected = json.loads(alone.read_text(encoding="utf-8"))
        assert results["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-3), (task, folder)
    assert single / sweep > 1.5
