"""One package per task: encoding, model, decoding, pipeline and presets.

The main module of a room defines RECIPE, an object of the shape that ``recipes.tasks.protocol.Recipe``
describes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from klue_datasets.tasks import get_task

if TYPE_CHECKING:
    from recipes.arguments import RecipeArguments
    from recipes.tasks.protocol import Recipe

# Task -> name in its script recipes/train_*.py.
SCRIPTS = {
    "ynat": "tc",
    "sts": "sts",
    "nli": "nli",
    "ner": "ner",
    "re": "re",
    "dp": "dp",
    "mrc": "mrc",
    "wos": "dst",
}
# Task -> its main module. A table, so that --help does not import them.
MODULES = {
    "ynat": "recipes.tasks.ynat.topic_classification",
    "sts": "recipes.tasks.sts.sentence_similarity",
    "nli": "recipes.tasks.nli.natural_language_inference",
    "ner": "recipes.tasks.ner.named_entity_recognition",
    "re": "recipes.tasks.re.relation_extraction",
    "dp": "recipes.tasks.dp.dependency_parsing",
    "mrc": "recipes.tasks.mrc.reading_comprehension",
    "wos": "recipes.tasks.wos.dialogue_state_tracking",
}


def get_recipe(task: str, arguments: RecipeArguments | None = None) -> Recipe:
    """Return the recipe of a task.

    Args:
        task: Name or alias of the task.
        arguments: What a run was told; a task may have several heads, each with its own recipe. Without
            arguments, the recipe of the default head is returned.

    Raises:
        ValueError: There is no such task, or the checkpoint and the arguments do not go together.
    """
    module = import_module(MODULES[get_task(task).name])
    recipe: Recipe = module.RECIPE
    if arguments is not None and hasattr(module, "choose_recipe"):
        recipe = module.choose_recipe(arguments)
    return recipe
