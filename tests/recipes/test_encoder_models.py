"""Tests of the attributes that our models inherit from their encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import BertConfig, DebertaV2Config, PreTrainedConfig

from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.modeling_dependency_parsing import DependencyParser
from recipes.tasks.shared.encoder import ABILITIES, EncoderModel
from recipes.tasks.shared.modeling_pooling import PoolingForSequenceClassification
from recipes.tasks.wos.configuration_dialogue_state import StateSettings
from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker

SMALL = {
    "vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 16, "max_position_embeddings": 32, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
IDS = torch.tensor([[2, 7, 8, 9, 3], [2, 9, 8, 3, 0]])
MASK = (IDS != 0).long()


def pooling(config: PreTrainedConfig) -> tuple[EncoderModel, dict[str, Any]]:
    config.pooling, config.num_labels, config.problem_type = "mean", 3, "single_label_classification"
    return PoolingForSequenceClassification(config), {"labels": torch.tensor([0, 2])}


def parser(config: PreTrainedConfig) -> tuple[EncoderModel, dict[str, Any]]:
    relations = ["NP", "NP_SBJ", "VP", "AP"]
    ParserSettings(head="biaffine", use_pos=False, dropout=0.0).write(config, relations)
    places = torch.tensor([[1, 2], [1, 2]])
    gold = {"heads": torch.tensor([[2, 0], [2, 0]]), "relations": torch.tensor([[1, 2], [3, 2]])}
    return DependencyParser(config), {"first_subwords": places, "last_subwords": places, **gold}


def tracker(config: PreTrainedConfig) -> tuple[EncoderModel, dict[str, Any]]:
    settings = StateSettings(slots=["숙소-이름", "숙소-종류"], values={"숙소-이름": [], "숙소-종류": []})
    settings.slot_subwords, settings.stop_ids, settings.end_id = [[7], [8]], [3], 3
    settings.write(config)
    labels = {"gate_labels": torch.tensor([[2, 0], [0, 2]]), "value_labels": torch.tensor([[[7, 3]] * 2] * 2)}
    return DialogueStateTracker(config), {**labels, "teacher_forcing": True}


MODELS = pytest.mark.parametrize("make", [pooling, parser, tracker])
Make = Callable[[PreTrainedConfig], tuple[EncoderModel, dict[str, Any]]]


@MODELS
def test_attention_is_the_encoders(make: Make) -> None:
    fast, _ = make(BertConfig(**SMALL))
    assert fast.config._attn_implementation == fast.base_model.config._attn_implementation == "sdpa"
    # DeBERTa-v2 has eager attention alone; a model around it must not promise more.
    slow, _ = make(DebertaV2Config(**SMALL))
    assert slow.config._attn_implementation == slow.base_model.config._attn_implementation == "eager"
    for model in (fast, slow):
        promised = [getattr(model, ability) for ability in ABILITIES]
        assert promised == [getattr(model.base_model, ability) for ability in ABILITIES]


@MODELS
def test_gradient_checkpointing_gives_the_same_gradients(make: Make) -> None:
    gradients = []
    for checkpoints in (False, True):
        torch.manual_seed(0)
        model, labels = make(BertConfig(**SMALL))
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d):
                module.p = 0.0
        if checkpoints:
            model.gradient_checkpointing_enable()
        assert model.is_gradient_checkpointing is checkpoints
        torch.manual_seed(1)
        model(input_ids=IDS, attention_mask=MASK, **labels).loss.backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    plain, again = gradients
    assert sum(gradient is not None for gradient in plain.values()) > 20
    for name, gradient in plain.items():
        if gradient is not None:
            torch.testing.assert_close(again[name], gradient, msg=name)
