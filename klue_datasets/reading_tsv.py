"""Convert raw files with one line per character (ner) or word (dp) to Arrow columns.

A file has five header lines, then for each sentence a line ``## guid<TAB>sentence``, its rows, and a blank
line. The fields of a row are separated by tabs and neither quoted nor stripped, since a blank is a character.
Errors are KlueDataErrors that name file and line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .messages import excerpt
from .messages import some_labels
from .messages import unicode_note
from .raw_files import KlueDataError
from .raw_files import looks_like
from .raw_files import read_text
from .tasks import TASKS

HEADER_LINES = 5
_TYPES = "|".join(tag[2:] for tag in TASKS["ner"].labels if tag.startswith("B-"))
INLINE_TAG = f"<([^<>]*):({_TYPES})>"  # entity in a sentence of ner
SENTENCE = r"^## (?P<guid>[^\t]+)\t(?P<text>.*)$"


@dataclasses.dataclass(frozen=True)
class Sentences:
    """The sentences of a file, and their rows as list columns.

    Attributes:
        path: The file, for messages.
        guids: Guid of each sentence.
        texts: Text of each sentence.
        lines: Index of the first line of each sentence in the file, for messages.
        offsets: Positions in ``fields`` at which the rows of each sentence begin, and the end of the last.
        fields: Name of a field -> its value in each row of the file.
    """

    path: str | Path
    guids: pa.StringArray
    texts: pa.StringArray
    lines: np.ndarray
    offsets: np.ndarray
    fields: dict[str, pa.StringArray]

    def strings(self, field: str, names: Sequence[str] | None = None) -> pa.ListArray:
        """Return a field as lists of strings; raise KlueDataError for values outside ``names``, if given."""
        if names is not None:
            self._indices(field, names)
        return self._lists(self.fields[field])

    def class_ids(self, field: str, names: Sequence[str]) -> pa.ListArray:
        """Return a field as lists of int64 positions in ``names``; raise KlueDataError for other values."""
        return self._lists(self._indices(field, names).cast(pa.int64()))

    def integers(self, field: str) -> pa.ListArray:
        """Return a field of non-negative integers as lists of int32; raise KlueDataError for other values."""
        values = self.fields[field]
        is_right = pc.match_substring_regex(values, pattern="^[0-9]{1,9}$")
        self._refuse(field, pc.invert(is_right), "a whole number from 0")
        return self._lists(values.cast(pa.int32()))

    def _indices(self, field: str, names: Sequence[str]) -> pa.Int32Array:
        indices = pc.index_in(self.fields[field], value_set=pa.array(names, type=pa.string()))
        self._refuse(field, indices.is_null(), "", names)
        return indices

    def _lists(self, values: pa.Array) -> pa.ListArray:
        return pa.ListArray.from_arrays(pa.array(self.offsets, type=pa.int32()), values)

    def _refuse(
        self, field: str, is_wrong: pa.BooleanArray, expected: str, names: Sequence[str] = ()
    ) -> None:
        """Raise KlueDataError for the first row with an invalid field."""
        wrong = _where(is_wrong)
        if not wrong.size:
            return
        row = int(wrong[0])
        sentence = int(np.searchsorted(self.offsets, row, side="right")) - 1
        line = self.lines[sentence] + 1 + row - self.offsets[sentence]  # rows are consecutive
        where = f"line {line + 1}, guid {self.guids[sentence]}"
        value = self.fields[field][row].as_py()
        if names:
            expected = f"one of {some_labels(value, names)}"
        raise KlueDataError(
            f"{self.path}: {where}: field {field!r} is {excerpt(value)}; expected {expected}."
            f"{unicode_note(value, names)}"
        )


def read_sentences(path: str | Path, fields: Sequence[str]) -> Sentences:
    """Read a KLUE file of sentences with rows.

    Lines end with LF as in the official files, or with CRLF if the first line does; other carriage returns
    are part of the text. The blank line after the last sentence is optional.

    Args:
        path: A local UTF-8 file with or without byte order mark.
        fields: Names of the fields of a row.

    Returns:
        The sentences in the order of the file.

    Raises:
        KlueDataError: The file is not UTF-8, or a line is invalid.
    """
    text = read_text(path)
    task = "dp" if "DEPREL" in fields else "ner"
    line_end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    lines = pc.split_pattern(pa.array([text], type=pa.string()), pattern=line_end).values

    def refuse(wrong: np.ndarray, expected: str) -> None:
        """Raise KlueDataError for the first unexpected line."""
        if wrong.size:
            found = excerpt(lines[int(wrong[0])].as_py())
            other = looks_like(text, task)
            raise KlueDataError(f"{path}: line {wrong[0] + 1} is {found}; expected {expected}.{other}")

    if line_end == "\r\n":
        mixed = _where(pc.match_substring(lines, pattern="\n"))
        refuse(mixed, "CRLF at the end of every line, as at the end of the first")
    is_mark = np.array(pc.starts_with(lines, pattern="##"))
    if len(lines) < HEADER_LINES:
        other = looks_like(text, task)
        raise KlueDataError(
            f"{path}: ends in line {len(lines)}; expected {HEADER_LINES} header lines.{other}"
        )
    refuse(np.flatnonzero(~is_mark[:HEADER_LINES]), f"{HEADER_LINES} header lines that begin with '##'")
    is_row = ~is_mark & ~np.array(pc.is_in(lines, value_set=pa.array(["", "\t"])))
    is_mark[:HEADER_LINES] = is_row[:HEADER_LINES] = False
    starts, rows = np.flatnonzero(is_mark), np.flatnonzero(is_row)

    heads = pc.extract_regex(lines.take(starts), pattern=SENTENCE)
    refuse(starts[_where(heads.is_null())], "'## ', a guid, a tab and a sentence")
    outside = rows[~(is_mark | is_row)[rows - 1]]
    refuse(outside, "a sentence's first line ('## ', guid, tab, sentence) before its rows")
    offsets = np.append(np.searchsorted(rows, starts), rows.size)
    refuse(starts[np.diff(offsets) == 0], "rows after it")
    parts = pc.split_pattern(lines.take(rows), pattern="\t")
    wrong = _where(pc.not_equal(pc.list_value_length(parts), len(fields)))
    refuse(rows[wrong], f"{len(fields)} fields separated by tabs ({', '.join(fields)})")
    values = parts.flatten()
    columns = {
        field: values.take(np.arange(index, len(values), len(fields))) for index, field in enumerate(fields)
    }
    return Sentences(path, heads.field("guid"), heads.field("text"), starts, offsets, columns)


def misspelt(sentences: pa.StringArray, rows: pa.ListArray, *, separator: str) -> np.ndarray:
    """Find sentences whose text differs from their rows, which may be missing, repeated or edited.

    Args:
        sentences: The sentences; those of ner have inline tags.
        rows: Characters (ner) or words (dp) of each sentence.
        separator: Separator of rows: nothing (ner) or a blank (dp).
    """
    text = sentences
    if not separator:
        text = pc.replace_substring_regex(sentences, pattern=INLINE_TAG, replacement=r"\1")
    return _where(pc.not_equal(text, pc.binary_join(rows, separator)))


def _where(condition: pa.BooleanArray) -> np.ndarray:
    return np.flatnonzero(np.array(condition))
