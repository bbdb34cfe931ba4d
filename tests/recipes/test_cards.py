"""Tests of model cards, which state the records of their run and nothing else."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from runs import read, run
from transformers.pipelines import PIPELINE_REGISTRY

import klue_datasets
from klue_metrics.functional import METRICS
from recipes.arguments import RecipeArguments
from recipes.engine import run as story
from recipes.engine.baselines import below_constant
from recipes.engine.card import Training, write_card
from recipes.engine.data import Data
from recipes.engine.results import EVAL_DETAILS, PREDICTIONS
from recipes.tasks import get_recipe

CODE = ("```python\n", "```")
SETTINGS = ("```yaml\n", "```")


def between(text: str, marks: tuple[str, str]) -> str:
    return text.split(marks[0])[1].split(marks[1])[0]


def test_a_card_names_its_model_its_data_and_how_to_use_it(finished: tuple[str, Path]) -> None:
    task, folder = finished
    card = ModelCard.load(folder / "README.md")
    types = {result.task_type for result in card.data.eval_results}
    titles = {"dp": "dependency-parsing", "mrc": "machine-reading-comprehension"}
    assert types == {card.data.pipeline_tag or titles.get(task, "dialogue-state-tracking")}
    assert card.data.model_name == f"tiny-klue-{task}"
    assert f"# tiny-klue-{task} on KLUE" in card.text
    assert (card.data.base_model, card.data.datasets) == (None, None)  # a local folder; not KLUE's data
    tag = card.data.pipeline_tag
    assert tag is None or tag in PIPELINE_REGISTRY.get_supported_tasks()
    assert (tag is None) == (task in ("dp", "mrc", "wos"))
    settings = yaml.safe_load(between(card.text, SETTINGS))
    assert settings["mini"] is True
    assert not {"dataset_name", "dataset_revision", "data_dir"} & set(settings)
    assert "* data: klue-hub mini corpus\n" in card.text
    code = between(card.text, CODE)
    assert ("pip install 'klue-hub[train]'" in card.text) == ("import load_pipeline" in code)
    assert "The checkpoint was chosen on" in card.text
    note = below_constant(task, read(folder / "eval_results.json"))
    assert ("No better than the constant baseline" in card.text) == (note is not None)
    assert note is None or note in card.text


def card_of(finished: tuple[str, Path], target: Path, model: str, trained: Training | None) -> ModelCard:
    """Write the card of an evaluation of a model in another folder, on KLUE's data."""
    task, folder = finished
    target.mkdir()
    for name in (PREDICTIONS, EVAL_DETAILS):
        shutil.copy(folder / name, target)
    rows = klue_datasets.load(task, mini=True)
    source = Data(rows, "klue/klue", is_official=True, version="1.1.0", hash="kl", validation_hash="kl")
    results = read(folder / "eval_results.json")
    arguments = RecipeArguments(model_name_or_path=model, do_eval=True)
    write_card(get_recipe(task), target, arguments, source, results, trained, False)
    return ModelCard.load(target / "README.md")


def test_an_evaluation_alone_claims_nothing_of_a_training_that_is_not_recorded(
    finished: tuple[str, Path], tmp_path: Path
) -> None:
    here = tmp_path / "there" / "model"
    here.mkdir(parents=True)
    for number, model in enumerate(("somebody/model", str(here), "out/model")):
        card = card_of(finished, tmp_path / str(number), model, None)
        assert (card.data.base_model, card.data.datasets, card.data.model_name) == (None, None, "model")
        assert "The training of the model is not recorded" in card.text
        assert "On KLUE's official validation split, version 1.1.0" in card.text
        for claim in ("fine-tuned", "was chosen on", "## Training", "## Use", "learning_rate", str(tmp_path)):
            assert claim not in card.text


