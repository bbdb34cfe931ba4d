"""What recipes that choose one of some classes share."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recipes.tasks.protocol import Decoded

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedConfig


def set_labels(config: PreTrainedConfig, names: Sequence[str]) -> None:
    """Writes the names of a model's outputs, in order, into its configuration."""
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}


def decode_classes(probabilities: np.ndarray, names: Sequence[str]) -> Decoded:
    """The likeliest class's name and its probability; ``probabilities`` has the shape (examples, classes)."""
    predictions = [names[index] for index in probabilities.argmax(axis=-1)]
    return Decoded(predictions, probabilities.max(axis=-1).tolist())


def majority(names: Sequence[str]) -> str:
    """The most frequent name."""
    return collections.Counter(names).most_common(1)[0][0]
