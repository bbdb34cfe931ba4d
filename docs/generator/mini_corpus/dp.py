"""DP mini corpus: sentences of a small grammar as words with morphemes, tags, heads and relations.

Every tree is as in the official data: the last word is the root, every head lies to the right. About two
words in three attach to the next one; particles, endings and the verbs decide about the others.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from docs.generator.mini_corpus import dp_grammar as grammar
from docs.generator.mini_corpus import dp_words as words
from docs.generator.mini_corpus.dp_grammar import Phrase, Word, attach
from docs.generator.mini_corpus.korean import chance, pick, shuffled
from docs.generator.mini_corpus.layout import SPLITS, Rows, check_split, tsv_text

SIZES = {"dev": 100, "train": 500}
COLUMNS = ("INDEX", "WORD_FORM", "LEMMA", "POS", "HEAD", "DEPREL")
_SEED = 20210606
_LONGEST = 16
_OPENED = 0.15


def _action(rng: random.Random) -> Phrase:
    """Somebody does something."""
    verb = pick(rng, words.VERBS)
    subject = grammar.person(rng, pick(rng, ("은/는", "이/가")), "NP_SBJ")
    return attach(subject, *grammar.arguments(rng, verb), grammar.final(verb))


def _object_first(rng: random.Random) -> Phrase:
    """Something is what somebody does something with: the object stands before the subject."""
    verb = pick(rng, [verb for verb in words.VERBS if verb.objects])
    item = grammar.thing(rng, pick(rng, verb.objects), "을/를", "NP_OBJ")
    return attach(item, grammar.person(rng, "이/가", "NP_SBJ"), grammar.final(verb))


def _chain(rng: random.Random) -> Phrase:
    """Somebody turns from one action to another; 은/는 belongs to the second, 이/가 to the first."""
    first, second = grammar.two_verbs(rng)
    clause = [*grammar.arguments(rng, first, short=True), grammar.ending(first, "다가", "EC", "VP")]
    rest = [*grammar.arguments(rng, second, short=True), grammar.final(second)]
    if chance(rng, 0.6):
        return attach(grammar.person(rng, "은/는", "NP_SBJ"), attach(*clause), *rest)
    return attach(attach(grammar.person(rng, "이/가", "NP_SBJ"), *clause), *rest)


def _contrast(rng: random.Random) -> Phrase:
    """Somebody does one thing and somebody else another."""
    first, second = grammar.two_verbs(rng)
    suffix = pick(rng, ("고", "지만"))
    opening = [*grammar.arguments(rng, first, short=True), grammar.ending(first, suffix, "EC", "VP")]
    rest = [*grammar.arguments(rng, second, short=True), grammar.final(second)]
    return attach(
        attach(grammar.person(rng, "은/는", "NP_SBJ"), *opening),
        grammar.person(rng, "은/는", "NP_SBJ"),
        *rest,
    )


def _quality(rng: random.Random) -> Phrase:
    """Something is of some quality."""
    item = grammar.thing(rng, pick(rng, words.GOODS), pick(rng, ("은/는", "이/가")), "NP_SBJ")
    degree = [grammar.adverb(pick(rng, words.DEGREES))] if chance(rng, 0.5) else []
    return attach(item, *degree, grammar.final(pick(rng, words.QUALITIES)))


def _identity(rng: random.Random) -> Phrase:
    """Somebody is somebody's relative, or of some profession."""
    subject = grammar.person(rng, "은/는", "NP_SBJ")
    if chance(rng, 0.5):
        owner = grammar.noun(pick(rng, words.PEOPLE), "의", "NP_MOD", "NNP")
        return attach(subject, attach(owner, grammar.copula(pick(rng, words.KIN))))
    return attach(subject, grammar.quality(rng, words.PERSONAL), grammar.copula(pick(rng, words.JOBS)))


def _becoming(rng: random.Random) -> Phrase:
    """Somebody becomes something."""
    job = grammar.noun(pick(rng, words.JOBS), "이/가", "NP_CMP")
    job = [word._replace(pos="NNG+JKC") for word in job]
    when = [grammar.day(rng)] if chance(rng, 0.4) else []
    return attach(grammar.person(rng, "은/는", "NP_SBJ"), *when, job, grammar.final(words.BECOME))


def _ability(rng: random.Random) -> Phrase:
    """Somebody can do something; the action has the arguments, as in the official data."""
    verb = pick(rng, [verb for verb in words.VERBS if verb.tags == "VV" and not _ends_in_rieul(verb.stem)])
    open_stem = verb.stem[-1] in "쓰사쉬"
    form = _future(verb.stem) if open_stem else verb.stem + "을"
    morphemes = f"{verb.stem_morphemes} {'ㄹ' if open_stem else '을'}"
    action = [Word(form, morphemes, f"{verb.tags}+ETM", "VP_MOD")]
    subject = grammar.person(rng, "은/는", "NP_SBJ")
    clause = attach(subject, *grammar.arguments(rng, verb), action)
    ability = attach(clause, [Word("수", "수", "NNB", "NP_SBJ")])
    return attach(ability, [Word("있었다.", "있 었 다 .", "VA+EP+EF+SF", "VP")])


