"""The setting ``fast``: what a device offers to training, beyond what every device has."""

from __future__ import annotations

import dataclasses
import os

import torch

from recipes.arguments import RecipeArguments

# Fields that depend on the device where ``fast`` is set.
BY_DEVICE = frozenset({"bf16", "tf32", "dataloader_num_workers", "per_device_eval_batch_size"})
EVALUATION = 4  # how many times as many examples as otherwise are evaluated at once
WORKERS = 4  # processes that load data, per device, at most
AMPERE = (8, 0)  # the compute capability from which a GPU has bf16 and TF32


def for_device(arguments: RecipeArguments) -> RecipeArguments:
    """Return the arguments with what this machine's GPUs offer, if they ask for it.

    Precision that the user has set, and fields of TrainingArguments, are kept. Without a GPU nothing changes:
    grouping by length, which helps everywhere, is in the preset.
    """
    has_gpu = torch.cuda.is_available() and not arguments.trainer.get("use_cpu")
    if not (arguments.fast and has_gpu):
        return arguments
    is_ampere = torch.cuda.get_device_capability() >= AMPERE
    workers = min(WORKERS, (os.cpu_count() or 1) // torch.cuda.device_count())
    return dataclasses.replace(
        arguments,
        bf16=arguments.bf16 or (is_ampere and not arguments.fp16),
        per_device_eval_batch_size=EVALUATION * arguments.per_device_eval_batch_size,
        trainer={"tf32": is_ampere, "dataloader_num_workers": workers, **arguments.trainer},
    )
