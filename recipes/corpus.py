"""Build a corpus for pre-training: filtered, without duplicates, benchmark sentences and personal data.

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
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.optional import needs
from recipes.engine.imports import without_collection
from recipes.pretraining.choices import STAGES


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="build")
    build = commands.add_parser("build", help="build a corpus, or go on with it")
    add = build.add_argument
    add("--output_dir", required=True, metavar="DIR", help="where the corpus goes")
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


@needs("pretrain")
def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 1 with a sentence on standard error if that cannot be done."""
    given = make_parser().parse_args(argv)
    with without_collection():
        from recipes.pretraining.corpus_building import CorpusArguments, build_corpus
    try:
        values = {
            name: value
            for name in ("dataset_name", "text_column", "minimum", "threshold", "shard", "seed")
            if (value := getattr(given, name)) is not None
        }
        sources: dict[str, list[str]] = {}
        for name, path in _pairs("source", given.source):
            sources.setdefault(name, []).append(path)
        if given.minimum_of:
            values["minima"] = {name: int(size) for name, size in _pairs("minimum_of", given.minimum_of)}
        counts = build_corpus(
            CorpusArguments(
                given.output_dir,
                sources,
                skip=(*given.skip, *(() if given.sentences else ("sentences",))),
                benchmark=given.benchmark or "",
                **values,
            )
        )
    except (ValueError, OSError) as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1
    if not given.benchmark:
        print("Sentences of KLUE were not removed: there is no --benchmark.", file=sys.stderr)
    for stage, count in counts.items():
        print(f"{stage:<18}{count.documents_in:>12,} documents in {count.documents_out:>12,} out")
    return 0


def _pairs(flag: str, words: Sequence[str]) -> list[tuple[str, str]]:
    """``NAME=VALUE`` words.

    Raises:
        ValueError: A word has no name or no value.
    """
    pairs = []
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value:
            raise ValueError(f"--{flag} {word}: expected NAME=VALUE.")
        pairs.append((name, value))
    return pairs


if __name__ == "__main__":
    raise SystemExit(main())