def _ends_in_rieul(stem: str) -> bool:
    """Return whether the stem ends in ㄹ."""
    return stem[-1] in "팔살"


def _future(stem: str) -> str:
    """Return a stem without final consonant with ㄹ under its last syllable."""
    return stem[:-1] + chr(ord(stem[-1]) + 8)


def _progress(rng: random.Random) -> Phrase:
    """Somebody is doing something; the action has the arguments, the auxiliary is the root."""
    verb = pick(rng, words.VERBS)
    subject = grammar.person(rng, pick(rng, ("은/는", "이/가")), "NP_SBJ")
    clause = attach(subject, *grammar.arguments(rng, verb), grammar.ending(verb, "고", "EC", "VP"))
    return attach(clause, [Word("있었다.", "있 었 다 .", "VX+EP+EF+SF", "VP")])


def _liking(rng: random.Random) -> Phrase:
    """Somebody likes doing something: a clause as object."""
    verb = pick(rng, words.VERBS)
    clause = attach(
        *grammar.arguments(rng, verb, short=True), grammar.ending(verb, "기 를", "ETN+JKO", "VP_OBJ")
    )
    degree = [grammar.adverb(pick(rng, words.DEGREES))] if chance(rng, 0.4) else []
    return attach(grammar.person(rng, "은/는", "NP_SBJ"), clause, *degree, grammar.final(words.LIKE))


def _judgement(rng: random.Random) -> Phrase:
    """Doing something is easy or hard: a clause as subject."""
    verb = pick(rng, words.VERBS)
    clause = attach(
        *grammar.arguments(rng, verb, short=True), grammar.ending(verb, "기 가", "ETN+JKS", "VP_SBJ")
    )
    degree = [grammar.adverb(pick(rng, words.DEGREES))] if chance(rng, 0.6) else []
    return attach(clause, *degree, grammar.final(pick(rng, words.JUDGEMENTS)))


def _saying(rng: random.Random) -> Phrase:
    """Somebody says that somebody else did something."""
    verb = pick(rng, words.VERBS)
    written, _, lemma = verb.past.partition("=")
    said = Word(written[:-1] + "고", lemma.removesuffix("다 .") + "다고", f"{verb.tags}+EP+EC", "VP_CMP")
    clause = attach(grammar.person(rng, "이/가", "NP_SBJ"), *grammar.arguments(rng, verb, short=True), [said])
    return attach(grammar.person(rng, "은/는", "NP_SBJ"), clause, grammar.final(words.SAY))


_PATTERNS: tuple[Callable[[random.Random], Phrase], ...] = (
    *(_action, _action, _action, _object_first, _chain, _chain, _contrast, _quality, _identity),
    *(_becoming, _ability, _progress, _liking, _judgement, _saying),
)


def _opening(rng: random.Random) -> Phrase:
    """Return an interjection or a conjunction, which attaches to the root."""
    if chance(rng, 0.4):
        form = pick(rng, words.INTERJECTIONS)
        return [Word(form, f"{form[:-1]} ,", "IC+SP", "IP")]
    form = pick(rng, words.CONJUNCTIONS)
    return [Word(form, form, "MAJ", "AP")]


def _sentence(rng: random.Random) -> Phrase:
    """Return a sentence of at most sixteen words, none of them naming the same thing twice."""
    while True:
        phrase = pick(rng, _PATTERNS)(rng)
        if chance(rng, _OPENED):
            phrase = attach(_opening(rng), phrase)
        stems = [word.lemma.split(" ")[0] for word in phrase if word.pos.startswith("NN")]
        if len(phrase) <= _LONGEST and len(dict.fromkeys(stems)) == len(stems):
            return phrase


def _rows(phrase: Phrase) -> Rows:
    """Return the sentence and its rows: words count from 1, the root has the head 0."""
    rows = tuple(
        (
            str(index),
            word.form,
            word.lemma,
            word.pos,
            str(index + word.up if word.up else 0),
            word.relation,
        )
        for index, word in enumerate(phrase, start=1)
    )
    return Rows(" ".join(word.form for word in phrase), rows)


def _all_sentences() -> list[Rows]:
    """Return the sentences of both splits, no two alike."""
    rng = random.Random(_SEED)
    by_text: dict[str, Rows] = {}
    while len(by_text) < sum(SIZES.values()):
        rows = _rows(_sentence(rng))
        by_text.setdefault(rows.text, rows)
    return shuffled(rng, list(by_text.values()))


def build(split: str) -> list[Rows]:
    """Return the DP sentences of `train` or `dev`."""
    check_split(split)
    sentences = _all_sentences()
    return sentences[: SIZES["dev"]] if split == "dev" else sentences[SIZES["dev"] :]


def files() -> dict[str, str]:
    """Return the text of the DP files by path."""
    texts = {}
    for split in SPLITS:
        sentences = build(split)
        guids = [f"klue-dp-mini_{split}_{number:05d}_mini" for number in range(len(sentences))]
        texts[f"klue-dp-v1.1/klue-dp-v1.1_{split}.tsv"] = tsv_text(guids, sentences, "칼럼명", COLUMNS)
    return texts
