"""States as text: targets of text-to-text models, and parsing of their outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from recipes.tasks.wos.configuration_dialogue_state import (
    GATES,
    GENERATIVE,
    LITERALS,
    NONE,
    POINT,
    SlotSettings,
    fingerprint,
)
from recipes.tasks.wos.state_values import ReadState, StateReader, best_said

# Candidates for the separator; the first one that is in the vocabulary and in no value is used.
SEPARATORS = ("|", ";", "/", "#", "?", "!")
EMPTY = GATES[NONE]  # text of an empty state


@dataclasses.dataclass
class TextSettings(SlotSettings):
    """Settings of a generative state tracker, stored in its configuration.

    Attributes:
        separator: Separator of items.
        max_new_tokens: Maximum number of tokens of a state, including the end token; 0 if not yet chosen.
    """

    head: ClassVar[str] = GENERATIVE
    separator: str = ""
    max_new_tokens: int = 0

    def read_subwords(self, tokenizer: Any) -> None:
        """Set the settings that depend on the tokenizer, and add missing end and padding tokens.

        Raises:
            ValueError: The tokenizer has no token for the end of a text or no separator, or is not the
                previous one.
        """
        self.check(tokenizer)
        self.vocabulary = fingerprint(tokenizer)
        if tokenizer.eos_token is None:
            tokenizer.eos_token = tokenizer.sep_token
        if tokenizer.eos_token is None:
            raise ValueError("The tokenizer has neither an end of text nor a separator; expected one.")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self.end_id = int(tokenizer.eos_token_id)
        self.stop_ids = sorted({*tokenizer.all_special_ids, self.end_id} - {tokenizer.unk_token_id})
        self.separator = self.separator or self._choose_separator(tokenizer)

    def _choose_separator(self, tokenizer: Any) -> str:
        taken = "".join([*self.slots, *(value for values in self.values.values() for value in values)])
        for sign in SEPARATORS:
            subwords = tokenizer(f"가 {sign} 가", add_special_tokens=False)["input_ids"]
            if sign not in taken and sign in tokenizer.decode(subwords):
                return sign
        raise ValueError(
            f"Each of {' '.join(SEPARATORS)} is in a value or unknown to the tokenizer; expected one that "
            "can stand between the items of a state."
        )


@dataclasses.dataclass
class ReadText(ReadState):
    """A state read from text.

    Attributes:
        dropped: Parts of the text without a known slot or a value.
    """

    dropped: list[str]


class StateText:
    """Convert states to text, and text to states.

    The text of a state is the list of its items ``domain-slot-value`` in the order of the slots, joined by a
    separator. Decoding may change blanks and replace unknown letters, so slots and values are compared in the
    form that the tokenizer gives them. A value is searched first in the known values of its slot and then in
    the dialogue; if it is in neither, the text is used as it is.

    Args:
        settings: Slots, known values and the separator.
        tokenizer: A fast tokenizer.

    Raises:
        ValueError: The tokenizer is not that of the model, or cannot distinguish the slots, or the values
            dontcare, yes, no and none.
    """

    def __init__(self, settings: TextSettings, tokenizer: Any) -> None:
        self.settings = settings
        self.reader = StateReader(settings, tokenizer)
        self._fronts = {self._loose(f"{slot}-"): slot for slot in settings.slots}
        self._empty = self._loose(EMPTY)
        self._tables: dict[str, tuple[dict[str, list[str]], dict[str, list[str]]]] = {}
        words = [*LITERALS, EMPTY]
        if len(self._fronts) < len(settings.slots) or len(set(map(self._loose, words))) < len(words):
            raise ValueError(
                f"The tokenizer cannot tell the {len(settings.slots)} slots apart, or {', '.join(words)}; "
                "expected one that knows their letters."
            )

    def write(self, state: Sequence[str]) -> str:
        """Convert a state to text; raise ValueError for an unknown or repeated slot."""
        values = self.reader.gold(state)
        items = [f"{self.settings.slots[slot]}-{values[slot]}" for slot in sorted(values)]
        return f" {self.settings.separator} ".join(items) or EMPTY

    def read(self, text: str, utterances: Sequence[str], *, constrain: bool | None = None) -> ReadText:
        """Parse a state; of several values of a slot, the last is used.

        Args:
            text: The decoded output of the model.
            utterances: The dialogue, for unknown values.
            constrain: Whether to replace unknown values by the most similar known value; None to use the
                setting.
        """
        if without_blanks(text) == self._empty:
            return ReadText([], {}, {}, [])
        written: dict[str, str] = {}
        dropped = []
        for part in text.split(self.settings.separator):
            slot, value = self._split(part)
            if value and without_blanks(value) != self._empty:
                written[slot] = value
            else:
                dropped.append(part.strip())
        return self._read_values(written, utterances, dropped, constrain)

    def value(self, slot: str, text: str, utterances: Sequence[str]) -> str:
        """Return the value of a slot for its text."""
        if slot not in self._tables:
            known = [*LITERALS, *self.settings.values.get(slot, [])]
            self._tables[slot] = _grouped(self._spelled, known), _grouped(self._loose, known)
        for table, key in zip(self._tables[slot], (text, without_blanks(text)), strict=True):
            if key in table:
                return best_said(table[key], utterances)
        # Words of the dialogue are used only if they have the same tokens.
        said = words_like(text, utterances)
        if said and self._spelled(said) == text:
            return said
        return self.reader.text(slot, self.reader.tokenize([text])[0], utterances) or text

    def _read_values(
        self, written: dict[str, str], utterances: Sequence[str], dropped: list[str], constrain: bool | None
    ) -> ReadText:
        constrain = self.settings.constrain_to_ontology if constrain is None else constrain
        read = ReadText([], {}, {}, dropped)
        for slot in filter(written.__contains__, self.settings.slots):
            value = self.value(slot, written[slot], utterances)
            nearest = self.reader.nearest(slot, value) if constrain and value not in LITERALS else value
            if nearest != value:
                read.mapped[slot] = (value, nearest)
            read.gates[slot] = GATES[LITERALS.get(nearest, POINT)]
            read.state.append(f"{slot}-{nearest}")
        return read

    def _split(self, part: str) -> tuple[str, str]:
        """Split an item into slot and value, both empty if there is no slot."""
        letters = [place for place, letter in enumerate(part) if not letter.isspace()]
        flat = without_blanks(part)
        for front, slot in self._fronts.items():
            if flat.startswith(front):
                return slot, part[letters[len(front) - 1] + 1 :].strip()
        return "", ""

    def _spelled(self, text: str) -> str:
        """Return a text as the tokenizer decodes it."""
        subwords = self.reader.tokenize([text])[0]
        return self.reader.tokenizer.decode(subwords, clean_up_tokenization_spaces=False).strip()

    def _loose(self, text: str) -> str:
        return without_blanks(self._spelled(text))


def without_blanks(text: str) -> str:
    """Remove all blanks from a text."""
    return "".join(text.split())


def words_like(text: str, utterances: Sequence[str]) -> str:
    """Find the last words of the dialogue that equal a text up to blanks; empty if there are none."""
    if any(text in utterance for utterance in utterances):
        return text
    wanted = without_blanks(text)
    for utterance in reversed(utterances):
        letters = [place for place, letter in enumerate(utterance) if not letter.isspace()]
        start = without_blanks(utterance).rfind(wanted)
        if start >= 0:
            return utterance[letters[start] : letters[start + len(wanted) - 1] + 1]
    return ""


def _grouped(key: Callable[[str], str], values: Sequence[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for value in values:
        table.setdefault(key(value), []).append(value)
    return table
