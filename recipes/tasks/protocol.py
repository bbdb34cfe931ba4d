"""The shape of a recipe: what the engine asks of every task, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import datasets
    import numpy as np
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from recipes.engine.arguments import RecipeArguments

Batch = Mapping[str, Sequence[Any]]


@dataclasses.dataclass(frozen=True)
class Decoded:
    """Predictions in natural form, one an example.

    Attributes:
        predictions: What the metric takes: label names, similarities, ...
        scores: How sure the model is of each, 0 to 1; None where that makes no sense.
    """

    predictions: list[Any]
    scores: list[float] | None


class Recipe(Protocol):
    """One task, as the engine sees it."""

    task: str
    # What PEFT calls this kind of model; None for models that are our own.
    peft_task_type: str | None

    def configure(self, config: PreTrainedConfig, arguments: RecipeArguments) -> None:
        """Writes what the head needs (labels, problem type) into the model's configuration."""

    def model_class(self, config: PreTrainedConfig) -> Any:
        """The class whose ``from_pretrained`` gives the model with its head."""

    def encode(self, batch: Batch, tokenizer: PreTrainedTokenizerBase, max_length: int) -> dict[str, Any]:
        """Examples to features: model inputs, ``labels``, ``length`` in tokens, ``truncated`` or not."""

    def reduce(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """What to keep of a batch's outputs for ``decode``; runs on the device."""

    def decode(self, outputs: np.ndarray, examples: datasets.Dataset) -> Decoded:
        """Kept outputs, in the order of ``examples``, to predictions."""

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """The gold of the examples, as the metric and the predictions file have it."""
