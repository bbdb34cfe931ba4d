"""Run a trained model on raw text, with one JSON object per line as output.

    python -m recipes.predict --task ner --model out/ner --input sentences.txt
    python -m recipes.predict --task mrc --model out/mrc --input questions.jsonl --output answers.jsonl
    python -m recipes.predict --task re --model out/re --input pairs.jsonl --top_k 3
    python -m recipes.predict --task dst --model out/dst      # a typed dialogue
    echo "박보검 담주에 파리 화보 촬영 간대!" | python -m recipes.predict --task ner --model out/ner

A .jsonl file has one input per line as JSON: a text, or an object with the fields of the task. A .conllu file
(dp) has sentences. Other files and standard input have one text per line; the two texts of sts, nli and mrc
(question and passage) are separated by a tab, and a line for re and mrc may also be a JSON object. Files are
streamed, so they may be larger than memory.

There is one answer per line of input, with its number as "line"; the answer to a blank line is null. Answers
to truncated inputs have "truncated": true. Invalid lines have an "error" instead of an answer, and the exit
status is then 1.

Texts for dst are dialogues, in which user and system alternate; a blank line starts a new dialogue. There is
one answer per line of the user, printed at once unless --input or --output is a file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, input_file, number_from, output_file
from klue_datasets.tasks import ALIASES
from recipes.tasks import SCRIPTS

if TYPE_CHECKING:
    from recipes.engine.inference import load_pipeline as load_pipeline


def __getattr__(name: str) -> Any:
    """Import ``load_pipeline``, which depends on torch, on first use."""
    if name == "load_pipeline":
        return resolve_name("recipes.engine.inference:load_pipeline")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    names = [*SCRIPTS, *(alias for alias, task in ALIASES.items() if task in SCRIPTS)]
    parser.add_argument("--task", required=True, choices=names, help="Name of the task.")
    parser.add_argument("--model", required=True, metavar="DIR", help="Output folder of a run, or a Hub id.")
    parser.add_argument(
        "--input", type=input_file, metavar="FILE", help="Input file (default: standard input)."
    )
    parser.add_argument(
        "--output", type=output_file, metavar="FILE", help="Output file (default: standard output)."
    )
    parser.add_argument(
        "--batch_size",
        type=number_from(1),
        default=32,
        metavar="N",
        help="Number of inputs that the model reads at once (default: 32).",
    )
    parser.add_argument(
        "--top_k",
        type=number_from(1),
        metavar="K",
        help="Give a list of the K best answers to each input (ynat, nli, re, mrc).",
    )
    parser.add_argument(
        "--trust_remote_code",
        action="store_true",
        help="Run code from the model's repository; review it first.",
    )
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="Compute in bfloat16, which is faster on hardware that supports it.",
    )
    parser.add_argument("--to_conllu", action="store_true", help="Write CoNLL-U instead of JSON (dp).")
    parser.add_argument(
        "--device", metavar="NAME", help="Device, such as cpu or cuda (default: the GPU if there is one)."
    )
    return parser


main = Command(make_parser, "recipes.prediction.raw_text:command", extra="train")


if __name__ == "__main__":
    raise SystemExit(main())
