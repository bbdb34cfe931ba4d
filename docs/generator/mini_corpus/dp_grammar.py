"""Grammar of the DP mini corpus: phrases as words with heads, joined by what the words themselves demand.

Particles and endings decide where a word attaches: a possessive waits for its noun, past the adjectives; a
subject with 이/가 belongs to the next predicate, one with 은/는 to the last of a chain of actions; an adverb
of degree goes with the quality, one of manner with the action.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from docs.generator.mini_corpus import dp_words as words
from docs.generator.mini_corpus.dp_words import Verb
from docs.generator.mini_corpus.korean import chance, final_consonant, josa, pick, pick_several


class Word(NamedTuple):
    """A word of a phrase; `up` is the distance to its head within the phrase, 0 if it has none there."""

    form: str
    lemma: str
    pos: str
    relation: str
    up: int = 0


Phrase = list[Word]

_PARTICLE_TAGS = {
    "은/는": "JX",
    "이/가": "JKS",
    "을/를": "JKO",
    "과/와": "JC",
    "의": "JKG",
    "에서": "JKB",
    "에": "JKB",
}
_DETERMINER, _POSSESSIVE, _COMPOUND, _QUALITY, _COPULA, _CLAUSE, _AND = range(7)


def attach(*phrases: Phrase) -> Phrase:
    """Return the phrases in a row, the head of each of them attached to the last word of all."""
    length = sum(len(phrase) for phrase in phrases)
    joined: Phrase = []
    for phrase in phrases:
        for word in phrase:
            joined.append(word if word.up else word._replace(up=length - 1 - len(joined)))
    return joined


def noun(form: str, particle: str, relation: str, tag: str = "NNG") -> Phrase:
    """Return a noun with a particle; with none, if `particle` is empty."""
    if not particle:
        return [Word(form, form, tag, relation)]
    whole = josa(form, particle) if "/" in particle else form + particle
    return [Word(whole, f"{form} {whole[len(form) :]}", f"{tag}+{_PARTICLE_TAGS[particle]}", relation)]


def final(verb: Verb, relation: str = "VP") -> Phrase:
    """Return the predicate at the end of a sentence."""
    return [_formed(verb, verb.past, "EP+EF+SF", relation)]


def ending(verb: Verb, suffix: str, tags: str, relation: str) -> Phrase:
    """Return the stem with an ending that joins it as it stands; the blanks of `suffix` part morphemes."""
    form = verb.stem + suffix.replace(" ", "")
    return [Word(form, f"{verb.stem_morphemes} {suffix}", f"{verb.tags}+{tags}", relation)]


def _formed(verb: Verb, form: str, tags: str, relation: str) -> Word:
    """Return a word from `word=morphemes`."""
    written, _, lemma = form.partition("=")
    return Word(written, lemma, f"{verb.tags}+{tags}", relation)


def adnominal(verb: Verb) -> Phrase:
    """Return the predicate as a modifier of a noun."""
    return [_formed(verb, verb.adnominal, "ETM", "VP_MOD")]


def copula(form: str) -> Phrase:
    """Return a noun with the copula at the end of a sentence."""
    ending_form = "이었다." if final_consonant(form) else "였다."
    return [Word(form + ending_form, f"{form} 이 었 다 .", "NNG+VCP+EP+EF+SF", "VNP")]


def adverb(form: str) -> Phrase:
    """Return an adverb."""
    return [Word(form, form, "MAG", "AP")]


def person(rng: random.Random, particle: str, relation: str) -> Phrase:
    """Return somebody: a name, a relative, or one modified by other words."""
    kind = pick(rng, (-1, -1, -1, _DETERMINER, _POSSESSIVE, _COPULA, _CLAUSE))
    name, kin = noun(pick(rng, words.PEOPLE), particle, relation, "NNP"), pick(rng, words.KIN)
    if kind == _COPULA:
        job = pick(rng, words.JOBS)
        return attach([Word(job + "인", f"{job} 이 ㄴ", "NNG+VCP+ETM", "VNP_MOD")], name)
    if kind == _DETERMINER:
        return attach(determiner(rng), noun(kin, particle, relation))
    if kind == _POSSESSIVE:
        return attach(noun(pick(rng, words.PEOPLE), "의", "NP_MOD", "NNP"), noun(kin, particle, relation))
    if kind == _CLAUSE:
        return attach(_relative_clause(rng), noun(kin, particle, relation))
    return name


def determiner(rng: random.Random) -> Phrase:
    """Return a determiner."""
    form = pick(rng, words.DETERMINERS)
    return [Word(form, form, "MMD", "DP")]


def thing(rng: random.Random, form: str, particle: str, relation: str) -> Phrase:
    """Return a thing with up to two modifiers, both of which attach to it."""
    last = noun(form, particle, relation)
    kind = pick(rng, (-1, -1, _DETERMINER, _POSSESSIVE, _QUALITY, _QUALITY, _AND))
    if kind == -1:
        return last
    if kind == _QUALITY:
        return attach(quality(rng), last)
    inner = quality(rng) if chance(rng, 0.5) else []
    if kind == _DETERMINER:
        return attach(determiner(rng), inner, last)
    if kind == _AND:
        alike = next(items for items in words.OBJECTS if form in items)
        other = pick(rng, [item for item in alike if item != form])
        return attach(noun(other, "과/와", "NP_CNJ"), inner, last)
    return attach(noun(pick(rng, words.PEOPLE), "의", "NP_MOD", "NNP"), inner, last)


def quality(rng: random.Random, qualities: tuple[Verb, ...] = words.QUALITIES) -> Phrase:
    """Return an adjective before a noun, sometimes with its degree."""
    adjective = adnominal(pick(rng, qualities))
    return attach(adverb(pick(rng, words.DEGREES)), adjective) if chance(rng, 0.3) else adjective


def place(rng: random.Random, verb: Verb) -> Phrase:
    """Return where the action takes place."""
    form = pick(rng, verb.places)
    last = noun(form, "에서", "NP_AJT", "NNP" if form in words.TOWNS else "NNG")
    if form in words.BUILDINGS and chance(rng, 0.4):
        return attach(noun(pick(rng, words.TOWNS), "", "NP", "NNP"), last)
    return last


def day(rng: random.Random) -> Phrase:
    """Return when something happens."""
    form = pick(rng, words.DAYS)
    return noun(form, "" if form in ("어제", "오늘") else "에", "NP_AJT")


def arguments(rng: random.Random, verb: Verb, *, short: bool = False) -> list[Phrase]:
    """Return what stands between subject and action: when, where, how, what."""
    phrases: list[Phrase] = []
    if chance(rng, 0.25):
        phrases.append(day(rng))
    if verb.places and chance(rng, 0.3 if verb.objects else 0.7):
        phrases.append(place(rng, verb))
    if verb.objects:
        form = pick(rng, verb.objects)
        phrases.append(noun(form, "을/를", "NP_OBJ") if short else thing(rng, form, "을/를", "NP_OBJ"))
    if chance(rng, 0.3):
        position = len(phrases) - (1 if verb.objects and chance(rng, 0.5) else 0)
        phrases.insert(position, adverb(pick(rng, words.MANNERS)))
    return phrases


def _relative_clause(rng: random.Random) -> Phrase:
    """Return a clause that modifies a person."""
    verb = pick(rng, words.VERBS)
    return attach(*arguments(rng, verb, short=True), adnominal(verb))


def two_verbs(rng: random.Random) -> list[Verb]:
    """Return two different actions."""
    return pick_several(rng, words.VERBS, 2)
