"""Tracker settings in the encoder's configuration: slots, values, decoding."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

# The five classes of the gate, in KLUE-baseline's order; "ptr" means a generated value.
GATES = ("none", "dontcare", "ptr", "yes", "no")
NONE, POINT = GATES.index("none"), GATES.index("ptr")
# Values expressed by a gate alone, and their gates.
LITERALS = {name: gate for gate, name in enumerate(GATES) if gate not in (NONE, POINT)}
IGNORED = -100  # padding in tensors of subword tokens
GATE_SEES = ("context", "compared")
KEY = "dialogue_state"
TRADE, GENERATIVE = HEADS = ("trade", "generative")
Settings = TypeVar("Settings", bound="SlotSettings")


@dataclasses.dataclass
class SlotSettings:
    """Settings shared by all state trackers.

    Attributes:
        head: The head that predicts the states.
        slots: Names ``domain-slot``, in the order of the model's outputs.
        values: Slot -> the values known for it, letter by letter, without none, dontcare, yes and no.
        end_id: Id of the subword token that ends what is generated.
        stop_ids: Ids that end a generated value: special tokens except the unknown one.
        num_beams: Beams of the search for what is generated; 1 is greedy.
        constrain_to_ontology: Replace a generated value that is not known by the closest known one.
        vocabulary: Fingerprint of the tokenizer's vocabulary.
    """

    head: ClassVar[str] = TRADE
    slots: list[str]
    values: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    end_id: int = 0
    stop_ids: list[int] = dataclasses.field(default_factory=list)
    num_beams: int = 1
    constrain_to_ontology: bool = False
    vocabulary: str = ""

    def __post_init__(self) -> None:
        """Validate the settings; raise ValueError that says what is wrong."""
        broken = [slot for slot in self.slots if len(slot.split("-")) != 2 or not all(slot.split("-"))]
        if not self.slots or broken:
            raise ValueError(f"Slots are {broken or self.slots}; expected names like 'domain-slot'.")
        if len(set(self.slots)) < len(self.slots):
            raise ValueError("A slot occurs twice; expected each slot once.")
        if self.num_beams < 1:
            raise ValueError(f"num_beams is {self.num_beams}; expected 1 or more.")

    @classmethod
    def of(cls: type[Settings], config: Any) -> Settings:
        """Read the settings from a configuration; raise ValueError if it has none of this head."""
        values = getattr(config, KEY, None)
        if not values:
            raise ValueError(
                f"The configuration has no {KEY}; expected one that {cls.__name__}.write has written to."
            )
        if head_of(config) != cls.head:
            raise ValueError(f"The model has head {head_of(config)}; expected {cls.head}.")
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def write(self, config: Any) -> None:
        """Write the settings to a configuration, to be saved with it."""
        named = {} if self.head == TRADE else {"head": self.head}
        setattr(config, KEY, dataclasses.asdict(self) | named)

    def check(self, tokenizer: Any) -> None:
        """Raise ValueError for a tokenizer other than the one that the settings were made with."""
        if self.vocabulary and self.vocabulary != fingerprint(tokenizer):
            raise ValueError(
                f"The tokenizer has another vocabulary (fingerprint {fingerprint(tokenizer)}) than the model "
                f"({self.vocabulary}); expected the tokenizer that the model was trained with."
            )


@dataclasses.dataclass
class StateSettings(SlotSettings):
    """The tracker's part of a configuration; the rest belongs to the encoder.

    Attributes:
        slot_subwords: For each slot the subword token ids of its name, the hyphen replaced by a blank.
        teacher_forcing: Share of the training batches in which the decoder is fed gold subword tokens.
        value_loss: Of which slots training looks at the values: ``all``, as KLUE-baseline, none and yes
            included; or ``pointed``, those whose values are decoded in use.
        max_value_length: Subword tokens of a generated value at most.
        gate: What a gate sees: ``context``, the dialogue as the slot's attention reads it, as in TRADE; or
            ``compared``, that beside the slot's state and multiplied with it.
        slot_spread: The spread that the slots' vectors have for the GRU when training begins; 0 for whatever
            they happen to have.
        attention_scale: Factor of the attention's scores; below 1 it begins less sharp. It then sooner finds
            the words of yes and no, for which nothing but the gates tells it where to look.
    """

    slot_subwords: list[list[int]] = dataclasses.field(default_factory=list)
    teacher_forcing: float = 0.5
    value_loss: str = "all"
    max_value_length: int = 10
    gate: str = GATE_SEES[0]
    slot_spread: float = 0.0
    attention_scale: float = 1.0

    def __post_init__(self) -> None:
        """Validate the settings; raise ValueError that says what is wrong."""
        super().__post_init__()
        if not 0 <= self.teacher_forcing <= 1:
            raise ValueError(f"teacher_forcing is {self.teacher_forcing}; expected a share from 0 to 1.")
        if self.value_loss not in ("all", "pointed"):
            raise ValueError(f"value_loss is {self.value_loss!r}; expected all or pointed.")
        if self.gate not in GATE_SEES:
            raise ValueError(f"gate is {self.gate!r}; expected {' or '.join(GATE_SEES)}.")
        if not self.slot_spread >= 0:
            raise ValueError(f"slot_spread is {self.slot_spread}; expected 0 or more.")
        if not self.attention_scale > 0:
            raise ValueError(f"attention_scale is {self.attention_scale}; expected more than 0.")
        if self.max_value_length < 1:
            raise ValueError(f"max_value_length is {self.max_value_length}; expected 1 or more.")

    def read_subwords(self, tokenizer: Any) -> None:
        """Set what depends on the tokenizer: the tokens of slot names, and the end of values.

        Raises:
            ValueError: The tokenizer has no subword token that ends a text, or is not the one of before.
        """
        self.check(tokenizer)
        self.vocabulary = fingerprint(tokenizer)
        end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        if end is None:
            raise ValueError("The tokenizer has neither a separator nor an end of text; expected one.")
        names = [slot.replace("-", " ") for slot in self.slots]
        self.slot_subwords = tokenizer(names, add_special_tokens=False)["input_ids"]
        self.end_id = int(end)
        self.stop_ids = sorted({*tokenizer.all_special_ids, self.end_id} - {tokenizer.unk_token_id})


def head_of(config: Any) -> str:
    """Return the head of a configuration's settings; trade by default."""
    found: str = (getattr(config, KEY, None) or {}).get("head", TRADE)
    return found


