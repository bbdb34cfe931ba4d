"""Pre-train models that differ in one factor, fine-tune them, and test whether the factor matters.

    python -m recipes.ablation --factor tokenizer --values none mecab random --corpus texts/ --tasks ynat ner
        --pretrain_steps 50000 --data_dir klue_benchmark/ --output_dir out/ablation

Factors: tokenizer (none, kiwi or mecab: what splits words while the vocabulary is learned), masking (static
or dynamic), mask_unit (word or token), mlm_probability (a share). The value random stands for the first
value's architecture and tokenizer with random weights. Every model has the same architecture, steps and seed.
What is finished is not repeated when the command is given again. Flags that are not named here go to
fine-tuning, such as --preset or --max_steps; those of pre-training begin with --pretrain_.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_folder
from klue_datasets.tasks import ALIASES, TASKS
from recipes.pretraining.choices import ARCHITECTURES, MODEL_SIZES, VOCABULARIES

FACTORS = ("tokenizer", "masking", "mask_unit", "mlm_probability")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="where everything goes")
    add("--factor", required=True, choices=FACTORS, help="in what the models differ")
    add("--values", required=True, nargs="+", metavar="VALUE", help="two values or more")
    add("--corpus", required=True, nargs="+", metavar="PATH", help="text, JSON lines or Parquet, or folders")
    add("--kind", choices=VOCABULARIES, default="wordpiece", help="of vocabulary (default: wordpiece)")
    add("--vocab_size", type=int, default=32_000, metavar="N", help="number of tokens (default: 32,000)")
    add("--arch", choices=ARCHITECTURES, default="bert", help="architecture (default: bert)")
    add("--size", choices=MODEL_SIZES, default="small", help="size (default: small)")
    add("--pretrain_steps", type=int, required=True, metavar="N", help="updates of pre-training")
    add("--pretrain_batch", type=int, default=256, metavar="N", help="blocks in an update (default: 256)")
    add("--pretrain_length", type=int, default=512, metavar="N", help="tokens in a block (default: 512)")
    add("--pretrain_learning_rate", type=float, default=1e-4, metavar="RATE", help="(default: 1e-4)")
    add("--held_out", type=int, default=1_000, metavar="N", help="documents kept for evaluation")
    add("--tasks", nargs="+", required=True, choices=[*TASKS, *ALIASES], help="to fine-tune on")
    add(
        "--seed",
        nargs="+",
        type=int,
        default=[42, 43, 44],
        metavar="N",
        help="of fine-tuning (default: three)",
    )
    add("--jobs", type=int, default=1, metavar="N", help="fine-tuning runs at once (default: 1)")
    return parser


main = Command(
    "ablation", make_parser, "recipes.pretraining.ablating:command", extra="pretrain", passes_on=True
)


if __name__ == "__main__":
    raise SystemExit(main())
