"""Export of the metrics as self-contained folders for the Hub, which load without this package."""

from __future__ import annotations

import ast
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import klue_datasets
import klue_metrics
from klue_metrics.functional import METRICS

ROOT = Path(klue_metrics.__file__).parent
FUNCTIONAL = ROOT / "functional"
MODULES = (*(f"klue_{task}" for task in METRICS), "klue_metric")
REQUIREMENTS = "evaluate>=0.4.6\nnumpy>=1.26\n"
# Modules copied into a metric folder, with names that do not shadow others: dotted name -> file name.
_FLAT = {
    "klue_datasets.tasks": "klue_tasks",
    "klue_datasets.messages": "klue_messages",
    "klue_datasets.iob": "klue_iob",
    "klue_metrics.module": "klue_module",
    "klue_metrics.functional": "klue_functional",
    **{
        f"klue_metrics.functional.{path.stem}": f"klue_functional_{path.stem}"
        for path in sorted(FUNCTIONAL.glob("*.py"))
        if path.stem not in ("__init__", "bootstrap")
    },
}
# Further modules for the page of a Space.
_OF_THE_PAGE = {
    "klue_datasets.raw_files": "klue_raw_files",
    "klue_metrics.functional.bootstrap": "klue_functional_bootstrap",
    "klue_metrics.prediction_files": "klue_prediction_files",
    "klue_metrics.predictions": "klue_predictions",
    "klue_metrics.scoring": "klue_scoring",
    "klue_metrics.space": "klue_space",
}
_ALL = _FLAT | _OF_THE_PAGE
# In a Space, the files are siblings of the app, which is not a package.
_APP_IMPORT = "from klue_metrics.space import launch\n"
_APP_IN_A_SPACE = """\
import importlib
import importlib.machinery
import importlib.util
import pathlib
import sys

# Import the files beside this one as a package.
spec = importlib.machinery.ModuleSpec("space_files", None, is_package=True)
spec.submodule_search_locations = [str(pathlib.Path(__file__).parent)]
sys.modules["space_files"] = importlib.util.module_from_spec(spec)
launch = importlib.import_module("space_files.klue_space").launch
"""
_BASE = "from .klue_module import KlueModule\n"


NAMESPACE = "klue"  # default owner of the Spaces in examples


def export(
    output_dir: str | Path, modules: Sequence[str] = MODULES, *, namespace: str = NAMESPACE
) -> list[Path]:
    """Write one folder per module with its script, the code that it needs, its card, app and requirements.

    ``evaluate.load(folder)`` then works without a network, in an environment with evaluate only.

    Args:
        output_dir: Parent of the folders, such as ``hub/metrics``; existing metric folders are replaced.
        modules: Names of modules: ``klue_ynat`` to ``klue_wos``, and ``klue_metric``.
        namespace: User or organisation on the Hub, for the examples in cards and apps.

    Returns:
        Paths of the folders.

    Raises:
        FileExistsError: A folder with the name of a module contains something else.
    """
    target = Path(output_dir)
    target.mkdir(parents=True, exist_ok=True)
    for name in modules:
        folder = target / name
        if folder.exists() and any(folder.iterdir()) and not (folder / f"{name}.py").is_file():
            raise FileExistsError(
                f"{folder} exists and is not a metric; expected a new folder or an earlier export."
            )
    with tempfile.TemporaryDirectory(dir=target) as work:
        for name in modules:
            _write(name, Path(work) / name, namespace)
        for name in modules:
            shutil.rmtree(target / name, ignore_errors=True)
            (Path(work) / name).rename(target / name)
    return [target / name for name in modules]


def _write(name: str, folder: Path, namespace: str) -> None:
    folder.mkdir()
    source = ROOT / name
    # evaluate copies only the files that the script imports in lines of this form.
    named = "".join(f"from .{flat} import __name__ as _{flat}\n" for flat in _FLAT.values())
    script = _flatten((source / f"{name}.py").read_text(encoding="utf-8"))
    script = script.replace(_BASE, f"# All the siblings, so that evaluate copies them along.\n{named}{_BASE}")
    (folder / f"{name}.py").write_text(_as_published(script, name, namespace), encoding="utf-8")
    for dotted, flat in _ALL.items():
        (folder / f"{flat}.py").write_text(
            _flatten(_source(dotted).read_text(encoding="utf-8"), dotted.partition(".")[0]), encoding="utf-8"
        )
    card = (source / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(_as_published(card, name, namespace), encoding="utf-8")
    (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
    app = (source / "app.py").read_text(encoding="utf-8").replace(_APP_IMPORT, _APP_IN_A_SPACE)
    app = app.replace(f'"{name}"', f'"{namespace}/{name}"')  # its name on the Hub
    (folder / "app.py").write_text(app, encoding="utf-8")


def _source(dotted: str) -> Path:
    package, _, rest = dotted.partition(".")
    root = Path(klue_datasets.__file__).parent if package == "klue_datasets" else ROOT
    path = root / rest.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _flatten(code: str, package: str = "") -> str:
    """Rewrite imports of this project as imports of sibling files.

    Args:
        code: A module.
        package: The package of the module, for relative imports.
    """
    lines = code.splitlines(keepends=True)
    for node in reversed(ast.parse(code).body):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        module = f"{package}.{node.module}" if node.level else node.module
        if module.split(".")[0].startswith("klue_"):
            lines[node.lineno - 1 : node.end_lineno] = [_relative(module, alias) for alias in node.names]
    return "".join(lines)


def _relative(module: str, alias: ast.alias) -> str:
    name = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
    submodule = _ALL.get(f"{module}.{alias.name}")
    if submodule:
        return f"from . import {submodule} as {alias.asname or alias.name}\n"
    return f"from .{_ALL[module]} import {name}\n"


def _as_published(text: str, name: str, namespace: str) -> str:
    """Rewrite examples so that they load the metric from the Hub."""
    task = name.removeprefix("klue_")
    return (
        text.replace("import evaluate, klue_metrics", "import evaluate")
        .replace("import klue_metrics\n", "import evaluate\n")
        .replace(
            "klue_metrics.load(",
            f'evaluate.load("{namespace}/klue_metric", ' if task == "metric" else "evaluate.load(",
        )
        .replace(f'evaluate.load("{task}")', f'evaluate.load("{namespace}/{name}")')
        .replace(f'klue_metrics.path("{task}")', f'"{namespace}/{name}"')
        .replace("klue_metrics.path()", f'"{namespace}/klue_metric"')
    )
