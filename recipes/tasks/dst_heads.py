"""Which recipe tracks dialogue states: TRADE's, or one for models that write the state as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipes.tasks.encoders import checkpoint_config
from recipes.tasks.framing import is_causal
from recipes.tasks.protocol import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from recipes.engine.arguments import RecipeArguments

OF_BOTH = ("num_beams", "constrain_to_ontology")  # settings of TRADE that states as text have, too


def recipe_of(arguments: RecipeArguments, trade: Recipe) -> Recipe:
    """The recipe for the head that the arguments ask for, or else the checkpoint has.

    Args:
        arguments: What the run was told.
        trade: The recipe for TRADE, which is the default.

    Raises:
        ValueError: The checkpoint was trained with another head or cannot write text, or an argument is for
            another head.
    """
    from recipes.models.configuration_dialogue_state import GENERATIVE, KEY, head_of

    path = arguments.model_name_or_path
    config = checkpoint_config(path, arguments.model_revision, arguments.trust_remote_code)
    head = arguments.head or head_of(config)
    if getattr(config, KEY, None) and head != head_of(config):
        raise ValueError(f"wos: {path} was trained with --head {head_of(config)}; expected that, not {head}.")
    for other, names in _only().items():
        values = {name: getattr(arguments, name) for name in names}
        given = [f"--{name}" for name, value in values.items() if value is not None and value is not False]
        if other != head and given:
            raise ValueError(f"wos: {', '.join(given)} with --head {head}; expected --head {other} for that.")
    return _text_recipe(config, path) if head == GENERATIVE else trade


def _only() -> dict[str, list[str]]:
    """Head -> the arguments that make sense for it only."""
    from recipes.tasks.dst import ORACLES, SETTINGS

    return {
        "trade": [name for name in (*SETTINGS, *ORACLES) if name not in OF_BOTH],
        "generative": ["max_new_tokens"],
    }


def _text_recipe(config: PreTrainedConfig, path: str) -> Recipe:
    """The recipe for a model that can write text: by an encoder and a decoder, or by a decoder alone."""
    from transformers.models.auto import modeling_auto

    from recipes.tasks.dst_text import CausalStates, SequenceStates

    kind = config.model_type
    if config.is_encoder_decoder and kind in modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return SequenceStates()
    if is_causal(config):
        return CausalStates()
    raise ValueError(
        f"wos: {path} is a {kind} model, which does not write text; expected --head trade, or a seq2seq "
        "model such as T5 or BART, or a causal model such as GPT-2."
    )
