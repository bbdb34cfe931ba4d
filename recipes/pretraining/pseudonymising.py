"""Pseudonymise files of texts, and restore them."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from klue_datasets.raw_files import extension, read_text
from recipes.engine.inference import load_pipeline
from recipes.pretraining.personal_data import EntityModel, Recogniser
from recipes.pretraining.pseudonyms import Pseudonymiser, Span, restore

JSON = (".jsonl", ".json")


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.pseudonymise``.

    Raises:
        ValueError: A line does not contain a text, or a key does not match the texts.
    """
    if arguments.key and arguments.key == arguments.output:
        raise ValueError(f"--key and --output are both {arguments.key}; expected two files.")
    if arguments.restore:
        _restore(arguments)
    else:
        _pseudonymise(arguments)


def _pseudonymise(arguments: argparse.Namespace) -> None:
    names = None
    if arguments.ner_model:
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
    spans = {}
    for place, line in enumerate(read_text(arguments.restore).split("\n"), start=1):
        if line.strip():
            try:
                entry = json.loads(line)
                spans[entry["line"]] = [Span(*span) for span in entry["spans"]]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{arguments.restore}:{place} is not a line that --key writes.") from error
    with _written(arguments.output) as output:
        for number, (row, text) in enumerate(_documents(arguments), start=1):
            try:
                original = restore(text, spans.get(number, ()))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
            print(_line(row, original, arguments.text_column), file=output)


def _documents(arguments: argparse.Namespace) -> Iterator[tuple[dict[str, Any] | None, str]]:
    """Yield the documents, one per line: the JSON object with the text, or None, and the text.

    Raises:
        ValueError: A line is not a JSON object with the text.
    """
    is_json = arguments.input is not None and extension(arguments.input) in JSON
    with contextlib.ExitStack() as stack:
        lines: IO[bytes] = sys.stdin.buffer
        if arguments.input is not None:
            lines = stack.enter_context(arguments.input.open("rb"))
        for number, raw in enumerate(lines, start=1):
            try:
                line = raw.decode("utf-8").rstrip("\n")
            except UnicodeDecodeError as error:
                source = arguments.input or "standard input"
                raise ValueError(f"{source}:{number} is not UTF-8 text ({error}).") from error
            if not is_json:
                yield None, line
                continue
            try:
                row = json.loads(line)
                text = row[arguments.text_column]
                text.encode("utf-8")  # JSON may contain lone surrogates
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(
                    f"{arguments.input}:{number} is not a JSON object with a Unicode text in "
                    f"{arguments.text_column!r}; expected one."
                ) from error
            yield row, text


def _line(row: dict[str, Any] | None, text: str, column: str) -> str:
    return text if row is None else json.dumps({**row, column: text}, ensure_ascii=False)


@contextlib.contextmanager
def _written(path: Path | None, *, absent: bool = False) -> Iterator[Any]:
    """Open a file that is written completely or not at all; without a path, standard output or None."""
    if path is None:
        yield None if absent else sys.stdout
        return
    partial = path.with_name(f"{path.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("w", encoding="utf-8") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
