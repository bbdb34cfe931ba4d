"""Vectorised checks for the tasks with one row per character (ner) or word (dp)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from klue_datasets.iob import ENTITY_TYPES, TAGS, Entities, find_entities
from klue_datasets.messages import excerpt
from klue_datasets.reading_tsv import INLINE_TAG, misspelt
from klue_datasets.tasks import DP_POS_TAGS

Columns = Mapping[str, Any]
BROKEN_TAG = f"[:;]({'|'.join(ENTITY_TYPES)})>"  # remains after complete tags have been removed


class Finding(NamedTuple):
    """A problem in one row.

    Attributes:
        guid: Guid of the row; for other files, the file name.
        field: Name of the column.
        kind: Name of the check, as in known_defects.json.
        message: The value found, and what was expected.
    """

    guid: str
    field: str
    kind: str
    message: str


def ner_entities(columns: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find entities in the ner rows by strict IOB2: first character, end, and tag id."""
    found = _entities(columns)
    return found.start, found.end, _flat(columns["ner_tags"])[found.start]


def _entities(columns: Columns) -> Entities:
    tags = _flat(columns["ner_tags"])
    is_first = np.zeros(tags.size, dtype=bool)
    offsets = _offsets(columns["ner_tags"])
    is_first[offsets[:-1][np.diff(offsets) > 0]] = True
    return find_entities(tags, is_first)


def check_ner(columns: Columns, folder: Path) -> Iterator[Finding]:
    guids, tokens, offsets = columns["guid"], columns["tokens"], _offsets(columns["tokens"])
    characters = tokens.flatten()

    def at(is_wrong: np.ndarray) -> Iterator[tuple[str, int, int]]:
        """Yield guid, position in the sentence and row of the selected characters."""
        for row in np.flatnonzero(is_wrong):
            sentence = int(np.searchsorted(offsets, row, side="right")) - 1
            yield guids[sentence].as_py(), int(row - offsets[sentence]), int(row)

    for guid, index, row in at(np.array(pc.not_equal(pc.utf8_length(characters), 1))):
        found = excerpt(characters[row].as_py())
        yield Finding(guid, "tokens", "token", f"[{index}] is {found}; expected one character.")
    tags = np.array(TAGS)[_flat(columns["ner_tags"])]
    is_orphan = np.zeros(tags.size, dtype=bool)
    is_orphan[_entities(columns).orphans] = True
    for guid, index, row in at(is_orphan):
        message = f"[{index}] is {tags[row]} with no such entity before it; expected B- first."
        yield Finding(guid, "ner_tags", "orphan I-", message)
    for guid, index, row in at(np.char.startswith(tags, "B-") & np.array(pc.equal(characters, " "))):
        message = (
            f"[{index}], a blank, is {tags[row]}; expected no entity to begin with a blank "
            "(official scoring removes blanks, and thus its beginning)."
        )
        yield Finding(guid, "ner_tags", "blank with B-", message)
    text = pc.binary_join(tokens, "")
    for index in misspelt(columns["sentence"], tokens, separator=""):
        plain = re.sub(INLINE_TAG, r"\1", columns["sentence"][int(index)].as_py())
        message = f"without its tags it is {excerpt(plain)}; expected the tokens in a row."
        yield Finding(guids[int(index)].as_py(), "sentence", "sentence against tokens", message)
    for index in where(pc.match_substring_regex(text, pattern=BROKEN_TAG)):
        message = f"a broken entity tag is left in the text: {excerpt(_around(text[index].as_py()))}."
        yield Finding(guids[index].as_py(), "sentence", "broken tag", message)
    yield from _inline_against_rows(columns)


def _around(text: str) -> str:
    match = re.search(BROKEN_TAG, text)
    return text[max(0, match.start() - 10) : match.end()] if match else text


def _inline_against_rows(columns: Columns) -> Iterator[Finding]:
    """Compare the entities of a sentence's inline tags with those of its rows."""
    offsets = _offsets(columns["tokens"])
    starts, ends, types, _ = _entities(columns)
    bounds = np.searchsorted(starts, offsets)
    pattern = re.compile(INLINE_TAG)
    sentences = zip(columns["guid"].to_pylist(), columns["sentence"].to_pylist(), strict=True)
    for (guid, sentence), (low, high), origin in zip(sentences, pairwise(bounds), offsets, strict=False):
        rows = {
            (int(start - origin), int(end - origin), ENTITY_TYPES[kind])
            for start, end, kind in zip(starts[low:high], ends[low:high], types[low:high], strict=True)
        }
        inline, removed = set(), 0
        for match in pattern.finditer(sentence):
            start = match.start() - removed
            inline.add((start, start + len(match[1]), match[2]))
            removed += len(match[0]) - len(match[1])
        if inline != rows:
            message = (
                f"rows hold {sorted(rows - inline)}, inline tags {sorted(inline - rows)}; expected the same."
            )
            yield Finding(guid, "ner_tags", "inline tags against rows", message)


