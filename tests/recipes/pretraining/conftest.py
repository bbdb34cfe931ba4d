"""Fixtures for the tests of pre-training."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import run


@pytest.fixture(scope="session")
def tiny_ner(tiny: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Train a model on NER for a few steps."""
    return made_once("runs/ner", functools.partial(run, "ner", tiny))
