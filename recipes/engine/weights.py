"""Load the weights of a checkpoint into the model of a run: the encoder, and a head that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from transformers import AutoModel, PreTrainedConfig

from recipes.tasks.protocol import Recipe

# Prefixes that torch.compile and DataParallel add to the names of weights.
WRAPPERS = r"^(?:_orig_mod\.|module\.)+"
SHOWN = 3  # number of names shown in a message


def load_weights(
    recipe: Recipe, path: str, config: PreTrainedConfig, *, new_head: bool = False, **options: Any
) -> tuple[Any, list[str]]:
    """Load a checkpoint into the recipe's model, in float32.

    A missing head or pooler, or a head with other shapes, is newly initialised. All other weights belong to
    the encoder and must be in the checkpoint.

    Args:
        recipe: The task.
        path: Folder or Hub id of the checkpoint.
        config: The configuration of the model.
        new_head: Whether to initialise the head even if the checkpoint has one that fits.
        **options: Further arguments of ``from_pretrained``.

    Returns:
        The model, and the names of newly initialised weights.

    Raises:
        ValueError: transformers has no model of this type for the task, or weights of the encoder are missing
            or have other shapes.
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
    """Map the names of the encoder's parameters in AutoModel to those in the model with a head."""
    prefix = model.base_model_prefix
    own = {name for name, _ in model.named_parameters()}
    if hasattr(model, prefix):
        start = len(prefix) + 1
        return {name[start:]: name for name in own if name.startswith(f"{prefix}.")}
    # In some models, such as T5ForQuestionAnswering, the encoder's modules are at the top level.
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
    """Return patterns that rename the encoder's weights in the checkpoint to their names in the model.

    The names differ if the class with the task's head, such as LlamaForQuestionAnswering, uses another prefix
    than the class that saved the checkpoint, or after torch.compile.
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
