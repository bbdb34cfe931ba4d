"""NLI mini corpus: a premise says on which day something happens, a hypothesis names a topic and a day.

The label follows from the relation alone. Same topic and same day (often with another verb) is entailment,
same topic and another day contradiction, a topic the premise does not mention neutral. Any hypothesis can
occur with any label.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from docs.generator.mini_corpus.korean import chance, josa, pick, pick_several, shuffled
from docs.generator.mini_corpus.layout import Example, check_split, json_files
from docs.generator.mini_corpus.nli_words import DAYS, DOMAINS, Domain

LABELS = ("entailment", "neutral", "contradiction")
PREMISES = {"dev": 68, "train": 440}
_SEED = 20210602
_TWO_CLAIMS = 0.04
_LEFT_OUT = 0.12
_VOTERS = 5


class Claim(NamedTuple):
    """A topic with the day that a sentence gives it."""

    topic: str
    day: str


class Premise(NamedTuple):
    """A premise with the claims from which hypotheses are made."""

    domain: Domain
    claims: tuple[Claim, ...]
    text: str


def _sentence(rng: random.Random, domain: Domain, claim: Claim) -> str:
    """Return the claim in one of its wordings, without full stop."""
    return f"{josa(claim.topic, '은/는')} {claim.day} {pick(rng, domain.verbs)}"


def _random_premise(rng: random.Random) -> Premise:
    """Return a premise of one sentence, sometimes two."""
    domain = pick(rng, DOMAINS)
    topics = pick_several(rng, domain.topics, 2 if chance(rng, _TWO_CLAIMS) else 1)
    claims = tuple(Claim(topic, pick(rng, DAYS)) for topic in topics)
    opening = f"{pick(rng, domain.informants)}에 따르면"
    sentences = ". 그리고 ".join(_sentence(rng, domain, claim) for claim in claims)
    return Premise(domain, claims, f"{opening} {sentences}.")


def _claim_for(rng: random.Random, premise: Premise, label: str) -> Claim:
    """Return a claim that stands in the relation `label` to the premise."""
    topics = premise.domain.topics
    if label == "neutral":
        mentioned = [claim.topic for claim in premise.claims]
        return Claim(pick(rng, [topic for topic in topics if topic not in mentioned]), pick(rng, DAYS))
    claim = pick(rng, premise.claims)
    if label == "entailment":
        return claim
    return Claim(claim.topic, pick(rng, [day for day in DAYS if day != claim.day]))


def _votes(rng: random.Random, gold: str) -> list[str]:
    """Return the votes of the author and four annotators, of which at least three are `gold`."""
    others = [label for label in LABELS if label != gold]
    dissent = pick(rng, (0, 0, 0, 0, 1, 1, 2))
    return shuffled(rng, [gold] * (_VOTERS - dissent) + [pick(rng, others) for _ in range(dissent)])


def _example(rng: random.Random, source_key: str, premise: Premise, label: str) -> Example:
    """Return a raw example without its guid."""
    votes = _votes(rng, label)
    return {
        source_key: premise.domain.source,
        "premise": premise.text,
        "hypothesis": _sentence(rng, premise.domain, _claim_for(rng, premise, label)) + ".",
        "gold_label": label,
        "author": votes[0],
        **{f"label{position}": vote for position, vote in enumerate(votes[1:], start=2)},
    }


def _distinct_premises(rng: random.Random, count: int) -> list[Premise]:
    """Return `count` premises with different texts."""
    by_text: dict[str, Premise] = {}
    while len(by_text) < count:
        premise = _random_premise(rng)
        by_text.setdefault(premise.text, premise)
    return list(by_text.values())


def _premises(split: str) -> list[Premise]:
    """Return the premises of a split; the two splits share none."""
    everything = _distinct_premises(random.Random(_SEED), sum(PREMISES.values()))
    return everything[: PREMISES["dev"]] if split == "dev" else everything[PREMISES["dev"] :]


def build(split: str) -> list[Example]:
    """Return the raw NLI examples of `train` or `dev`; train calls the source `genre`, dev `source`."""
    check_split(split)
    rng = random.Random(_SEED + (1 if split == "dev" else 2))
    source_key = "source" if split == "dev" else "genre"
    examples = [
        _example(rng, source_key, premise, label)
        for premise in _premises(split)
        for label in LABELS
        if not chance(rng, _LEFT_OUT)
    ]
    return [
        {"guid": f"klue-nli-mini_{split}_{number:05d}", **example}
        for number, example in enumerate(shuffled(rng, examples))
    ]


def files() -> dict[str, str]:
    """Return the text of the NLI files by path."""
    return json_files("klue-nli-v1.1", build)
