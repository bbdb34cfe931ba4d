"""Tests of the folders of LoRA runs in transformers' pipelines, from any working directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import run
from text_models import make_text_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from recipes.predict import load_pipeline
from recipes.tasks import get_recipe
from recipes.tasks.shared.encoder import EncoderModel

# Steps that are large enough for an adapter to change the answers.
WORDS = ["--use_lora", "--learning_rate", "2e-2", "--max_train_samples", "12", "--max_eval_samples", "3"]
WORDS += ["--max_steps", "4", "--eval_strategy", "no", "--set", "lora_dropout=0"]
KINDS = {
    "dp": ("dp", []),
    "trade": ("wos", ["--set", "value_loss=pointed"]),
    "seq2seq": ("wos", ["--head", "generative", "--set", "max_new_tokens=24"]),
    "causal": ("wos", ["--head", "generative", "--set", "max_new_tokens=24"]),
}


def rounded(value: Any) -> Any:
    """Round the numbers of an answer to three decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return pytest.approx(value, abs=1e-3) if isinstance(value, float) else value


@pytest.mark.parametrize("kind", KINDS)
def test_pipelines_take_adapter_folders(
    kind: str, tiny: Path, byte_level: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task, words), folder = KINDS[kind], tmp_path / "runs" / "lora"
    base = tiny if kind in ("dp", "trade") else make_text_model(kind, tmp_path / "base", tiny, byte_level)
    run(task, base, folder, *WORDS, *words)
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "model.safetensors").exists()
    recipe = get_recipe(task)
    sample = list(recipe.raw_input.sample) if task == "wos" else recipe.raw_input.sample
    expected = load_pipeline(task, folder, device="cpu")(sample)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    name = "dialogue-state-tracking" if task == "wos" else "dependency-parsing"
    answer = pipeline(name, model="../runs/lora", trust_remote_code=True, device="cpu")
    assert answer(sample) == rounded(expected)


def test_a_pooling_model_loads_from_an_adapter_folder(tiny: Path, tmp_path: Path) -> None:
    """With the embeddings of tokens that the base model does not have, the entity markers of re."""
    folder = tmp_path / "lora"
    run("re", tiny, folder, *WORDS, "--pooling", "entity_start")
    recipe = get_recipe("re")
    ours = load_pipeline("re", folder, device="cpu")
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    assert type(model).__mro__[1].__name__ == EncoderModel.__name__
    tokenizer = AutoTokenizer.from_pretrained(folder)
    row = recipe.raw_input.read(recipe.raw_input.sample)
    features = recipe.encode({name: [value] for name, value in row.items()}, tokenizer, model.config, 64)
    inputs = {name: features[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
    batch = tokenizer.pad(inputs, return_tensors="pt")
    scores = model(**batch).logits.softmax(dim=-1)
    label = model.config.id2label[int(scores.argmax())]
    assert {"label": label, "score": pytest.approx(float(scores.max()), abs=1e-5)} == ours(
        recipe.raw_input.sample
    )
