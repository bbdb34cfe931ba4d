"""Formats of input and output sentences, such as CoNLL-U. This file is saved with the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

FIELDS = 10  # ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC
MOST_WORDS = 1_000  # the parser scores all pairs of words


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A sentence to parse.

    Attributes:
        words: The words.
        pos: Part of speech of each word, such as ``NNG+JKO``, or ``_`` if unknown; None without any.
        rows: The ten CoNLL-U fields of each word, if read from CoNLL-U.
        comments: Comment lines of CoNLL-U.

    Raises:
        ValueError: There are more than MOST_WORDS words.
    """

    words: Sequence[str]
    pos: Sequence[str] | None = None
    rows: Sequence[Sequence[str]] | None = None
    comments: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check the number of words."""
        if len(self.words) > MOST_WORDS:
            raise ValueError(
                f"A sentence has {len(self.words):,} words; expected at most {MOST_WORDS:,}: divide the text "
                "into sentences."
            )


def lines_of(text: str) -> list[str]:
    """Split a text into lines at LF and CRLF only, since U+2028 and others may occur within a word."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def is_conllu(text: str) -> bool:
    """Return whether the first line that is not a comment has the ten fields of CoNLL-U."""
    lines = (line for line in lines_of(text) if line.strip() and not line.startswith("#"))
    return next(lines, "").count("\t") == FIELDS - 1


def are_words(items: Sequence[Any]) -> bool:
    """Return whether a list contains the words of one sentence: strings without white space."""
    return bool(items) and all(isinstance(item, str) and len(item.split()) < 2 for item in items)


def read_sentence(item: Any) -> Sentence:
    """Convert text (words separated by blanks), a list of words, or a mapping to a sentence.

    Args:
        item: Text, a list of words, or a mapping with ``words`` or ``text``, and optionally ``pos``.

    Raises:
        ValueError: The input has another form, too many words, or other parts of speech than one text per
            word.
    """
    if isinstance(item, Sentence):
        return item
    pos = None
    if isinstance(item, Mapping):
        pos = item.get("pos")
        item = item.get("words", item.get("text"))
    words = item.split() if isinstance(item, str) else item
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise ValueError(
            f"A sentence is {type(item).__name__}; expected text, a list of words, or a mapping with words "
            "or text, and perhaps pos."
        )
    if pos is not None and not (isinstance(pos, list | tuple) and all(isinstance(tag, str) for tag in pos)):
        raise ValueError(f"pos of a sentence is {pos!r:.80}; expected a list of texts, one for each word.")
    if pos is not None and len(pos) != len(words):
        raise ValueError(f"A sentence has {len(words)} words and {len(pos)} pos; expected the same number.")
    return Sentence(list(words), pos)


def parsed_words(
    words: Sequence[str],
    heads: Sequence[int],
    relations: Sequence[str],
    scores: Sequence[float],
    pos: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """Convert a parsed sentence to one mapping per word."""
    parsed: list[dict[str, Any]] = [
        {"index": index, "word": word, "head": head, "relation": relation, "score": score}
        for index, (word, head, relation, score) in enumerate(
            zip(words, heads, relations, scores, strict=True), start=1
        )
    ]
    for word, tag in zip(parsed, pos or (), strict=False):
        word["pos"] = tag
    return parsed


def read_conllu(text: str) -> list[Sentence]:
    """Read the sentences of a CoNLL-U text, with parts of speech from XPOS.

    Multiword tokens (1-2) and empty nodes (1.1) are skipped.

    Raises:
        ValueError: A line does not have ten fields, or words are not numbered 1, 2, ...
    """
    sentences: list[Sentence] = []
    comments: list[str] = []
    rows: list[list[str]] = []
    for number, line in enumerate([*lines_of(text), ""], start=1):
        if not line.strip():
            if rows:
                sentences.append(Sentence([row[1] for row in rows], [row[4] for row in rows], rows, comments))
            comments, rows = [], []
        elif line.startswith("#") and not rows:
            comments.append(line)
        else:
            fields = line.split("\t")
            if len(fields) != FIELDS:
                raise ValueError(f"CoNLL-U: line {number} has {len(fields)} fields; expected {FIELDS}.")
            if "-" in fields[0] or "." in fields[0]:
                continue
            if fields[0] != str(len(rows) + 1):
                raise ValueError(f"CoNLL-U: line {number} is word {fields[0]!r}; expected {len(rows) + 1}.")
            rows.append(fields)
    return sentences


def write_conllu(words: Sequence[Mapping[str, Any]], source: Sentence | None = None) -> str:
    """Format a parsed sentence as CoNLL-U, with a final blank line.

    Args:
        words: Mappings with ``index``, ``word``, ``head``, ``relation``, and optionally ``pos``.
        source: The input sentence, whose other fields are kept.
    """
    lines = list(source.comments) if source else []
    if not any(line.startswith("# text =") for line in lines):
        lines.append(f"# text = {' '.join(word['word'] for word in words)}")
    for position, word in enumerate(words):
        row = ["_"] * FIELDS
        if source and source.rows:
            row = list(source.rows[position])
        row[0], row[1] = str(word["index"]), word["word"]
        row[4] = word.get("pos") or row[4]
        row[6], row[7], row[8] = str(word["head"]), word["relation"], "_"
        lines.append("\t".join(row))
    return "\n".join(lines) + "\n\n"
