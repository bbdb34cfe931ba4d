"""Short runs that several tests look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from families import make_family
from runs import run

from recipes.tasks import MODULES


@pytest.fixture(scope="session", params=MODULES)
def finished(
    request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A task, and the folder of a short run on it; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    run(request.param, tiny, folder)
    return request.param, folder


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a tiny checkpoint of a model family, once; tests leave its folder as it is."""
    folder = tmp_path_factory.mktemp("families")

    def make(name: str) -> Path:
        return folder / name if (folder / name).exists() else make_family(name, folder / name)

    return make
