"""Train, evaluate, save, load and predict with all model families on all tasks, or check refusals.

    python -m pytest -o python_files='bench_*.py' tests/benchmarks/bench_families.py

18 tiny random models of 16 architectures, and nine columns: the eight tasks, and wos with
``--head generative``. One column of each family is in ``tests/recipes/test_families.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from families import FAMILIES, make_family
from family_matrix import COLUMNS, check_run


@pytest.fixture(scope="module", params=FAMILIES)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A family and its checkpoint."""
    return request.param, make_family(request.param, tmp_path_factory.mktemp("model") / request.param)


@pytest.mark.parametrize("column", COLUMNS)
def test_family_on_task(checkpoint: tuple[str, Path], column: str, tmp_path: Path) -> None:
    family, model = checkpoint
    check_run(family, column, model, tmp_path / "run")
