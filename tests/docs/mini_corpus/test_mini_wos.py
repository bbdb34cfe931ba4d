"""Tests of the WoS mini corpus: 45 slots, cumulative states, words that tell values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from docs.generator.mini_corpus import generate, wos
from docs.generator.mini_corpus import wos_words as words
from klue_datasets import load

Example = dict[str, Any]
Turns = list[Example]
FOLDER = generate.MINI_DIR / "wos-v1.1"
SIZES = {"train": (250, 300), "dev": (40, 40)}
SPLITS = tuple(SIZES)
DOMAINS = {"관광", "숙소", "식당", "지하철", "택시"}


def read(split: str) -> list[Example]:
    """Return the dialogues in a committed file."""
    examples: list[Example] = json.loads((FOLDER / f"wos-v1.1_{split}.json").read_text(encoding="utf-8"))
    return examples


def ontology() -> dict[str, list[str]]:
    """Return the committed ontology."""
    slots: dict[str, list[str]] = json.loads((FOLDER / "ontology.json").read_text(encoding="utf-8"))
    return slots


def state_of(turn: Example) -> dict[str, str]:
    """Return the state of a turn of the user as slot to value."""
    parts = [item.split("-", 2) for item in turn["state"]]
    state = {f"{domain}-{slot}": value for domain, slot, value in parts}
    assert len(state) == len(parts), "a slot has two values"
    return state


def said(turns: Turns) -> str:
    """Return all that was said."""
    return "\n".join(turn["text"] for turn in turns)


def test_ontology_has_the_45_slots() -> None:
    slots = ontology()
    assert list(slots) == sorted(slots)
    assert len(slots) == 45
    assert {slot.split("-")[0] for slot in slots} == DOMAINS
    assert sum(sorted(values[2:]) == ["no", "yes"] for values in slots.values()) == 20
    for values in slots.values():
        assert values[:2] == ["none", "dontcare"]
        assert len(set(values)) == len(values) > 3
    values = [v for slot in slots.values() for v in slot[2:] if v not in ("yes", "no")]
    assert len(set(values)) == len(values), "a value belongs to two slots"


@pytest.mark.parametrize("split", SPLITS)
def test_layout_of_the_turns(split: str) -> None:
    dialogues = read(split)
    assert SIZES[split][0] <= len(dialogues) <= SIZES[split][1]
    for number, dialogue in enumerate(dialogues):
        assert list(dialogue) == ["guid", "domains", "dialogue"]
        assert dialogue["guid"] == f"wos-mini_{split}_{number:05d}"
        for position, turn in enumerate(dialogue["dialogue"]):
            keys = ["role", "text"] if position % 2 else ["role", "text", "state"]
            assert list(turn) == keys
            assert turn["role"] == ("sys" if position % 2 else "user")
        assert dialogue["dialogue"][-1]["role"] == "sys"


@pytest.mark.parametrize("split", SPLITS)
def test_states_grow_and_their_values_are_uttered(split: str) -> None:
    slots = ontology()
    for dialogue in read(split):
        before: dict[str, str] = {}
        for position, turn in enumerate(dialogue["dialogue"]):
            if turn["role"] == "sys":
                continue
            state = state_of(turn)
            assert set(state) >= set(before)
            heard = said(dialogue["dialogue"][: position + 1])
            for slot, value in state.items():
                assert value in slots[slot][1:]
                assert value in ("yes", "no", "dontcare") or value in heard
            before = state
        assert {slot.split("-")[0] for slot in before} == set(dialogue["domains"])


def test_slots_values_and_corrections_occur() -> None:
    for split, fewest in (("train", 45), ("dev", 43)):
        states = [state_of(t) for d in read(split) for t in d["dialogue"] if t["role"] == "user"]
        assert len({slot for state in states for slot in state}) >= fewest
        values = {value for state in states for value in state.values()}
        assert values >= {"yes", "no", "dontcare"}
        assert any(len(dialogue["domains"]) == 3 for dialogue in read(split))
        pairs = itertools.pairwise(states)
        corrected = sum(
            any(old.get(s, v) != v for s, v in new.items()) and set(old) == set(new) for old, new in pairs
        )
        assert 0.03 * len(read(split)) <= corrected <= 0.15 * len(read(split))


def test_no_two_dialogues_begin_alike() -> None:
    openings = [dialogue["dialogue"][0]["text"] for split in SPLITS for dialogue in read(split)]
    assert len(set(openings)) == len(openings)


def test_load_gives_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load("wos", mini=True, cache_dir=tmp_path_factory.mktemp("cache"))
    for split, name in (("train", "train"), ("dev", "validation")):
        expected = [
            {
                **dialogue,
                "dialogue": [{**turn, "state": turn.get("state", [])} for turn in dialogue["dialogue"]],
            }
            for dialogue in read(split)
        ]
        assert loaded[name].to_list() == expected


def joint_accuracy(rule: Callable[[Turns], dict[str, str]]) -> float:
    """Return the share of dev turns whose whole state a rule finds in the turns up to there."""
    hits = [
        rule(dialogue["dialogue"][: position + 1]) == state_of(turn)
        for dialogue in read("dev")
        for position, turn in enumerate(dialogue["dialogue"])
        if turn["role"] == "user"
    ]
    return sum(hits) / len(hits)


def unchanged(turns: Turns) -> dict[str, str]:
    """Return the true state before the last turn of the user."""
    return state_of(turns[-3]) if len(turns) > 2 else {}


def copied(turns: Turns) -> dict[str, str]:
    """Return, given the slots that are filled, for each yes or the value that was uttered last."""
    heard, slots = said(turns), ontology()
    return {
        slot: max(["yes" if "yes" in slots[slot] else "dontcare", *slots[slot][2:]], key=heard.rfind)
        for slot in state_of(turns[-1])
    }


def spotted(turns: Turns) -> dict[str, str]:
    """Return the values that the generator's own words for them tell, whichever was uttered last."""
    heard, state = said(turns), {}
    for domain, properties in words.PROPERTIES.items():
        for slot, wish in properties.items():
            for answer, text in wish._asdict().items():
                if text and text in heard:
                    state[f"{domain}-{slot}"] = answer
    for slot, values in ontology().items():
        places = {value: heard.rfind(f"{value} ") for value in values[2:]}
        value = max(places, key=lambda value: places[value])
        if places[value] >= 0:
            state[slot] = value
    return state


def test_what_rules_reach() -> None:
    """Local words tell most states, by design; neither standing still nor copying alone does."""
    assert joint_accuracy(lambda turns: {}) < 0.05
    assert joint_accuracy(unchanged) < 0.2
    assert joint_accuracy(copied) < 0.6
    assert joint_accuracy(spotted) > 0.75


def test_it_can_be_learned_in_minutes() -> None:
    """Turns are short, and each value of each slot but rarely a dontcare is there many times."""
    dialogues = read("train")
    assert max(len(said(dialogue["dialogue"]).split()) for dialogue in dialogues) < 120
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 900_000
    last = [state_of(dialogue["dialogue"][-2]) for dialogue in dialogues]
    for slot, values in ontology().items():
        for value in values[2:]:
            if value != "no":
                assert sum(state.get(slot) == value for state in last) >= 5, f"{slot}-{value}"


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        wos.build("test")
