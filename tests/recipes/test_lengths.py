"""Tests of minimum and maximum input lengths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from text_models import KINDS, make_text_model

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine.encoding import encode_split
from recipes.engine.modeling import load_model
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import LoadedModel, Recipe

HEADS = [*SCRIPTS, *KINDS]  # of wos both TRADE and the two kinds of models that write the state


def model_of(head: str, tiny: Path, folder: Path, byte_level: Any) -> tuple[Recipe, Any, dict[str, Any]]:
    """Return a recipe, prepared examples, and arguments for a new model."""
    task = "wos" if head in KINDS else head
    told: dict[str, Any] = {"model_name_or_path": str(tiny), "do_train": True}
    if head in KINDS:
        path = make_text_model(head, folder, tiny, byte_level)
        told |= {"model_name_or_path": str(path), "head": "generative"}
    recipe = get_recipe(task, RecipeArguments(**told))
    return recipe, recipe.prepare(klue_datasets.load(task, "train[:20]", mini=True)), told


@pytest.mark.parametrize("head", HEADS)
def test_the_least_length_encodes_less_is_refused_and_nothing_is_longer(
    head: str, tiny: Path, tmp_path: Path, byte_level: Any
) -> None:
    recipe, examples, told = model_of(head, tiny, tmp_path, byte_level)

    def load(length: int) -> LoadedModel:
        return load_model(recipe, RecipeArguments(**told, max_seq_length=length), {"train": examples})

    for length in (0, 1):
        with pytest.raises(
            ValueError, match=rf"^{recipe.task}: .* at most {length} tokens .*; expected "
        ) as error:
            load(length)
    least = int(str(error.value).split("expected ")[1].split()[0])
    with pytest.raises(ValueError, match=f"at most {least - 1} tokens"):
        load(least - 1)
    loaded = load(least)
    rows = examples[:]
    for length in (*range(least, least + 14), 40, 64, 90):
        features = recipe.encode(rows, loaded.tokenizer, loaded.config, length)
        column = "prompt_ids" if "prompt_ids" in features else "input_ids"  # targets come on top
        sizes = features["windows"] if head == "dp" else [[len(ids)] for ids in features[column]]
        assert 0 < max(size for windows in sizes for size in windows) <= length
        assert set(features.get("row", range(len(sizes)))) == set(range(len(examples)))


@pytest.mark.parametrize(("task", "room"), [("ner", 62), ("mrc", 60)])
def test_strides_leave_no_gap_between_windows(task: str, room: int, tiny: Path) -> None:
    recipe = get_recipe(task)

    def load(stride: int) -> LoadedModel:
        return load_model(
            recipe,
            RecipeArguments(
                model_name_or_path=str(tiny), do_train=True, max_seq_length=64, doc_stride=stride
            ),
        )

    assert load(room).config.doc_stride == room
    for stride in (room + 1, 0, -1):
        with pytest.raises(ValueError, match=f"^{task}: doc_stride is {stride}, .*; expected 1 to {room}"):
            load(stride)


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


@pytest.mark.parametrize("task", SCRIPTS)
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
