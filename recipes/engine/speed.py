"""Settings that ``fast`` derives from the device, and the choice of attention implementation."""

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
AMPERE = (8, 0)  # minimum compute capability for bf16 and TF32


def for_device(arguments: RecipeArguments) -> RecipeArguments:
    """Return the settings adapted to the GPUs or, without any, the CPU of this machine, if ``fast`` is set.

    The precision and the fields of TrainingArguments that the user has set are kept.
    """
    if not arguments.fast:
        return arguments
    if arguments.trainer.get("use_cpu") or not torch.accelerator.is_available():
        if arguments.fp16 or not has_native_bf16():
            return arguments
        # transformers accepts bf16 on a CPU only with use_cpu.
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
    """Return whether the CPU has instructions for bfloat16 arithmetic."""
    capabilities: dict[str, Any] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # torch before 2.9 has no such function
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def has_flash() -> bool:
    """Return whether flash attention may be available for this machine's GPU."""
    return is_flash_attn_2_available() or (torch.cuda.is_available() and is_kernels_available())


def set_attention(model: Any, arguments: RecipeArguments) -> None:
    """Set the attention of a model: the requested one or, with ``fast`` in half precision, the fastest one.

    This is flash attention on GPUs, which is provided by the package flash-attn, or by the package kernels
    from the Hub. On a CPU it is eager attention, which needs less time and memory there in bf16 than sdpa.

    Args:
        model: The model of a run, with or without adapters.
        arguments: The settings of the run.

    Raises:
        UsageError: The requested attention is not available for this model or on this machine.
    """
    model = plain_model(model)
    asked = arguments.attn_implementation
    chosen = asked or _fastest_attention(model, arguments)
    if chosen is None:
        return
    try:
        model.set_attn_implementation(chosen)
    except (ImportError, ValueError, OSError) as error:
        if asked is None:  # flash attention cannot be loaded, for example downloaded
            logger.warning("Training goes on without flash attention, which cannot be loaded: %s", error)
            return
        raise UsageError(f"attn_implementation is {asked}, which transformers refuses: {error}") from error
    if not getattr(model, "reads_all_layers", False):  # outputs of inner layers have no padding
        remove_padding(model.base_model)


def _fastest_attention(model: Any, arguments: RecipeArguments) -> str | None:
    """Return the attention implementation for ``fast``; None for the model's own."""
    if not arguments.fast or not (arguments.bf16 or arguments.fp16):
        return None
    if arguments.trainer.get("use_cpu"):
        return "eager"
    return "flash_attention_2" if model._supports_flash_attn and has_flash() else None