def fingerprint(tokenizer: Any) -> str:
    """Return a fingerprint of a tokenizer's vocabulary."""
    return _fingerprint(tokenizer, len(tokenizer))


@functools.lru_cache(maxsize=1)
def _fingerprint(tokenizer: Any, size: int) -> str:
    """Return the fingerprint of a vocabulary and its size, which reveals added tokens."""
    subwords = sorted(tokenizer.get_vocab().items())
    return hashlib.sha256(json.dumps(subwords).encode()).hexdigest()[:16]


def union_of_slots(
    states: Sequence[Sequence[str]], ontology: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Merge the slots of ontology and states, sorted, with values in order of first occurrence.

    Args:
        states: Lists of ``domain-slot-value`` strings.
        ontology: Slot -> values; empty if there is none.

    Raises:
        ValueError: A string in a state does not have the three parts.
    """
    values: dict[str, dict[str, None]] = {slot: dict.fromkeys(known) for slot, known in ontology.items()}
    for item in {item: None for state in states for item in state}:
        slot, value = split_item(item)
        values.setdefault(slot, {})[value] = None
    unsaid = {*LITERALS, "none"}
    return {slot: [value for value in values[slot] if value not in unsaid] for slot in sorted(values)}


def split_item(item: str) -> tuple[str, str]:
    """Split a state string into the slot ``domain-slot`` and the value, which may contain hyphens.

    Raises:
        ValueError: There are fewer than two hyphens.
    """
    parts = item.split("-", 2)
    if len(parts) < 3:
        raise ValueError(f"A state holds {item!r}; expected domain-slot-value.")
    return f"{parts[0]}-{parts[1]}", parts[2]
