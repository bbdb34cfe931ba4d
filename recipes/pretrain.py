"""Pre-train an encoder for Korean, as KLUE did: masked words, replaced tokens, or a teacher's predictions.

    python -m recipes.pretrain --size small --tokenizer out/tokenizer --corpus corpus/ --output_dir out/small
    python -m recipes.pretrain --from klue/roberta-base --corpus texts/ --output_dir out/ours
    accelerate launch -m recipes.pretrain --tokenizer out/tokenizer --corpus texts/ --output_dir out/base
    python -m recipes.pretrain --list

Steps, batch, learning rate and masking are KLUE's unless given; --list shows them, with the number of
parameters. An interrupted run resumes when the command is repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_folder
from recipes.pretraining.choices import ARCHITECTURES, MASKINGS, MODEL_SIZES, UNITS


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_mutually_exclusive_group(required=True).add_argument
    add("--list", action="store_true", help="show all configurations, and do nothing else")
    add("--output_dir", type=output_folder, metavar="DIR", help="where the model goes")
    group = parser.add_argument_group("model").add_argument
    group("--arch", choices=ARCHITECTURES, help="architecture (default: roberta)")
    group("--size", choices=MODEL_SIZES, help="size (default: base); tiny is for first trials")
    group("--from", dest="continue_from", metavar="MODEL", help="a model to train further")
    group("--teacher", metavar="MODEL", help="for distilroberta: the model to learn from")
    group("--generator_size", type=float, metavar="SHARE", help="for electra: of the discriminator's width")
    group = parser.add_argument_group("data").add_argument
    group("--corpus", nargs="+", metavar="PATH", help="text, JSON lines or Parquet, or folders")
    group("--dataset_name", metavar="NAME", help="a data set of the Hub, NAME or NAME:CONFIGURATION")
    group("--text_column", metavar="NAME", help="where the text is (default: text)")
    group("--tokenizer", metavar="PATH", help="a tokenizer (default: that of --from or --teacher)")
    group("--max_seq_length", type=int, metavar="N", help="tokens in a block (default: 512)")
    group("--no_packing", action="store_true", help="one document, or a part of it, per block")
    group("--held_out", type=int, metavar="N", help="documents kept for evaluation (default: 1000)")
    group("--num_proc", type=int, metavar="N", help="processes that tokenise")
    group = parser.add_argument_group("masking").add_argument
    group("--masking", choices=MASKINGS, help="anew in each pass, or once")
    group("--mask_unit", choices=UNITS, help="whole words (default), or tokens")
    group("--mlm_probability", type=float, metavar="P", help="share to predict (default: 0.15)")
    group("--mlm_probability_end", type=float, metavar="P", help="share at the end of training")
    train = parser.add_argument_group("training")
    group = train.add_argument
    group("--max_steps", type=int, metavar="N", help="updates")
    group("--global_batch_size", type=int, metavar="N", help="blocks in an update, on all devices")
    group("--per_device_train_batch_size", type=int, metavar="N", help="at once (default: 32)")
    group("--learning_rate", type=float, metavar="RATE", help="at its peak")
    group("--warmup", type=float, metavar="SHARE", help="of the updates, until the peak")
    group("--eval_steps", type=int, metavar="N", help="updates between evaluations (default: 1000)")
    group("--save_steps", type=int, metavar="N", help="updates between checkpoints (default: 1000)")
    group("--seed", type=int, metavar="N", help="random seed (default: 42)")
    train.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    train.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="further fields of TrainingArguments"
    )
    train.add_argument("--overwrite_output_dir", action="store_true", help="start over")
    return parser


main = Command("pretrain", make_parser, "recipes.pretraining.pretraining_run:command", extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
