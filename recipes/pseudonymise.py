"""Replace personal data in texts by invented data of the same shape.

    python -m recipes.pseudonymise texts.txt --output safe.txt
    python -m recipes.pseudonymise texts.jsonl --output safe.jsonl --key key.jsonl
    python -m recipes.pseudonymise safe.jsonl --output texts.jsonl --restore key.jsonl
    echo "제 번호는 010-1234-5678이에요." | python -m recipes.pseudonymise

The 16 kinds are those of the KLUE paper: telephone, resident and foreigner registration, e-mail, IP and MAC
address, mention, address, bank account, passport, driver's licence, business registration, health insurance,
card, vehicle plate and URL. A line is a document; in one document the same data has the same pseudonym. Of a
.jsonl file the field "text" is processed. How often each kind was found is printed to standard error.

With --key, what was replaced is written to a file that --restore takes. It holds the personal data: keep it
apart from the texts, or do not write it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.optional import needs

JSON = (".jsonl", ".json")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("input", nargs="?", metavar="FILE", help="the texts (default: standard input)")
    parser.add_argument("--output", metavar="FILE", help="where to write (default: standard output)")
    parser.add_argument("--key", metavar="FILE", help="write what was replaced to a .jsonl file")
    parser.add_argument("--restore", metavar="KEY", help="put the originals of such a file back")
    parser.add_argument("--text_column", default="text", metavar="NAME", help="field of a .jsonl file")
    parser.add_argument("--ner_model", metavar="MODEL", help="a KLUE-NER model that finds names, too")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    return parser


@needs("pretrain")
def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; return 1 with a sentence on standard error if that cannot be done."""
    arguments = make_parser().parse_args(argv)
    try:
        if arguments.restore:
            _restore(arguments)
        else:
            _pseudonymise(arguments)
    except (ValueError, OSError) as error:
        print(f"pseudonymise: {error}", file=sys.stderr)
        return 1
    return 0


def _pseudonymise(arguments: argparse.Namespace) -> None:
    from recipes.pretraining.pseudonyms import Pseudonymiser

    names = None
    if arguments.ner_model:
        from recipes.predict import load_pipeline
        from recipes.pretraining.personal_data import EntityModel, Recogniser

        names = Recogniser(None, EntityModel(load_pipeline("ner", arguments.ner_model)))
    replace = Pseudonymiser(seed=arguments.seed, names=names)
    with _written(arguments.output) as output, _written(arguments.key, absent=True) as key:
        for number, (row, text) in enumerate(_documents(arguments), start=1):
            changed, spans = replace(text, number)
            print(_line(row, changed, arguments.text_column), file=output)
            if key is not None and spans:
                entry = {"line": number, "spans": [list(span) for span in spans]}
                print(json.dumps(entry, ensure_ascii=False), file=key)
    for kind, count in replace.counts.most_common():
        print(f"{kind}: {count:,}", file=sys.stderr)


def _restore(arguments: argparse.Namespace) -> None:
    from recipes.pretraining.pseudonyms import Span, restore

    spans = {}
    for line in Path(arguments.restore).read_text(encoding="utf-8").split("\n"):
        if line.strip():
            entry = json.loads(line)
            spans[entry["line"]] = [Span(*span) for span in entry["spans"]]
    with _written(arguments.output) as output:
        for number, (row, text) in enumerate(_documents(arguments), start=1):
            try:
                original = restore(text, spans.get(number, ()))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
            print(_line(row, original, arguments.text_column), file=output)


def _documents(arguments: argparse.Namespace) -> Iterator[tuple[dict[str, Any] | None, str]]:
    """The documents, one per line, read one by one: the JSON object it is in, or None, and the text.

    Raises:
        ValueError: A line is not a JSON object with the text.
    """
    is_json = arguments.input is not None and arguments.input.endswith(JSON)
    with contextlib.ExitStack() as stack:
        lines: IO[str] = sys.stdin
        if arguments.input is not None:
            lines = stack.enter_context(open(arguments.input, encoding="utf-8", newline="\n"))
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\n")
            if not is_json:
                yield None, line
                continue
            try:
                row = json.loads(line)
                yield row, row[arguments.text_column]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{arguments.input}:{number} is no JSON object with {arguments.text_column!r}; expected "
                    "one."
                ) from error


def _line(row: dict[str, Any] | None, text: str, column: str) -> str:
    return text if row is None else json.dumps({**row, column: text}, ensure_ascii=False)


@contextlib.contextmanager
def _written(path: str | None, *, absent: bool = False) -> Iterator[Any]:
    """A file that is there in whole or not at all; without a path standard output, or nothing."""
    if path is None:
        yield None if absent else sys.stdout
        return
    partial = Path(f"{path}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
