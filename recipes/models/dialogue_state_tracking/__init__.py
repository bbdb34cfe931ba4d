"""Dialogue state tracking: TRADE around any encoder of AutoModel, and states as text of models that write.

Files here are saved beside the weights: those of TRADE, or those of the pipeline for states as text.
"""

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
