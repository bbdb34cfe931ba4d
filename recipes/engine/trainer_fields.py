"""Fields of transformers' TrainingArguments that the recipes support, and reasons for refusing others.

Every field is in ``HONOURED``, in ``REFUSED``, or a flag of the recipes (``arguments.FIELDS``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from recipes.arguments import check_number

HONOURED = frozenset(
    {
        # optimizer and schedule
        *("lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "optim", "optim_args"),
        *("adam_beta1", "adam_beta2", "adam_epsilon", "optim_target_modules", "max_grad_norm"),
        *("neftune_noise_alpha", "auto_find_batch_size", "train_sampling_strategy"),
        # precision, memory and speed
        *("tf32", "activation_checkpointing", "activation_checkpointing_kwargs"),
        *("gradient_checkpointing", "gradient_checkpointing_kwargs", "torch_empty_cache_steps"),
        *("torch_compile", "torch_compile_backend", "torch_compile_mode", "eval_accumulation_steps"),
        # logs
        *("logging_strategy", "logging_steps", "logging_first_step", "log_on_each_node"),
        *("logging_nan_inf_filter", "include_num_input_tokens_seen", "log_level", "log_level_replica"),
        *("disable_tqdm", "report_to", "run_name", "project", "trackio_space_id", "trackio_bucket_id"),
        *("trackio_static_space_id", "debug", "skip_memory_metrics"),
        # evaluations and checkpoints
        *("eval_delay", "eval_on_start", "save_strategy", "save_steps", "save_total_limit"),
        *("save_only_model", "save_on_each_node", "enable_jit_checkpoint", "load_best_model_at_end"),
        *("metric_for_best_model", "greater_is_better", "ignore_data_skip"),
        # reproducibility, devices and loading of data
        *("full_determinism", "data_seed", "use_cpu", "dataloader_num_workers"),
        *("dataloader_pin_memory", "dataloader_persistent_workers", "dataloader_prefetch_factor"),
        *("dataloader_multiprocessing_context", "dataloader_in_order"),
        *("ddp_find_unused_parameters", "ddp_bucket_cap_mb", "ddp_broadcast_buffers"),
        *("ddp_static_graph", "ddp_backend", "ddp_timeout"),
    }
)
_UPLOAD = "recipes upload nothing; publish a finished run with `python -m recipes.publish model`"
_OUTPUTS = "each recipe decides what an evaluation keeps of the model's outputs and how it is scored"
_FEATURES = "each recipe decides which columns its model reads"
_SHARDED = "weights are sharded by a configuration of Accelerate: recipes/configs/accelerate/fsdp2.yaml"
_PRECISION = "evaluation runs in the precision of training; use --bf16 or --fp16"
REFUSED = {
    **dict.fromkeys(
        (
            *("push_to_hub", "hub_token", "hub_private_repo", "hub_model_id", "hub_strategy"),
            *("hub_always_push", "hub_revision"),
        ),
        _UPLOAD,
    ),
    **dict.fromkeys(
        (
            *("prediction_loss_only", "eval_do_concat_batches", "eval_use_gather_object"),
            *("include_for_metrics", "batch_eval_metrics"),
        ),
        _OUTPUTS,
    ),
    **dict.fromkeys(("remove_unused_columns", "label_names", "length_column_name"), _FEATURES),
    **dict.fromkeys(("fsdp", "fsdp_config", "deepspeed", "parallelism_config"), _SHARDED),
    **dict.fromkeys(("bf16_full_eval", "fp16_full_eval"), _PRECISION),
    **dict.fromkeys(
        ("use_liger_kernel", "liger_kernel_config"), "Liger's kernels replace parts of language models only"
    ),
    "label_smoothing_factor": "the losses of sts, dp, mrc and wos have no labels to smooth",
    "average_tokens_across_devices": "the losses of the recipes are means over examples, not over tokens",
    "dataloader_drop_last": "it would drop examples of evaluations, too",
    "accelerator_config": "it would change which examples each process evaluates",
    "use_cache": "encoders have no cache, and generation always uses one",
    "restore_callback_states_from_checkpoint": "a resumed run always restores them",
    "local_rank": "the launcher sets it in the environment",
}


# Minimum values of fields that TrainingArguments does not check, or not early.
LEAST = {
    "max_grad_norm": 0, "dataloader_num_workers": 0, "warmup_steps": 0, "save_total_limit": 1, "data_seed": 0,
}  # fmt: skip


def check_fields(values: Mapping[str, Any]) -> None:
    """Check that the recipes support fields of TrainingArguments, and that numbers are in range.

    Raises:
        ValueError: A field is unknown or not supported, or its value is out of range.
    """
    for name, value in values.items():
        if name in REFUSED:
            raise ValueError(f"--{name} is not supported: {REFUSED[name]}.")
        if name not in HONOURED:
            raise ValueError(
                f"--{name} is not supported: this version of klue-hub does not know this field of "
                "transformers.TrainingArguments."
            )
        if name in LEAST:
            check_number(name, value, LEAST[name])
        if name in ("save_steps", "logging_steps"):
            check_steps(name, value)


def check_steps(name: str, value: Any) -> None:
    """Raise ValueError for an interval that is neither a number of updates nor a fraction of them."""
    if isinstance(value, int | float) and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} is {value}; expected a number of updates, or a share of them above 0.")
