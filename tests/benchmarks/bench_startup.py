"""Measure the time of a run with ten steps on a tiny model by phase."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNS = 3
LIMITS = {"python": 5.0, "accelerate": 7.0}
# Runs a recipe as its script does, and writes what each function of the run took.
WATCHED = """
import json, sys, time

begin = time.time()
sys.path.insert(0, {root!r})
from recipes.engine.command_line import main
from klue_datasets.commands import without_collection

seconds = {{"flags": time.time() - begin}}

def phase(name, call):
    def timed(*words, **more):
        begin = time.time()
        try:
            return call(*words, **more)
        finally:
            seconds[name] = seconds.get(name, 0) + time.time() - begin
    return timed

def imported():
    with without_collection():
        import recipes.engine.run
    return recipes.engine.run

story = phase("imports", imported)()
for name in {phases!r}:
    setattr(story, name, phase(name, getattr(story, name)))
main("ynat", None)
json.dump(seconds | {{"end": time.time()}}, open({target!r}, "w"))
"""
PHASES = (
    *("make_training_arguments", "load_data", "load_model", "encode_split", "make_trainer", "train"),
    *("save_model", "evaluate", "write_card_of_run"),
)


@pytest.mark.parametrize("launcher", LIMITS)
def test_ten_steps_take_seconds(launcher: str, tiny: Path, tmp_path: Path) -> None:
    script, target = tmp_path / "watched.py", tmp_path / "seconds.json"
    script.write_text(WATCHED.format(root=str(ROOT), phases=PHASES, target=str(target)), encoding="utf-8")
    flags = ["--mini", "--model_name_or_path", str(tiny), "--max_steps", "10", "--overwrite_output_dir"]
    folder = Path(sys.executable).parent
    start = [sys.executable] if launcher == "python" else [str(folder / "accelerate"), "launch"]
    found = []
    for _ in range(RUNS):
        begin = time.time()
        command = [*start, str(script), *flags, "--output_dir", str(tmp_path / "run")]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        whole, seconds = time.time() - begin, json.loads(target.read_text(encoding="utf-8"))
        seconds["exit"] = begin + whole - seconds.pop("end")
        seconds["launcher and the rest"] = whole - sum(seconds.values())
        found.append(seconds | {"whole": whole})
    print(f"\n{launcher}, median of {RUNS} runs")
    for name in found[0]:
        print(f"  {name:<24} {statistics.median(row[name] for row in found):5.2f} s")
    assert statistics.median(row["whole"] for row in found) <= LIMITS[launcher]
