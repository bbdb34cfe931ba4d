"""Load and save tokenizer and model of a run, with the task's head and LoRA adapters."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import PreTrainedConfig, PreTrainedTokenizerBase
from transformers.utils import find_adapter_config_file

from recipes.arguments import RecipeArguments
from recipes.engine.freezing import freeze_layers
from recipes.engine.pretrained import forget_other_task, load_tokenizer
from recipes.engine.weights import encoder_names, load_weights
from recipes.subwords.special_tokens import complete_tokenizer
from recipes.tasks.protocol import NO_SPLITS, LoadedModel, Recipe, plain_model
from recipes.tasks.shared.base_checkpoint import checkpoint_config
from recipes.tasks.shared.configuration_encoder import read_config
from recipes.tasks.shared.encoder import EncoderModel
from recipes.tasks.shared.saved_code import save_code

ADAPTERS = "recipes.engine.adapters"  # imports PEFT, which takes seconds
LARGE_INTEGER = 10**20  # larger limits mean no limit
SHOWN = 3  # number of weights or labels shown in a message
DEFAULT_LENGTH = 512  # tokens per input if neither model nor tokenizer has a limit
# PEFT's task types of models without a task head, whose weights all come from the checkpoint.
LANGUAGE_MODELS = ("SEQ_2_SEQ_LM", "CAUSAL_LM")
# Key in the configuration of a model with the ids of the tokens added by its task.
TASK_TOKEN_IDS = "task_token_ids"


def load_model(
    recipe: Recipe, arguments: RecipeArguments, splits: Mapping[str, Any] = NO_SPLITS
) -> LoadedModel:
    """Load the model and tokenizer that a run starts from.

    Args:
        recipe: The task.
        arguments: The settings of the run.
        splits: The prepared data, which configures the model.

    Raises:
        ValueError: There is no fast tokenizer, or weights of the encoder are missing; the run does not train
            but the checkpoint has no trained head, or no trained embeddings of the task's tokens; or the
            checkpoint is an adapter without its base model, or for another task.
        OSError: There is no such checkpoint.
    """
    path, trust = arguments.model_name_or_path, arguments.trust_remote_code
    config = checkpoint_config(path, arguments.model_revision, trust)
    tokenizer = load_tokenizer(arguments, config)
    adapter = find_adapter_config_file(path, revision=arguments.model_revision)
    is_trained, writes_text = recipe.is_trained(config), recipe.peft_task_type in LANGUAGE_MODELS
    labels = list(config.id2label.values())
    if not is_trained:
        forget_other_task(config)
    if not writes_text:
        complete_tokenizer(tokenizer, config)
    added = _configure(recipe, config, tokenizer, arguments, splits)
    _check_trained(recipe, arguments, adapter is not None, is_trained, tokenizer, added)
    fresh: list[str] = []
    if adapter:
        model = _load_adapter(recipe, arguments, Path(adapter), config, len(tokenizer))
    else:
        model, fresh = load_weights(
            recipe,
            path,
            config,
            new_head=not is_trained and not writes_text,
            revision=arguments.model_revision,
            trust_remote_code=trust,
        )
        grow_embeddings(model, max([len(tokenizer), *(token + 1 for token in added)]))
    if fresh and not arguments.do_train:
        raise ValueError(
            f"{recipe.task}: {path} has no trained head (missing: {_first(fresh)}; its labels are "
            f"{_first(labels)}); expected a model that was trained on this task."
        )
    if not writes_text:
        plain_model(model).config.pad_token_id = tokenizer.pad_token_id
    draw_embeddings(model, added)
    head = _head_modules(recipe, plain_model(model), fresh)
    if arguments.do_train:
        model = _prepare_for_training(recipe, model, arguments, head, added)
    max_length = _max_length(arguments, config, _longest_input(plain_model(model), tokenizer))
    _check_length(recipe, arguments, max_length, recipe.least_length(tokenizer, config))
    plain_model(model).config.max_seq_length = max_length
    return LoadedModel(model, tokenizer, head, max_length)


def _check_trained(
    recipe: Recipe,
    arguments: RecipeArguments,
    is_adapter: bool,
    is_trained: bool,
    tokenizer: PreTrainedTokenizerBase,
    added: Sequence[int],
) -> None:
    """Raise ValueError for an adapter of another task, or for untrained tokens in a run without training."""
    path = arguments.model_name_or_path
    if is_adapter and not is_trained:
        raise ValueError(
            f"{recipe.task}: {path} is an adapter that was not trained on this task; expected a full "
            "checkpoint to start from, such as the adapter's base model."
        )
    if added and (is_adapter or not arguments.do_train):
        remedy = ", or a full checkpoint to start from" if arguments.do_train else ""
        raise ValueError(
            f"{recipe.task}: {path} has no trained embeddings of "
            f"{_first(tokenizer.convert_ids_to_tokens(added))}; expected a model that was trained with these "
            f"tokens{remedy}."
        )


def _prepare_for_training(
    recipe: Recipe, model: Any, arguments: RecipeArguments, head: Sequence[str], added: Sequence[int]
) -> Any:
    """Freeze layers and add LoRA according to the settings; return the model.

    Raises:
        ValueError: Frozen weights would have to be trained, the settings of LoRA are not those of the adapter
            to continue, or DeepSpeed cannot train the model.
    """
    if arguments.freeze_layers is not None:
        if arguments.use_lora or added:
            other = "--use_lora" if arguments.use_lora else f"{len(added)} new tokens"
            raise ValueError(
                f"{recipe.task}: --freeze_layers cannot be combined with {other}; expected one of them."
            )
        freeze_layers(model.base_model, arguments.freeze_layers)
    if hasattr(model, "get_base_model"):
        _check_lora(recipe, model, arguments)
    elif arguments.use_lora:
        model = _add_lora(recipe, model, arguments, head, added)
    _check_deepspeed(recipe, model)
    return model


def _check_lora(recipe: Recipe, model: Any, arguments: RecipeArguments) -> None:
    """Raise ValueError if training continues an adapter with other settings than its own."""
    config = model.peft_config["default"]
    settings = {
        "use_lora": True,
        "lora_r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": config.lora_dropout,
    }
    if wrong := [name for name, own in settings.items() if getattr(arguments, name) != own]:
        raise ValueError(
            f"{recipe.task}: {arguments.model_name_or_path} is an adapter, which is trained further with its "
            f"own settings, but {wrong[0]} is {getattr(arguments, wrong[0])}; expected {settings[wrong[0]]}."
        )


def _check_deepspeed(recipe: Recipe, model: Any) -> None:
    """Raise ValueError for LSTMs with DeepSpeed, whose gradients differ from those of DDP.

    With DeepSpeed 0.19.8 (ZeRO-2) on two CPU processes, the first update of dp's LSTMs is wrong.
    """
    has_lstm = any(isinstance(module, torch.nn.LSTM) for module in model.modules())
    if has_lstm and os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        raise ValueError(
            f"{recipe.task}: DeepSpeed computes wrong gradients for the LSTMs of this model; expected "
            "--head biaffine, or another configuration, such as recipes/configs/accelerate/fsdp2.yaml."
        )


def _max_length(arguments: RecipeArguments, config: PreTrainedConfig, longest: float) -> int:
    """Return the maximum length of an input: as set, as in training, or else the model's limit."""
    usual = getattr(config, "max_seq_length", DEFAULT_LENGTH if longest == math.inf else longest)
    asked = arguments.max_seq_length
    return int(min(usual if asked is None else asked, longest))


