"""One package per task: encoding, model, decoding, pipeline and presets.

The main module of each package defines ``RECIPE``, an implementation of ``recipes.tasks.protocol.Recipe``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from klue_datasets.tasks import get_task

if TYPE_CHECKING:
    from recipes.arguments import RecipeArguments
    from recipes.tasks.protocol import Recipe

# Task -> suffix of its script recipes/train_*.py.
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
# Task -> its main module, as text, so that --help does not import it.
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
        arguments: The settings of a run, for tasks with several heads, each of which has its own recipe; by
            default the recipe of the default head is returned.

    Raises:
        ValueError: There is no such task, or checkpoint and settings do not match.
    """
    module = import_module(MODULES[get_task(task).name])
    recipe: Recipe = module.RECIPE
    if arguments is not None and hasattr(module, "choose_recipe"):
        recipe = module.choose_recipe(arguments)
    return recipe
