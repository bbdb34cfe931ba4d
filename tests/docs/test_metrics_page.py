"""Tests of the page on scoring: its Python code and its commands run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from klue_metrics.__main__ import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_lines_of_python_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    printed = capsys.readouterr().out
    for text in (
        "'pearsonr': ",
        "['B-PS', 'I-PS', 'I-PS', 'O']",
        "['entailment', 'contradiction', 'neutral']",
    ):
        assert text in printed


def test_the_commands_score_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [("neutral", "neutral"), ("entailment", "contradiction"), ("neutral", "neutral")]
    for name in ("answers", "others"):
        lines = [
            {"index": index, "prediction": one, "reference": gold} for index, (one, gold) in enumerate(rows)
        ]
        Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    Path("answers.csv").write_text("answer,reference\n" + "".join(f"{one},{gold}\n" for one, gold in rows))
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines():
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "klue_metrics"]
        assert main(words[3:]) == 0
        assert "66.67" in capsys.readouterr().out
