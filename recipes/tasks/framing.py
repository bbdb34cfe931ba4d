"""The special tokens around one or two sequences of pieces, as the tokenizer itself puts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Frame:
    """Puts pieces between special tokens: [CLS] a [SEP], or [CLS] a [SEP] b [SEP], or whatever the model has.

    Args:
        tokenizer: A fast tokenizer.
        sequences: How many sequences an input has: 1 or 2.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, sequences: int = 1) -> None:
        encoding = tokenizer(*["a", "a"][:sequences]).encodings[0]
        self.names = [name for name in tokenizer.model_input_names if name != "attention_mask"]
        # Special tokens, and for each sequence one entry, however many pieces the probe had.
        self.layout: list[tuple[int | None, int, int]] = []
        for entry in zip(encoding.sequence_ids, encoding.ids, encoding.type_ids, strict=True):
            if entry[0] is None or all(entry[0] != known for known, _, _ in self.layout):
                self.layout.append(entry)
        self.added = len(self.layout) - sequences

    def __call__(self, *sequences: Sequence[int]) -> dict[str, list[int]]:
        """Model inputs for sequences of piece ids."""
        ids: list[int] = []
        types: list[int] = []
        for sequence, token, kind in self.layout:
            pieces = [token] if sequence is None else sequences[sequence]
            ids += pieces
            types += [kind] * len(pieces)
        values = {"input_ids": ids, "token_type_ids": types}
        return {**{name: values[name] for name in self.names}, "attention_mask": [1] * len(ids)}

    def start(self, sequence: int, *lengths: int) -> int:
        """Where a sequence begins in the inputs, given the lengths of those before it."""
        place = next(place for place, entry in enumerate(self.layout) if entry[0] == sequence)
        before = (entry[0] for entry in self.layout[:place])
        return sum(1 if part is None else lengths[part] for part in before)
