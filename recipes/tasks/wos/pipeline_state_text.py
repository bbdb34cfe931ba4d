"""The pipeline ``dialogue-state-tracking`` of models that write the state as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.pipelines.base import ChunkPipeline

from recipes.tasks.wos.pipeline_dialogue_state import DialogueStatePipeline, present_turns
from recipes.tasks.wos.state_text import TextSettings
from recipes.tasks.wos.text_generation import StateFrame, generate_states, set_generation


class StateTextPipeline(DialogueStatePipeline):
    """Tracks what the user of a dialogue wants; takes and gives what ``DialogueStatePipeline`` does.

    ``score`` is the probability of the text that the model wrote.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        ChunkPipeline.__init__(self, *args, **kwargs)
        set_generation(self.model)
        self.frame = StateFrame(TextSettings.of(self.model.config), self.tokenizer, self.model.config)
        if self.frame.is_causal:
            self.tokenizer.padding_side = "left"

    def _encode(self, utterances: Sequence[str], longest: int) -> list[int]:
        return self.frame.prompt(utterances, longest)[0]

    def _forward(self, model_inputs: dict[str, Any]) -> dict[str, Any]:
        inputs: tuple[torch.Tensor, torch.Tensor] = (
            model_inputs["input_ids"],
            model_inputs["attention_mask"],
        )
        ids, scores = generate_states(self.model, *inputs)
        return {
            "ids": ids,
            "scores": scores,
            "utterances": model_inputs["utterances"],
            "is_last": model_inputs["is_last"],
        }

    def postprocess(
        self, model_outputs: Sequence[dict[str, Any]], constrain_to_ontology: bool | None = None
    ) -> list[dict[str, Any]]:
        """The turns of one dialogue, in order."""
        said = [output["utterances"] for output in model_outputs]
        texts = [self.frame.written(output["ids"][0].tolist()) for output in model_outputs]
        states = [
            self.frame.text.read(text, utterances, constrain=constrain_to_ontology).state
            for text, utterances in zip(texts, said, strict=True)
        ]
        scores = [float(output["scores"][0]) for output in model_outputs]
        return present_turns([utterances[-1] for utterances in said], states, scores)
