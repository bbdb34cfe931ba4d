"""Create a tiny random encoder and its tokenizer, for demos and tests without the Hub.

    python -m recipes.tiny_model --output_dir out/tiny

The tokenizer is a WordPiece tokenizer trained on the mini corpus; the model is a two-layer BERT with random
weights. The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, Command, number_from, output_folder


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output_dir",
        type=output_folder,
        default="out/tiny",
        metavar="DIR",
        help="Output folder (default: out/tiny).",
    )
    parser.add_argument(
        "--seed",
        type=number_from(0, LARGEST_SEED),
        default=42,
        metavar="N",
        help="Random seed of the weights (default: 42).",
    )
    return parser


main = Command(make_parser, "recipes.pretraining.tiny_encoder:command", extra="train")


if __name__ == "__main__":
    raise SystemExit(main())