def _check_length(recipe: Recipe, arguments: RecipeArguments, max_length: int, least: int) -> None:
    """Raise ValueError if inputs are too short for the task, or windows too short for their stride."""
    if max_length < least:
        raise ValueError(
            f"{recipe.task}: inputs would have at most {max_length} tokens (--max_seq_length, or the model's "
            f"own limit); expected {least} or more."
        )
    room = max_length - least + 1  # the shortest input has one token of text
    if arguments.doc_stride is not None and not 1 <= arguments.doc_stride <= room:
        raise ValueError(
            f"{recipe.task}: doc_stride is {arguments.doc_stride}, in inputs of {max_length} tokens; "
            f"expected 1 to {room}, so that windows overlap or adjoin."
        )


def load_trained(recipe: Recipe, folder: str | Path, *, trust_remote_code: bool = False) -> LoadedModel:
    """Load a trained model, with its adapters if any, in evaluation mode."""
    loaded = load_model(
        recipe,
        RecipeArguments(model_name_or_path=str(folder), do_eval=True, trust_remote_code=trust_remote_code),
    )
    loaded.model.eval()
    return loaded


def trainable_share(model: torch.nn.Module) -> tuple[int, int]:
    """Count the trainable parameters and all parameters."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(count for count, trained in counts if trained), sum(count for count, _ in counts)


def save_model(trainer: Any, output_dir: Path) -> None:
    """Save the model after training, with the code needed to load it.

    Args:
        trainer: The Trainer of the run.
        output_dir: Folder of the model. All processes have to call this function; the first one writes.
    """
    if trainer.is_world_process_zero():
        save_beside_adapter(trainer.accelerator.unwrap_model(trainer.model), output_dir)
    trainer.save_model()
    if trainer.is_world_process_zero() and trainer.recipe.saved_code:
        save_code(trainer.recipe.saved_code, output_dir)


def save_beside_adapter(model: Any, output_dir: str | Path) -> None:
    """Write the model's configuration, and its code if it is ours, to the folder of an adapter."""
    if hasattr(model, "get_base_model"):
        plain = plain_model(model)
        plain.config.save_pretrained(output_dir)
        if isinstance(plain, EncoderModel):
            plain.save_code(output_dir)


