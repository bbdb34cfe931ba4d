"""The official metrics of KLUE as ``evaluate`` modules and as plain functions (``functional``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from klue_datasets.iob import spans_from_tags
from klue_metrics.conversions import label_names, tags_from_spans
from klue_metrics.functional import get_metric

if TYPE_CHECKING:
    import evaluate

__all__ = ["label_names", "load", "path", "spans_from_tags", "tags_from_spans"]


def path(name: str = "klue_metric") -> str:
    """Return the absolute folder of an evaluate module, for ``evaluate.load`` from any working directory.

    Args:
        name: A task (``ynat``), its alias, a module (``klue_ynat``), or ``klue_metric``, the module for all
            tasks.

    Raises:
        ValueError: There is no such module.
    """
    folder = name if name == "klue_metric" else f"klue_{get_metric(str(name).removeprefix('klue_')).task}"
    return str(Path(__file__).resolve().parent / folder)


def load(task: str, **kwargs: Any) -> evaluate.Metric:
    """Load the official metric of a task: ``evaluate.load(<folder of klue_metric>, task)``.

    Args:
        task: A task or its alias.
        **kwargs: Further arguments of ``evaluate.load``, such as ``experiment_id``.

    Raises:
        ValueError: There is no such task.
    """
    name = get_metric(task).task
    import evaluate  # imported here since metrics need numpy only

    return evaluate.load(path(), name, **kwargs)
