"""KLUE as Hugging Face datasets: builders for the raw files, and export for the Hub.

>>> from klue_datasets import load
>>> load("ynat", mini=True)["train"].features["label"].names[:2]
['IT과학', '경제']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from klue_datasets.tasks import ALIASES, TASKS, Task, get_task

if TYPE_CHECKING:
    from klue_datasets.download import KlueDownloadError
    from klue_datasets.loading import load
    from klue_datasets.raw_files import KlueDataError

__all__ = ["ALIASES", "TASKS", "KlueDataError", "KlueDownloadError", "Task", "get_task", "load"]

# Imported on first use, since they import pyarrow and datasets.
_LAZY = {"load": "loading", "KlueDataError": "raw_files", "KlueDownloadError": "download"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"klue_datasets.{_LAZY[name]}"), name)
