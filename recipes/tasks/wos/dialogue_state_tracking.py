"""Dialogue state tracking (wos): choice between TRADE and models that generate the state as text."""

from __future__ import annotations

from transformers import PreTrainedConfig
from transformers.models.auto import modeling_auto

from recipes.arguments import RecipeArguments
from recipes.subwords.special_tokens import is_causal
from recipes.tasks.protocol import Recipe
from recipes.tasks.shared.base_checkpoint import checkpoint_config
from recipes.tasks.wos.configuration_dialogue_state import GENERATIVE, KEY, head_of
from recipes.tasks.wos.generative import CausalStates, SequenceStates
from recipes.tasks.wos.trade import SETTINGS, Trade

OF_BOTH = ("num_beams", "constrain_to_ontology")  # settings of TRADE that apply to both heads


RECIPE = Trade()


def choose_recipe(arguments: RecipeArguments) -> Recipe:
    """Return the recipe for the head in the settings or, by default, in the checkpoint.

    Args:
        arguments: The settings of the run.

    Raises:
        ValueError: The checkpoint was trained with another head or cannot generate text, or a setting is for
            another head.
    """
    path = arguments.model_name_or_path
    config = checkpoint_config(path, arguments.model_revision, arguments.trust_remote_code)
    head = arguments.head or head_of(config)
    if getattr(config, KEY, None) and head != head_of(config):
        raise ValueError(
            f"wos: {path} was trained with --head {head_of(config)}; expected that head, not {head}."
        )
    for other, names in _only().items():
        values = {name: getattr(arguments, name) for name in names}
        given = [name for name, value in values.items() if value is not None and value is not False]
        if other != head and given:
            raise ValueError(
                f"wos: {', '.join(given)} cannot be combined with --head {head}; expected --head {other}."
            )
    return _text_recipe(config, path) if head == GENERATIVE else RECIPE


def _only() -> dict[str, list[str]]:
    """Return the settings that apply to one head only, by head."""
    return {
        "trade": [name for name in (*SETTINGS, "oracle") if name not in OF_BOTH],
        "generative": ["max_new_tokens"],
    }


def _text_recipe(config: PreTrainedConfig, path: str) -> Recipe:
    """Return the recipe for a model that generates text, encoder-decoder or decoder-only."""
    kind = config.model_type
    if config.is_encoder_decoder and kind in modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return SequenceStates()
    if is_causal(config):
        return CausalStates()
    raise ValueError(
        f"wos: {path} is a {kind} model, which does not write text; expected --head trade, or a seq2seq "
        "model such as T5 or BART, or a causal model such as GPT-2."
    )