@pytest.mark.parametrize(
    ("recorded", "base", "sets", "chosen"),
    [
        ({"base_model": "klue/roberta-base", "base_model_is_local": False}, "klue/roberta-base", None, False),
        ({"base_model": "tiny", "base_model_is_local": True}, None, None, False),
        ({"train_data": "klue/klue", "best_checkpoint_metric": 1.0}, None, ["klue/klue"], False),
        (
            {"train_data": "mini", "best_checkpoint_metric": 1.0, "train_validation_hash": "mi"},
            None,
            None,
            False,
        ),
        ({"best_checkpoint_metric": 1.0, "train_validation_hash": "kl"}, None, None, True),
        ({"best_checkpoint_metric": None, "train_validation_hash": "kl"}, None, None, False),
    ],
)
def test_a_card_says_of_training_what_its_record_says(
    recorded: dict[str, Any],
    base: str | None,
    sets: list[str] | None,
    chosen: bool,
    finished: tuple[str, Path],
    tmp_path: Path,
) -> None:
    trained = Training(RecipeArguments(data_dir="there/klue_benchmark"), recorded)
    card = card_of(finished, tmp_path / "card", "out/model", trained)
    assert (card.data.base_model, card.data.datasets) == (base, sets)
    assert ("was chosen on" in card.text) == chosen
    assert "but not the model" in card.text
    assert "klue/klue" not in between(card.text, SETTINGS)
    assert "klue_benchmark" not in card.text


def test_a_card_says_which_examples_chose_the_checkpoint_or_were_trained_on(
    tiny: Path, tmp_path: Path
) -> None:
    """Training and evaluation each on the validation split or on held-out training examples."""
    held = ("--set", "held_out_fraction=0.1")
    for name, words in (("plain", ()), ("held", held)):
        run("nli", tiny, tmp_path / name, "--max_steps", "2", *words)
    expected = {  # training, evaluation -> chosen on these examples, trained on these examples
        ("plain", ()): (True, False),
        ("plain", held): (False, True),
        ("held", ()): (False, False),
        ("held", held): (True, False),
    }
    for number, ((trained, words), (chosen, learned)) in enumerate(expected.items()):
        run("nli", tmp_path / trained, tmp_path / str(number), "--do_eval", *words)
        text = (tmp_path / str(number) / "README.md").read_text()
        assert ("was chosen on the same examples" in text) == chosen
        assert ("was trained on some or all of these examples" in text) == learned


def test_a_model_evaluated_elsewhere_keeps_the_record_of_its_training(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path / "trained", "--max_steps", "2", "--learning_rate", "1e-4")
    words = ("--do_eval", "--learning_rate", "7", "--max_eval_samples", "20")
    run("nli", tmp_path / "trained", tmp_path / "evaluated", *words)
    card = ModelCard.load(tmp_path / "evaluated" / "README.md")
    assert card.data.model_name == "tiny-klue-nli"
    assert yaml.safe_load(between(card.text, SETTINGS))["learning_rate"] == 1e-4
    assert "(20 validation examples)" in card.text
    assert "but not the model" in card.text


@pytest.mark.parametrize("task", METRICS)
def test_scores_no_better_than_the_constant_baseline_are_named(task: str) -> None:
    names = METRICS[task].names
    constant = {f"constant_{key}": 50.0 for key in names}
    assert below_constant(task, constant | {f"eval_{key}": 50.1 for key in names}) is None
    assert below_constant(task, dict.fromkeys(constant) | {f"eval_{key}": 0.0 for key in names}) is None
    for score, shown in ((50.0, "50.00"), (3.0, "3.00"), (None, "undefined"), (float("nan"), "undefined")):
        note = below_constant(task, constant | {f"eval_{key}": score for key in names})
        told = ", ".join(f"{name} {shown} (constant baseline: 50.00)" for name in names.values())
        assert note == f"No better than the constant baseline: {told}."


def test_a_run_below_its_constant_baseline_says_so_in_its_last_line(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=story.__name__):
        results = run("sts", tiny, tmp_path, "--learning_rate", "0", "--max_steps", "1")
    f1 = results["constant_f1"]
    note = f"No better than the constant baseline: F1 {results['eval_f1']:.2f} (constant baseline: {f1:.2f})."
    assert caplog.messages[-1] == f"sts: {note}"
    assert f"\n**{note}**\n" in (tmp_path / "README.md").read_text()
    assert results == read(tmp_path / "all_results.json")  # what is undefined is None, not NaN
    assert results["constant_pearsonr"] is None


def test_the_lines_of_a_card_trust_the_code_that_the_model_has_from_its_checkpoint(
    tiny: Path, tmp_path: Path
) -> None:
    words = ("--max_train_samples", "16", "--max_eval_samples", "8", "--max_steps", "1")
    run("nli", tiny, tmp_path / "first", *words, "--pooling", "mean")
    run("nli", tmp_path / "first", tmp_path / "second", *words)
    for name in ("first", "second"):
        code = between((tmp_path / name / "README.md").read_text(), CODE)
        assert 'model=".", trust_remote_code=True)' in code
