"""Load merged models from the folders of LoRA adapters. This file is saved with the model."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers.utils import find_adapter_config_file

from recipes.tasks.shared.configuration_encoder import read_config


def load_merged(load: Callable[..., Any], path: Any, config: Any, options: dict[str, Any]) -> Any:
    """Load a model; for an adapter, load its base model and merge the adapter into it.

    transformers would search the folder of the adapter for all weights, since it contains a configuration,
    and would not restore modules that the adapter saves in full, such as the head.

    Args:
        load: The function ``from_pretrained`` for models that are not adapters.
        path: Folder or Hub id of the model or adapter.
        config: The configuration saved at the path.
        options: Further arguments of ``from_pretrained``.

    Returns:
        The model; with ``output_loading_info``, also the loading info of transformers.

    Raises:
        OSError: The base model is neither a folder next to the adapter nor on the Hub.
    """
    hub = {name: options[name] for name in ("revision", "token") if options.get(name) is not None}
    file = find_adapter_config_file(path, **hub)
    if file is None:
        return load(path, config=config, **options)
    adapter = json.loads(Path(file).read_text(encoding="utf-8"))
    base, base_hub = adapter["base_model_name_or_path"], {**hub, "revision": adapter.get("revision")}
    if (Path(file).parent / base).is_dir():  # paths are relative to the adapter's folder
        base, base_hub = str((Path(file).parent / base).resolve()), {}
    base_hub = {name: value for name, value in base_hub.items() if value}
    # The task may have added tokens, so the embeddings are extended after loading.
    rows, config.vocab_size = config.vocab_size, read_config(base, **base_hub).vocab_size
    given = {
        name: value for name, value in options.items() if name not in ("adapter_kwargs", "revision", "token")
    }
    model, info = load(base, config=config, **given | base_hub | {"output_loading_info": True})
    if rows > config.vocab_size:
        model.resize_token_embeddings(rows, mean_resizing=False)
    # Imported by name, since transformers requires all packages in the import statements of this file.
    peft = importlib.import_module("peft")
    model = peft.PeftModel.from_pretrained(model, path, **hub).merge_and_unload()
    whole = tuple(f"{name}." for name in adapter["modules_to_save"] or ())
    info["missing_keys"] = {key for key in info["missing_keys"] if not key.startswith(whole)}
    return (model, info) if options.get("output_loading_info") else model
