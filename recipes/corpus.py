"""Build a corpus for pre-training: filtered, deduplicated, without benchmark sentences and personal data.

    python -m recipes.corpus build --source news=articles/ --source wiki=wiki.jsonl --output_dir corpus/
    python -m recipes.corpus build --source wiki=wiki.parquet --benchmark klue/ --output_dir corpus/
    python -m recipes.corpus build --dataset_name wikimedia/wikipedia:20231101.ko --output_dir corpus/

Each line of a text file and each row of a JSON lines or Parquet file is a document. Documents pass through
these stages in order: normalise, korean, sentences (only with --sentences), length, exact_duplicates,
near_duplicates, benchmark (with --benchmark), pseudonyms. The output is Parquet shards and a card that counts
the documents each stage read and kept. Repeat the command to resume an interrupted build.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, Command, number_from, output_folder
from recipes.pretraining.choices import STAGES, add_dataset_flags


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="build")
    build = commands.add_parser("build", help="build a corpus, or resume an interrupted build")
    add = build.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="Output folder.")
    add(
        "--source",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="File or folder, and a name for it; may be repeated.",
    )
    add_dataset_flags(build)
    add("--sentences", action="store_true", help="Split documents into sentences.")
    add("--skip", nargs="+", choices=STAGES, default=[], metavar="STAGE", help="Stages to skip.")
    add(
        "--minimum",
        type=number_from(0),
        metavar="N",
        help="Minimum number of characters of a document (default: 10).",
    )
    add(
        "--minimum_of",
        action="append",
        default=[],
        metavar="NAME=N",
        help="The same for one source (default: cc100=200 and newscrawl=200, as in KLUE).",
    )
    add(
        "--benchmark",
        metavar="DIR",
        help="KLUE's raw files, whose sentences are removed, or official to download them.",
    )
    add(
        "--threshold",
        type=number_from(0, 1, float),
        metavar="SHARE",
        help="Similarity to a sentence of the benchmark at which a sentence is removed (default: 0.8).",
    )
    add("--shard", type=number_from(1), metavar="N", help="Documents read per shard (default: 100,000).")
    add(
        "--seed",
        type=number_from(0, LARGEST_SEED),
        metavar="N",
        help="Random seed of the pseudonyms (default: 0).",
    )
    return parser


main = Command(make_parser, "recipes.pretraining.corpus_building:command", extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
