"""Run a model family on a task: training, evaluation, saving, loading and prediction."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest
import transformers
from runs import read, run
from transformers import pipeline

from recipes.predict import load_pipeline
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import Decoded

COLUMNS = (*SCRIPTS, "generative")  # of wos: TRADE, and models that write the state
WORDS = ["--max_train_samples", "8", "--max_eval_samples", "4", "--max_steps", "2", "--save_strategy", "no"]
WORDS += ["--eval_strategy", "no", "--per_device_train_batch_size", "4", "--max_seq_length", "96"]
AUTO = {
    "ner": "AutoModelForTokenClassification",
    "re": "AutoModelForSequenceClassification",
    "mrc": "AutoModelForQuestionAnswering",
}
WRITERS = ("gpt2", "llama", "gemma", "qwen3", "bloom", "bart", "t5")  # families that write text
PIPELINES = {"dp": "dependency-parsing", "wos": "dialogue-state-tracking"}


def outcome(column: str, model: Path, folder: Path, *words: str) -> str:
    """Runs a column on a model; "" where all goes well, else the sentence that it ended with.

    Raises:
        AssertionError: The run finished, but its scores are not finite or transformers answers otherwise.
    """
    task = "wos" if column == "generative" else column
    flags = ["--head", "generative", "--set", "max_new_tokens=8"] if column == "generative" else []
    try:
        run(task, model, folder, *WORDS, *flags, *words)
    except ValueError as error:
        return str(error)
    results = read(folder / "all_results.json")
    assert math.isfinite(results["train_loss"])
    assert results["eval_samples"] == 4 or task == "wos"
    check_answers(task, folder)
    return ""


def check_answers(task: str, folder: Path) -> None:
    """Check that the folder gives the same answers with and without this package."""
    recipe, answer = get_recipe(task), load_pipeline(task, folder)
    sample = recipe.raw_input.sample
    ours = answer(list(sample) if isinstance(sample, tuple) else sample)
    if task in PIPELINES:
        theirs = pipeline(PIPELINES[task], model=str(folder), trust_remote_code=True)
        shown = sample if isinstance(sample, str) else list(sample)
        assert theirs(shown) == close(ours)
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
    """Check that the class loaded by transformers has the same outputs."""
    model = getattr(transformers, auto_class).from_pretrained(folder, trust_remote_code=True).eval()
    rows = [answer.recipe.raw_input.read(item) for item in items]
    ours = answer.decode(rows)
    answer.loaded = dataclasses.replace(answer.loaded, model=model)
    theirs = answer.decode(rows)
    assert close(values_of(ours)) == values_of(theirs)


def values_of(decoded: Decoded) -> dict[str, Any]:
    """Return the fields of predictions that can be compared, which its functions cannot."""
    return {name: value for name, value in vars(decoded).items() if not callable(value)}


def close(value: Any) -> Any:
    """Equality up to small differences of numbers."""
    if isinstance(value, dict):
        return {key: close(item) for key, item in value.items()}
    if isinstance(value, list):
        return [close(item) for item in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


def refusal(family: str, column: str) -> str:
    """Return a part of the expected error message; "" for a run that must succeed."""
    if column == "generative":
        return "" if family in WRITERS else "does not write text; expected --head trade"
    if column == "wos":
        return "expected an encoder .* or --head generative" if family in WRITERS else ""
    if column == "dp" and family in ("xlnet", "gpt2", "qwen3"):
        return "no special token in front of a text.*; expected an encoder such as BERT"
    if column == "dp" and family in ("bart", "t5"):
        return "an encoder-decoder model .*; expected an encoder such as BERT"
    if (column, family) in (("mrc", "gemma"), ("ner", "bart")):
        return "transformers has no AutoModel.*; expected another encoder, such as BERT"
    return ""


def check_run(family: str, column: str, model: Path, folder: Path) -> None:
    """Check that a run has the expected result, and that a refused run has written nothing."""
    wanted, found = refusal(family, column), outcome(column, model, folder)
    assert bool(found) == bool(wanted), found
    assert re.search(wanted, found)
    assert "\n" not in found
    assert folder.exists() == (not found)
