"""Dialogues as turns, from rows of the data, lines of a file, and typed lines."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Batch = Mapping[str, Sequence[Any]]


def has_states(dialogue: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the state of any user turn is known; hidden states are missing or None."""
    return any(turn["role"] == "user" and turn.get("state") is not None for turn in dialogue)


def dialogue_turns(batch: Batch, has_states: bool = True) -> dict[str, list[Any]]:
    """Convert dialogues to columns with one row per user turn.

    Args:
        batch: The column ``dialogue`` with lists of turns, which have role and text, and for the user the
            state if known; and optionally ``guid``.
        has_states: Whether to include states, which may all be hidden.

    Returns:
        Columns ``utterances`` (up to a user turn), ``turn`` (0, 1, …), and ``guid`` and ``state`` if known.

    Raises:
        ValueError: User and system do not alternate.
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
    answer: Callable[[Any], Any], lines: Iterable[str | ValueError], ask: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    """Track typed lines, which alternate between user and system; a blank line starts a new dialogue.

    Args:
        answer: Function from a dialogue to a list with one mapping per user turn.
        lines: The typed lines; a ValueError for a line that is not text.
        ask: Function called before each line with the speaker: 0 for the user, 1 for the system.

    Yields:
        The answer to each line of the user, with ``line``, its number from 1. A ValueError is the ``error``
        of its line; the rest of its dialogue is not answered.
    """
    dialogue: list[str] = []
    is_valid = True
    ask(0)
    for number, line in enumerate(lines, start=1):
        if isinstance(line, ValueError):
            yield {"line": number, "error": str(line)}
            is_valid = False
            continue
        text = line.strip()
        dialogue = [*dialogue, text] if text else []
        is_valid = is_valid or not text
        if is_valid and len(dialogue) % 2:
            yield {"line": number, **answer(dialogue)[-1]}
        ask(len(dialogue) % 2)


def dialogues(
    lines: Iterable[tuple[int, str | ValueError]],
) -> Iterator[tuple[int, list[str] | ValueError]]:
    """Yield dialogues, which blank lines separate, as the number of the first line and the utterances.

    A dialogue with a ValueError among its lines is this error.
    """

    def is_spoken(line: tuple[int, str | ValueError]) -> bool:
        return isinstance(line[1], ValueError) or bool(line[1].strip())

    for spoken, group in itertools.groupby(lines, is_spoken):
        if spoken:
            numbers, texts = zip(*group, strict=True)
            wrong = next((text for text in texts if isinstance(text, ValueError)), None)
            yield numbers[0], wrong or [text.strip() for text in texts]
