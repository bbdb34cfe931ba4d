"""Configuration of encoders with one of our heads. This file is saved with the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

CONFIG_NAME = "config.json"


class EncoderConfig(PreTrainedConfig):
    """The encoder's configuration with a model type that transformers does not know.

    With the model type of the encoder, transformers would load the folder with its own class for the task and
    an untrained head. With this model type, it requires ``trust_remote_code``. In memory, the configuration
    is an object of the encoder's class.
    """

    model_type = "klue_encoder"

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Return the encoder's configuration."""
        values = dict(config_dict)
        kind = values.pop("encoder_type")
        return CONFIG_MAPPING[kind].from_dict(values | {"model_type": kind}, **kwargs)


def save_as_ours(folder: str | Path, classes: Mapping[str, str]) -> None:
    """Replace the encoder's model type by ours in a saved configuration.

    Args:
        folder: Folder of the configuration.
        classes: Name of an auto class of transformers -> the class in the folder that it loads.
    """
    path = Path(folder) / CONFIG_NAME
    values = json.loads(path.read_text(encoding="utf-8"))
    values |= {"encoder_type": values["model_type"], "model_type": EncoderConfig.model_type}
    name = f"{__name__.rpartition('.')[2]}.{EncoderConfig.__name__}"
    values["auto_map"] = {**values.get("auto_map", {}), "AutoConfig": name, **classes}
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_config(path: Any, **options: Any) -> Any:
    """Read a configuration like AutoConfig, including those with our model type.

    Args:
        path: Folder or Hub id of the model.
        **options: Arguments of ``from_pretrained``.
    """
    hub = {name: options[name] for name in ("revision", "token") if options.get(name) is not None}
    kind = PreTrainedConfig.get_config_dict(path, **hub)[0].get("model_type")
    reader: Any = EncoderConfig if kind == EncoderConfig.model_type else AutoConfig
    return reader.from_pretrained(path, **options)
