"""A small state tracker with random weights, and a batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import BertConfig

from recipes.tasks.wos.configuration_dialogue_state import GATE_SEES, StateSettings
from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker

SLOTS, PIECES, END, STOP = 7, 97, 3, [0, 2, 3]


@pytest.fixture(params=GATE_SEES)
def tracker(request: pytest.FixtureRequest) -> DialogueStateTracker:
    """Create a tracker with either gate and seven slots; weights are large enough for distinct scores."""
    config = BertConfig(
        vocab_size=PIECES, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    slots = [f"식당-슬롯 {number}" for number in range(SLOTS)]
    subwords = [[5 + number] * (1 + number % 3) for number in range(SLOTS)]
    StateSettings(slots=slots, slot_subwords=subwords, end_id=END, stop_ids=STOP, gate=request.param).write(
        config
    )
    torch.manual_seed(0)
    model = DialogueStateTracker(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
        output_layer(model.gate).weight.mul_(10)  # so that gates differ from slot to slot
    return model


def output_layer(gate: Any) -> torch.nn.Linear:
    """Return the layer that computes the scores of the gate."""
    return gate if isinstance(gate, torch.nn.Linear) else gate[-1]


@pytest.fixture
def batch() -> dict[str, Any]:
    """Create three dialogues, one with padding, and targets of one to seven tokens."""
    generator = torch.Generator().manual_seed(1)

    def draw(low: int, high: int, *shape: int) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=generator)

    ids = draw(4, PIECES, 3, 11)
    mask = torch.ones_like(ids)
    ids[1, 7:] = mask[1, 7:] = 0
    targets = torch.full((3, SLOTS, 7), -100)
    for dialogue in range(3):
        for slot in range(SLOTS):
            length = int(draw(0, 7))
            targets[dialogue, slot, :length] = draw(4, PIECES, length)
            if slot % 2:
                targets[dialogue, slot, : min(length, 3)] = ids[dialogue, 2 : 2 + min(length, 3)]
            targets[dialogue, slot, length] = END
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "gate_labels": draw(0, 5, 3, SLOTS),
        "value_labels": targets,
    }
