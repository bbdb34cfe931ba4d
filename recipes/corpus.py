"""Build a corpus for pre-training: filtered, deduplicated, without benchmark sentences and personal data.

    python -m recipes.corpus build --source news=articles/ --source wiki=wiki.jsonl --output_dir corpus/
    python -m recipes.corpus build --source wiki=wiki.parquet --benchmark klue/ --output_dir corpus/
    python -m recipes.corpus build --dataset_name wikimedia/wikipedia:20231101.ko --output_dir corpus/

Documents are read one by one: lines of text files, rows of JSON lines and Parquet. They pass through stages
in this order: normalise, korean, sentences (left out unless --sentences), length, exact_duplicates,
near_duplicates, benchmark (with --benchmark), pseudonyms. The result is written as shards of Parquet, with a
card that counts what each stage read and kept. An interrupted build resumes when the command is repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_folder
from recipes.pretraining.choices import STAGES


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="build")
    build = commands.add_parser("build", help="build a corpus, or go on with it")
    add = build.add_argument
    add("--output_dir", required=True, type=output_folder, metavar="DIR", help="where the corpus goes")
    add("--source", action="append", default=[], metavar="NAME=PATH", help="file or folder; can be repeated")
    add("--dataset_name", metavar="NAME", help="a data set of the Hub, NAME or NAME:CONFIGURATION")
    add("--text_column", metavar="NAME", help="where the text is (default: text)")
    add("--sentences", action="store_true", help="split documents into sentences")
    add("--skip", nargs="+", choices=STAGES, default=[], metavar="STAGE", help="stages to leave out")
    add("--minimum", type=int, metavar="N", help="characters of a document at least (default: 10)")
    add(
        "--minimum_of",
        action="append",
        default=[],
        metavar="NAME=N",
        help="the same for a source (default: cc100=200 and newscrawl=200, as KLUE)",
    )
    add("--benchmark", metavar="DIR", help="raw KLUE files whose sentences are removed, or: official")
    add("--threshold", type=float, metavar="SHARE", help="similarity from which they are (default: 0.8)")
    add("--shard", type=int, metavar="N", help="documents read for a shard (default: 100,000)")
    add("--seed", type=int, metavar="N", help="random seed of the pseudonyms (default: 0)")
    return parser


main = Command("corpus", make_parser, "recipes.pretraining.corpus_building:command", extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
