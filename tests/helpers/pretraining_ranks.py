"""Pre-train for a few steps in one of several processes.

python -m torch.distributed.run --standalone --nproc_per_node 2 pretraining_ranks.py MODEL CORPUS OUTPUT_DIR
"""

from __future__ import annotations

import sys

from recipes.pretraining.pretraining_arguments import PretrainingArguments
from recipes.pretraining.pretraining_run import pretrain


def train(model: str, corpus: str, output_dir: str) -> None:
    """Train three updates of four blocks with SGD, since Adam amplifies rounding errors."""
    pretrain(
        PretrainingArguments(
            output_dir=output_dir,
            continue_from=model,
            corpus=(corpus,),
            max_seq_length=64,
            max_steps=3,
            global_batch_size=4,
            per_device_train_batch_size=2,
            learning_rate=0.1,
            warmup=0.0,
            held_out=50,
            save_steps=3,
            logging_steps=1,
            trainer={"use_cpu": True, "disable_tqdm": True, "optim": "sgd"},
        )
    )


if __name__ == "__main__":
    train(*sys.argv[1:])
