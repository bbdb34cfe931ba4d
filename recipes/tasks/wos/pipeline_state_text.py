"""The pipeline ``dialogue-state-tracking`` for models that generate the state as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from recipes.tasks.wos.pipeline_dialogue_state import DialogueStatePipeline
from recipes.tasks.wos.state_text import TextSettings
from recipes.tasks.wos.text_generation import StateFrame, generate_states, set_generation


class StateTextPipeline(DialogueStatePipeline):
    """Track the state of dialogues; inputs and outputs are those of ``DialogueStatePipeline``.

    ``score`` is the probability of the generated text.
    """

    def _make_reader(self) -> None:
        set_generation(self.model)
        self.frame = StateFrame(TextSettings.of(self.model.config), self.tokenizer, self.model.config)
        self.padding_side = "left" if self.frame.is_causal else "right"

    def _encode(self, utterances: Sequence[str], longest: int) -> tuple[list[int], bool]:
        return self.frame.prompt(utterances, longest)

    def _forward(self, model_inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        ids, scores = generate_states(self.model, **model_inputs)
        return {"written": ids, "scores": scores}

    def _state(self, turn: dict[str, Any], constrain: bool | None) -> list[str]:
        text = self.frame.written(turn["written"].tolist())
        return self.frame.text.read(text, turn["utterances"], constrain=constrain).state
