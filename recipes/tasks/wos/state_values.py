"""Values to subword tokens and back, and gates with values to states."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Sequence
from typing import Any

from recipes.tasks.wos.configuration_dialogue_state import (
    GATES,
    IGNORED,
    LITERALS,
    NONE,
    POINT,
    SlotSettings,
    split_item,
)
from recipes.tasks.wos.dialogue_text import plain_tokenize

_BLANK_AT_SIGN = re.compile(r"\s*([^\w\s])\s*")


@dataclasses.dataclass
class ReadState:
    """A state read from the model's output.

    Attributes:
        state: ``domain-slot-value`` strings in the order of the slots.
        gates: Slot -> name of its gate, where that is not none.
        mapped: Slot -> (generated, known) value, where the ontology replaced one.
    """

    state: list[str]
    gates: dict[str, str]
    mapped: dict[str, tuple[str, str]]


class StateReader:
    """Convert between states, and gates with subword tokens.

    A tokenizer may forget blanks around signs, letters that it does not know, and more, so text is not made
    from tokens where it can be found: first among the slot's known values, then among those of all slots,
    then in the dialogue itself. Only what is in none of them is spelled from its subword tokens.

    Args:
        settings: Slots and known values.
        tokenizer: A fast tokenizer of transformers; ValueError where it is not the model's.
    """

    def __init__(self, settings: SlotSettings, tokenizer: Any) -> None:
        settings.check(tokenizer)
        self.settings = settings
        self.tokenizer = tokenizer
        self.tokenize = plain_tokenize(tokenizer)
        self._numbers = {slot: number for number, slot in enumerate(settings.slots)}
        self._known: dict[str, dict[tuple[int, ...], list[str]]] = {}
        everywhere = dict.fromkeys(value for values in settings.values.values() for value in values)
        self._everywhere = self._by_subwords(list(everywhere))
        self._nearest: dict[tuple[str, str], str] = {}
        # All slots of a dialogue's turns share the same utterances.
        self._with_offsets = functools.lru_cache(maxsize=1_024)(self._tokenize_with_offsets)

    def targets(
        self, states: Sequence[Sequence[str]]
    ) -> tuple[list[list[int]], list[list[int]], list[list[list[int]]]]:
        """Convert gold states to the model's targets.

        Returns:
            Three lists with one item per state. It holds, for each slot that is not none: the slot's number,
            its gate, and the value's tokens with the one that ends them.

        Raises:
            ValueError: A slot that the model does not have, or one that is there twice.
        """
        golds = [self.gold(state) for state in states]
        known = dict.fromkeys(value for gold in golds for value in gold.values())
        end = [self.settings.end_id]
        tokens = dict(zip(known, (ids + end for ids in self.tokenize(list(known))), strict=True))
        return (
            [list(gold) for gold in golds],
            [[LITERALS.get(value, POINT) for value in gold.values()] for gold in golds],
            [[tokens[value] for value in gold.values()] for gold in golds],
        )

    def gold(self, state: Sequence[str]) -> dict[int, str]:
        """Map the number of each slot in a gold state to its value; errors as in ``targets``."""
        values: dict[int, str] = {}
        for item in state:
            slot, value = split_item(item)
            number = self._numbers.get(slot)
            if number is None:
                raise ValueError(
                    f"A state holds {item!r}, but the model has no slot {slot!r}; "
                    f"its {len(self.settings.slots)} slots begin with {self.settings.slots[0]!r}."
                )
            if value == GATES[NONE]:
                continue
            if number in values:
                raise ValueError(f"A state has two values for one slot: {list(state)}; expected one.")
            values[number] = value
        return values

    def none_subwords(self) -> list[int]:
        """Return the tokens of the value of an absent slot, with the end token."""
        return [*self.tokenize([GATES[NONE]])[0], self.settings.end_id]

    def read(
        self,
        gates: Sequence[int],
        values: Sequence[Sequence[int]],
        utterances: Sequence[str],
        *,
        constrain: bool | None = None,
    ) -> ReadState:
        """Convert gates and subword tokens to a state.

        Args:
            gates: One per slot.
            values: Subword token ids, one list per slot; -100 and special subword tokens end it.
            utterances: The dialogue, for values that are in none of the lists.
            constrain: Whether values that the slot's list lacks become the closest in it; None for what
                the settings say.
        """
        state, names, mapped = [], {}, {}
        constrain = self.settings.constrain_to_ontology if constrain is None else constrain
        for slot, gate, subwords in zip(self.settings.slots, gates, values, strict=True):
            if gate == NONE:
                continue
            names[slot] = GATES[gate]
            value = GATES[gate]
            if gate == POINT:
                value = self.text(slot, subwords, utterances)
                nearest = self.nearest(slot, value) if constrain and value else value
                if nearest != value:
                    mapped[slot] = (value, nearest)
                    value = nearest
            # KLUE-baseline keeps "slot-" for empty generations, which no reference contains.
            if value and value != GATES[NONE]:
                state.append(f"{slot}-{value}")
        return ReadState(state, names, mapped)

    def text(self, slot: str, subwords: Sequence[int], utterances: Sequence[str]) -> str:
        """Decode a slot's subword tokens to its value; empty if there are none."""
        wanted = tuple(self._up_to_end(subwords))
        if not wanted:
            return ""
        if slot not in self._known:
            self._known[slot] = self._by_subwords(self.settings.values.get(slot, []))
        for table in (self._known[slot], self._everywhere):
            if wanted in table:
                return best_said(table[wanted], utterances)
        return self._copied(wanted, utterances) or self._spelled(wanted)

    def nearest(self, slot: str, value: str) -> str:
        """Return the slot's known value with the smallest edit distance; the value itself without any."""
        values = self.settings.values.get(slot, [])
        if not values or value in values:
            return value
        if (slot, value) not in self._nearest:
            ratio = difflib.SequenceMatcher(b=value, autojunk=False)

            def likeness(known: str) -> float:
                ratio.set_seq1(known)
                return ratio.ratio()

            self._nearest[slot, value] = max(values, key=likeness)
        return self._nearest[slot, value]

    def _up_to_end(self, subwords: Sequence[int]) -> list[int]:
        ends = {*self.settings.stop_ids, IGNORED}
        return next(
            (list(subwords[:i]) for i, subword in enumerate(subwords) if subword in ends), list(subwords)
        )

    def _by_subwords(self, values: Sequence[str]) -> dict[tuple[int, ...], list[str]]:
        table: dict[tuple[int, ...], list[str]] = {}
        for value, subwords in zip(values, self.tokenize(values), strict=True):
            table.setdefault(tuple(subwords), []).append(value)
        return table

    def _copied(self, wanted: tuple[int, ...], utterances: Sequence[str]) -> str:
        """Find the latest words of the dialogue with these subword tokens; empty if there are none.

        An unknown token stands for any word that the vocabulary lacks, so it only counts where all matches
        are the same words.
        """
        found = []
        for text in reversed(utterances):
            ids, offsets = self._with_offsets(text)
            for start in range(len(ids) - len(wanted), -1, -1):
                end = start + len(wanted)
                if tuple(ids[start:end]) == wanted:
                    found.append(text[offsets[start][0] : offsets[end - 1][1]].strip())
        is_unknown = self.tokenizer.unk_token_id in wanted
        return "" if not found or (is_unknown and len(set(found)) > 1) else found[0]

    def _tokenize_with_offsets(self, utterance: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return token ids of an utterance and their offsets."""
        encoded = self.tokenizer(utterance, add_special_tokens=False, return_offsets_mapping=True)
        return encoded["input_ids"], encoded["offset_mapping"]

    def _spelled(self, wanted: tuple[int, ...]) -> str:
        """Decode tokens; remove blanks around punctuation if the tokenizer does not record them."""
        text = self.tokenizer.decode(wanted, clean_up_tokenization_spaces=False).strip()
        tight = _BLANK_AT_SIGN.sub(r"\1", text).replace(",", ", ").strip()
        if tight != text and self.tokenize([tight]) == self.tokenize([text]):
            return tight
        return text


def best_said(values: Sequence[str], utterances: Sequence[str]) -> str:
    """Choose among values with the same subword tokens: the longest in the dialogue, or the first."""
    said = [value for value in values if any(value in text for text in utterances)]
    return max(said, key=len) if said else values[0]
