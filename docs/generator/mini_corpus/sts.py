"""STS mini corpus: two sentences that share or differ in core meaning, place and time, scored by annotators.

The score depends on which of the three agree, not on how many words do: a paraphrase may share no word but
the place and scores near 5, a sentence that changes only the core word scores near 1.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from docs.generator.mini_corpus.korean import below, chance, pick, pick_several, shuffled
from docs.generator.mini_corpus.layout import Example, check_split, json_files
from docs.generator.mini_corpus.sts_words import FRAMES, PLACES, TIME, Frame

SIZES = {"dev": 150, "train": 1100}
_SEED = 20210603
_HIGHEST = 5
_TIMED = 0.5
_SAME_CORE = 0.5
_FRESH_FRAME = 0.3
_SAME_PLACE = 0.65
_SAME_TIME = 0.4
_SLIP = 0.25
_ANNOTATORS = tuple(f"{number:02d}" for number in range(1, 20))


class Meaning(NamedTuple):
    """What a sentence says: its frame, the position of its core there, its place, whether it has the time."""

    frame: Frame
    core: int
    place: str
    timed: bool


def similarity(first: Meaning, second: Meaning) -> float:
    """Return how similar two meanings are, 0 to 5, before annotators disagree."""
    if first.frame != second.frame:
        return 0.0
    same_place = first.place == second.place
    if first.core != second.core:
        return 1.4 if same_place else 0.6
    return (4.9 if same_place else 3.6) - (0.0 if first.timed == second.timed else 0.5)


def _random_meaning(rng: random.Random, frame: Frame) -> Meaning:
    """Return a random meaning that the frame can express."""
    return Meaning(frame, below(rng, len(frame.cores)), pick(rng, PLACES), chance(rng, _TIMED))


def _related_meaning(rng: random.Random, first: Meaning) -> Meaning:
    """Return the meaning of the second sentence: each part kept, or drawn anew."""
    frame = pick(rng, FRAMES) if chance(rng, _FRESH_FRAME) else first.frame
    fresh = _random_meaning(rng, frame)
    return Meaning(
        frame=frame,
        core=first.core if chance(rng, _SAME_CORE) else fresh.core,
        place=first.place if chance(rng, _SAME_PLACE) else fresh.place,
        timed=first.timed if chance(rng, _SAME_TIME) else fresh.timed,
    )


def _sentence(rng: random.Random, meaning: Meaning) -> str:
    """Return the meaning in one of its paraphrases."""
    template = pick(rng, meaning.frame.cores[meaning.core])
    return template.format(time=TIME if meaning.timed else "", place=meaning.place).strip()


def _one_score(rng: random.Random, centre: float) -> int:
    """Return one annotator's integer score around `centre`."""
    score = int(centre) + (1 if chance(rng, centre - int(centre)) else 0)
    slip = pick(rng, (-1, 1)) if chance(rng, _SLIP) else 0
    return min(_HIGHEST, max(0, score + slip))


def _labels(scores: list[int]) -> dict[str, float | int]:
    """Return the three labels that follow from the annotators' scores."""
    mean = sum(scores) / len(scores)
    return {"label": round(mean, 1), "real-label": mean, "binary-label": int(mean >= 3)}


def _annotations(rng: random.Random, scores: list[int]) -> dict[str, object]:
    """Return the annotation record: counts for 0 to 5, annotators, scores."""
    return {
        "agreement": ":".join(str(scores.count(score)) for score in range(_HIGHEST + 1)),
        "annotators": pick_several(rng, _ANNOTATORS, len(scores)),
        "annotations": scores,
    }


def _random_example(rng: random.Random) -> Example:
    """Return a raw example without its guid."""
    first = _random_meaning(rng, pick(rng, FRAMES))
    second = _related_meaning(rng, first)
    centre = similarity(first, second)
    scores = [_one_score(rng, centre) for _ in range(pick(rng, (5, 6, 7)))]
    return {
        "source": first.frame.source,
        "sentence1": _sentence(rng, first),
        "sentence2": _sentence(rng, second),
        "labels": _labels(scores),
        "annotations": _annotations(rng, scores),
    }


def _all_examples() -> list[Example]:
    """Return the examples of both splits: no two with the same two sentences, none with equal sentences."""
    rng = random.Random(_SEED)
    by_pair: dict[tuple[str, ...], Example] = {}
    while len(by_pair) < sum(SIZES.values()):
        example = _random_example(rng)
        first, second = example["sentence1"], example["sentence2"]
        if first != second:
            by_pair.setdefault((min(first, second), max(first, second)), example)
    return shuffled(rng, list(by_pair.values()))


def build(split: str) -> list[Example]:
    """Return the raw STS examples of `train` or `dev`."""
    check_split(split)
    examples = _all_examples()
    chosen = examples[: SIZES["dev"]] if split == "dev" else examples[SIZES["dev"] :]
    return [
        {"guid": f"klue-sts-mini_{split}_{number:05d}", **example} for number, example in enumerate(chosen)
    ]


def files() -> dict[str, str]:
    """Return the text of the STS files by path."""
    return json_files("klue-sts-v1.1", build)
