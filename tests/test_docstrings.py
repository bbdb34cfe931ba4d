"""Tests of docstrings: the arguments and attributes that they describe are those of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from checkout import ROOT

from docs.generator.metric_cards import docstring_sections

PACKAGES = ("hub_cards", "klue_datasets", "klue_metrics", "recipes", "docs")


def described(node: ast.ClassDef | ast.FunctionDef, title: str) -> list[str] | None:
    """Return the names in a section of a docstring; None without the section."""
    text = docstring_sections(ast.get_docstring(node) or "").get(title)
    return None if text is None else re.findall(r"^(\S[^:\n]*)", text, flags=re.MULTILINE)


def parameters(function: ast.FunctionDef) -> list[str]:
    """Return the names of the parameters of a function, but ``self``, ``cls`` and those for any position."""
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return [name for name in names if name not in ("self", "cls")]


def fields(node: ast.ClassDef) -> list[str]:
    """Return the names of the annotated fields of a class."""
    return [one.target.id for one in node.body if isinstance(one, ast.AnnAssign)]


def attributes(node: ast.ClassDef) -> set[str]:
    """Return the names of the attributes that a class or its methods set."""
    names = {
        target.id
        for one in node.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    stored = (one for one in ast.walk(node) if isinstance(one, ast.Attribute))
    return names | {one.attr for one in stored if isinstance(one.ctx, ast.Store)} | {*fields(node)}


def mistakes(path: Path) -> Iterator[tuple[bool, str]]:
    """Yield for each section of a file whether it is wrong, and what it describes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        where = f"{path.relative_to(ROOT)}: {node.name}"
        if (arguments := described(node, "Args")) is not None:
            if isinstance(node, ast.ClassDef):
                made = [
                    one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"
                ]
                expected = parameters(made[0]) if made else fields(node)
            else:
                expected = parameters(node)
            named = [name for name in arguments if not re.match(r"\*\w", name)]
            yield named != expected, f"{where} describes {named}; expected {expected}"
        if isinstance(node, ast.ClassDef) and (named := described(node, "Attributes")) is not None:
            unknown = sorted({*named} - attributes(node))
            yield bool(unknown), f"{where} has no {unknown}"


def test_docstrings_describe_the_arguments_and_attributes_of_the_code() -> None:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    found = [mistake for path in files for mistake in mistakes(path)]
    assert len(found) > 250
    assert not [text for is_wrong, text in found if is_wrong]
