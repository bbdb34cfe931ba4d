"""Tests of the layers of the packages, which do not import from higher layers."""

from __future__ import annotations

import ast
import graphlib
import pkgutil
import re
from pathlib import Path

from klue_datasets.tasks import TASKS

ROOT = Path(__file__).parent.parent
LAYERS = ("hub_cards", "klue_datasets", "klue_metrics", "recipes", "docs")  # from the bottom


def imports_of(path: Path) -> set[str]:
    """Return our modules that a file imports, also in functions and for types."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            found.update(
                f"{module}.{name.name}" if is_module(module, name.name) else module for name in node.names
            )
    return {name for name in found if name.partition(".")[0] in LAYERS}


def is_module(package: str, name: str) -> bool:
    folder = ROOT.joinpath(*package.split("."))
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def all_imports() -> dict[str, set[str]]:
    """Return our modules, each with those that it imports."""
    modules = {}
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            modules[".".join(parts).removesuffix(".__init__")] = imports_of(path)
    return modules


def test_no_import_goes_upward() -> None:
    modules = all_imports()
    crossings = [
        (module, imported)
        for module, names in modules.items()
        for imported in names
        if imported.partition(".")[0] != module.partition(".")[0]
    ]
    assert len(modules) > 150
    assert len(crossings) > 100
    place = LAYERS.index
    upward = [
        (own, other) for own, other in crossings if place(own.split(".")[0]) < place(other.split(".")[0])
    ]
    assert not upward


def test_no_files_import_each_other_in_a_circle() -> None:
    modules = all_imports()
    # Importing a name from a package is the same as importing the package, which imports its own modules.
    graph = graphlib.TopologicalSorter({module: names - {module} for module, names in modules.items()})
    graph.prepare()  # CycleError: its arguments name the circle
    assert sum(map(len, modules.values())) > 500


def test_tasks_do_not_know_the_engine() -> None:
    modules = all_imports()
    rooms = {"recipes.engine", "recipes.cli", "recipes.reporting"}
    found = {
        module: [name for name in names if ".".join(name.split(".")[:2]) in rooms]
        for module, names in modules.items()
        if module.startswith(("recipes.tasks", "recipes.subwords"))
    }
    assert len(found) > 40
    assert not any(found.values()), found


def test_the_installed_packages_are_those_of_the_tree() -> None:
    listed = re.search(
        r"^packages = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    assert listed is not None
    named = re.findall(r'"([\w.]+)"', listed[1])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for layer in LAYERS[:-1]  # docs are not installed
        for path in (ROOT / layer).rglob("*.py")
    }
    assert len(found) > 20
    assert sorted(named) == sorted(found)


def test_imports_stand_at_the_top_but_for_packages_that_may_be_missing() -> None:
    """These packages may be missing: metrics need NumPy only, and cards belong to the extra publish."""
    allowed = {
        "hub_cards/__init__.py": {"jinja2", "yaml"},
        "klue_datasets/raw_files.py": {"pyarrow"},
        "klue_metrics/__init__.py": {"evaluate"},
        "klue_metrics/predictions.py": {"datasets", "klue_datasets"},
    }
    found: dict[str, set[str]] = {}
    files = 0
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            files += 1
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            for node in (inner for function in functions for inner in ast.walk(function)):
                names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in names:
                    found.setdefault(str(path.relative_to(ROOT)), set()).add(name.partition(".")[0])
    assert files > 200
    assert found == allowed


def test_functions_that_commands_import_by_name_are_there() -> None:
    """Commands have names ``module:function``, which linters do not check."""
    found = {
        text
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        for text in re.findall(r'"((?:klue_\w+|recipes)(?:\.\w+)+:\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(found) > 15
    for name in found:
        assert callable(pkgutil.resolve_name(name)), name


def test_no_two_modules_or_public_classes_share_a_name() -> None:
    """Except for names that each task, package or metric folder has."""
    everywhere = {"__init__", "__main__", "app", *TASKS}
    modules: dict[str, list[str]] = {}
    classes: dict[str, list[str]] = {}
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            if "mini_corpus" in path.parts:  # a development tool, not installed
                continue
            if path.stem not in everywhere:
                modules.setdefault(path.stem, []).append(place)
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    classes.setdefault(node.name, []).append(place)
    assert len(modules) > 150
    assert len(classes) > 150
    for found in (modules, classes):
        assert not {name: places for name, places in found.items() if len(places) > 1}


def test_rooms_of_the_recipes_import_what_is_below_them() -> None:
    """Tasks do not import the engine, and the engine does not import commands."""
    light = {"recipes", "recipes.arguments", "recipes.redaction"}
    below = {
        "recipes.subwords": set[str](),
        "recipes.tasks": {"recipes.subwords", *light},
        "recipes.engine": {"recipes.subwords", "recipes.tasks", *light},
    }
    facts = ("tasks", "iob", "messages", "ontology")  # of klue_datasets; tasks read no raw files
    seen = 0
    for module, names in all_imports().items():
        room = ".".join(module.split(".")[:2])
        for name in names if room in below else ():
            other = ".".join(name.split(".")[:2])
            seen += 1
            assert not name.startswith("recipes") or other == room or other in below[room], (module, name)
            if room in ("recipes.tasks", "recipes.subwords") and name.startswith("klue_datasets"):
                assert name.split(".")[1] in facts, (module, name)
    assert seen > 200
