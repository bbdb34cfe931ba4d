"""MRC mini corpus: passages that tell a few facts of a thing, and questions about these and other facts.

Type 1 asks in other words, type 2 needs the sentence about the founder as well, type 3 asks a fact that the
passage does not tell; the plausible answer is then a value that it does tell.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from docs.generator.mini_corpus import mrc_words as words
from docs.generator.mini_corpus.korean import below, chance, josa, pick, shuffled
from docs.generator.mini_corpus.layout import SPLITS, Example, check_split, json_text
from docs.generator.mini_corpus.mrc_words import DOMAINS, FOUNDER_FACTS, Domain, Fact

PASSAGES = {"dev": 40, "train": 240}
_SEED = 20210607
_DIRECT = 0.3
_NEIGHBOUR = "가까운 곳에 {e|이/가} 있다."
_SLOT = re.compile(r"\{(?P<slot>[epv])(?:\|(?P<particle>[^}]+))?\}")


class Told(NamedTuple):
    """A fact about a thing with its value, and where in the passage the value stands."""

    thing: str
    fact: Fact
    value: str
    start: int


class Statement(NamedTuple):
    """A sentence to be told of a thing; without fact where nothing is asked about it."""

    thing: str
    founder: str
    template: str
    fact: Fact | None
    value: str


class Passage(NamedTuple):
    """A passage about things, and what it tells."""

    domain: Domain
    things: tuple[str, ...]
    text: str
    told: tuple[Told, ...]


def fill(template: str, values: dict[str, str]) -> tuple[str, dict[str, int]]:
    """Return the template with its slots filled, and the offset of each slot's value."""
    text, position = "", 0
    offsets: dict[str, int] = {}
    for match in _SLOT.finditer(template):
        text += template[position : match.start()]
        value = values[match["slot"]]
        offsets[match["slot"]] = len(text)
        text += josa(value, match["particle"]) if match["particle"] else value
        position = match.end()
    return text + template[position:], offsets


def _value(rng: random.Random, kind: str, taken: list[str]) -> str:
    """Return a value of the kind that does not occur in the passage yet."""
    value = taken[0] if taken else ""
    while not value or value in taken:
        if kind == "year":
            value = f"{1950 + below(rng, 70)}년"
        elif kind == "fee":
            value = f"{1 + below(rng, 9)}천 원"
        elif kind == "people":
            value = f"{100 * (1 + below(rng, 90))}명"
        elif kind == "person":
            value = pick(rng, words.SURNAMES) + pick(rng, words.GIVEN_NAMES)
        else:
            value = pick(rng, words.VALUES[kind])
    return value


def _statements(
    rng: random.Random, domain: Domain, thing: str, facts: list[Fact], taken: list[str]
) -> list[Statement]:
    """Return what is told of a thing and its founder, in random order."""
    founder = _value(rng, "person", taken)
    taken.append(founder)
    statements = [Statement(thing, founder, domain.founder, None, "")]
    for fact in facts:
        value = _value(rng, fact.kind, taken)
        taken.append(value)
        statements.append(Statement(thing, founder, fact.statement, fact, value))
    return shuffled(rng, statements)


def _passage(rng: random.Random, domain: Domain, things: tuple[str, ...]) -> Passage:
    """Return a passage about the first of two things."""
    thing, neighbour = things
    facts = [*shuffled(rng, domain.facts)[:3], *shuffled(rng, FOUNDER_FACTS)[:2]]
    statements = _statements(rng, domain, thing, facts, [])
    statements.insert(below(rng, len(statements)), Statement(neighbour, "", _NEIGHBOUR, None, ""))
    text, told = domain.opening, []
    for statement in statements:
        sentence, offsets = fill(
            statement.template, {"e": statement.thing, "p": statement.founder, "v": statement.value}
        )
        text += " "
        if statement.fact is not None:
            told.append(Told(statement.thing, statement.fact, statement.value, len(text) + offsets["v"]))
        text += sentence
    return Passage(domain, things, text, tuple(told))


def _spans(told: Told) -> list[Example]:
    """Return the value as a span, and a year or a count also without its unit."""
    spans: list[Example] = [{"text": told.value, "answer_start": told.start}]
    if told.fact.kind in ("year", "people"):
        spans.append({"text": told.value[:-1], "answer_start": told.start})
    return spans


def _question(rng: random.Random, passage: Passage, question_type: int) -> Example:
    """Return a question of one of the three types, without its guid."""
    unanswerable = question_type == 3
    told = pick(
        rng,
        [
            told
            for told in passage.told
            if unanswerable or (told.fact in FOUNDER_FACTS) == (question_type == 2)
        ],
    )
    known = [told.fact for told in passage.told]
    unknown = [fact for fact in (*passage.domain.facts, *FOUNDER_FACTS) if fact not in known]
    fact = pick(rng, unknown) if unanswerable else told.fact
    template = fact.question if chance(rng, _DIRECT) else fact.paraphrase
    example: Example = {
        "question": fill(template, {"e": told.thing})[0],
        "answers": [] if unanswerable else _spans(told),
        "question_type": question_type,
        "is_impossible": unanswerable,
    }
    return example | ({"plausible_answers": _spans(told)} if unanswerable else {})


def _questions(rng: random.Random, passage: Passage) -> list[Example]:
    """Return the questions of a passage: one of each type."""
    questions: list[Example] = []
    for question_type in shuffled(rng, [1, 2, 3]):
        question = _question(rng, passage, question_type)
        while any(question["question"] == earlier["question"] for earlier in questions):
            question = _question(rng, passage, question_type)
        questions.append(question)
    return questions


def _names(rng: random.Random, domain: Domain) -> list[str]:
    """Return all names that things of the domain can have, in random order."""
    return shuffled(
        rng, [f"{stem} {subject} {domain.ending}" for stem in words.STEMS for subject in domain.subjects]
    )


def _all_articles() -> dict[str, list[Example]]:
    """Return the articles of each split; no name occurs in two of them."""
    rng = random.Random(_SEED)
    names = {domain.ending: _names(rng, domain) for domain in DOMAINS}
    splits: dict[str, list[Example]] = {}
    for split in SPLITS:
        articles: list[Example] = []
        guids = 0
        for number in range(PASSAGES[split]):
            domain = DOMAINS[number % len(DOMAINS)]
            passage = _passage(rng, domain, (names[domain.ending].pop(), names[domain.ending].pop()))
            questions = _questions(rng, passage)
            for question in questions:
                question["guid"] = f"klue-mrc-mini_{split}_{guids:05d}"
                guids += 1
            articles.append(_article(passage, questions))
        splits[split] = shuffled(rng, articles)
    return splits


def _article(passage: Passage, questions: list[Example]) -> Example:
    """Return an article with one paragraph; as in the official files, only news have a category."""
    first, second = passage.things
    article: Example = {
        "title": f"{josa(first, '과/와')} {second}",
        "paragraphs": [{"context": passage.text, "qas": questions}],
    }
    if passage.domain.category:
        article["news_category"] = passage.domain.category
    return article | {"source": passage.domain.source}


def build(split: str) -> list[Example]:
    """Return the raw MRC articles of `train` or `dev`, each with a passage and its questions."""
    check_split(split)
    return _all_articles()[split]


def files() -> dict[str, str]:
    """Return the text of the MRC files by path."""
    return {
        f"klue-mrc-v1.1/klue-mrc-v1.1_{split}.json": json_text({"data": build(split)}) for split in SPLITS
    }
