"""What ``fast`` uses of a device, and the choice of the attention implementation."""

from __future__ import annotations

import dataclasses
import logging
import os
from typing import Any

import torch
from transformers.utils import is_flash_attn_2_available, is_kernels_available

from recipes.arguments import RecipeArguments, UsageError
from recipes.engine.padding_free import remove_padding
from recipes.tasks.protocol import plain_model

logger = logging.getLogger(__name__)
WORKERS = 4  # maximum number of data loader workers per device
AMPERE = (8, 0)  # the compute capability from which a GPU has bf16 and TF32


def for_device(arguments: RecipeArguments) -> RecipeArguments:
    """Return the settings with what this machine's GPUs, or without any its CPU, offer, if ``fast`` is set.

    Precision that the user has set, and fields of TrainingArguments, are kept.
    """
    if not arguments.fast:
        return arguments
    if arguments.trainer.get("use_cpu") or not torch.accelerator.is_available():
        if arguments.fp16 or not has_native_bf16():
            return arguments
        # transformers takes bf16 on a CPU only if the CPU was asked for.
        return dataclasses.replace(arguments, bf16=True, trainer={**arguments.trainer, "use_cpu": True})
    if not torch.cuda.is_available():
        return arguments
    is_ampere = torch.cuda.get_device_capability() >= AMPERE
    workers = min(WORKERS, (os.cpu_count() or 1) // torch.cuda.device_count())
    return dataclasses.replace(
        arguments,
        bf16=arguments.bf16 or (is_ampere and not arguments.fp16),
        trainer={"tf32": is_ampere, "dataloader_num_workers": workers, **arguments.trainer},
    )


def has_native_bf16() -> bool:
    """Return whether the CPU has instructions for products of bfloat16 numbers."""
    capabilities: dict[str, Any] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch before 2.9 has no such function
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def has_flash() -> bool:
    """Return whether transformers may find flash attention for this machine's GPU."""
    return is_flash_attn_2_available() or (torch.cuda.is_available() and is_kernels_available())


def set_attention(model: Any, arguments: RecipeArguments) -> None:
    """Set a model's attention: the one asked for, or flash attention with ``fast`` in half precision.

    Flash attention comes from the package flash-attn, or from the Hub through the package kernels.

    Args:
        model: A model of a recipe, with or without adapters.
        arguments: The settings of the run.

    Raises:
        UsageError: The requested attention is not available for this model or on this machine.
    """
    model = plain_model(model)
    asked = arguments.attn_implementation
    is_half = arguments.bf16 or arguments.fp16
    if asked is None and not (arguments.fast and is_half and model._supports_flash_attn and has_flash()):
        return
    try:
        model.set_attn_implementation(asked or "flash_attention_2")
    except (ImportError, ValueError, OSError) as error:
        if asked is None:  # such as a kernel that cannot be downloaded
            logger.warning("Training goes on without flash attention, which cannot be loaded: %s", error)
            return
        raise UsageError(f"attn_implementation is {asked}, which transformers refuses: {error}") from error
    if not getattr(model, "reads_all_layers", False):  # the outputs of inner layers would have no padding
        remove_padding(model.base_model)
