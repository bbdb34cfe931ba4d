"""Dialogue state tracking around any encoder of AutoModel; the files here are saved beside the weights."""

from .configuration_dialogue_state import GATES, StateSettings
from .dialogue_text import encode_turn, turn_pieces
from .modeling_dialogue_state import DialogueStateTracker
from .pipeline_dialogue_state import DialogueStatePipeline
from .state_values import StateReader

__all__ = [
    "GATES",
    "DialogueStatePipeline",
    "DialogueStateTracker",
    "StateReader",
    "StateSettings",
    "encode_turn",
    "turn_pieces",
]
