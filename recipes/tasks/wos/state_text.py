"""States as text: what a text-to-text model learns to write, and how its output is read."""

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

# Candidate separators; the first one in the vocabulary that no value contains is used.
SEPARATORS = ("|", ";", "/", "#", "?", "!")
EMPTY = GATES[NONE]  # text of an empty state


@dataclasses.dataclass
class TextSettings(SlotSettings):
    """Settings of a generative state tracker, stored in its configuration.

    Attributes:
        separator: Separator of items.
        max_new_tokens: Tokens of a state's text at most, the end included; 0 if that is not chosen yet.
    """

    head: ClassVar[str] = GENERATIVE
    separator: str = ""
    max_new_tokens: int = 0

    def read_subwords(self, tokenizer: Any) -> None:
        """Set what depends on the tokenizer; add end and padding tokens if it has none.

        Raises:
            ValueError: It has no token that ends a text, knows no separator, or is not the one of before.
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
        dropped: Parts of the text without a known slot or without a value.
    """

    dropped: list[str]


class StateText:
    """Write states as text, and read text as states.

    The text is the items ``domain-slot-value`` in the order of the slots, with a separator between them. A
    tokenizer may give back other blanks, and letters that it does not know as its unknown token. So slots and
    values are found by what the tokenizer makes of them: a value first among the slot's known ones, then in
    the dialogue; only one that is in neither is taken as it was written.

    Args:
        settings: Slots, known values and the separator.
        tokenizer: A fast tokenizer of transformers; ValueError where it is not the model's, or cannot tell
            the slots, or dontcare, yes, no and none apart.
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
        """Write a state as text; raise ValueError for an unknown or duplicate slot."""
        values = self.reader.gold(state)
        items = [f"{self.settings.slots[slot]}-{values[slot]}" for slot in sorted(values)]
        return f" {self.settings.separator} ".join(items) or EMPTY

    def read(self, text: str, utterances: Sequence[str], *, constrain: bool | None = None) -> ReadText:
        """Read a state from text; if a slot has several values, the last counts.

        Args:
            text: The decoded output of the model.
            utterances: The dialogue, for values that are not known.
            constrain: Whether unknown values become the closest known ones; None for what the settings say.
        """
        if squeezed(text) == self._empty:
            return ReadText([], {}, {}, [])
        written: dict[str, str] = {}
        dropped = []
        for part in text.split(self.settings.separator):
            slot, value = self._split(part)
            if value and squeezed(value) != self._empty:
                written[slot] = value
            else:
                dropped.append(part.strip())
        return self._read_values(written, utterances, dropped, constrain)

    def value(self, slot: str, text: str, utterances: Sequence[str]) -> str:
        """Return the value that a slot's text stands for."""
        if slot not in self._tables:
            known = [*LITERALS, *self.settings.values.get(slot, [])]
            self._tables[slot] = _grouped(self._spelled, known), _grouped(self._loose, known)
        for table, key in zip(self._tables[slot], (text, squeezed(text)), strict=True):
            if key in table:
                return best_said(table[key], utterances)
        # Words of the dialogue are used only if the tokenizer maps them to the same tokens.
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
        """Split a part of a text into slot and value; both are empty if there is no slot."""
        letters = [place for place, letter in enumerate(part) if not letter.isspace()]
        flat = squeezed(part)
        for front, slot in self._fronts.items():
            if flat.startswith(front):
                return slot, part[letters[len(front) - 1] + 1 :].strip()
        return "", ""

    def _spelled(self, text: str) -> str:
        """Return a text as the tokenizer decodes it."""
        subwords = self.reader.tokenize([text])[0]
        return self.reader.tokenizer.decode(subwords, clean_up_tokenization_spaces=False).strip()

    def _loose(self, text: str) -> str:
        return squeezed(self._spelled(text))


def squeezed(text: str) -> str:
    """Remove the blanks of a text."""
    return "".join(text.split())


def words_like(text: str, utterances: Sequence[str]) -> str:
    """Find the latest words of the dialogue that equal a text up to blanks; empty if there are none."""
    if any(text in utterance for utterance in utterances):
        return text
    wanted = squeezed(text)
    for utterance in reversed(utterances):
        letters = [place for place, letter in enumerate(utterance) if not letter.isspace()]
        start = squeezed(utterance).rfind(wanted)
        if start >= 0:
            return utterance[letters[start] : letters[start + len(wanted) - 1] + 1]
    return ""


def _grouped(key: Callable[[str], str], values: Sequence[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for value in values:
        table.setdefault(key(value), []).append(value)
    return table
