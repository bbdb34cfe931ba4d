"""Stages of building a corpus, which remove or change documents one by one.

Documents are not kept in memory. Hashes for the detection of duplicates are in a SQLite database, which also
records the progress of a build.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import bm25s
import numpy as np
from datasketch import MinHash
from kiwipiepy import Kiwi

from recipes.pretraining.pseudonyms import Pseudonymiser

PERMUTATIONS, BANDS = 128, 16  # MinHash, for a similarity threshold of (1/16)^(1/8) = 0.71
SHINGLE = 5  # number of characters
# KLUE kept sentences of these corpora with at least 200 characters (paper, section 5.1).
KLUE_MINIMA = {"cc100": 200, "newscrawl": 200}
SHORTEST = 15  # minimum number of characters of a benchmark sentence, since shorter ones are common
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff]")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_ENDS = re.compile(r"(?<=[.!?…])\s+|\n+")
_REPEATED = re.compile(r"(.)\1{9,}")


@dataclasses.dataclass(frozen=True)
class Document:
    """A text, its source, and its id in the source."""

    text: str
    source: str
    id: str


class Stage(Protocol):
    """Base class of the stages."""

    name: str

    def __call__(self, document: Document) -> Iterable[Document]:
        """Process a document, and return any number of documents."""
        ...


class Normalise:
    """Normalise to Unicode NFC, and remove control characters, repeated blanks and empty lines."""

    name = "normalise"

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the normalised document, unless it is empty."""
        text = _CONTROL.sub("", unicodedata.normalize("NFC", document.text.replace("\r\n", "\n")))
        text = _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()
        return [dataclasses.replace(document, text=text)] if text else []


class Korean:
    """Keep Korean prose: enough letters, most of them Hangul, and no character ten times in a row.

    Args:
        hangul: Minimum fraction of Hangul in the letters.
        letters: Minimum fraction of letters and digits in the characters without blanks.
    """

    name = "korean"

    def __init__(self, hangul: float = 0.5, letters: float = 0.6) -> None:
        self.hangul = hangul
        self.letters = letters

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document if it is Korean."""
        text = document.text
        letters = sum(character.isalpha() for character in text)
        digits = sum(character.isdigit() for character in text)
        hangul = sum("가" <= character <= "힣" for character in text)
        filled = sum(not character.isspace() for character in text)
        is_korean = letters > 0 and hangul >= self.hangul * letters
        is_prose = letters + digits >= self.letters * filled and not _REPEATED.search(text)
        return [document] if is_korean and is_prose else []


class SentenceSplitter:
    """Split documents into sentences with Kiwi."""

    name = "sentences"

    def __init__(self) -> None:
        self.kiwi = Kiwi(num_workers=1)

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the sentences, numbered."""
        for number, sentence in enumerate(self.kiwi.split_into_sents(document.text)):
            yield dataclasses.replace(document, text=sentence.text, id=f"{document.id}.{number}")


class Length:
    """Keep documents of a minimum length, by source.

    Args:
        minimum: Minimum number of characters for other sources.
        of_source: Source -> minimum number of characters.
    """

    name = "length"

    def __init__(self, minimum: int = 1, of_source: Mapping[str, int] | None = None) -> None:
        self.minimum = minimum
        self.of_source = of_source or {}

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document if it is long enough."""
        enough = self.of_source.get(document.source, self.minimum)
        return [document] if len(document.text) >= enough else []


class ExactDuplicates:
    """Remove texts that occurred before, up to case and blanks."""

    name = "exact_duplicates"

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        database.execute("CREATE TABLE IF NOT EXISTS texts (hash BLOB PRIMARY KEY) WITHOUT ROWID")

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document if it is new."""
        key = _hash("".join(document.text.casefold().split()).encode(), 16)
        added = self.database.execute("INSERT OR IGNORE INTO texts VALUES (?)", (key,)).rowcount
        return [document] if added else []


