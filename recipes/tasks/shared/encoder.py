"""Base class of models with a head on an encoder of AutoModel. This file is saved with the model."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from transformers import MODEL_MAPPING, AutoModel, PreTrainedConfig, PreTrainedModel

from recipes.tasks.shared.configuration_encoder import read_config, save_as_ours
from recipes.tasks.shared.merged_adapter import load_merged

# Attributes of transformers' model classes that are copied from the encoder's class.
ABILITIES = (
    "_supports_sdpa",
    "_supports_flash_attn",
    "_supports_flex_attn",
    "supports_gradient_checkpointing",
)


class EncoderModel(PreTrainedModel):
    """Base class of models with a head on any encoder of AutoModel.

    The attribute of the encoder has the name used by its family (``bert``, ``roberta``, ...), so that
    checkpoints of the encoder can be loaded. Saved models have our own model type, see ``EncoderConfig``, so
    that they can be loaded only with ``trust_remote_code``. Attention implementations and gradient
    checkpointing are supported if the encoder supports them.

    Args:
        config: The encoder's configuration.
        pooler: Whether to keep the encoder's pooler, if it has one.
    """

    config_class = PreTrainedConfig
    auto_class: ClassVar[str] = "AutoModel"  # auto class of transformers that loads saved models

    def __init__(self, config: PreTrainedConfig, *, pooler: bool = False) -> None:
        encoder_class = MODEL_MAPPING[type(config)]
        if isinstance(encoder_class, tuple | list):  # AutoModel uses the first of several classes
            encoder_class = encoder_class[0]
        # Set before PreTrainedModel selects the attention implementation.
        for ability in ABILITIES:
            setattr(self, ability, getattr(encoder_class, ability))
        super().__init__(config)
        # The saved configuration names the subclass in auto_map; the encoder is a class of transformers.
        encoder: Any = AutoModel.from_config(config, trust_remote_code=False)
        if not pooler and getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None
        self.base_model_prefix = encoder.base_model_prefix
        setattr(self, self.base_model_prefix, encoder)

    @classmethod
    def from_pretrained(cls, path: Any, *, config: Any = None, **kwargs: Any) -> Any:
        """Load a model or, from the folder of a LoRA adapter, a merged model; see ``load_merged``.

        By default the configuration is read from the path.
        """
        if config is None:
            config = read_config(path, revision=kwargs.get("revision"))
        return load_merged(super().from_pretrained, path, config, kwargs)

    def save_pretrained(self, save_directory: Any, **kwargs: Any) -> None:
        """Save the model with the model type of ``EncoderConfig`` and its code."""
        super().save_pretrained(save_directory, **kwargs)
        if kwargs.get("is_main_process", True):
            self.save_code(save_directory)

    def save_code(self, folder: Any) -> None:
        """Save the model's code with a saved configuration, so that transformers finds it."""
        module = type(self).__module__
        save_as_ours(folder, {self.auto_class: f"{module.rpartition('.')[2]}.{type(self).__name__}"})
        # Otherwise transformers, which loaded the code from a folder, saves it.
        if module.startswith("recipes."):
            importlib.import_module("recipes.tasks.shared.saved_code").save_code(module, folder)
