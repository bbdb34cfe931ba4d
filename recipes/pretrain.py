"""Pre-train an encoder for Korean, as KLUE did: masked words, replaced tokens, or a teacher's predictions.

    python -m recipes.pretrain --size small --tokenizer out/tokenizer --corpus corpus/ --output_dir out/small
    python -m recipes.pretrain --from klue/roberta-base --corpus texts/ --output_dir out/ours
    accelerate launch -m recipes.pretrain --tokenizer out/tokenizer --corpus texts/ --output_dir out/base
    python -m recipes.pretrain --list

Number of updates, batch size, learning rate and masking are those of KLUE unless given. --list shows them and
the number of parameters. Repeat the command to resume an interrupted run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, Command, number_from, output_folder
from recipes.pretraining.choices import ARCHITECTURES, CORPUS, MASKINGS, MODEL_SIZES, UNITS, add_dataset_flags


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_mutually_exclusive_group(required=True).add_argument
    add("--list", action="store_true", help="Show all configurations and exit.")
    add("--output_dir", type=output_folder, metavar="DIR", help="Output folder.")
    group = parser.add_argument_group("model").add_argument
    group("--arch", choices=ARCHITECTURES, help="Architecture (default: roberta).")
    group("--size", choices=MODEL_SIZES, help="Size (default: base); tiny is for trying things out.")
    group("--from", dest="continue_from", metavar="MODEL", help="Model whose training is continued.")
    group("--teacher", metavar="MODEL", help="Teacher of distilroberta.")
    group(
        "--generator_size",
        type=number_from(0, 1, float, is_open=True),
        metavar="SHARE",
        help="Width of the generator of electra, as a fraction of the discriminator's.",
    )
    data = parser.add_argument_group("data")
    group = data.add_argument
    group("--corpus", **CORPUS)
    add_dataset_flags(data)
    group("--tokenizer", metavar="PATH", help="Tokenizer (default: that of --from or --teacher).")
    group("--max_seq_length", type=number_from(1), metavar="N", help="Tokens of a block (default: 512).")
    group(
        "--no_packing",
        action="store_true",
        help="Do not pack several documents into a block.",
    )
    group(
        "--held_out",
        type=number_from(1),
        metavar="N",
        help="Number of documents held out for evaluation (default: 1000).",
    )
    group("--num_proc", type=number_from(1), metavar="N", help="Number of processes for tokenisation.")
    group = parser.add_argument_group("masking").add_argument
    group(
        "--masking",
        choices=MASKINGS,
        help="Mask anew in every epoch, or once (default: as in KLUE).",
    )
    group("--mask_unit", choices=UNITS, help="Unit of masking: whole words (default) or single tokens.")
    group(
        "--mlm_probability",
        type=number_from(0, 1, float, is_open=True),
        metavar="P",
        help="Fraction of tokens to predict (default: 0.15).",
    )
    group(
        "--mlm_probability_end",
        type=number_from(0, 1, float, is_open=True),
        metavar="P",
        help="The same at the end of training, reached linearly (default: no change).",
    )
    train = parser.add_argument_group("training")
    group = train.add_argument
    group("--max_steps", type=number_from(1), metavar="N", help="Number of updates.")
    group(
        "--global_batch_size",
        type=number_from(1),
        metavar="N",
        help="Number of blocks per update, on all devices together.",
    )
    group(
        "--per_device_train_batch_size",
        type=number_from(1),
        metavar="N",
        help="Number of blocks per device at once (default: 32).",
    )
    group(
        "--learning_rate",
        type=number_from(0, kind=float, is_open=True),
        metavar="RATE",
        help="Peak learning rate.",
    )
    group(
        "--warmup",
        type=number_from(0, 1, float),
        metavar="SHARE",
        help="Fraction of the updates used for a linear warm-up.",
    )
    group(
        "--eval_steps",
        type=number_from(1),
        metavar="N",
        help="Number of updates between evaluations (default: 1000).",
    )
    group(
        "--save_steps",
        type=number_from(1),
        metavar="N",
        help="Number of updates between checkpoints (default: 1000).",
    )
    group("--seed", type=number_from(0, LARGEST_SEED), metavar="N", help="Random seed (default: 42).")
    train.add_argument("--bf16", action="store_true", help="Train in bfloat16 mixed precision.")
    train.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="Further fields of TrainingArguments."
    )
    train.add_argument(
        "--overwrite_output_dir", action="store_true", help="Delete an unfinished run and start again."
    )
    return parser


main = Command(make_parser, "recipes.pretraining.pretraining_run:command", extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
