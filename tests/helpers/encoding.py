"""Encode examples with a recipe, without a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
from transformers import BertConfig

from recipes.arguments import RecipeArguments
from recipes.engine.encoding import EncodedSplit, encode_split
from recipes.tasks import get_recipe


def configured(task: str, tokenizer: Any, train: datasets.Dataset | None = None, **values: Any) -> BertConfig:
    """Return a configuration that the recipe has configured, with training examples if given."""
    config = BertConfig()
    splits = {} if train is None else {"train": train}
    get_recipe(task).configure(config, tokenizer, RecipeArguments(**values), splits)
    return config


def encoded(
    task: str, examples: datasets.Dataset, tokenizer: Any, config: BertConfig, max_length: int
) -> EncodedSplit:
    """The features of examples."""
    recipe = get_recipe(task)
    loaded = loaded_with(config, tokenizer=tokenizer, max_length=max_length)
    return encode_split(recipe, recipe.prepare(examples), loaded)


def loaded_with(config: Any, **values: Any) -> Any:
    """Return a loaded model with the attributes that encoding and decoding use."""
    return SimpleNamespace(config=config, **values)


def padded(column: Any, value: int = -100) -> np.ndarray:
    """Convert lists of numbers to a padded array."""
    rows = [np.asarray(row) for row in column]
    width = max(len(row) for row in rows)
    return np.stack([np.pad(row, (0, width - len(row)), constant_values=value) for row in rows])