def _first(names: Sequence[str]) -> str:
    """Format the first names of a list for a message."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _configure(
    recipe: Recipe,
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerBase,
    arguments: RecipeArguments,
    splits: Mapping[str, Any],
) -> list[int]:
    """Let the recipe configure the model and add tokens; return the ids of untrained tokens.

    The configuration keeps the ids of the task's tokens, so that trained embeddings are recognised even with
    a tokenizer that lacks the tokens (``tokenizer_name``).
    """
    before = set(tokenizer.get_vocab().values())
    trained = set(getattr(config, TASK_TOKEN_IDS, ()))
    recipe.configure(config, tokenizer, arguments, splits)
    added = set(tokenizer.get_vocab().values()) - before
    if added:
        setattr(config, TASK_TOKEN_IDS, sorted(trained | added))
    return sorted(added - trained)


def grow_embeddings(model: Any, tokens: int) -> None:
    """Extend the input and output embeddings to at least ``tokens`` rows."""
    if tokens > len(model.get_input_embeddings().weight):
        model.resize_token_embeddings(tokens, mean_resizing=False)


def draw_embeddings(model: Any, tokens: Sequence[int]) -> None:
    """Draw the embeddings of new tokens from N(0, initializer_range), as KLUE-baseline does.

    By default, ``resize_token_embeddings`` initialises all new tokens with nearly the same vector, the mean
    of all rows, so that a model could not distinguish the markers of subject and object.

    If the embeddings of a checkpoint have more rows than its tokenizer has tokens (padding of the matrix,
    often with equal rows), the rows of new tokens are drawn as well.

    Args:
        model: The model, whose embeddings have rows for the tokens.
        tokens: Ids of the untrained tokens.
    """
    if not tokens:
        return
    deviation = getattr(model.config.get_text_config(), "initializer_range", 0.02)
    weights = {id(weight): weight for weight in _embedding_weights(model)}  # tied weights appear once
    with torch.no_grad():
        for weight in weights.values():
            weight[list(tokens)] = torch.randn(len(tokens), weight.shape[1]).to(weight) * deviation


def _embedding_weights(model: Any) -> list[torch.nn.Parameter]:
    modules = (model.get_input_embeddings(), model.get_output_embeddings())
    return [module.weight for module in modules if module is not None]


def _load_adapter(
    recipe: Recipe, arguments: RecipeArguments, file: Path, config: PreTrainedConfig, tokens: int
) -> Any:
    """Load an adapter onto the base model, in the revision that it was trained on."""
    adapters = import_module(ADAPTERS)
    path, revision = arguments.model_name_or_path, arguments.model_revision
    adapter = adapters.read_adapter_config(path, file)
    base, base_revision = adapter.base_model_name_or_path, adapter.revision or "main"
    grown = config.vocab_size
    trust = arguments.trust_remote_code
    base_config = read_config(base, revision=base_revision, trust_remote_code=trust)
    config.vocab_size = base_config.vocab_size
    model, _ = load_weights(recipe, base, config, revision=base_revision, trust_remote_code=trust)
    model.name_or_path = base
    grow_embeddings(model, max(tokens, grown))
    return adapters.PeftModel.from_pretrained(
        model, path, config=adapter, is_trainable=arguments.do_train, revision=revision
    )


def _head_modules(recipe: Recipe, model: Any, fresh: Sequence[str]) -> list[str]:
    """Return the names of modules outside the encoder, and of those in it with new parameters."""
    if recipe.peft_task_type in LANGUAGE_MODELS:
        return sorted({name.rpartition(".")[0] for name in fresh})
    encoder = set(encoder_names(model).values())
    outside = {name.split(".")[0] for name, _ in model.named_parameters() if name not in encoder}
    return sorted(outside | {name.rpartition(".")[0] for name in fresh if name in encoder})


def _add_lora(
    recipe: Recipe, model: Any, arguments: RecipeArguments, head: Sequence[str], added: Sequence[int]
) -> Any:
    """Add adapters to the encoder; the head and other new weights are trained and saved in full.

    The configuration of the adapter keeps the revision of a base model on the Hub; ``main``, which may
    change, is replaced by its commit.
    """
    adapters = import_module(ADAPTERS)
    path = arguments.model_name_or_path
    revision: str | None = arguments.model_revision
    if Path(path).is_dir():
        model.config._name_or_path = model.name_or_path = str(Path(path).resolve())
        revision = None
    elif revision == "main" and isinstance(cached := try_to_load_from_cache(path, "config.json"), str):
        revision = Path(cached).parent.name
    config = adapters.PortableLoraConfig(
        revision=revision,
        task_type=recipe.peft_task_type,
        r=arguments.lora_r,
        lora_alpha=arguments.lora_alpha,
        lora_dropout=arguments.lora_dropout,
        target_modules=arguments.lora_target_modules or "all-linear",
        modules_to_save=list(head),
        exclude_modules=list(head),
        trainable_token_indices=list(added) or None,
    )
    return adapters.get_peft_model(model, config)


def _longest_input(model: Any, tokenizer: PreTrainedTokenizerBase) -> float:
    """Return the maximum input length of the model or, if lower, the tokenizer; inf for no limit.

    RoBERTa and similar models number positions from the id of the padding token + 1. Their position
    embeddings have a ``padding_idx``, by which they are recognised, and accordingly fewer rows for real
    tokens.
    """
    limits = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and hasattr(module, "weight"):
            padding = getattr(module, "padding_idx", None)
            limits.append(len(module.weight) - (0 if padding is None else padding + 1))
    # Missing limits, the -1 of XLNet, and VERY_LARGE_INTEGER of tokenizers mean no limit.
    known = [limit for limit in limits if limit is not None and 0 < limit < LARGE_INTEGER]
    return min(known, default=math.inf)
