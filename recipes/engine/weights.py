"""Load checkpoint weights into the model of a run: the whole encoder, and the head if it fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from transformers import AutoModel, PreTrainedConfig

from recipes.tasks.protocol import Recipe

# What torch.compile and DataParallel put in front of the names of weights.
WRAPPERS = r"^(?:_orig_mod\.|module\.)+"
SHOWN = 3  # names in a message


def load_weights(
    recipe: Recipe, path: str, config: PreTrainedConfig, *, new_head: bool = False, **options: Any
) -> tuple[Any, list[str]]:
    """Load a checkpoint into the recipe's model, in float32 whatever it was saved in.

    A head that is missing or has other sizes is initialised anew, and so is a pooler that the checkpoint
    lacks. Everything else is the encoder, which has to be there in full.

    Args:
        recipe: The task.
        path: A folder or a Hub id.
        config: The configuration of the model.
        new_head: Whether to reinitialise the head even if the checkpoint has a fitting one.
        **options: More keyword arguments of ``from_pretrained``.

    Returns:
        The model, and the names of newly initialised weights.

    Raises:
        ValueError: transformers has no model of this kind for the task, or the checkpoint lacks weights of
            the encoder, or has them in other sizes.
    """
    model_class = recipe.model_class(config)
    _check_class(recipe, model_class, config)

    def load(key_mapping: Mapping[str, str] | None = None) -> tuple[Any, dict[str, Any]]:
        model, info = model_class.from_pretrained(
            path,
            config=config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # for the head only; see _check_encoder
            output_loading_info=True,
            key_mapping=key_mapping,
            **options,
        )
        if key_mapping:
            model._weight_conversions = None  # otherwise save_pretrained restores the old names
        return model, info

    model, info = load()
    names = encoder_names(model)
    if renamed := _renamed(names, info):
        model, info = load(renamed)
    _check_encoder(recipe, path, names.values(), info)
    fresh = _fresh(info)
    head = {name for name, _ in model.named_parameters()}.difference(names.values())
    if new_head and not head.issubset(fresh):
        kept = {name: weight for name, weight in model.state_dict().items() if name not in head | {*fresh}}
        model, info = type(model).from_pretrained(
            None, config=model.config, state_dict=kept, dtype=torch.float32, output_loading_info=True
        )
        model.name_or_path = model.config.name_or_path = path
        fresh = _fresh(info)
    return model, fresh


def encoder_names(model: Any) -> dict[str, str]:
    """Map the encoder's parameter names in AutoModel to those in the model with its head."""
    prefix = model.base_model_prefix
    own = {name for name, _ in model.named_parameters()}
    if hasattr(model, prefix):
        start = len(prefix) + 1
        return {name[start:]: name for name in own if name.startswith(f"{prefix}.")}
    # Some models, such as T5ForQuestionAnswering, have the encoder's modules at the top level.
    with torch.device("meta"):
        encoder = AutoModel.from_config(model.config)
    return {name: name for name, _ in encoder.named_parameters() if name in own}


def _check_class(recipe: Recipe, model_class: Any, config: PreTrainedConfig) -> None:
    """Raise ValueError if an auto class of transformers has no model for the configuration."""
    if not hasattr(model_class, "_model_mapping"):
        return
    is_custom = model_class.__name__ in (getattr(config, "auto_map", None) or {})
    if type(config) not in model_class._model_mapping and not is_custom:
        raise ValueError(
            f"{recipe.task}: transformers has no {model_class.__name__} for {config.model_type} models, such "
            f"as {config.name_or_path}; expected another encoder, such as BERT, RoBERTa or ELECTRA."
        )


def _renamed(names: Mapping[str, str], info: Mapping[str, Any]) -> dict[str, str]:
    """Return patterns that rename the encoder's weights in the checkpoint to the names in the model.

    They differ where the class with the task's head calls the encoder otherwise than the class that saved the
    checkpoint does, such as LlamaForQuestionAnswering, and behind torch.compile.
    """
    found = {re.sub(WRAPPERS, "", name): name for name in info["unexpected_keys"]}
    for name, full in names.items():
        if full not in info["missing_keys"]:
            continue
        for plain, stored in found.items():
            if plain == name or plain.endswith(f".{name}"):
                before, after = plain[: -len(name)], full[: -len(name)]
                wrapped = {WRAPPERS: ""} if plain != stored else {}
                return wrapped | ({f"^{re.escape(before)}": after} if before != after and before else {})
    return {}


def _check_encoder(recipe: Recipe, path: str, names: Iterable[str], info: Mapping[str, Any]) -> None:
    needed = {name for name in names if "pooler" not in name}
    missing = sorted(needed & set(info["missing_keys"]))
    mismatched = [entry for entry in info["mismatched_keys"] if entry[0] in needed]
    if missing:
        raise ValueError(
            f"{recipe.task}: {path} lacks {len(missing)} of {len(needed)} weights of the encoder: "
            f"{', '.join(missing[:SHOWN])}{', ...' * (len(missing) > SHOWN)}; expected a checkpoint with all "
            "of them and the config.json that belongs to it."
        )
    if mismatched:
        shown = [
            f"{name} is {'x'.join(map(str, stored))}, not {'x'.join(map(str, wanted))}"
            for name, stored, wanted in mismatched[:SHOWN]
        ]
        raise ValueError(
            f"{recipe.task}: {len(mismatched)} weights of the encoder in {path} do not have the sizes of its "
            f"config.json: {', '.join(shown)}{', ...' * (len(mismatched) > SHOWN)}; expected the "
            "config.json that belongs to the weights."
        )


def _fresh(info: Mapping[str, Any]) -> list[str]:
    return sorted({*info["missing_keys"], *(entry[0] for entry in info["mismatched_keys"])})
