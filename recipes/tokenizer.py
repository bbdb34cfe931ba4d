"""Train a subword vocabulary for Korean, and compare how tokenizers split texts.

    python -m recipes.tokenizer train --segmenter mecab --corpus texts/ --output_dir out/tokenizer
    python -m recipes.tokenizer stats out/tokenizer klue/roberta-base --mini --segmenter mecab

With --segmenter, words are split into morphemes while the vocabulary is learned, as KLUE did with Mecab-ko,
so that tokens keep within morphemes; the tokenizer is a plain tokenizer.json and needs no analyser.
``stats`` prints tokens per word and per character, the share of unknown tokens, and, with --segmenter, the
share of morpheme boundaries where a token begins, on the texts of each task.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_folder
from recipes.pretraining.choices import SEGMENTERS, VOCABULARIES


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="train|stats")
    train = commands.add_parser("train", help="learn a vocabulary")
    add = train.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="where the tokenizer goes")
    add("--corpus", nargs="+", default=[], metavar="PATH", help="text, JSON lines or Parquet, or folders")
    add("--dataset_name", metavar="NAME", help="a data set of the Hub, NAME or NAME:CONFIGURATION")
    add("--text_column", default="text", metavar="NAME", help="where the text is (default: text)")
    add("--kind", choices=VOCABULARIES, default="wordpiece", help="of vocabulary (default: wordpiece)")
    add("--vocab_size", type=int, default=32_000, metavar="N", help="number of tokens (default: 32,000)")
    stats = commands.add_parser("stats", help="see how tokenizers split the texts of each task")
    stats.add_argument("tokenizers", nargs="+", metavar="TOKENIZER", help="folders, or ids of the Hub")
    where = stats.add_mutually_exclusive_group(required=True)
    where.add_argument("--data_dir", metavar="DIR", help="raw KLUE files")
    where.add_argument("--mini", action="store_true", help="the mini corpus")
    stats.add_argument("--split", default="train", help="which split (default: train)")
    stats.add_argument("--json", action="store_true", help="as JSON")
    train.set_defaults(run="recipes.pretraining.vocabulary:train_command")
    stats.set_defaults(run="recipes.pretraining.vocabulary:statistics_command")
    for command in (train, stats):
        command.add_argument(
            "--segmenter", choices=SEGMENTERS, default="none", help="splits words into morphemes"
        )
    return parser


main = Command("tokenizer", make_parser, extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
