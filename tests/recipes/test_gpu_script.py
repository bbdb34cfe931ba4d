"""Tests of the script of `make gpu` on the CPU."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path


def test_the_checks_of_make_gpu_run_on_a_cpu(
    python: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    words = ["--use_cpu", "--tasks", "ynat", "--checks", "fp32", "bf16", "--updates", "0", "--jobs", "1"]
    python("tests/benchmarks/gpu.py", *words, "--output", str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    checks = {check["check"]: check for check in results["checks"]}
    assert list(checks) == ["fp32", "bf16", "resumed", "on_cpu"]
    assert all(check["ok"] for check in checks.values())
    assert checks["resumed"]["message"] == "scores differ by 0.0000, weights by 0.0e+00"
    assert checks["on_cpu"]["message"] == "scores differ by 0.0000"
    assert checks["resumed"]["train_loss"] == checks["fp32"]["train_loss"]
    table = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[1] for line in table if line.startswith("| ynat ")] == list(checks)