class NearDuplicates:
    """Remove texts that share most of their character 5-grams with an earlier one, by MinHash.

    Texts are found with a probability of 95 % at a Jaccard similarity of 0.8, 61 % at 0.7, and 6 % at 0.5.
    """

    name = "near_duplicates"

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        database.execute("CREATE TABLE IF NOT EXISTS bands (hash BLOB PRIMARY KEY) WITHOUT ROWID")

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document if it is not similar to an earlier one."""
        text = "".join(document.text.casefold().split())
        if len(text) < 2 * SHINGLE:  # too short for a comparison by n-grams
            return [document]
        keys = [(key,) for key in _bands(text)]
        known = any(
            self.database.execute("SELECT 1 FROM bands WHERE hash = ?", key).fetchone() for key in keys
        )
        if known:
            return []
        self.database.executemany("INSERT OR IGNORE INTO bands VALUES (?)", keys)
        return [document]


def _bands(text: str) -> list[bytes]:
    shingles = {text[place : place + SHINGLE].encode() for place in range(len(text) - SHINGLE + 1)}
    signature = MinHash(num_perm=PERMUTATIONS, seed=1)
    signature.update_batch(sorted(shingles))
    rows = signature.hashvalues.reshape(BANDS, -1)
    return [_hash(bytes([band]) + row.tobytes(), 8) for band, row in enumerate(rows)]


def _hash(data: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, digest_size=size).digest()


class Benchmark:
    """Remove sentences that occur in a benchmark, by BM25 over character bigrams.

    A sentence is removed if its score with the most similar sentence of the benchmark is at least
    ``threshold`` times the score of that sentence with itself.

    Args:
        texts: All texts of the benchmark.
        threshold: Threshold from 0 to 1.
        removed: Function that is called with a record of each removed sentence.
    """

    name = "benchmark"

    def __init__(
        self, texts: Iterable[str], threshold: float, removed: Callable[[dict[str, Any]], None]
    ) -> None:
        sentences = {sentence for text in texts for sentence in _sentences(text)}
        self.sentences = sorted(sentence for sentence in sentences if len(sentence) >= SHORTEST)
        if not self.sentences:
            raise ValueError("The benchmark has no text; expected at least one sentence.")
        self.threshold = threshold
        self.removed = removed
        self.index = bm25s.BM25()
        tokens = [_pairs(sentence) for sentence in self.sentences]
        self.index.index(tokens, show_progress=False)
        _, scores = self.index.retrieve(tokens, k=1, show_progress=False)
        self.own: np.ndarray = np.maximum(scores[:, 0], 1e-9)  # score of each sentence with itself

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document without sentences of the benchmark, unless nothing remains."""
        sentences = _sentences(document.text)
        if not sentences:
            return [document]
        queries = [_pairs(sentence) for sentence in sentences]
        places, scores = self.index.retrieve(queries, k=1, show_progress=False)
        shares = scores[:, 0] / self.own[places[:, 0]]
        kept = []
        for sentence, place, share in zip(sentences, places[:, 0], shares, strict=True):
            if share < self.threshold:
                kept.append(sentence)
                continue
            self.removed(
                {
                    "id": document.id,
                    "sentence": sentence,
                    "benchmark": self.sentences[int(place)],
                    "score": round(float(share), 3),
                }
            )
        if len(kept) == len(sentences):
            return [document]
        return [dataclasses.replace(document, text=" ".join(kept))] if kept else []


def _sentences(text: str) -> list[str]:
    return [part for part in _ENDS.split(text) if part and not part.isspace()]


def _pairs(sentence: str) -> list[str]:
    """Return the character bigrams of each word, or the word itself if it has one character."""
    return [
        word[place : place + 2]
        for word in sentence.casefold().split()
        for place in range(max(len(word) - 1, 1))
    ]


class Pseudonyms:
    """Replace personal data."""

    name = "pseudonyms"

    def __init__(self, replace: Pseudonymiser) -> None:
        self.replace = replace

    def __call__(self, document: Document) -> Iterable[Document]:
        """Return the document with pseudonyms."""
        text, spans = self.replace(document.text, document.id)
        return [dataclasses.replace(document, text=text)] if spans else [document]


@dataclasses.dataclass
class Count:
    """Numbers of documents and characters before and after a stage."""

    documents_in: int = 0
    characters_in: int = 0
    documents_out: int = 0
    characters_out: int = 0
    changed: int = 0


def through(document: Document, stages: Sequence[Stage], counts: Mapping[str, Count]) -> Iterable[Document]:
    """Pass a document through all stages, and count documents and characters of each."""
    current = [document]
    for stage in stages:
        count, after = counts[stage.name], []
        for one in current:
            count.documents_in += 1
            count.characters_in += len(one.text)
            for made in stage(one):
                count.documents_out += 1
                count.characters_out += len(made.text)
                count.changed += made.text != one.text
                after.append(made)
        current = after
    return current
