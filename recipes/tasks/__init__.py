"""One module a task: how its examples become model inputs, and model outputs become predictions again.

A module defines RECIPE, an object of the shape described by ``recipes.tasks.protocol.Recipe``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from klue_datasets.tasks import get_task

if TYPE_CHECKING:
    from recipes.tasks.protocol import Recipe

# Task -> the module here that handles it, which is also what its script is called.
MODULES = {
    "ynat": "tc",
    "sts": "sts",
    "nli": "nli",
    "ner": "ner",
    "re": "re",
    "dp": "dp",
    "mrc": "mrc",
    "wos": "dst",
}


def get_recipe(task: str) -> Recipe:
    """Returns the recipe of a task, by its name or its alias; ValueError where there is none."""
    name = get_task(task).name
    if name not in MODULES:
        raise ValueError(f"There is no recipe for {name} yet; expected one of {', '.join(MODULES)}.")
    recipe: Recipe = import_module(f"recipes.tasks.{MODULES[name]}").RECIPE
    return recipe
