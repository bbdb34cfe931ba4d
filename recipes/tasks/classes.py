"""What recipes that choose one of some classes share."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recipes.tasks.protocol import Decoded

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedConfig


def set_labels(config: PreTrainedConfig, names: Sequence[str]) -> None:
    """Writes the names of a model's outputs, in order, into its configuration."""
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}


def sequence_classifier(config: PreTrainedConfig) -> Any:
    """AutoModelForSequenceClassification, or the same with the pooling that the configuration names."""
    if config.pooling != "cls":
        from recipes.models.modeling_pooling import PoolingForSequenceClassification

        return PoolingForSequenceClassification
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification


def predict_classes(
    model: Any, inputs: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Loss and probabilities, float32, shape (batch, classes)."""
    output = model(**inputs)
    return output.loss, output.logits.float().softmax(dim=-1)


def decode_classes(probabilities: np.ndarray, names: Sequence[str]) -> Decoded:
    """The likeliest class's name and its probability; ``probabilities`` has the shape (examples, classes)."""
    predictions = [names[index] for index in probabilities.argmax(axis=-1)]
    return Decoded(predictions, probabilities.max(axis=-1).tolist())


def majority(names: Sequence[str]) -> str:
    """The most frequent name."""
    return collections.Counter(names).most_common(1)[0][0]
