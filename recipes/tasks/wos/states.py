"""Batches of target states, and errors of predicted states by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from recipes.tasks.wos.configuration_dialogue_state import LITERALS, StateSettings
from recipes.tasks.wos.state_values import StateReader
from recipes.tasks.wos.text_models import TextCollator


class StateCollator:
    """Collate turns, and create the tensors of gates and values.

    Slots whose values are not learned have no tokens.

    Args:
        tokenizer: Tokenizer with a padding token.
        config: The model's configuration, with the slots.
        pad_to_multiple_of: Pad to a multiple of this; None to pad to the longest.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> None:
        settings = StateSettings.of(config)
        self.slots = len(settings.slots)
        is_all = settings.value_loss == "all"
        self.none = StateReader(settings, tokenizer).none_subwords() if is_all else []
        self.left_out = () if is_all else tuple(LITERALS.values())
        self.inputs = TextCollator(tokenizer.pad_token_id, pad_to_multiple_of)

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` and ``attention_mask``, and ``gate_labels`` and ``value_labels`` if known."""
        batch = self.inputs(features)
        if "slots" in features[0]:
            batch |= self._labels(features)
        return batch

    def _labels(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        subwords = [value for feature in features for value in feature["values"]]
        steps = max(map(len, [*subwords, self.none, [0]]))
        gates = torch.zeros(len(features), self.slots, dtype=torch.long)
        values = torch.full((len(features), self.slots, steps), -100)
        values[:, :, : len(self.none)] = torch.tensor(self.none, dtype=torch.long)
        for row, feature in enumerate(features):
            for slot, gate, value in zip(feature["slots"], feature["gates"], feature["values"], strict=True):
                gates[row, slot] = gate
                if gate not in self.left_out:
                    values[row, slot] = torch.tensor(value + [-100] * (steps - len(value)))
        return {"gate_labels": gates, "value_labels": values}


def errors(state: Sequence[str], gold: Sequence[str]) -> dict[str, Any]:
    """Classify the errors of a state.

    Returns:
        ``missed`` and ``invented``, the state strings whose slot is only in the gold or only in the predicted
        state; and ``wrong_value``, slot -> [gold, predicted].
    """
    wanted, found = ({"-".join(item.split("-", 2)[:2]): item for item in side} for side in (gold, state))
    return {
        "missed": [item for slot, item in wanted.items() if slot not in found],
        "invented": [item for slot, item in found.items() if slot not in wanted],
        "wrong_value": {
            slot: [item[len(slot) + 1 :], found[slot][len(slot) + 1 :]]
            for slot, item in wanted.items()
            if slot in found and found[slot] != item
        },
    }


def figures(read: Sequence[Any], details: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the numbers of generated values, of values replaced by the ontology, and of errors by type."""
    sums = {
        "values_generated": sum(list(answer.gates.values()).count("ptr") for answer in read),
        "values_mapped_to_ontology": sum(len(answer.mapped) for answer in read),
    }
    if details and "missed" in details[0]:
        sums |= {
            f"slots_{kind}": sum(len(detail[kind]) for detail in details)
            for kind in ("missed", "invented", "wrong_value")
        }
    return sums
