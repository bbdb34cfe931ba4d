"""README.md is true: its examples print what it says, its table lists what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.engine.command_line import make_parser, parse
from recipes.tasks import MODULES

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", README, flags=re.DOTALL)


def test_the_korean_readme_has_the_same_commands_examples_and_table() -> None:
    korean = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    blocks, metrics = r"```.*?```", r"^\| (?:ynat|sts|nli|ner|re|dp|mrc|wos) \|[^|]*(\|.*)$"
    assert re.findall(blocks, korean, flags=re.DOTALL) == re.findall(blocks, README, flags=re.DOTALL)
    assert re.findall(metrics, korean, flags=re.MULTILINE) == re.findall(metrics, README, flags=re.MULTILINE)
    assert len(re.findall(r"^## ", korean, flags=re.MULTILINE)) == README.count("\n## ")
    flags = r"`(--\w+[^`]*)`"
    assert sorted(re.findall(flags, korean)) == sorted(re.findall(flags, README))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == README.count("```python") == 3


@pytest.mark.parametrize(("code", "printed"), EXAMPLES, ids=["data", "metric", "function"])
def test_the_examples_print_what_the_readme_says(code: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


def test_the_commands_have_flags_that_exist() -> None:
    commands = re.findall(r"^accelerate launch recipes/train_(\w+)\.py (.*)$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    for module, words in commands:
        task = next(task for task, name in MODULES.items() if name == module)
        parse(make_parser(task, ""), task, words.split())


def test_the_table_lists_the_tasks_their_metrics_and_the_recipes_that_exist() -> None:
    tasks = r"\| (ynat|sts|nli|ner|re|dp|mrc|wos) "
    rows = [re.split(r" *\| *", line)[1:-1] for line in README.splitlines() if re.match(tasks, line)]
    assert [row[0] for row in rows] == list(TASKS) == list(METRICS)
    for task, _, metrics, script in rows:
        assert re.findall(r"`(\w+)`", metrics) == list(METRICS[task].names)
        assert script == (f"`train_{MODULES[task]}.py`" if task in MODULES else "to come")
