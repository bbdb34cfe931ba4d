"""Convert values to tokens and back, and gates with values to states."""

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
        gates: Slot -> name of its gate, for gates other than none.
        mapped: Slot -> (generated, known) value, for values replaced by the ontology.
    """

    state: list[str]
    gates: dict[str, str]
    mapped: dict[str, tuple[str, str]]


class StateReader:
    """Convert between states, and gates with token ids.

    Decoding token ids may lose information, such as blanks around punctuation or unknown letters. Values are
    therefore searched in the known values of their slot, in those of all slots, and in the dialogue, and
    decoded only if they are in none of these.

    Args:
        settings: Slots and known values.
        tokenizer: A fast tokenizer.

    Raises:
        ValueError: The tokenizer is not that of the model.
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
        # The slots of all turns of a dialogue have the same utterances.
        self._with_offsets = functools.lru_cache(maxsize=1_024)(self._tokenize_with_offsets)

    def targets(
        self, states: Sequence[Sequence[str]]
    ) -> tuple[list[list[int]], list[list[int]], list[list[list[int]]]]:
        """Convert gold states to the model's targets.

        Returns:
            Slot indices, gates, and tokens of values with the end token, of the slots that are not none;
            three lists with one item per state.

        Raises:
            ValueError: The model does not have a slot, or a slot is repeated.
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
        """Return slot index -> value of a gold state; errors as in ``targets``."""
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
        """Return the tokens of the value none, with the end token."""
        return [*self.tokenize([GATES[NONE]])[0], self.settings.end_id]

    def read(
        self,
        gates: Sequence[int],
        values: Sequence[Sequence[int]],
        utterances: Sequence[str],
        *,
        constrain: bool | None = None,
    ) -> ReadState:
        """Convert gates and token ids to a state.

        Args:
            gates: The gate of each slot.
            values: Token ids, one list per slot, which ends at -100 or a special token.
            utterances: The dialogue, for unknown values.
            constrain: Whether to replace unknown values by the most similar known value of the slot; None to
                use the setting.
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
        """Decode the tokens of a slot to its value; empty if there are none."""
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
        """Return the known value of the slot with the smallest edit distance; if none, the value itself."""
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
        """Find the last words of the dialogue with these tokens; empty if there are none.

        The unknown token may stand for different words, so with it all matches must be the same words.
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
        """Decode tokens, without blanks around punctuation unless the tokenizer encodes blanks."""
        text = self.tokenizer.decode(wanted, clean_up_tokenization_spaces=False).strip()
        tight = _BLANK_AT_SIGN.sub(r"\1", text).replace(",", ", ").strip()
        if tight != text and self.tokenize([tight]) == self.tokenize([text]):
            return tight
        return text


def best_said(values: Sequence[str], utterances: Sequence[str]) -> str:
    """Choose among values with the same tokens: the longest one in the dialogue, or the first."""
    said = [value for value in values if any(value in text for text in utterances)]
    return max(said, key=len) if said else values[0]
