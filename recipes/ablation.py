"""Pre-train models that differ in one factor, fine-tune them, and test whether the factor matters.

    python -m recipes.ablation --factor tokenizer --values none mecab random --corpus texts/ --tasks ynat ner
        --pretrain_steps 50000 --data_dir klue_benchmark/ --output_dir out/ablation

Factors: tokenizer (none, kiwi or mecab: the analyser that splits words while the vocabulary is learned),
masking (static or dynamic), mask_unit (word or token), mlm_probability (a fraction). The value random is a
model with the first value's architecture and tokenizer, and random weights. All models have the same
architecture, number of updates and seed. Repeat the command to resume; finished parts are kept. Flags of
pre-training begin with --pretrain_; flags that are not listed here, such as --preset or --max_steps, are
passed to fine-tuning.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, Command, number_from, output_folder
from klue_datasets.tasks import ALIASES, TASKS
from recipes.pretraining.choices import ARCHITECTURES, CORPUS, MODEL_SIZES, add_vocabulary_flags

FACTORS = ("tokenizer", "masking", "mask_unit", "mlm_probability")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="Output folder.")
    add("--factor", required=True, choices=FACTORS, help="Factor in which the models differ.")
    add("--values", required=True, nargs="+", metavar="VALUE", help="Two or more values of the factor.")
    add("--corpus", required=True, **CORPUS)
    add_vocabulary_flags(parser)
    add("--arch", choices=ARCHITECTURES, default="bert", help="Architecture (default: bert).")
    add("--size", choices=MODEL_SIZES, default="small", help="Size (default: small).")
    add("--pretrain_steps", type=number_from(1), required=True, metavar="N", help="Number of updates.")
    add(
        "--pretrain_batch",
        type=number_from(1),
        default=256,
        metavar="N",
        help="Number of blocks per update (default: 256).",
    )
    add(
        "--pretrain_length",
        type=number_from(1),
        default=512,
        metavar="N",
        help="Tokens of a block (default: 512).",
    )
    add(
        "--pretrain_learning_rate",
        type=number_from(0, kind=float, is_open=True),
        default=1e-4,
        metavar="RATE",
        help="Peak learning rate (default: 1e-4).",
    )
    add(
        "--held_out",
        type=number_from(1),
        default=1_000,
        metavar="N",
        help="Number of documents held out for evaluation (default: 1000).",
    )
    add("--tasks", nargs="+", required=True, choices=[*TASKS, *ALIASES], help="Tasks to fine-tune on.")
    add(
        "--seed",
        nargs="+",
        type=number_from(0, LARGEST_SEED),
        default=[42, 43, 44],
        metavar="N",
        help="Random seeds of fine-tuning (default: 42 43 44).",
    )
    add("--jobs", type=number_from(1), default=1, metavar="N", help="Number of runs at once (default: 1).")
    return parser


main = Command(make_parser, "recipes.pretraining.ablating:command", extra="pretrain", passes_on=True)


if __name__ == "__main__":
    raise SystemExit(main())
