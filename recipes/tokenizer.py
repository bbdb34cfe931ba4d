"""Train a subword vocabulary for Korean, and compare how tokenizers split texts.

    python -m recipes.tokenizer train --segmenter mecab --corpus texts/ --output_dir out/tokenizer
    python -m recipes.tokenizer stats out/tokenizer klue/roberta-base --mini --segmenter mecab

--segmenter splits words into morphemes while the vocabulary is learned, as KLUE did with Mecab-ko, so that
tokens stay within morphemes. The resulting tokenizer.json does not need the morphological analyser.
``stats`` prints, for the texts of each task, the tokens per word and per character, the share of unknown
tokens and, with --segmenter, the share of morpheme boundaries where a token begins.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import RAW_FILES, Command, output_folder
from recipes.pretraining.choices import CORPUS, SEGMENTERS, add_dataset_flags, add_vocabulary_flags


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="train|stats")
    train = commands.add_parser("train", help="train a vocabulary")
    add = train.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="Output folder.")
    add("--corpus", default=[], **CORPUS)
    add_dataset_flags(train)
    add_vocabulary_flags(train)
    stats = commands.add_parser("stats", help="compare how tokenizers split the texts of each task")
    stats.add_argument("tokenizers", nargs="+", metavar="TOKENIZER", help="Folders or Hub ids.")
    where = stats.add_mutually_exclusive_group(required=True)
    where.add_argument("--data_dir", metavar="DIR", help=RAW_FILES)
    where.add_argument("--mini", action="store_true", help="Use the mini corpus.")
    stats.add_argument("--split", default="train", help="Split (default: train).")
    stats.add_argument("--json", action="store_true", help="Print JSON.")
    train.set_defaults(run="recipes.pretraining.vocabulary:train_command")
    stats.set_defaults(run="recipes.pretraining.vocabulary:statistics_command")
    for command in (train, stats):
        command.add_argument(
            "--segmenter",
            choices=SEGMENTERS,
            default="none",
            help="Morphological analyser that splits words (default: none).",
        )
    return parser


main = Command(make_parser, extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
