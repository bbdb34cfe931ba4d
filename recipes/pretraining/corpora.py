"""Open corpora: text, JSON lines and Parquet files, folders of these, and data sets on the Hub."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets.arrow_writer import SchemaInferenceError
from datasets.exceptions import DatasetGenerationError

from klue_datasets.messages import excerpt

# File extension -> format of datasets.
FORMATS = {".txt": "text", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
TEXT = "text"  # default name of the column with the text
# Files that klue corpus build writes in addition to the documents.
COUNTS, REMOVED = "counts.json", "removed_benchmark_sentences.jsonl"


def corpus_files(sources: Sequence[str]) -> dict[str, list[str]]:
    """Find the files of a corpus and their format; folders are searched in the order of names.

    Raises:
        ValueError: A source does not exist or has no readable file, or formats are mixed.
    """
    found: dict[str, list[str]] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            files = sorted(inner for inner in path.rglob("*") if inner.name not in (COUNTS, REMOVED))
        elif path.is_file():
            files = [path]
        else:
            raise ValueError(f"There is no {source}; expected a file or a folder of a corpus.")
        known = [file for file in files if file.suffix.lower() in FORMATS and not file.name.startswith(".")]
        if not known:
            raise ValueError(f"{source} holds no corpus; expected files that end in {', '.join(FORMATS)}.")
        for file in known:
            found.setdefault(FORMATS[file.suffix.lower()], []).append(str(file))
    if len(found) > 1:
        raise ValueError(f"The corpus mixes {' and '.join(found)} files; expected one format.")
    return found


def open_corpus(sources: Sequence[str], *, dataset_name: str | None = None, streaming: bool = False) -> Any:
    """Open a corpus as a data set, memory-mapped or streamed.

    Args:
        sources: Files and folders; empty for a data set on the Hub.
        dataset_name: A data set on the Hub, optionally with a colon and its configuration.
        streaming: Whether to stream the rows.

    Raises:
        ValueError: A file cannot be read, or there is not exactly one kind of source.
        OSError: The Hub cannot be reached, or does not have the data set.
    """
    if not (sources or dataset_name):
        raise ValueError("There is no corpus; expected files or folders, or a data set on the Hub.")
    if sources and dataset_name:
        raise ValueError("Both files and a data set on the Hub were given; expected one of them.")
    if dataset_name:
        name, _, configuration = dataset_name.partition(":")
        return datasets.load_dataset(name, configuration or None, split="train", streaming=streaming)
    ((kind, files),) = corpus_files(sources).items()
    try:
        return datasets.load_dataset(kind, data_files={"train": files}, split="train", streaming=streaming)
    except DatasetGenerationError as error:
        cause = error.__cause__ or error
        reason = "there is no document" if isinstance(cause, SchemaInferenceError) else str(cause)
        raise ValueError(f"{', '.join(sources)} cannot be read: {reason}.") from error


def documents_of(
    rows: Iterable[Mapping[str, Any]], column: str = TEXT, source: str = "The corpus"
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield the rows of a corpus with their texts; missing texts are empty.

    Args:
        rows: The corpus from ``open_corpus``.
        column: Name of the column with the text.
        source: Name of the corpus, for messages.

    Raises:
        ValueError: There is no such column, a value is not a text, or a file cannot be read.
    """
    iterator = iter(rows)
    for number in itertools.count():
        try:
            row = next(iterator, None)
        except ValueError as error:  # raised by PyArrow, or for text that is not UTF-8
            raise ValueError(f"{source} cannot be read after {number:,} documents: {error}") from error
        if row is None:
            return
        if column not in row:
            raise ValueError(f"{source} has the columns {', '.join(row)}; expected {column!r} among them.")
        text = row[column] or ""
        if not isinstance(text, str):
            raise ValueError(f"{source}, document {number:,}: {column} is {excerpt(text)}; expected a text.")
        yield row, text


def texts_of(rows: Iterable[Mapping[str, Any]], column: str = TEXT) -> Iterator[str]:
    """Yield the texts of a corpus that are not empty; arguments and errors as in ``documents_of``."""
    return (text for _, text in documents_of(rows, column) if text and not text.isspace())
