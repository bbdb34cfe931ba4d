"""Shared functions of the classification recipes."""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedConfig

from recipes.arguments import RecipeArguments
from recipes.tasks.protocol import Decoded
from recipes.tasks.shared.base_checkpoint import check_encoder
from recipes.tasks.shared.modeling_pooling import PoolingForSequenceClassification


def has_labels(config: PreTrainedConfig, names: Sequence[str]) -> bool:
    """Return whether a model's outputs have these names, in any order."""
    return sorted(config.id2label.values()) == sorted(names)


def set_labels(config: PreTrainedConfig, names: Sequence[str]) -> None:
    """Write label names to a model's configuration, unless it has the same names in any order."""
    ordered = [config.id2label[index] for index in range(len(names))] if has_labels(config, names) else names
    config.num_labels = len(names)
    config.id2label = dict(enumerate(ordered))
    config.label2id = {name: index for index, name in enumerate(ordered)}


def output_ids(config: PreTrainedConfig, names: Sequence[str]) -> list[int]:
    """Return the model's output index of each label, in the task's label order."""
    return [config.label2id[name] for name in names]


def set_pooling(
    task: str, config: PreTrainedConfig, arguments: RecipeArguments, allowed: Sequence[str]
) -> None:
    """Write the pooling to a model's configuration.

    Args:
        task: Name of the task.
        config: The model's configuration; its pooling is kept unless the arguments override it.
        arguments: The settings of the run.
        allowed: The poolings of the task.

    Raises:
        ValueError: The task or the model does not support the pooling.
    """
    config.pooling = arguments.pooling or getattr(config, "pooling", "cls")
    if config.pooling not in allowed:
        raise ValueError(f"{task}: pooling is {config.pooling}; expected {' or '.join(allowed)}.")
    if config.pooling != "cls":
        check_encoder(task, config, f"--pooling {config.pooling}", ", or --pooling cls")


def sequence_classifier(config: PreTrainedConfig) -> Any:
    """Return AutoModelForSequenceClassification, or our class for the configured pooling."""
    if config.pooling != "cls":
        return PoolingForSequenceClassification
    return AutoModelForSequenceClassification


def predict_classes(
    model: Any, inputs: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Return the loss and the probabilities (float32, shape (batch, classes))."""
    output = model(**inputs)
    return output.loss, output.logits.float().softmax(dim=-1)


def decode_classes(probabilities: np.ndarray, names: Sequence[str]) -> Decoded:
    """Return the most probable class with its probability, and all classes by probability.

    Args:
        probabilities: Probabilities of shape (examples, classes).
        names: The classes, in the order of the columns.
    """
    predictions = [names[index] for index in probabilities.argmax(axis=-1)]

    def ranked(index: int) -> list[dict[str, Any]]:
        order = np.argsort(-probabilities[index], kind="stable")
        return [{"label": names[place], "score": float(probabilities[index, place])} for place in order]

    return Decoded(predictions, probabilities.max(axis=-1).tolist(), ranked=ranked)


def present_class(decoded: Decoded, index: int) -> dict[str, Any]:
    """Format a class and its probability like transformers' pipelines."""
    scores = decoded.scores or []
    return decoded.marked(index, {"label": decoded.predictions[index], "score": scores[index]})


def balanced_loss(labels: Sequence[int], classes: int) -> Callable[..., torch.Tensor]:
    """Return a loss for Trainer in which all classes have the same total weight in the training data.

    The weights are those of ``class_weight="balanced"`` in scikit-learn. Their mean over the training
    examples is 1, so the scale of the loss does not change.

    Args:
        labels: Class ids of the training examples.
        classes: Number of classes.

    Returns:
        The function for Trainer's ``compute_loss_func``.
    """
    counts = torch.bincount(torch.tensor(labels), minlength=classes)
    weights = len(labels) / (counts.count_nonzero() * counts.clamp(min=1))

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int) -> torch.Tensor:
        """Return the mean over the examples of an update, across accumulated steps and processes."""
        logits = outputs.logits.float()
        summed = torch.nn.functional.cross_entropy(logits, labels, weights.to(logits), reduction="sum")
        return summed / num_items_in_batch

    return loss


def majority(names: Sequence[str]) -> str:
    """Return the most frequent name."""
    return collections.Counter(names).most_common(1)[0][0]
