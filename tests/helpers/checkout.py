"""Copies of this checkout, to which commands may write."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = (".git", ".venv*", "out", "hub", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")


def copy_checkout(target: Path, *also_not: str) -> Path:
    """Copies what is source.

    Args:
        target: The new folder.
        *also_not: Further patterns of names that stay behind.
    """
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*NOT_SOURCE, *also_not))
    return target