def check_dp(columns: Columns, folder: Path) -> Iterator[Finding]:
    guids, offsets = columns["guid"], _offsets(columns["head"])
    sizes = np.diff(offsets)
    sentence_of = np.repeat(np.arange(sizes.size), sizes)
    index = np.arange(offsets[-1]) - offsets[sentence_of] + 1
    head = _flat(columns["head"])

    def at(is_wrong: np.ndarray) -> Iterator[tuple[str, int, int]]:
        """Yield guid, word number in the sentence and row in the file of the selected words."""
        for row in np.flatnonzero(is_wrong):
            yield guids[int(sentence_of[row])].as_py(), int(index[row]), int(row)

    given = _flat(columns["index"])
    for guid, word, row in at(given != index):
        yield Finding(guid, "index", "index", f"word {word} has index {given[row]}; expected {word}.")
    is_outside = head > sizes[sentence_of]
    for guid, word, row in at(is_outside):
        message = f"word {word} has head {head[row]}; expected 0 to {sizes[sentence_of[row]]}."
        yield Finding(guid, "head", "head out of range", message)
    is_loop = head == index
    for guid, word, _ in at(is_loop):
        yield Finding(guid, "head", "self loop", f"word {word} is its own head; expected another word or 0.")
    roots = np.bincount(sentence_of, weights=head == 0, minlength=sizes.size).astype(int)
    for number in np.flatnonzero(roots != 1):
        message = f"{roots[number]} words have head 0; expected one root."
        yield Finding(guids[int(number)].as_py(), "head", "root", message)
    for number in np.unique(sentence_of[_in_cycles(head, offsets[sentence_of], is_outside | is_loop)]):
        message = "following the heads leads in a circle; expected a tree."
        yield Finding(guids[int(number)].as_py(), "head", "cycle", message)
    yield from _dp_words(columns, at)


def _in_cycles(head: np.ndarray, origin: np.ndarray, is_end: np.ndarray) -> np.ndarray:
    """Find words whose chain of heads does not end at a root."""
    stops = (head == 0) | is_end
    parent = np.where(stops, np.arange(head.size), origin + head - 1)
    for _ in range(max(1, int(head.size).bit_length())):  # each round doubles the distance
        further = parent[parent]
        if np.array_equal(further, parent):
            break
        parent = further
    return np.asarray(~stops[parent], dtype=bool)


def _dp_words(
    columns: Columns, at: Callable[[np.ndarray], Iterator[tuple[str, int, int]]]
) -> Iterator[Finding]:
    for row_number in misspelt(columns["sentence"], columns["word_form"], separator=" "):
        number = int(row_number)
        words = " ".join(columns["word_form"][number].as_py())
        sentence = columns["sentence"][number].as_py()
        differ = next(
            (i for i, (a, b) in enumerate(zip(words, sentence, strict=False)) if a != b),
            min(len(words), len(sentence)),
        )
        message = (
            f"words joined by blanks have {excerpt(words[differ : differ + 12])} at {differ}; "
            f"the sentence has {excerpt(sentence[differ : differ + 12])} there."
        )
        yield Finding(columns["guid"][number].as_py(), "word_form", "words against sentence", message)
    lemma, pos = columns["lemma"].flatten(), columns["pos"].flatten()
    morphemes = pc.add(pc.count_substring(lemma, pattern=" "), 1)
    tags = pc.split_pattern(pos, pattern="+")
    for guid, word, row in at(np.array(pc.not_equal(morphemes, pc.list_value_length(tags)))):
        message = f"word {word}: lemma {excerpt(lemma[row].as_py())} beside pos {excerpt(pos[row].as_py())}; "
        yield Finding(guid, "lemma", "lemma against pos", f"{message}expected one tag per morpheme.")
    is_known = np.array(pc.is_in(tags.flatten(), value_set=pa.array(DP_POS_TAGS)))
    of_word = np.array(pc.list_parent_indices(tags))
    wrong = np.zeros(len(pos), dtype=bool)
    wrong[of_word[~is_known]] = True
    for guid, word, row in at(wrong):
        message = f"word {word} has {excerpt(pos[row].as_py())}; expected tags of the 45 joined by +."
        yield Finding(guid, "pos", "pos tag", message)


def _flat(lists: pa.ListArray) -> np.ndarray:
    return np.asarray(lists.flatten())


def _offsets(lists: pa.ListArray) -> np.ndarray:
    return np.asarray(lists.offsets)


def where(condition: pa.BooleanArray) -> list[int]:
    return [int(index) for index in np.flatnonzero(np.array(condition))]
