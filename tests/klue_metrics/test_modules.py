"""Tests of the evaluate modules: loading, collecting batches, examples and cards."""

from __future__ import annotations

import doctest
import importlib.util
import math
from pathlib import Path

import datasets
import evaluate
import numpy as np
import pytest
import torch
import yaml

import klue_metrics
from klue_metrics.functional import METRICS, compute

MODULES = [*METRICS, "klue_metric"]


def test_there_is_a_module_for_every_task_and_one_for_all() -> None:
    folders = sorted(path.name for path in Path(klue_metrics.path()).parent.glob("klue_*"))
    assert folders == sorted([*(f"klue_{task}" for task in METRICS), "klue_metric"])


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name: str) -> None:
    folder = Path(klue_metrics.path(name))
    spec = importlib.util.spec_from_file_location(folder.name, folder / f"{folder.name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = doctest.testmod(module)
    assert result.attempted >= 3
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_metric_cards_are_true(name: str) -> None:
    card = Path(klue_metrics.path(name), "README.md")
    _, metadata, text = card.read_text().split("---\n", 2)
    assert yaml.safe_load(metadata)["sdk"] == "gradio"
    code = text.split("```python\n")[1].split("```")[0]
    examples = doctest.DocTestParser().get_doctest(code, {}, str(card), str(card), 0)
    assert len(examples.examples) >= 3
    result = doctest.DocTestRunner().run(examples)
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_the_four_files_of_an_evaluate_metric(name: str) -> None:
    folder = Path(klue_metrics.path(name))
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {f"{folder.name}.py", "README.md", "app.py", "requirements.txt"}


def test_it_loads_by_its_bare_name_in_the_folder_of_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(klue_metrics.path()).parent)
    metric = evaluate.load("klue_metric", "sts")
    scores = metric.compute(predictions=[3.2, 1.0, 4.4], references=[3.0, 0.5, 4.9])
    assert scores == compute("sts", [3.2, 1.0, 4.4], [3.0, 0.5, 4.9])


def test_the_module_for_all_tasks_is_the_module_of_each() -> None:
    for task in ("ynat", "nli"):
        single = evaluate.load(klue_metrics.path(task))
        both = {"predictions": [0, 1, 2, 2], "references": [0, 1, 1, 2]}
        assert (
            klue_metrics.load(task).compute(**both) == single.compute(**both) == compute(task, *both.values())
        )
    assert klue_metrics.load("tc").compute(predictions=["경제"], references=[1]) == {"macro_f1": 100.0}


def test_containers_names_and_ids_may_be_mixed() -> None:
    metric = klue_metrics.load("nli")
    column = datasets.Dataset.from_dict({"label": [0, 1, 2]})["label"]
    for predictions in (
        column,
        torch.tensor([0, 1, 2]),
        np.array([0, 1, 2]),
        (0, 1, 2),
        ["entailment", 1, 2],
    ):
        scores = metric.compute(predictions=predictions, references=["entailment", "neutral", "neutral"])
        assert scores == {"accuracy": pytest.approx(200 / 3)}


def test_gathering_by_example_and_by_batch() -> None:
    metric = klue_metrics.load("ynat")
    metric.add(prediction="경제", reference=1)
    metric.add_batch(predictions=[], references=[])
    metric.add_batch(predictions=torch.tensor([2, 3]), references=["사회", "정치"])
    assert metric.compute() == compute("ynat", [1, 2, 3], [1, 2, 6])
    sts = klue_metrics.load("sts")
    for prediction, reference in ((3.2, 3.0), (1.0, 0.5), (4.4, 4.9)):
        sts.add(prediction=prediction, reference=reference)
    assert sts.compute() == compute("sts", [3.2, 1.0, 4.4], [3.0, 0.5, 4.9])


def test_constant_predictions_are_nan_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="Pearson's correlation is undefined"):
        scores = klue_metrics.load("sts").compute(predictions=[3.0, 3.0], references=[1.0, 4.0])
    assert math.isnan(scores["pearsonr"])


def test_wrong_calls_are_one_sentence_and_leave_the_module_usable() -> None:
    metric = klue_metrics.load("ynat")
    with pytest.raises(ValueError, match="ynat: 1 predictions and 2 references"):
        metric.compute(predictions=[1], references=[1, 2])
    with pytest.raises(ValueError, match=r"ynat: predictions\[0\] is 1.7"):
        metric.add_batch(predictions=[1.7], references=[1])
    with pytest.raises(ValueError, match=r"ynat: references\[0\] is '날씨'"):
        metric.add(prediction=1, reference="날씨")
    with pytest.raises(ValueError, match="ynat: nothing to score"):
        metric.compute()
    with pytest.raises(ValueError, match="ynat: predictions and references are empty"):
        metric.compute(predictions=[], references=[])
    assert metric.compute(predictions=[1], references=[1]) == {"macro_f1": 100.0}


def test_unknown_tasks_are_refused_by_name() -> None:
    for call in (
        lambda: klue_metrics.load("weather"),
        lambda: klue_metrics.path("weather"),
        lambda: evaluate.load(klue_metrics.path(), "weather"),
    ):
        with pytest.raises(ValueError, match="no KLUE task 'weather'; expected one of ynat, sts, nli"):
            call()
    with pytest.raises(ValueError, match="no KLUE task 'default'"):
        evaluate.load(klue_metrics.path())


NESTED = {
    "ner": {
        "predictions": [["B-PS", "O"], ["O"]],
        "references": [[8, 12], [12]],
        "tokens": [["가", " "], ["나"]],
    },
    "re": {
        "predictions": [0, 1],
        "references": ["no_relation", "org:dissolved"],
        "probabilities": np.eye(30)[:2],
    },
    "dp": {
        "predictions": [{"head": [2, 0], "deprel": ["NP", "VP"]}, {"head": [0], "deprel": ["VP"]}],
        "references": [{"head": [2, 0], "deprel": ["NP", "IP"]}, {"head": [0], "deprel": ["VP"]}],
    },
    "mrc": {
        "predictions": [{"guid": "b", "prediction_text": ""}, {"guid": "a", "prediction_text": "한 달"}],
        "references": [
            {"guid": "a", "answers": {"text": ["한 달가량"], "answer_start": [0]}, "question_type": 1},
            {"guid": "b", "answers": {"text": ["거짓"], "answer_start": [0]}, "is_impossible": True},
        ],
    },
    "wos": {"predictions": [["a-b-c"], []], "references": [["a-b-c", "a-d-e"], []]},
}


@pytest.mark.parametrize("task", NESTED)
@pytest.mark.filterwarnings("ignore:re. the references hold no")
def test_nested_inputs_go_through_evaluate_unchanged(task: str) -> None:
    inputs = NESTED[task]
    expected = compute(task, **inputs)
    assert list(expected) == list(METRICS[task].names)
    metric = klue_metrics.load(task)
    assert metric.compute(**inputs) == pytest.approx(expected, nan_ok=True)
    sides = {role: inputs[role] for role in ("predictions", "references")}
    extra = {name: value for name, value in inputs.items() if name not in sides}
    for index in range(2):
        metric.add(prediction=sides["predictions"][index], reference=sides["references"][index])
    assert metric.compute(**extra) == pytest.approx(expected, nan_ok=True)
    metric.add_batch(**sides)
    assert metric.compute(**extra) == pytest.approx(expected, nan_ok=True)
