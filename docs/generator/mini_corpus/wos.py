"""WoS mini corpus: dialogues in which a user looks for places, books them and asks for rides.

After each turn of the user the state holds everything wanted so far. A slot's value shows in the words of one
turn, so that a small model learns it in minutes; only corrections ask which of two values came last.
"""

from __future__ import annotations

import random

from docs.generator.mini_corpus import wos_words as words
from docs.generator.mini_corpus.korean import below, chance, pick, pick_several, shuffled
from docs.generator.mini_corpus.layout import SPLITS, Example, check_split, json_files, json_text
from docs.generator.mini_corpus.wos_words import PLANS, TAXI, Wish

SIZES = {"dev": 40, "train": 300}
_SEED = 20210608
_DONT_CARE = 0.12
_CORRECTION = 0.08


class Talk:
    """A dialogue as it goes on: its turns so far, and what the user wants by now."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.turns: list[Example] = []
        self.state: dict[str, str] = {}

    def user(self, sentences: list[str]) -> None:
        """Add a turn of the user, after which the state is as it is now."""
        state = [f"{slot}-{value}" for slot, value in self.state.items()]
        self.turns.append({"role": "user", "text": " ".join(sentences), "state": state})

    def system(self, text: str) -> None:
        """Add a turn of the system."""
        self.turns.append({"role": "sys", "text": text})

    def wish(self, domain: str, slot: str, wish: Wish) -> str:
        """Choose a value of a slot; return how the user says it."""
        value = pick(self.rng, wish.values)
        sentence = pick(self.rng, wish.said).format(value)
        if wish.dontcare and chance(self.rng, _DONT_CARE):
            value, sentence = "dontcare", wish.dontcare
        self.state[f"{domain}-{slot}"] = value
        return sentence

    def wishes(self, domain: str, wishes: dict[str, Wish], slots: list[str]) -> list[str]:
        """Choose values of several slots; return how the user says them."""
        return [self.wish(domain, slot, wishes[slot]) for slot in slots]

    def properties(self, domain: str, count: int) -> list[str]:
        """Choose properties that a place must, must not or may have; return how the user says so."""
        properties = words.PROPERTIES[domain]
        sentences = []
        for slot in pick_several(self.rng, tuple(properties), count):
            said = {answer: text for answer, text in properties[slot]._asdict().items() if text}
            answer = pick(self.rng, tuple(said))
            self.state[f"{domain}-{slot}"] = answer
            sentences.append(said[answer])
        return sentences

    def opening(self, domain: str) -> str:
        """Return how the user begins to talk about a domain."""
        start = pick(self.rng, words.FURTHER if self.turns else words.GREETINGS)
        return f"{start} {pick(self.rng, words.OPENINGS[domain])}"


def _pointed(domain: str) -> dict[str, Wish]:
    """Return the slots of a domain that take a value rather than yes or no."""
    if domain in words.RIDES:
        return words.RIDES[domain]
    return {**words.SEARCH[domain], **words.BOOKING.get(domain, {}), "이름": words.NAMES[domain]}


def ontology() -> dict[str, list[str]]:
    """Return the values of each slot, none and dontcare first."""
    values: dict[str, tuple[str, ...]] = {}
    for domain in words.OPENINGS:
        values |= {f"{domain}-{slot}": wish.values for slot, wish in _pointed(domain).items()}
        values |= {f"{domain}-{slot}": ("yes", "no") for slot in words.PROPERTIES.get(domain, {})}
    return {slot: ["none", "dontcare", *values[slot]] for slot in sorted(values)}


def _place(talk: Talk, domain: str) -> None:
    """The user looks for a place, says what it must have, takes the one offered, and perhaps books it."""
    rng, search, booking = talk.rng, words.SEARCH[domain], words.BOOKING.get(domain, {})
    slots = pick_several(rng, tuple(search), 1 + below(rng, 2))
    talk.user([talk.opening(domain), *talk.wishes(domain, search, slots)])
    talk.system(pick(rng, words.MORE))
    talk.user(talk.properties(domain, 2 + below(rng, 3)))
    name = talk.wish(domain, "이름", words.NAMES[domain])
    talk.system(words.OFFER.format(talk.state[f"{domain}-이름"]))
    slots = pick_several(rng, tuple(booking), below(rng, len(booking) + 1))
    talk.user([name, *talk.wishes(domain, booking, slots)])
    talk.system(pick(rng, words.BOOKED if slots else words.FOUND))


def _ride(talk: Talk, domain: str) -> None:
    """The user asks for a ride and then says when it is to be; of taxis perhaps also which."""
    rng, rides = talk.rng, words.RIDES[domain]
    talk.user([talk.opening(domain), *talk.wishes(domain, rides, shuffled(rng, ("출발지", "도착지")))])
    talk.system(pick(rng, words.MORE))
    slots = ["출발 시간"]
    if domain == TAXI:
        slots = shuffled(rng, (pick(rng, words.TIMES_OF_TAXI), "종류"))[: 1 + below(rng, 2)]
    talk.user(talk.wishes(domain, rides, slots))
    talk.system(pick(rng, words.FOUND))


def _correction(talk: Talk, domain: str) -> None:
    """The user takes back an earlier value."""
    wishes = _pointed(domain)
    said = [slot for slot in wishes if talk.state.get(f"{domain}-{slot}") in wishes[slot].values]
    slot = pick(talk.rng, said)
    old = talk.state[f"{domain}-{slot}"]
    new = pick(talk.rng, [value for value in wishes[slot].values if value != old])
    talk.state[f"{domain}-{slot}"] = new
    talk.user([words.CORRECTION.format(old=old, new=new)])
    talk.system(words.CORRECTED)


def _dialogue(rng: random.Random, plan: tuple[str, ...]) -> Talk:
    """Return a dialogue about the domains of the plan."""
    talk = Talk(rng)
    for domain in plan:
        (_ride if domain in words.RIDES else _place)(talk, domain)
    if chance(rng, _CORRECTION):
        _correction(talk, plan[-1])
    if chance(rng, 0.5):
        talk.user([pick(rng, words.CLOSINGS)])
        talk.system(pick(rng, words.FAREWELLS))
    return talk


def _all_dialogues() -> dict[str, list[Example]]:
    """Return the dialogues of each split; no two begin with the same turn."""
    rng = random.Random(_SEED)
    openings: dict[str, None] = {}
    splits: dict[str, list[Example]] = {}
    for split in SPLITS:
        dialogues: list[Example] = []
        while len(dialogues) < SIZES[split]:
            plan = PLANS[len(dialogues) % len(PLANS)]
            talk = _dialogue(rng, plan)
            if talk.turns[0]["text"] not in openings:
                openings[talk.turns[0]["text"]] = None
                dialogues.append({"domains": list(plan), "dialogue": talk.turns})
        splits[split] = shuffled(rng, dialogues)
    return splits


def build(split: str) -> list[Example]:
    """Return the raw WoS dialogues of `train` or `dev`; only turns of the user have a state."""
    check_split(split)
    return [
        {"guid": f"wos-mini_{split}_{number:05d}", **dialogue}
        for number, dialogue in enumerate(_all_dialogues()[split])
    ]


def files() -> dict[str, str]:
    """Return the text of the WoS files by path, with the ontology."""
    return json_files("wos-v1.1", build) | {"wos-v1.1/ontology.json": json_text(ontology())}
