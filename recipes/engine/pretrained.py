"""Tokenizer and configuration of the checkpoint that a run starts from."""

from __future__ import annotations

from typing import Any

from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.utils import is_protobuf_available, is_sentencepiece_available

from recipes.arguments import RecipeArguments
from recipes.engine.unreachable import model_errors
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.shared.base_checkpoint import explained_trust
from recipes.tasks.shared.saved_code import is_ours


def load_tokenizer(arguments: RecipeArguments, config: PreTrainedConfig) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of a run, set to pad on the right.

    Encoding and decoding count positions from the left, so padding has to be on the right. Token types are
    disabled for models with at most one of them, such as KLUE-RoBERTa, whose BERT tokenizer would give the
    second sentence the type 1, for which the model has no embedding.

    Args:
        arguments: The settings of the run.
        config: The configuration of the checkpoint.

    Raises:
        ValueError: There is no fast tokenizer, or it needs missing packages or code that is not trusted.
        OSError: There is no such checkpoint.
    """
    tokenizer = read_tokenizer(
        arguments.tokenizer_name or arguments.model_name_or_path,
        config=None if arguments.tokenizer_name else config,  # AutoTokenizer does not know our model type
        revision="main" if arguments.tokenizer_name else arguments.model_revision,
        trust_remote_code=arguments.trust_remote_code,
        padding_side="right",
    )
    has_types = getattr(config, "type_vocab_size", 0) > 1 or config.model_type == "xlnet"
    if not has_types:
        tokenizer.model_input_names = [
            name for name in tokenizer.model_input_names if name != "token_type_ids"
        ]
    return tokenizer


def read_tokenizer(path: str, *, trust_remote_code: bool = False, **options: Any) -> PreTrainedTokenizerBase:
    """Load a fast tokenizer.

    Args:
        path: Folder or Hub id of the tokenizer.
        trust_remote_code: Whether to run code from its repository.
        **options: Further options of ``from_pretrained``.

    Raises:
        ValueError: There is no fast tokenizer, or it needs missing packages or code that is not trusted.
        OSError: There is no such folder or repository.
    """
    try:
        with model_errors(path), explained_trust(path):
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                path, trust_remote_code=trust_remote_code, **options
            )
    except (ValueError, ImportError) as error:
        if "--trust_remote_code" in str(error) or (is_sentencepiece_available() and is_protobuf_available()):
            raise
        raise ValueError(
            f"The tokenizer of {path} cannot be read. A SentencePiece file without tokenizer.json "
            "needs the packages sentencepiece and protobuf; expected pip install 'klue-hub[train]'."
        ) from error
    # An empty one, which transformers creates if there is no file.
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ValueError(f"{path} has no tokenizer; expected its files (such as tokenizer.json) in it.")
    if not tokenizer.is_fast:
        raise ValueError(f"{path} has only a slow tokenizer; expected a fast one (tokenizer.json).")
    return tokenizer


def forget_other_task(config: PreTrainedConfig) -> None:
    """Remove settings of another task's recipe from a configuration."""
    names = {name for task in SCRIPTS for name in get_recipe(task).settings} | {"max_seq_length"}
    for name in names & set(vars(config)):
        delattr(config, name)
    code = getattr(config, "auto_map", None) or {}
    kept = {
        name: value
        for name, value in code.items()
        if not isinstance(value, str) or not is_ours(value.partition(".")[0])
    }
    if kept != code:
        config.auto_map = kept
