"""Short runs that several tests use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from families import make_family
from runs import run
from warm_python import WarmPython, write_commands

from recipes.tasks import SCRIPTS

MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(params=SCRIPTS)
def finished(request: pytest.FixtureRequest, tiny: Path, made_once: MadeOnce) -> tuple[str, Path]:
    """Return a task and the folder of a short run, which tests must not change."""
    task = request.param
    return task, made_once(f"runs/{task}", lambda folder: run(task, tiny, folder))


@pytest.fixture(scope="session")
def family(made_once: MadeOnce) -> Callable[[str], Path]:
    """Create a tiny checkpoint of a model family once; tests must not change its folder."""
    return lambda name: made_once(f"families/{name}", lambda folder: make_family(name, folder))


@pytest.fixture
def warm_launches(warm_python: WarmPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make launchers start processes that have imported the libraries before."""
    write_commands(tmp_path / "bin", warm_python, warm_python, names=())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
