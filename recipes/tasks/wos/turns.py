"""Dialogues as turns: rows of the data, lines of a file, and typed lines."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Batch = Mapping[str, Sequence[Any]]


def has_states(dialogue: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the state after any user turn is known; hidden states are missing or None."""
    return any(turn["role"] == "user" and turn.get("state") is not None for turn in dialogue)


def dialogue_turns(batch: Batch, has_states: bool = True) -> dict[str, list[Any]]:
    """Convert dialogues to columns with one row per user turn.

    Args:
        batch: ``dialogue``, lists of turns with role and text, the user's with state where gold is known;
            ``guid`` if there is one.
        has_states: Whether to include states, unless all of a split are hidden.

    Returns:
        ``utterances`` from the first to the user's, ``turn`` (0, 1, …), ``guid`` and ``state`` where known.

    Raises:
        ValueError: User and system do not take turns.
    """
    guids = batch.get("guid")
    rows: dict[str, list[Any]] = {"guid": [], "turn": [], "utterances": [], "state": []}
    for number, dialogue in enumerate(batch["dialogue"]):
        name = guids[number] if guids else f"dialogue {number}"
        texts: list[str] = []
        for place, turn in enumerate(dialogue):
            if (turn["role"] == "user") != (place % 2 == 0):
                raise ValueError(
                    f"wos: {name}, utterance {place} is the {turn['role']}'s; expected user and system in "
                    "turn, beginning with the user."
                )
            texts.append(turn["text"])
            if turn["role"] != "user":
                continue
            rows["guid"].append(name)
            rows["turn"].append(place // 2)
            rows["utterances"].append(list(texts))
            if has_states and "state" in turn:
                rows["state"].append(turn["state"])
    for column in ("guid",) * (not guids) + ("state",) * (not rows["state"]):
        del rows[column]
    return rows


def converse(
    answer: Callable[[Any], Any], lines: Iterable[str], ask: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    """Track typed lines: user and system alternate; a blank line starts a new dialogue.

    Args:
        answer: Function that answers a dialogue: one mapping per user turn.
        lines: What is typed.
        ask: Function called before each line with the speaker: 0 the user, 1 the system.

    Yields:
        After each line of the user's the answer to it, with its number from 1, ``line``.
    """
    dialogue: list[str] = []
    ask(0)
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        dialogue = [*dialogue, text] if text else []
        if len(dialogue) % 2:
            yield {"line": number, **answer(dialogue)[-1]}
        ask(len(dialogue) % 2)


def dialogues(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield dialogues from numbered lines, separated by blank lines: first number, and utterances."""
    for is_spoken, group in itertools.groupby(lines, lambda line: bool(line[1].strip())):
        if is_spoken:
            numbers, texts = zip(*group, strict=True)
            yield numbers[0], [text.strip() for text in texts]
