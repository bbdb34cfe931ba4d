"""Learn a subword vocabulary for Korean, and see how tokenizers split texts.

    python -m recipes.tokenizer train --segmenter mecab --corpus texts/ --output_dir out/tokenizer
    python -m recipes.tokenizer stats out/tokenizer klue/roberta-base --mini --segmenter mecab

With --segmenter, words are split into morphemes while the vocabulary is learned, as KLUE did with Mecab-ko,
so that tokens keep within morphemes; the tokenizer is a plain tokenizer.json and needs no analyser.
``stats`` prints tokens per word and per character, the share of unknown tokens, and, with --segmenter, the
share of morpheme boundaries where a token begins, on the texts of each task.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.optional import needs
from recipes.pretraining.choices import SEGMENTERS, VOCABULARIES


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="train|stats")
    train = commands.add_parser("train", help="learn a vocabulary")
    add = train.add_argument
    add("--output_dir", required=True, metavar="DIR", help="where the tokenizer goes")
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
    for command in (train, stats):
        command.add_argument(
            "--segmenter", choices=SEGMENTERS, default="none", help="splits words into morphemes"
        )
    return parser


@needs("pretrain")
def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 1 with a sentence on standard error if that cannot be done."""
    arguments = make_parser().parse_args(argv)
    try:
        {"train": _train, "stats": _stats}[arguments.command](arguments)
    except (ValueError, OSError) as error:
        print(f"tokenizer: {error}", file=sys.stderr)
        return 1
    return 0


def _train(arguments: argparse.Namespace) -> None:
    from recipes.pretraining.corpora import open_corpus, texts_of
    from recipes.pretraining.vocabulary import train_tokenizer

    rows = open_corpus(arguments.corpus, dataset_name=arguments.dataset_name, streaming=True)
    tokenizer = train_tokenizer(
        texts_of(rows, arguments.text_column),
        kind=arguments.kind,
        segment=arguments.segmenter,
        vocab_size=arguments.vocab_size,
    )
    tokenizer.save_pretrained(arguments.output_dir)
    print(f"{arguments.output_dir}: {len(tokenizer):,} tokens")


def _stats(arguments: argparse.Namespace) -> None:
    from transformers import AutoTokenizer

    from klue_metrics.scoring import format_table
    from recipes.pretraining.klue_texts import sentences_of
    from recipes.pretraining.vocabulary import segmenter, statistics

    boundaries = None if arguments.segmenter == "none" else segmenter(arguments.segmenter)
    source = {"mini": True} if arguments.mini else {"data_dir": arguments.data_dir}
    tokenizers = {name: AutoTokenizer.from_pretrained(name) for name in arguments.tokenizers}
    found = [
        {"tokenizer": name, "task": task, **statistics(tokenizer, texts, boundaries)}
        for task, texts in sentences_of(arguments.split, **source)
        for name, tokenizer in tokenizers.items()
    ]
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    names = list(found[0])
    rows = [
        [f"{row[name]:.2f}" if isinstance(row[name], float) else str(row[name]) for name in names]
        for row in found
    ]
    print(format_table([[name.replace("_", " ") for name in names], *rows], left=(0, 1)))


if __name__ == "__main__":
    raise SystemExit(main())
