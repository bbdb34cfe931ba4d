"""Tests of the paths through the code in CONTRIBUTING.md, which are compared with the calls of a run."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import datasets
import pytest

from recipes.engine.command_line import main

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `([\w/]+\.py)` \| (?:`(\w+)`)? ?\| .+ \|$", flags=re.MULTILINE)
SMALL = ["--max_train_samples", "4", "--max_eval_samples", "2", "--max_steps", "1", "--use_cpu"]


def listed(script: str) -> list[tuple[str, str]]:
    """Return files and functions of the list that begins with a script."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = text[text.index(f"| `recipes/{script}.py`") :].partition("\n\n")[0]
    return [(path, function) for path, function in ROW.findall(rows)]


@pytest.mark.parametrize(("task", "script", "most"), [("ynat", "train_tc", 15), ("wos", "train_dst", 20)])
def test_a_run_passes_through_the_files_of_the_list(
    task: str, script: str, most: int, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops = listed(script)
    files = Counter(path for path, _ in hops)
    assert 10 < len(files) <= most
    assert max(files.values()) <= 2
    assert "main(" in (ROOT / hops[0][0]).read_text(encoding="utf-8")
    waiting = [(f"{ROOT}/{path}", function) for path, function in reversed(hops[1:])]

    def record(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and waiting and waiting[-1] == (code.co_filename, code.co_name):
            waiting.pop()

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")  # so that files are read
    words = ["--mini", "--model_name_or_path", str(tiny), "--output_dir", str(tmp_path / "out"), *SMALL]
    words += ["--eval_strategy", "no"]
    before = sys.getprofile()
    sys.setprofile(record)
    try:
        main(task, None, words)
    finally:
        sys.setprofile(before)
    assert not waiting, f"{waiting[-1]} was not called after the hops before it"
