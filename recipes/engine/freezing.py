"""Find the layers of an encoder, and freeze the lower ones."""

from __future__ import annotations

from typing import Any

from torch import nn


def layer_lists(model: Any, total: int) -> dict[str, nn.ModuleList]:
    """Return the module lists with ``total`` layers by name, that of the encoder first."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == total
    }


def freeze_layers(encoder: Any, layers: int) -> None:
    """Freeze the embeddings and the first layers of an encoder.

    Modules after the layers, such as a pooler, are not frozen.

    Args:
        encoder: A model of transformers without a head, with ``config.num_hidden_layers`` layers in a list.
        layers: Number of layers to freeze, from the bottom; 0 freezes the embeddings only.

    Raises:
        ValueError: The encoder has no such list or too few layers.
    """
    total = encoder.config.num_hidden_layers
    names = list(layer_lists(encoder, total))
    if not names:
        raise ValueError(
            f"{type(encoder).__name__} has no list of {total} layers; expected no --freeze_layers with it."
        )
    if not 0 <= layers <= total:
        raise ValueError(f"--freeze_layers is {layers}; expected 0 to {total}, the encoder's layers.")
    is_below = True
    for name, parameter in encoder.named_parameters():
        before, _, place = name.partition(f"{names[0]}.")
        is_layer = not before and bool(place)
        is_below = is_below and not is_layer
        if is_below or (is_layer and int(place.split(".")[0]) < layers):
            parameter.requires_grad = False
