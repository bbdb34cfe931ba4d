"""Answer raw text with a trained model: one JSON object per line.

    python -m recipes.predict --task ner --model out/ner --input sentences.txt
    python -m recipes.predict --task mrc --model out/mrc --input questions.jsonl --output answers.jsonl
    python -m recipes.predict --task re --model out/re --input pairs.jsonl --top_k 3
    python -m recipes.predict --task dst --model out/dst      # a dialogue, while you type it
    echo "박보검 담주에 파리 화보 촬영 간대!" | python -m recipes.predict --task ner --model out/ner

A .jsonl file holds one input a line as JSON (text, or an object with the task's fields); a .conllu file (dp)
holds sentences; any other file, or standard input, one text a line. Texts of two parts (sts, nli; mrc:
question and passage) have a tab between them; for re and mrc a line may be a JSON object. Files are read as
they are answered, so they may be larger than memory.

Every input line has one answer, which gives its number as "line"; the answer to a blank line is null. Where
the model did not read the whole input, the answer has "truncated": true. A line that the task cannot take has
an "error" in place of an answer, and the status is 1 in the end.

Text for dst is dialogues: user and system take turns, and a blank line starts a new dialogue. Every line of
the user has one answer. Answers are given while you type, unless --input or --output is a file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, input_file, output_file
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
    parser.add_argument("--task", required=True, choices=names, help="which task")
    parser.add_argument("--model", required=True, metavar="DIR", help="a run's output folder, or a Hub id")
    parser.add_argument(
        "--input", type=input_file, metavar="FILE", help="what to answer (default: standard input)"
    )
    parser.add_argument(
        "--output", type=output_file, metavar="FILE", help="where to write (default: standard output)"
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        default=32,
        metavar="N",
        help="inputs that the model reads at once (default: 32)",
    )
    parser.add_argument(
        "--top_k",
        type=int,
        metavar="K",
        help="ynat, nli, re, mrc: give a list of the K best answers to each input",
    )
    parser.add_argument(
        "--trust_remote_code", action="store_true", help="run the code that the model brings: read it first"
    )
    parser.add_argument(
        "--bf16", action="store_true", help="compute in bfloat16: faster on hardware that has it"
    )
    parser.add_argument("--to_conllu", action="store_true", help="dp: write CoNLL-U in place of JSON")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, ... (default: the GPU if there is one)")
    return parser


main = Command("predict", make_parser, "recipes.prediction.raw_text:command", extra="train")


if __name__ == "__main__":
    raise SystemExit(main())
