"""One run of a model family on a task: it trains, evaluates, saves, loads and answers, or says why it cannot."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from runs import read, run
from transformers import AutoTokenizer, pipeline

from recipes.predict import load_pipeline
from recipes.tasks import MODULES, get_recipe

COLUMNS = (*MODULES, "generative")  # of wos: TRADE, and models that write the state
WORDS = ["--max_train_samples", "8", "--max_eval_samples", "4", "--max_steps", "2", "--save_strategy", "no"]
WORDS += ["--eval_strategy", "no", "--per_device_train_batch_size", "4", "--max_seq_length", "96"]
AUTO = {
    "ner": "AutoModelForTokenClassification",
    "re": "AutoModelForSequenceClassification",
    "mrc": "AutoModelForQuestionAnswering",
}
PIPELINES = {"dp": "dependency-parsing", "wos": "dialogue-state-tracking"}


def outcome(column: str, model: Path, folder: Path, *words: str) -> str:
    """Runs a column on a model; "" where all goes well, else the sentence that it ended with.

    Raises:
        AssertionError: The run finished, but its scores are not finite or transformers answers otherwise.
    """
    task = "wos" if column == "generative" else column
    told = ["--head", "generative", "--max_new_tokens", "8"] if column == "generative" else []
    try:
        run(task, model, folder, *WORDS, *told, *words)
    except ValueError as error:
        return str(error)
    results = read(folder / "all_results.json")
    assert np.isfinite(results["train_loss"])
    assert results["eval_samples"] == 4 or task == "wos"
    check_answers(task, folder)
    return ""


def check_answers(task: str, folder: Path) -> None:
    """The folder gives the same answers by itself as through this package."""
    recipe, answer = get_recipe(task), load_pipeline(task, folder)
    sample = recipe.sample
    ours = answer(list(sample) if isinstance(sample, tuple) else sample)
    if task in PIPELINES:
        theirs = pipeline(PIPELINES[task], model=str(folder), trust_remote_code=True)
        shown = sample if isinstance(sample, str) else list(sample)
        np.testing.assert_equal(rounded(theirs(shown)), rounded(ours))
    elif task in AUTO:
        compare_outputs(answer, folder, AUTO[task], [sample])
    else:
        texts = [sample] if isinstance(sample, str) else list(sample.values())
        asked: Any = texts[0] if len(texts) == 1 else dict(zip(("text", "text_pair"), texts, strict=True))
        options = {"function_to_apply": "none"} if task == "sts" else {}
        classify = pipeline("text-classification", model=str(folder), trust_remote_code=True)
        found = classify(asked, **options)
        found = found[0] if isinstance(found, list) else found
        assert found["label"] == ours["label"]
        assert abs(found["score"] - ours["score"]) < 1e-4


def compare_outputs(answer: Any, folder: Path, auto_class: str, items: list[Any]) -> None:
    """The class that transformers loads gives the same numbers for the same input."""
    model = getattr(transformers, auto_class).from_pretrained(folder, trust_remote_code=True).eval()
    AutoTokenizer.from_pretrained(folder)
    rows = [answer.recipe.read_input(item) for item in items]
    before, plain = answer.loaded, []
    for each in (before.model, model):
        object.__setattr__(before, "model", each)
        with torch.no_grad():
            plain.append(answer.decode(rows))
    assert plain[0] == plain[1]


def rounded(value: Any) -> Any:
    """An answer with its numbers to three places."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value
