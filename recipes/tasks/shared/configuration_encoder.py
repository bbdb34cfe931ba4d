"""Configuration of models with one of our heads on an encoder. This file is saved beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

CONFIG_NAME = "config.json"


class EncoderConfig(PreTrainedConfig):
    """The encoder's configuration under a model type that transformers does not know.

    With the encoder's own type, transformers' own class for the task would load the folder, and answer with
    a head that nobody has trained. With this one it refuses to load without ``trust_remote_code``. In memory
    the configuration is the encoder's: reading gives an object of its class.
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
        classes: Auto class of transformers -> the class in the folder that it loads.
    """
    path = Path(folder) / CONFIG_NAME
    values = json.loads(path.read_text(encoding="utf-8"))
    values |= {"encoder_type": values["model_type"], "model_type": EncoderConfig.model_type}
    name = f"{__name__.rpartition('.')[2]}.{EncoderConfig.__name__}"
    values["auto_map"] = {**values.get("auto_map", {}), "AutoConfig": name, **classes}
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_config(path: Any, **options: Any) -> Any:
    """Read the configuration at a path, as AutoConfig does, including those with our model type.

    Args:
        path: A folder or a Hub id.
        **options: Keyword arguments of ``from_pretrained``.
    """
    hub = {name: options[name] for name in ("revision", "token") if options.get(name) is not None}
    kind = PreTrainedConfig.get_config_dict(path, **hub)[0].get("model_type")
    reader: Any = EncoderConfig if kind == EncoderConfig.model_type else AutoConfig
    return reader.from_pretrained(path, **options)
