"""Replace personal data in texts with invented data of the same form.

    python -m recipes.pseudonymise texts.txt --output safe.txt
    python -m recipes.pseudonymise texts.jsonl --output safe.jsonl --key key.jsonl
    python -m recipes.pseudonymise safe.jsonl --output texts.jsonl --restore key.jsonl
    echo "제 번호는 010-1234-5678이에요." | python -m recipes.pseudonymise

The 16 kinds are those of the KLUE paper: telephone, resident and foreigner registration, e-mail, IP and MAC
address, mention, address, bank account, passport, driver's licence, business registration, health insurance,
card, vehicle plate and URL. Each line is a document, within which the same data has the same pseudonym. In
.jsonl files the field "text" is processed. The number of replacements of each kind is printed to standard
error.

--key writes the replaced data to a file for --restore. This file holds the personal data; keep it apart from
the texts, or do not write it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, Command, input_file, number_from, output_file


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "input", nargs="?", type=input_file, metavar="FILE", help="Input file (default: standard input)."
    )
    parser.add_argument(
        "--output", type=output_file, metavar="FILE", help="Output file (default: standard output)."
    )
    parser.add_argument(
        "--key", type=output_file, metavar="FILE", help="Write the replaced data to this .jsonl file."
    )
    parser.add_argument(
        "--restore",
        type=input_file,
        metavar="KEY",
        help="Restore the original data from a file written by --key.",
    )
    parser.add_argument(
        "--text_column", default="text", metavar="NAME", help="Field of .jsonl files (default: text)."
    )
    parser.add_argument(
        "--ner_model", metavar="MODEL", help="Model trained on KLUE-NER, to replace names, too."
    )
    parser.add_argument(
        "--seed", type=number_from(0, LARGEST_SEED), default=0, metavar="N", help="Random seed (default: 0)."
    )
    return parser


main = Command(make_parser, "recipes.pretraining.pseudonymising:command", extra="pretrain")


if __name__ == "__main__":
    raise SystemExit(main())
