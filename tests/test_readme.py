"""Tests of README.md and README.ko.md: examples, links and structure.

Commands are tested in ``test_readme_commands``, and tables in ``test_documents``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", README, flags=re.DOTALL)


def test_the_korean_readme_has_the_same_blocks_sections_and_flags() -> None:
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    blocks = r"```.*?```"
    assert re.findall(blocks, korean, flags=re.DOTALL) == re.findall(blocks, README, flags=re.DOTALL)
    assert len(re.findall(r"^## ", korean, flags=re.MULTILINE)) == README.count("\n## ")


def test_both_languages_name_the_same_flags() -> None:
    flags = r"`(--\w+[^`]*)`"
    english, korean = (
        sorted(re.findall(flags, (ROOT / name).read_text(encoding="utf-8")))
        for name in ("README.md", "README.ko.md")
    )
    assert english == korean
    assert english


def test_the_readme_is_short() -> None:
    assert README.count("\n") < 200


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == README.count("```python") == 2


@pytest.mark.parametrize(("code", "printed"), EXAMPLES, ids=["data", "metrics"])
def test_the_examples_print_what_the_readme_says(code: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in PAGES])
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links or name not in ("README.md", "README.ko.md")
    for path, anchor in links:
        target = (ROOT / name).parent / path if path else ROOT / name
        if target.suffix != ".md":
            assert target.exists()
            continue
        text = target.read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
        assert not anchor or anchor in [title.lower().replace(" ", "-") for title in titles]
