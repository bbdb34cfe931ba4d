"""Load complete models from LoRA adapter folders. This file is saved beside the weights."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers.utils import find_adapter_config_file

from recipes.tasks.shared.configuration_encoder import read_config


def load_merged(load: Callable[..., Any], path: Any, config: Any, options: dict[str, Any]) -> Any:
    """Load a model; for an adapter, load its base model and merge the adapter into the weights.

    transformers alone would look for all weights in the adapter's folder, because a configuration is there,
    and would not restore the modules that the adapter saves whole, such as the head.

    Args:
        load: The ``from_pretrained`` for models that are not adapters.
        path: A folder or a Hub id.
        config: The model's configuration, as it is saved at the path.
        options: Other keyword arguments of ``from_pretrained``.

    Returns:
        The model; with ``output_loading_info`` also what transformers reports.

    Raises:
        OSError: The base model is neither a folder beside the adapter nor on the Hub.
    """
    hub = {name: options[name] for name in ("revision", "token") if options.get(name) is not None}
    file = find_adapter_config_file(path, **hub)
    if file is None:
        return load(path, config=config, **options)
    adapter = json.loads(Path(file).read_text(encoding="utf-8"))
    base, base_hub = adapter["base_model_name_or_path"], {**hub, "revision": adapter.get("revision")}
    if (Path(file).parent / base).is_dir():  # on disk, relative to the adapter's folder
        base, base_hub = str((Path(file).parent / base).resolve()), {}
    base_hub = {name: value for name, value in base_hub.items() if value}
    # The task may have added tokens to the vocabulary: the embeddings grow after they are loaded.
    rows, config.vocab_size = config.vocab_size, read_config(base, **base_hub).vocab_size
    given = {
        name: value for name, value in options.items() if name not in ("adapter_kwargs", "revision", "token")
    }
    model, info = load(base, config=config, **given | base_hub | {"output_loading_info": True})
    if rows > config.vocab_size:
        model.resize_token_embeddings(rows, mean_resizing=False)
    # Imported by name, since transformers requires every package that it finds imported in this file.
    peft = importlib.import_module("peft")
    model = peft.PeftModel.from_pretrained(model, path, **hub).merge_and_unload()
    whole = tuple(f"{name}." for name in adapter["modules_to_save"] or ())
    info["missing_keys"] = {key for key in info["missing_keys"] if not key.startswith(whole)}
    return (model, info) if options.get("output_loading_info") else model
