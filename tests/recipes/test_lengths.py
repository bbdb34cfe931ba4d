"""How long inputs may be: the least that a task can work with, and nothing longer than was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

import klue_datasets
from recipes.engine.arguments import RecipeArguments
from recipes.engine.evaluation import encode_split
from recipes.engine.modeling import load_model
from recipes.tasks import MODULES, get_recipe


@pytest.mark.parametrize("task", MODULES)
def test_the_least_length_encodes_and_one_less_is_refused(task: str, tiny: Path) -> None:
    recipe = get_recipe(task)
    examples = recipe.prepare(klue_datasets.load(task, "train[:20]", mini=True))

    def load(length: int) -> object:
        asked = RecipeArguments(model_name_or_path=str(tiny), max_seq_length=length, do_train=True)
        return load_model(recipe, asked, {"train": examples})

    with pytest.raises(
        ValueError, match=rf"{task}: inputs would have at most 1 tokens .*; expected"
    ) as error:
        load(1)
    least = int(str(error.value).split("expected ")[1].split()[0])
    with pytest.raises(ValueError, match=f"at most {least - 1} tokens"):
        load(least - 1)
    for length in (least, least + 5):
        split = encode_split(recipe, examples, load(length))
        windows = split.features["windows"] if task == "dp" else [split.features["length"]]
        assert 0 < max(size for sizes in windows for size in sizes) <= length
        assert set(split.features["example"]) == set(range(len(examples)))


def test_questions_that_are_truncated_are_counted_once_an_example(tiny: Path) -> None:
    recipe = get_recipe("mrc")
    rows = klue_datasets.load("mrc", "train[:4]", mini=True)
    questions = [row["question"] for row in rows]
    questions[1] = "누가 " * 80
    examples = recipe.prepare(rows.remove_columns("question").add_column("question", questions))
    asked = RecipeArguments(model_name_or_path=str(tiny), max_seq_length=80, doc_stride=5, do_train=True)
    split = encode_split(recipe, examples, load_model(recipe, asked, {"train": examples}))
    assert sum(split.features["truncated"]) > 1  # all windows of the question
    assert split.truncated == 1


@pytest.mark.parametrize("task", MODULES)
def test_the_seed_chooses_what_is_trained_on_and_nothing_else(task: str, tiny: Path) -> None:
    recipe = get_recipe(task)
    examples = recipe.prepare(klue_datasets.load(task, "train[:20]", mini=True))
    told = {"empty_windows": 0.5, "max_seq_length": 32, "doc_stride": 4} if task == "mrc" else {}
    asked = RecipeArguments(model_name_or_path=str(tiny), do_train=True, **told)
    loaded = load_model(recipe, asked, {"train": examples})
    split = encode_split(recipe, examples, loaded)
    one, again, other = (split.training_inputs(loaded.config, seed).to_list() for seed in (1, 1, 2))
    assert one == again
    assert (one != other) == (task == "mrc")
