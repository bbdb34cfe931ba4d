"""Encoders without padding: their layers process the tokens of a batch as one sequence.

Flash attention supports such sequences, given the positions at which examples begin, and restricts attention
to each example. Embeddings and heads still process padded batches, so all heads are supported. Hidden states
at padding are zero. Only the loss of reading comprehension depends on them, since it is computed over the
scores of all tokens of a batch, as in transformers.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import torch
from torch import nn
from transformers.utils.generic import is_flash_attention_requested

from recipes.engine.freezing import layer_lists


def remove_padding(encoder: Any) -> bool:
    """Make the layers of an encoder skip padding, if its attention and class support it.

    Args:
        encoder: A model of transformers without a head. Its weights and saved files do not change.

    Returns:
        Whether the layers skip padding. They need flash attention and a module of their own, which ModernBERT
        does not have.
    """
    config = encoder.config
    if not is_flash_attention_requested(config):
        return False
    names = list(layer_lists(encoder, config.num_hidden_layers))
    stack = encoder.get_submodule(names[0].rpartition(".")[0]) if names else encoder
    parameters = inspect.signature(stack.forward).parameters
    if list(parameters)[:2] != ["hidden_states", "attention_mask"] or "kwargs" not in parameters:
        return False
    hooks = _Hooks()
    stack.register_forward_pre_hook(hooks.before, with_kwargs=True)
    stack.register_forward_hook(hooks.after)
    return True


@dataclasses.dataclass
class _Hooks:
    """Remove the padding of a batch before the layers, and restore it after them.

    Attributes:
        real: Mask of the tokens that are not padding, shape (batch, tokens); None without padding.
    """

    real: torch.Tensor | None = None

    def before(self, stack: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Replace padded hidden states (batch, tokens, width) by (1, real tokens, width)."""
        given = {**dict(zip(("hidden_states", "attention_mask"), args, strict=False)), **kwargs}
        mask = given["attention_mask"]
        self.real = None if mask is None else mask.bool()  # there is no mask without padding
        if self.real is None:
            return None
        lengths = self.real.sum(dim=1, dtype=torch.int32)
        ends = nn.functional.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0))
        given["hidden_states"] = given["hidden_states"][self.real].unsqueeze(0)
        given["attention_mask"] = None
        longest = self.real.shape[1]  # an upper bound that needs no synchronisation with the device
        given |= {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends}
        given |= {"max_length_q": longest, "max_length_k": longest}
        return args[2:], given

    def after(self, stack: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """Pad the hidden states of the last layer with zeros."""
        if self.real is None:
            return output
        flat = output[0].squeeze(0)
        padded = flat.new_zeros((*self.real.shape, flat.shape[-1]))
        padded[self.real] = flat
        if isinstance(output, tuple):
            return (padded, *output[1:])
        output["last_hidden_state"] = padded
        return output
