"""Base class for a head on an encoder of AutoModel. This file is saved beside the weights."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from transformers import MODEL_MAPPING, AutoModel, PreTrainedConfig, PreTrainedModel

from recipes.tasks.shared.configuration_encoder import read_config, save_as_ours
from recipes.tasks.shared.merged_adapter import load_merged

# Class attributes of transformers' models that are copied from the encoder's class.
ABILITIES = (
    "_supports_sdpa",
    "_supports_flash_attn",
    "_supports_flex_attn",
    "supports_gradient_checkpointing",
)


class EncoderModel(PreTrainedModel):
    """Base class of models that put a head on any encoder of AutoModel.

    The encoder has the attribute name that its own family uses (``bert``, ``roberta``, ...), so checkpoints
    of the plain encoder load into these models. A saved model has a configuration of our own type, see
    ``EncoderConfig``, so that it loads with ``trust_remote_code`` and not at all without.
    Attention implementations and gradient checkpointing are available where the encoder has them.

    Args:
        config: The encoder's configuration.
        pooler: Whether to keep the encoder's pooler, if it has one.
    """

    config_class = PreTrainedConfig
    auto_class: ClassVar[str] = "AutoModel"  # the class of transformers that loads a saved model

    def __init__(self, config: PreTrainedConfig, *, pooler: bool = False) -> None:
        encoder_class = MODEL_MAPPING[type(config)]
        if isinstance(encoder_class, tuple | list):  # AutoModel uses the first of several classes
            encoder_class = encoder_class[0]
        # Set before PreTrainedModel chooses the attention implementation.
        for ability in ABILITIES:
            setattr(self, ability, getattr(encoder_class, ability))
        super().__init__(config)
        # The saved configuration names the subclass in auto_map; the encoder is transformers' own class.
        encoder: Any = AutoModel.from_config(config, trust_remote_code=False)
        if not pooler and getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None
        self.base_model_prefix = encoder.base_model_prefix
        setattr(self, self.base_model_prefix, encoder)

    @classmethod
    def from_pretrained(cls, path: Any, *, config: Any = None, **kwargs: Any) -> Any:
        """Load as in transformers, and also from the folder of a LoRA adapter; see ``load_merged``.

        Without a configuration, the path's own is used, which is that of the encoder.
        """
        if config is None:
            config = read_config(path, revision=kwargs.get("revision"))
        return load_merged(super().from_pretrained, path, config, kwargs)

    def save_pretrained(self, save_directory: Any, **kwargs: Any) -> None:
        """Save as in transformers, with the model type of ``EncoderConfig`` and the model's code."""
        super().save_pretrained(save_directory, **kwargs)
        if kwargs.get("is_main_process", True):
            self.save_code(save_directory)

    def save_code(self, folder: Any) -> None:
        """Add the model's code to a saved configuration, so that transformers finds it."""
        module = type(self).__module__
        save_as_ours(folder, {self.auto_class: f"{module.rpartition('.')[2]}.{type(self).__name__}"})
        if module.startswith("recipes."):  # transformers saves code that it loaded from a folder itself
            importlib.import_module("recipes.tasks.shared.saved_code").save_code(module, folder)
