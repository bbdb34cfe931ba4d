"""Tests of commands whose reader closes the pipe, such as ``head``."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[1]
ENTRY_POINTS = {
    "recipes.cli": ["--help"],
    "klue_metrics.__main__": ["--help"],
    "klue_datasets.__main__": ["stats", "--mini", "--tasks", "ynat"],
    "recipes.predict": ["--help"],
    "recipes.report": ["--help"],
    "recipes.publish": ["--help"],
    "recipes.run_all": ["--help"],
    "recipes.sweep": ["--help"],
    "recipes.board": ["--help"],
    "recipes.records": ["--help"],
    "recipes.tiny_model": ["--help"],
    "recipes.corpus": ["--help"],
    "recipes.pseudonymise": ["--help"],
    "recipes.tokenizer": ["--help"],
    "recipes.pretrain": ["--help"],
    "recipes.ablation": ["--help"],
    "docs.generator.mini_corpus.generate": ["--help"],
    "docs.generator.__main__": ["--help"],
}


def ended(monkeypatch: pytest.MonkeyPatch, module: str, *words: str) -> int | str | None:
    """Return the exit status of a command whose standard output is a closed pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "argv", [module, *words])
    main = importlib.import_module(module).main
    # Closing it writes what is left in the buffer, as at the end of a process.
    with os.fdopen(writer, "w", encoding="utf-8") as output, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        with pytest.raises(SystemExit) as end:
            main(list(words))
    return end.value.code


COMMANDS = [*ENTRY_POINTS.items(), *(("recipes.cli", ["train", task, "--help"]) for task in SCRIPTS)]


@pytest.mark.parametrize(
    ("module", "words"), COMMANDS, ids=[" ".join((name, *words)) for name, words in COMMANDS]
)
def test_no_command_complains_that_nobody_reads(
    module: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, module, *words) == 141
    assert "roken" not in capfd.readouterr().err


def test_every_entry_point_is_tried() -> None:
    found = {
        str(path.relative_to(ROOT).with_suffix("")).replace(os.sep, ".")
        for folder in ("klue_datasets", "klue_metrics", "recipes", "docs")
        for path in (ROOT / folder).rglob("*.py")
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    }
    scripts = {f"recipes.train_{name}" for name in SCRIPTS.values()}
    assert found == {*ENTRY_POINTS, *scripts, "recipes.cli.__main__"} - {"recipes.cli"}
