"""Base class of the evaluate modules, which validates and encodes inputs before evaluate stores them."""

from __future__ import annotations

import abc
from typing import Any

import datasets
import evaluate

from klue_datasets.tasks import CITATION, HOMEPAGE, get_task
from klue_metrics.functional import Metric, get_metric
from klue_metrics.functional.inputs import check_pairs, to_python


class KlueModule(evaluate.Metric, abc.ABC):
    """Base class of the evaluate modules, for the task ``KLUE_TASK`` or the task named by the config.

    It is abstract because evaluate uses the first concrete class in the namespace of a script.
    """

    @property
    @abc.abstractmethod
    def KLUE_TASK(self) -> str | None:
        """Name of the task; None if the config names it."""

    @property
    def klue_metric(self) -> Metric:
        """The metric's definition; raises ValueError if the config names no task."""
        return get_metric(self.KLUE_TASK or self.config_name)

    def _info(self) -> evaluate.MetricInfo:
        metric = self.klue_metric
        task = get_task(metric.task)
        return evaluate.MetricInfo(
            description=f"KLUE {task.title}, version {task.version} of the task: "
            f"{', '.join(metric.names.values())}, times 100.",
            citation=CITATION,
            inputs_description=metric.compute.__doc__ or "",
            features=datasets.Features({role: _feature(kind) for role, kind in metric.types.items()}),
            homepage=HOMEPAGE,
        )

    def compute(
        self, *, predictions: Any = None, references: Any = None, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Score predictions against references, or those collected by ``add`` and ``add_batch``."""
        if predictions is not None or references is not None:
            # Converted once, since an iterator can be read only once.
            predictions, references = self._convert(predictions, references)
            check_pairs(predictions, references, self.klue_metric.task)
        elif self.writer is None:
            raise ValueError(
                f"{self.klue_metric.task}: nothing to score; expected predictions and references, "
                "here or through add or add_batch before."
            )
        scores: dict[str, Any] | None = super().compute(
            predictions=predictions, references=references, **kwargs
        )
        return scores

    def add_batch(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> None:
        """Collect a batch of predictions and references."""
        predicted, gold = self._convert(predictions, references)
        if len(predicted) or len(gold):  # a rank may have no examples
            check_pairs(predicted, gold, self.klue_metric.task)
            super().add_batch(predictions=predicted, references=gold, **kwargs)

    def add(
        self,
        *,
        prediction: Any = None,
        reference: Any = None,
        predictions: Any = None,
        references: Any = None,
        **kwargs: Any,
    ) -> None:
        """Collect one prediction and its reference; evaluate's own examples use the plural names."""
        one = prediction if predictions is None else predictions
        its_gold = reference if references is None else references
        predicted, gold = self._convert([one], [its_gold])
        super().add(prediction=to_python(predicted[0]), reference=to_python(gold[0]), **kwargs)

    def _convert(self, predictions: Any, references: Any) -> tuple[Any, Any]:
        metric = self.klue_metric
        return metric.convert(predictions, "predictions"), metric.convert(references, "references")

    def _compute(
        self,
        predictions: Any,
        references: Any,
        tokens: Any = None,
        probabilities: Any = None,
        by: str | None = None,
        sources: Any = None,
    ) -> dict[str, Any]:
        """``tokens`` is for ner, ``probabilities`` for re, ``sources`` for sts and nli."""
        extra = {"tokens": tokens, "probabilities": probabilities, "by": by, "sources": sources}
        given = {name: value for name, value in extra.items() if value is not None}
        return self.klue_metric.compute(predictions, references, **given)


def _feature(kind: Any) -> Any:
    """Convert a type in the notation of ``Metric.types`` to a feature of datasets."""
    if isinstance(kind, list):
        return datasets.Sequence(_feature(kind[0]))
    if isinstance(kind, dict):
        return {name: _feature(inner) for name, inner in kind.items()}
    return datasets.Value(kind)
