"""NER mini corpus: sentences with people, places, groups, dates, times and quantities.

Many names fit several types (a town, its team; a given name that is also a company, a place or a noun), and
the unit behind a number, sometimes the verb behind the unit, decides what the number is.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from docs.generator.mini_corpus import ner_words as words
from docs.generator.mini_corpus.korean import below, chance, josa, pick, shuffled
from docs.generator.mini_corpus.layout import SPLITS, Rows, check_split, tsv_text

SIZES = {"dev": 150, "train": 700}
TYPES = ("PS", "LC", "OG", "DT", "TI", "QT")
_SEED = 20210604
_SHARED_NAME = 0.45
_SLOT = re.compile(r"\{(?P<type>[A-Z]+)(?:\|(?P<particle>[^}]+))?\}")
_TEAM = "TEAM"


class Piece(NamedTuple):
    """A stretch of a sentence with its entity type, empty outside entities."""

    text: str
    type: str


def _person(rng: random.Random) -> str:
    """Return a family name with a given name."""
    return pick(rng, words.SURNAMES) + pick(rng, words.GIVEN_NAMES)


def _place(rng: random.Random) -> str:
    """Return a city, sometimes with its province or a district."""
    city, province = pick(rng, tuple(words.CITIES.items()))
    forms = (city, city, f"{province} {city}시", f"{city} {pick(rng, words.DISTRICTS)}")
    return pick(rng, forms)


def _group(rng: random.Random) -> str:
    """Return the name of a company, bank or university."""
    return pick(rng, words.COMPANY_STEMS) + pick(rng, words.COMPANY_ENDINGS)


def _date(rng: random.Random) -> str:
    """Return a date, a month or a year."""
    year, month, day = 2001 + below(rng, 20), 1 + below(rng, 12), 1 + below(rng, 28)
    forms = (
        f"{month}월 {day}일",
        f"{day}일",
        f"{year}년",
        f"{year}년 {month}월",
        f"지난 {month}월",
        f"지난해 {pick(rng, words.SEASONS)}",
    )
    return pick(rng, forms)


def _time(rng: random.Random) -> str:
    """Return a time of day."""
    half, (first, last) = pick(rng, tuple(words.DAY_HALVES.items()))
    hour, minute = first + below(rng, last - first + 1), 5 * (1 + below(rng, 11))
    return pick(rng, (f"{half} {hour}시", f"{hour}시", f"{hour}시 {minute}분", f"{half} {hour}시 {minute}분"))


def _duration(rng: random.Random) -> str:
    """Return a length of time; its minutes look like the honorific counter of guests."""
    return pick(rng, (f"{1 + below(rng, 12)}시간", f"{1 + below(rng, 30)}분"))


def _quantity(rng: random.Random, before: str) -> str:
    """Return a number with a counter that fits what was said `before`."""
    number = 2 + below(rng, 29)
    if before.endswith("손님 "):
        return f"{number}{pick(rng, ('명', '분'))}"
    for endings, counter in _COUNTER_AFTER:
        if before.endswith(endings):
            return f"{number}{counter}"
    return f"{number}{pick(rng, ('점', '%'))}"


_COUNTER_AFTER: tuple[tuple[tuple[str, ...], str], ...] = (
    (("친구 ", "주민 ", "직원 "), "명"),
    (("고래 ",), "마리"),
    (("사과 ",), "개"),
    (("책 ",), "권"),
    (("눈이 ",), "센티미터"),
    (("입장료는 ", "원에서 "), "만 원"),
    (("을 ", "를 "), "점"),
    (("선수는 ",), "점"),
)


def _entity(rng: random.Random, kind: str, before: str, after: str) -> str:
    """Return an entity of type `kind` that fits between the text `before` and the text `after`."""
    if kind in ("PS", "LC", "OG") and chance(rng, _SHARED_NAME):
        return pick(rng, words.SHARED_NAMES)
    if kind == _TEAM:
        return pick(rng, tuple(words.CITIES))
    if kind == "QT":
        return _quantity(rng, before)
    if kind == "TI" and after.startswith((" 동안", " 늦었다")):
        return _duration(rng)
    return {"PS": _person, "LC": _place, "OG": _group, "DT": _date, "TI": _time}[kind](rng)


def _slot_types(template: str) -> list[str]:
    """Return the entity types a template asks for."""
    return [match["type"] for match in _SLOT.finditer(template)]


def _template(rng: random.Random) -> str:
    """Return a sentence template, with an opening that does not repeat its types."""
    core = pick(rng, pick(rng, words.TEMPLATES))
    openings = [text for text in words.OPENINGS if not any(kind in core for kind in _slot_types(text))]
    return pick(rng, openings) + core


def _fill(rng: random.Random, template: str) -> list[Piece]:
    """Return the template with its slots filled; no entity occurs twice."""
    pieces: list[Piece] = []
    position = 0
    for match in _SLOT.finditer(template):
        pieces.append(Piece(template[position : match.start()], ""))
        before = "".join(piece.text for piece in pieces)
        entity = _entity(rng, match["type"], before, template[match.end() :])
        while any(piece.text == entity for piece in pieces):
            entity = _entity(rng, match["type"], before, template[match.end() :])
        kind = "OG" if match["type"] == _TEAM else match["type"]
        particle = josa(entity, match["particle"])[len(entity) :] if match["particle"] else ""
        pieces += [Piece(entity, kind), Piece(particle, "")]
        position = match.end()
    return [*pieces, Piece(template[position:], "")]


def _tags(piece: Piece) -> list[str]:
    """Return the IOB2 tag of each character; a blank inside an entity is part of it."""
    if not piece.type:
        return ["O"] * len(piece.text)
    return [f"B-{piece.type}"] + [f"I-{piece.type}"] * (len(piece.text) - 1)


def _rows(pieces: list[Piece]) -> Rows:
    """Return the sentence with inline tags, and a row a character."""
    tagged = "".join(f"<{piece.text}:{piece.type}>" if piece.type else piece.text for piece in pieces)
    rows = [row for piece in pieces for row in zip(piece.text, _tags(piece), strict=True)]
    return Rows(tagged, tuple(rows))


def _all_sentences() -> list[Rows]:
    """Return the sentences of both splits, no two with the same characters."""
    rng = random.Random(_SEED)
    by_text: dict[str, Rows] = {}
    while len(by_text) < sum(SIZES.values()):
        pieces = _fill(rng, _template(rng))
        by_text.setdefault("".join(piece.text for piece in pieces), _rows(pieces))
    return shuffled(rng, list(by_text.values()))


def build(split: str) -> list[Rows]:
    """Return the NER sentences of `train` or `dev`."""
    check_split(split)
    sentences = _all_sentences()
    return sentences[: SIZES["dev"]] if split == "dev" else sentences[SIZES["dev"] :]


def files() -> dict[str, str]:
    """Return the text of the NER files by path."""
    texts = {}
    for split in SPLITS:
        sentences = build(split)
        guids = [f"klue-ner-mini_{split}_{number:05d}-mini" for number in range(len(sentences))]
        path = f"klue-ner-v1.1/klue-ner-v1.1_{split}.tsv"
        texts[path] = tsv_text(guids, sentences, "컬럼명", ("CHAR", "NE_TAG"))
    return texts
