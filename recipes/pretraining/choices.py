"""Choices and flags shared by the commands of pre-training, without heavy imports."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from klue_datasets.commands import number_from

ARCHITECTURES = ("bert", "roberta", "distilroberta", "electra", "modernbert")
MODEL_SIZES = ("tiny", "small", "base", "large")
DYNAMIC, STATIC = MASKINGS = ("dynamic", "static")
WORD, TOKEN = UNITS = ("word", "token")
VOCABULARIES = ("wordpiece", "bpe", "unigram")
SEGMENTERS = ("none", "kiwi", "mecab")
# In the order of processing.
STAGES = (
    *("normalise", "korean", "sentences", "length", "exact_duplicates", "near_duplicates", "benchmark"),
    "pseudonyms",
)
# Options of --corpus.
CORPUS: Mapping[str, Any] = {
    "nargs": "+",
    "metavar": "PATH",
    "help": "Files of text, JSON lines or Parquet, or folders with such files.",
}


def add_dataset_flags(parser: argparse._ActionsContainer) -> None:
    """Add the flags for a data set on the Hub, and for the column with the text."""
    parser.add_argument(
        "--dataset_name", metavar="NAME", help="Data set on the Hub: NAME or NAME:CONFIGURATION."
    )
    parser.add_argument(
        "--text_column", default="text", metavar="NAME", help="Field or column of the text (default: text)."
    )


def add_vocabulary_flags(parser: argparse._ActionsContainer) -> None:
    """Add the flags for the kind and the size of a vocabulary."""
    parser.add_argument(
        "--kind", choices=VOCABULARIES, default="wordpiece", help="Kind of vocabulary (default: wordpiece)."
    )
    parser.add_argument(
        "--vocab_size",
        type=number_from(1),
        default=32_000,
        metavar="N",
        help="Number of tokens (default: 32,000).",
    )
