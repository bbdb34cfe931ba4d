"""Generate all documents that have a source elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docs.generator import deviations, metric_cards
from docs.generator.preset_runs import comparison
from docs.generator.readme_tables import (
    demo_block,
    dialogue_table,
    presets_table,
    real_runs_table,
    settings_table,
    task_facts,
    tasks_table,
)
from docs.generator.regions import fill, share
from hub_cards import __version__, render
from klue_datasets.tasks import CITATION, TASKS
from klue_metrics.export_modules import MODULES as METRIC_MODULES
from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
DEMO = "docs/generator/demo_results.json"
PICTURE = "docs/example_tree.svg"
REAL_RUNS = "docs/generator/real_runs.yaml"
PRESET_RUNS = "docs/generator/preset_results.json"


def documents(root: Path = ROOT) -> dict[str, str]:
    """Return the path of each generated document and its content.

    Raises:
        ValueError: A hand-written document lacks a region, or a translation lacks a block.
        FileNotFoundError: The folder is not a checkout, or a file is missing.
    """
    if not (root / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"{root} is not a checkout of klue-hub, which has the documents; expected one."
        )
    return dict(_documents(root))


def _documents(root: Path) -> Iterator[tuple[str, str]]:
    def read(path: str) -> str:
        return (root / path).read_text(encoding="utf-8")

    demo = demo_block(root / DEMO)
    readme, korean = (
        fill(read(name), {"demo": demo, "tasks": tasks_table(language)}, name)
        for name, language in (("README.md", "en"), ("README.ko.md", "ko"))
    )
    yield "README.md", readme
    yield "README.ko.md", share(korean, readme, "README.ko.md")
    for task in TASKS:
        page = f"docs/tasks/{task}.md"
        regions = {"facts": task_facts(task)}
        if task == "wos":
            regions["dialogue"] = dialogue_table(root / DEMO)
        yield page, fill(read(page), regions, page)
    runs = real_runs_table(root / REAL_RUNS)
    yield "CONTRIBUTING.md", fill(read("CONTRIBUTING.md"), {"real-runs": runs}, "CONTRIBUTING.md")
    yield "docs/deviations.md", deviations.page()
    settings = {"flags": settings_table(expert=False), "expert-settings": settings_table(expert=True)}
    settings |= {"presets": presets_table(), "presets-compared": comparison(root / PRESET_RUNS)}
    yield "docs/settings.md", fill(read("docs/settings.md"), settings, "docs/settings.md")
    project = read("pyproject.toml")
    yield "CITATION.cff", citation_file(project)
    for name in METRIC_MODULES:
        folder = f"klue_metrics/{name}"
        module = read(f"{folder}/{name}.py")
        if name == metric_cards.ALL:
            yield f"{folder}/README.md", metric_cards.card_of_all(module)
        else:
            task = name.removeprefix("klue_")
            module = metric_cards.with_first_line(task, module)
            yield f"{folder}/{name}.py", module
            yield f"{folder}/README.md", metric_cards.card(task, module)
        yield f"{folder}/app.py", metric_cards.app(name)
        yield f"{folder}/requirements.txt", requirements(project)
    for task, name in SCRIPTS.items():
        path = f"recipes/train_{name}.py"
        yield path, metric_cards.recipe_with_head(task, read(path))


def requirements(project: str) -> str:
    """Return the requirements of a metric's app: evaluate as in pyproject.toml, and this project."""
    evaluate = re.findall(r'^    "(evaluate[^"]*)",$', project, flags=re.MULTILINE)[0]
    return f"{evaluate}\n{_field(project, 'name')}\n"


def citation_file(project: str) -> str:
    """Build CITATION.cff from pyproject.toml and the citation of KLUE."""
    paper = dict(re.findall(r"^  (\w+) += \{(.*?)\},?$", CITATION, flags=re.DOTALL | re.MULTILINE))
    names = [" ".join(name.split()) for name in re.split(r"\s+and\s+", paper["author"])]
    return render(
        "citation.cff",
        folder=metric_cards.TEMPLATES,
        project={name: _field(project, name) for name in ("name", "description", "license")}
        | {
            "version": __version__,
            "author": re.findall(r'^authors = \[\{ name = "(.*?)"', project, flags=re.MULTILINE)[0],
        },
        paper={**paper, "authors": [name.rsplit(" ", 1) for name in names]},
    )


def _field(project: str, name: str) -> str:
    """Read a text field in [project] of pyproject.toml; Python 3.10 does not have tomllib."""
    found: list[str] = re.findall(rf'^{name} = "(.*)"$', project, flags=re.MULTILINE)
    return found[0]


def write(root: Path = ROOT) -> list[str]:
    """Write the outdated documents; return their paths."""
    changed = {path: text for path, text in documents(root).items() if text != _current(root / path)}
    for path, text in changed.items():
        (root / path).write_text(text, encoding="utf-8")
    return list(changed)


def stale(root: Path = ROOT) -> list[str]:
    """Return a sentence for each outdated document."""
    sentences = []
    for path, text in documents(root).items():
        current = _current(root / path)
        if current != text:
            number, was, expected = _first_difference(current, text)
            lines = f"line {number} is {was!r:.200}; expected {expected!r:.200}"
            sentences.append(f"{path} is stale: {lines}. Run `make docs`.")
    return sentences


def _current(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _first_difference(current: str, expected: str) -> tuple[int, str, str]:
    left, right = current.split("\n"), expected.split("\n")
    size = max(len(left), len(right))
    left, right = [side + [""] * (size - len(side)) for side in (left, right)]
    number = next(index for index in range(size) if left[index] != right[index])
    return number + 1, left[number], right[number]
