"""LoRA adapters that find their base model after their folder has been moved."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model

from klue_datasets.hub import is_hub_id

__all__ = ["PeftModel", "PortableLoraConfig", "get_peft_model", "read_adapter_config"]


class PortableLoraConfig(LoraConfig):
    """A LoRA configuration saved without the absolute path of a local base model.

    In memory, ``base_model_name_or_path`` is a Hub id or an absolute path. On disk, the path of a local base
    model is relative to the adapter's folder, so that both can be moved together.
    """

    def save_pretrained(self, save_directory: str, **kwargs: Any) -> None:
        """Write ``adapter_config.json``."""
        saved = copy.copy(self)
        base = self.base_model_name_or_path
        if base and os.path.isabs(base):
            relative = os.path.relpath(Path(base).resolve(), Path(save_directory).resolve())
            saved.base_model_name_or_path = Path(relative).as_posix()
        super(PortableLoraConfig, saved).save_pretrained(save_directory, **kwargs)


def read_adapter_config(path: str, file: Path) -> PortableLoraConfig:
    """Read ``adapter_config.json`` and find the base model.

    Args:
        path: Folder or Hub id of the adapter, as given by the user.
        file: Path of its ``adapter_config.json``.

    Returns:
        The configuration; ``base_model_name_or_path`` is a Hub id or an absolute path.

    Raises:
        ValueError: The base model is a local folder that does not exist.
    """
    config = LoraConfig.from_pretrained(str(file.parent))
    config.__class__ = PortableLoraConfig  # PEFT always creates its own class
    base = config.base_model_name_or_path
    folder = (file.parent / base).resolve()
    if folder.is_dir():
        config.base_model_name_or_path = str(folder)
    elif not is_hub_id(base):
        raise ValueError(
            f"{path} is an adapter for the base model {base}, but there is no folder {folder}; expected it "
            f"there, or in {file.name} the base model's Hub id or its path relative to the adapter's folder "
            "as base_model_name_or_path."
        )
    return config
