"""YNAT mini corpus: news headlines of seven topics, most with parts that also occur in other topics.

A headline has an actor, an object and an event. One or two of the parts belong to the topic; the others are
shared by all topics or borrowed from another one, so that no single word decides and a few stay ambiguous.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from docs.generator.mini_corpus.korean import below, chance, pick, pick_several, shuffled
from docs.generator.mini_corpus.layout import Example, check_split, json_files
from docs.generator.mini_corpus.ynat_words import SHARED, TOPICS

SIZES = {"dev": 175, "train": 910}
_SEED = 20210601
_NO_SCOPE = "해당없음"
# Where actor, object and event come from: (t)he topic, (s)hared by all topics, an(o)ther topic.
_PATTERNS = ("tts", "tst", "stt", "ott", "tot", "tto", "sst", "sts", "tss", "ots", "sto", "tso")
_PREDEFINED_DIFFERS = 0.1
_SECOND_SCOPE = 0.2
_ANNOTATORS = tuple(f"{number:02d}" for number in range(1, 20))


class Headline(NamedTuple):
    """A headline with its topic and one other topic that it touches."""

    topic: str
    other_topic: str
    title: str


def _title(rng: random.Random, actor: str, subject: str, event: str) -> str:
    """Return the parts in one of the forms that headlines have."""
    forms = (f"{actor}, {subject} {event}", f"{actor} {subject}…{event}", f"{subject} {event}…{actor} 주목")
    return pick(rng, forms)


def _headline(rng: random.Random) -> Headline:
    """Return a random headline."""
    topic, other_topic = pick_several(rng, tuple(TOPICS), 2)
    sources = {"t": TOPICS[topic], "s": SHARED, "o": TOPICS[other_topic]}
    actor_source, object_source, event_source = (sources[code] for code in pick(rng, _PATTERNS))
    actor, subject = pick(rng, actor_source.actors), pick(rng, object_source.objects)
    event = pick(rng, event_source.events)
    return Headline(topic, other_topic, _title(rng, actor, subject, event))


def _date(rng: random.Random) -> str:
    """Return a date and time in the style of the official files, such as `2016.06.30. 오전 10:36`."""
    year, month, day = 2016 + below(rng, 5), 1 + below(rng, 12), 1 + below(rng, 28)
    half, hour, minute = pick(rng, ("오전", "오후")), 1 + below(rng, 12), below(rng, 60)
    return f"{year}.{month:02d}.{day:02d}. {half} {hour}:{minute:02d}"


def _annotations(rng: random.Random, headline: Headline) -> dict[str, object]:
    """Return three annotators' choices, of which at least two name the topic first."""
    dissenter = below(rng, 12)
    first = [headline.other_topic if seat == dissenter else headline.topic for seat in range(3)]
    seconds = {headline.topic: headline.other_topic, headline.other_topic: headline.topic}
    second = [seconds[topic] if chance(rng, _SECOND_SCOPE) else _NO_SCOPE for topic in first]
    scopes = {"first-scope": first, "second-scope": second, "third-scope": [_NO_SCOPE] * 3}
    return {"annotators": pick_several(rng, _ANNOTATORS, 3), "annotations": scopes}


def _example(rng: random.Random, headline: Headline) -> Example:
    """Return a raw example without its guid."""
    predefined = headline.other_topic if chance(rng, _PREDEFINED_DIFFERS) else headline.topic
    return {
        "title": headline.title,
        "predefined_news_category": predefined,
        "label": headline.topic,
        "annotations": _annotations(rng, headline),
        "url": "",
        "date": _date(rng),
    }


def _all_examples() -> list[Example]:
    """Return the examples of both splits, no two with the same title."""
    rng = random.Random(_SEED)
    by_title: dict[str, Example] = {}
    while len(by_title) < sum(SIZES.values()):
        headline = _headline(rng)
        by_title.setdefault(headline.title, _example(rng, headline))
    return shuffled(rng, list(by_title.values()))


def build(split: str) -> list[Example]:
    """Return the raw YNAT examples of `train` or `dev`."""
    check_split(split)
    examples = _all_examples()
    chosen = examples[: SIZES["dev"]] if split == "dev" else examples[SIZES["dev"] :]
    return [{"guid": f"ynat-mini_{split}_{number:05d}", **example} for number, example in enumerate(chosen)]


def files() -> dict[str, str]:
    """Return the text of the YNAT files by path."""
    return json_files("ynat-v1.1", build)
