"""Load the configuration of a checkpoint, and check that a head supports it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from transformers import MODEL_MAPPING, PreTrainedConfig

from recipes.tasks.shared.configuration_encoder import read_config


@contextlib.contextmanager
def explained_trust(path: str) -> Iterator[None]:
    """Name our flag in errors of transformers that mention ``trust_remote_code=True``."""
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ValueError(
            f"{path} needs custom code for its model or tokenizer; expected --trust_remote_code, "
            "which runs it: read it first."
        ) from error


def checkpoint_config(path: str, revision: str, trust_remote_code: bool) -> PreTrainedConfig:
    """Load the configuration of a checkpoint.

    Raises:
        ValueError: The checkpoint needs code that is not trusted.
        OSError: There is no such checkpoint.
    """
    with explained_trust(path):
        config: PreTrainedConfig = read_config(path, revision=revision, trust_remote_code=trust_remote_code)
    return config


def check_encoder(task: str, config: PreTrainedConfig, what: str, remedy: str) -> None:
    """Check that a model can be the encoder of one of our heads.

    Args:
        task: Name of the task.
        config: The model's configuration.
        what: The feature that needs an encoder, such as ``--pooling mean``.
        remedy: An alternative for the message.

    Raises:
        ValueError: The model is an encoder-decoder model, or has custom code.
    """
    kind = "an encoder-decoder model" if config.is_encoder_decoder else "a model with custom code"
    if config.is_encoder_decoder or type(config) not in MODEL_MAPPING:
        raise ValueError(
            f"{task}: {config.name_or_path} is {kind} ({config.model_type}), which cannot have {what}; "
            f"expected an encoder such as BERT, RoBERTa or ELECTRA{remedy}."
        )
