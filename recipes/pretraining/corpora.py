"""Open a corpus: text, JSON lines and Parquet files, folders of these, and Hub data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets

# File extension -> format of datasets.
FORMATS = {".txt": "text", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
TEXT = "text"  # the column of documents
# Files that klue corpus build writes beside the documents.
COUNTS, REMOVED = "counts.json", "removed_benchmark_sentences.jsonl"


def corpus_files(sources: Sequence[str]) -> dict[str, list[str]]:
    """Find the files of a corpus by format; folders are searched in name order.

    Raises:
        ValueError: A source is missing, holds no file that can be read, or formats are mixed.
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
        known = [file for file in files if file.suffix in FORMATS and not file.name.startswith(".")]
        if not known:
            raise ValueError(f"{source} holds no corpus; expected files that end in {', '.join(FORMATS)}.")
        for file in known:
            found.setdefault(FORMATS[file.suffix], []).append(str(file))
    if len(found) > 1:
        raise ValueError(f"The corpus mixes {' and '.join(found)} files; expected one format.")
    return found


def open_corpus(sources: Sequence[str], *, dataset_name: str | None = None, streaming: bool = False) -> Any:
    """Open a corpus as a data set: memory-mapped, or streamed.

    Args:
        sources: Files and folders; empty for a data set of the Hub.
        dataset_name: A data set of the Hub; its configuration may follow a colon.
        streaming: Whether to stream the rows.

    Raises:
        ValueError: A source cannot be read; or there is none, or both kinds.
    """
    if bool(sources) == bool(dataset_name):
        raise ValueError("Expected either files of a corpus or a data set on the Hub, not both.")
    if dataset_name:
        name, _, configuration = dataset_name.partition(":")
        return datasets.load_dataset(name, configuration or None, split="train", streaming=streaming)
    ((kind, files),) = corpus_files(sources).items()
    return datasets.load_dataset(kind, data_files={"train": files}, split="train", streaming=streaming)


def texts_of(rows: Any, column: str = TEXT) -> Iterator[str]:
    """Yield the documents of a corpus that are not empty.

    Raises:
        ValueError: There is no such column.
    """
    for row in rows:
        if column not in row:
            raise ValueError(f"The corpus has the columns {', '.join(row)}; expected {column!r} among them.")
        if row[column] and not row[column].isspace():
            yield row[column]
