"""Settings of state trackers in the model's configuration: slots, values and decoding."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

# Classes of the gates, in the order of KLUE-baseline; "ptr" stands for a generated value.
GATES = ("none", "dontcare", "ptr", "yes", "no")
NONE, POINT = GATES.index("none"), GATES.index("ptr")
# Values that are expressed by gates, and these gates.
LITERALS = {name: gate for gate, name in enumerate(GATES) if gate not in (NONE, POINT)}
IGNORED = -100  # padding in tensors of token ids
GATE_SEES = ("context", "compared")
KEY = "dialogue_state"
TRADE, GENERATIVE = HEADS = ("trade", "generative")
Settings = TypeVar("Settings", bound="SlotSettings")


@dataclasses.dataclass
class SlotSettings:
    """Settings shared by all state trackers.

    Attributes:
        head: Name of the head.
        slots: Names ``domain-slot``, in the order of the model's outputs.
        values: Slot -> its known values, without none, dontcare, yes and no.
        end_id: Id of the token at the end of generated values or states.
        stop_ids: Ids that end a generated value: all special tokens except the unknown token.
        num_beams: Number of beams; 1 for greedy search.
        constrain_to_ontology: Whether to replace unknown generated values by the most similar known value.
        vocabulary: Hash of the tokenizer's vocabulary.
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
        """Validate the settings; raise ValueError for invalid ones."""
        broken = [slot for slot in self.slots if len(slot.split("-")) != 2 or not all(slot.split("-"))]
        if not self.slots or broken:
            raise ValueError(f"Slots are {broken or self.slots}; expected names like 'domain-slot'.")
        if len(set(self.slots)) < len(self.slots):
            raise ValueError("A slot occurs twice; expected each slot once.")
        if self.num_beams < 1:
            raise ValueError(f"num_beams is {self.num_beams}; expected 1 or more.")

    @classmethod
    def of(cls: type[Settings], config: Any) -> Settings:
        """Read the settings from a configuration; raise ValueError if it has none for this head."""
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
        """Raise ValueError if the tokenizer is not the one that the settings were made with."""
        if self.vocabulary and self.vocabulary != fingerprint(tokenizer):
            raise ValueError(
                f"The tokenizer has another vocabulary (fingerprint {fingerprint(tokenizer)}) than the model "
                f"({self.vocabulary}); expected the tokenizer that the model was trained with."
            )


@dataclasses.dataclass
class StateSettings(SlotSettings):
    """Settings of TRADE; the rest of the configuration belongs to the encoder.

    Attributes:
        slot_subwords: Token ids of the name of each slot, in which the hyphen is replaced by a blank.
        teacher_forcing: Fraction of the training batches in which the decoder reads gold tokens.
        value_loss: Slots whose values are learned: ``all``, as in KLUE-baseline, including those whose value
            is none or yes; or ``pointed``, those whose values are generated.
        max_value_length: Maximum number of tokens of a generated value.
        gate: Input of the gates: ``context``, the attention context of the slot, as in TRADE; or
            ``compared``, the context, the state of the slot, and their product.
        slot_spread: Initial spread of the slots' vectors in the GRU; 0 to leave it unchanged.
        attention_scale: Factor of the attention scores. Below 1, the initial attention is less sharp, which
            helps with the values yes and no, for which only the gates train the attention.
    """

    slot_subwords: list[list[int]] = dataclasses.field(default_factory=list)
    teacher_forcing: float = 0.5
    value_loss: str = "all"
    max_value_length: int = 10
    gate: str = GATE_SEES[0]
    slot_spread: float = 0.0
    attention_scale: float = 1.0

    def __post_init__(self) -> None:
        """Validate the settings; raise ValueError for invalid ones."""
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
        """Set the settings that depend on the tokenizer: tokens of slot names, and the end of values.

        Raises:
            ValueError: The tokenizer has no token for the end of a text, or is not the previous one.
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
    """Return the head in a configuration, by default trade."""
    found: str = (getattr(config, KEY, None) or {}).get("head", TRADE)
    return found


def fingerprint(tokenizer: Any) -> str:
    """Return a hash of a tokenizer's vocabulary."""
    return _fingerprint(tokenizer, len(tokenizer))


@functools.lru_cache(maxsize=1)
def _fingerprint(tokenizer: Any, size: int) -> str:
    """Return a hash of a vocabulary and its size, which shows added tokens."""
    subwords = sorted(tokenizer.get_vocab().items())
    return hashlib.sha256(json.dumps(subwords).encode()).hexdigest()[:16]


def union_of_slots(
    states: Sequence[Sequence[str]], ontology: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Merge the slots of ontology and states, sorted, with their values in order of occurrence.

    Args:
        states: Lists of ``domain-slot-value`` strings.
        ontology: Slot -> values; may be empty.

    Raises:
        ValueError: A string in a state does not have three parts.
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
