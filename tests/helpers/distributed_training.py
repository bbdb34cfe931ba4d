"""Short training runs of all tasks in one or several processes, with comparable results.

python -m torch.distributed.run --standalone --nproc_per_node 2 distributed_training.py MODEL OUTPUT_DIR
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import nn

from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse
from recipes.tasks import SCRIPTS

RANKS = 2
# Plain gradient descent: Adam would turn rounding errors of gradients near zero into whole steps.
WORDS = ["--mini", "--do_train", "--max_train_samples", "12", "--max_steps", "3", "--max_seq_length", "64"]
WORDS += ["--per_device_train_batch_size", "2", "--learning_rate", "0.5", "--optim", "sgd", "--use_cpu"]
WORDS += ["--warmup_ratio", "0", "--logging_steps", "1", "--save_strategy", "no", "--disable_tqdm", "true"]
LORA = ["--use_lora", "--set", "lora_dropout=0", "--group_by_length"]
# Teacher forcing is drawn for each batch, so other ranks than one would draw otherwise.
SPECIAL = {"re": ["--class_weights", "balanced"]}
SPECIAL |= {"wos": ["--set", "teacher_forcing=1", "--set", "dropout=0", "--max_train_samples", "4"]}


def train_all(model: Path, output_dir: Path, kinds: Sequence[str] = ("full", "lora"), *more: str) -> None:
    """Train each task with all weights and with LoRA, on the same examples for any number of processes."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    for task in SCRIPTS:
        for name in kinds:
            words = LORA if name == "lora" else []
            given = [*WORDS, *words, *more, *SPECIAL.get(task, []), "--model_name_or_path", str(model)]
            given += ["--gradient_accumulation_steps", str(RANKS // ranks)]
            given += ["--output_dir", str(output_dir / task / name)]
            story.run(task, parse(make_parser(task, ""), task, given))


def shard_on_cpus() -> None:
    """Make Accelerate use its FSDP settings on CPUs, where it ignores them by default."""
    original = AcceleratorState.__init__
    plugins: list[Any] = []

    def init(self: Any, *arguments: Any, fsdp_plugin: Any = None, **more: Any) -> None:
        original(self, *arguments, fsdp_plugin=fsdp_plugin, **more)
        plugins.extend([] if fsdp_plugin is None else [fsdp_plugin])
        if plugins and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, plugins[-1]

    AcceleratorState.__init__ = init


def losses(folder: Path) -> list[dict[str, float]]:
    """The loss and the norm of the gradients at each update."""
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    return [{name: row[name] for name in ("loss", "grad_norm")} for row in log if "loss" in row]


def without_dropout(load_model: Any) -> Any:
    """Return a load_model without dropout, which would differ between numbers of processes."""

    def load(*arguments: Any) -> Any:
        loaded = load_model(*arguments)
        for module in loaded.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            elif isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0
        return loaded

    return load


if __name__ == "__main__":
    story.load_model = without_dropout(story.load_model)
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        SPECIAL["dp"] = ["--head", "biaffine"]
        train_all(Path(sys.argv[1]), Path(sys.argv[2]), ["full"], "--do_eval", "--max_eval_samples", "4")
    elif os.environ.get("ACCELERATE_USE_FSDP") == "true":
        shard_on_cpus()
        train_all(Path(sys.argv[1]), Path(sys.argv[2]), ["full"], "--do_eval", "--max_eval_samples", "4")
    else:
        train_all(Path(sys.argv[1]), Path(sys.argv[2]))
    torch.distributed.destroy_process_group()  # of sixteen models: else their threads may abort at the exit
