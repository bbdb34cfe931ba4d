"""RE mini corpus: sentences with several entities, of which two are marked as subject and object.

One sentence states several relations, so that only the marked pair, its roles and the words around it tell
which of the thirty is meant; crossing the facts of a sentence gives no_relation.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from docs.generator.mini_corpus import re_words as words
from docs.generator.mini_corpus.korean import below, josa, pick, shuffled
from docs.generator.mini_corpus.layout import SPLITS, Example, check_split, json_files, json_text
from docs.generator.mini_corpus.re_words import FRAMES, OPENINGS, Frame

# In the order of the official relation_list.json.
RELATIONS = (
    "no_relation",
    "org:dissolved",
    "org:founded",
    "org:place_of_headquarters",
    "org:alternate_names",
    "org:member_of",
    "org:members",
    "org:political/religious_affiliation",
    "org:product",
    "org:founded_by",
    "org:top_members/employees",
    "org:number_of_employees/members",
    "per:date_of_birth",
    "per:date_of_death",
    "per:place_of_birth",
    "per:place_of_death",
    "per:place_of_residence",
    "per:origin",
    "per:employee_of",
    "per:schools_attended",
    "per:alternate_names",
    "per:parents",
    "per:children",
    "per:siblings",
    "per:spouse",
    "per:other_family",
    "per:colleagues",
    "per:product",
    "per:religion",
    "per:title",
)
_NO_RELATION = RELATIONS[0]
_COMMON = ("per:title", "per:employee_of", "org:top_members/employees", "org:member_of", "per:spouse")
_RARE = ("org:dissolved", "per:place_of_death", "per:religion", "per:other_family", "org:founded_by")
# Examples of no_relation, of a common, a rare and any other relation.
_QUOTAS = {"dev": (38, 7, 4, 5), "train": (210, 32, 16, 24)}
_SEED = 20210605


class Pair(NamedTuple):
    """Two slots of a frame, and the relation of the first to the second."""

    frame: Frame
    subject: str
    object: str


class Sentence(NamedTuple):
    """A frame with its slots filled: the text, and the entity record of each slot."""

    text: str
    entities: dict[str, Example]


def _pairs_by_label() -> dict[str, list[Pair]]:
    """Return the pairs of slots of all frames by their relation."""
    pairs: dict[str, list[Pair]] = {label: [] for label in RELATIONS}
    for frame in FRAMES:
        for line in frame.pairs:
            subject, target, *label = line.split(" ")
            pairs[label[0] if label else _NO_RELATION].append(Pair(frame, subject, target))
    return pairs


def _date(rng: random.Random, number: int) -> str:
    """Return a date; the second of a sentence is later than the first."""
    year = (1950 if number == 1 else 1985) + below(rng, 30)
    month, day = 1 + below(rng, 12), 1 + below(rng, 28)
    return pick(rng, (f"{year}년", f"{year}년 {month}월", f"{year}년 {month}월 {day}일"))


def _name(rng: random.Random, slot: str, surname: str) -> str:
    """Return a random entity of the kind that the slot's letter stands for; people may get a `surname`."""
    lists = {
        "n": words.NICKNAMES,
        "f": words.FEDERATIONS,
        "s": words.SCHOOLS,
        "g": words.RELIGIONS,
        "l": words.TOWNS,
        "j": words.JOBS,
        "m": words.GOODS,
    }
    kind = slot[0]
    if kind in lists:
        return pick(rng, lists[kind])
    if kind == "d":
        return _date(rng, int(slot[1:]))
    if kind == "c":
        return f"{10 * (1 + below(rng, 90))}명"
    if kind == "p":
        return (surname or pick(rng, words.SURNAMES)) + pick(rng, words.GIVEN_NAMES)
    if kind == "w":
        return f"{pick(rng, words.WORK_OPENINGS)} {pick(rng, words.WORK_NOUNS)}"
    return pick(rng, words.COMPANY_STEMS) + pick(rng, words.COMPANY_ENDINGS)


def _sentence(rng: random.Random, frame: Frame) -> Sentence:
    """Return the frame with its slots filled by different names."""
    text = pick(rng, OPENINGS)
    entities: dict[str, Example] = {}
    surname = pick(rng, words.SURNAMES)
    literal, *slots = frame.text.split("{")
    text += literal
    for part in slots:
        field, _, literal = part.partition("}")
        slot, _, particle = field.partition("|")
        name = _name(rng, slot, surname if slot in frame.family else "")
        while any(name == entity["word"] for entity in entities.values()):
            name = _name(rng, slot, surname if slot in frame.family else "")
        entities[slot] = {
            "word": name,
            "start_idx": len(text),
            "end_idx": len(text) + len(name) - 1,
            "type": words.TYPES[slot[0]],
        }
        text += (josa(name, particle) if particle else name) + literal
    return Sentence(text, entities)


def _quota(split: str, label: str) -> int:
    """Return how many examples of a label the split has."""
    none, common, rare, other = _QUOTAS[split]
    if label == _NO_RELATION:
        return none
    return common if label in _COMMON else rare if label in _RARE else other


def _all_examples() -> dict[str, list[Example]]:
    """Return the examples of each split in random order; no sentence occurs twice."""
    rng = random.Random(_SEED)
    pairs = _pairs_by_label()
    seen: dict[str, None] = {}
    splits: dict[str, list[Example]] = {}
    for split in SPLITS:
        examples: list[Example] = []
        for label in RELATIONS:
            goal = len(examples) + _quota(split, label)
            while len(examples) < goal:
                pair = pick(rng, pairs[label])
                sentence = _sentence(rng, pair.frame)
                if sentence.text in seen:
                    continue
                seen[sentence.text] = None
                examples.append(_example(sentence, pair, label))
        splits[split] = shuffled(rng, examples)
    return splits


def _example(sentence: Sentence, pair: Pair, label: str) -> Example:
    """Return a raw example without its guid."""
    return {
        "sentence": sentence.text,
        "subject_entity": sentence.entities[pair.subject],
        "object_entity": sentence.entities[pair.object],
        "label": label,
        "source": "mini",
    }


def build(split: str) -> list[Example]:
    """Return the raw RE examples of `train` or `dev`; the end of an entity is its last character."""
    check_split(split)
    examples = _all_examples()[split]
    return [
        {"guid": f"klue-re-mini_{split}_{number:05d}", **example} for number, example in enumerate(examples)
    ]


def files() -> dict[str, str]:
    """Return the text of the RE files by path, with the list of relations."""
    relations = {"klue-re-v1.1/relation_list.json": json_text({"relations": list(RELATIONS)})}
    return json_files("klue-re-v1.1", build) | relations
