"""Models as recipes load them: data types, token types, heads that are saved, adapters, mean pooling."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from runs import run
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    RobertaConfig,
    RobertaModel,
)

from recipes.engine.arguments import RecipeArguments
from recipes.engine.modeling import load_model
from recipes.models.sentence_classification import PoolingForSequenceClassification
from recipes.tasks import get_recipe


def arguments(path: Path, **values: object) -> RecipeArguments:
    return RecipeArguments(model_name_or_path=str(path), do_train=True, **values)


def test_half_precision_checkpoints_are_trained_in_float32(tiny: Path, tmp_path: Path) -> None:
    AutoModel.from_pretrained(tiny, dtype=torch.bfloat16).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    loaded = load_model(get_recipe("ynat"), arguments(tmp_path))
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_model_with_one_token_type_gets_none(tiny: Path, tmp_path: Path) -> None:
    """KLUE-RoBERTa: a BERT tokenizer that numbers the second sentence 1, and a model without a row for it."""
    shutil.copytree(tiny, tmp_path, dirs_exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    assert 1 in tokenizer("가", "나")["token_type_ids"]
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(tmp_path)
    loaded = load_model(get_recipe("nli"), arguments(tmp_path, max_seq_length=512))
    assert loaded.max_length == 64  # positions start behind the padding's
    features = get_recipe("nli").encode(
        {"premise": ["가 " * 100], "hypothesis": ["나"], "label": [0]},
        loaded.tokenizer,
        loaded.config,
        loaded.max_length,
    )
    assert "token_type_ids" not in features
    assert features["truncated"] == [True]
    output = loaded.model(torch.tensor(features["input_ids"]), labels=torch.tensor([0]))
    assert torch.isfinite(output.loss)


def test_token_types_are_kept_where_the_model_has_them(tiny: Path) -> None:
    loaded = load_model(get_recipe("nli"), arguments(tiny))
    features = get_recipe("nli").encode(
        {"premise": ["가"], "hypothesis": ["나"], "label": [2]},
        loaded.tokenizer,
        loaded.config,
        loaded.max_length,
    )
    assert features["token_type_ids"] == [[0, 0, 0, 1, 1]]
    assert (features["labels"], features["length"], features["truncated"]) == ([2], [5], [False])


def test_a_model_without_a_trained_head_is_not_evaluated(tiny: Path) -> None:
    wanted = RecipeArguments(model_name_or_path=str(tiny), do_eval=True)
    with pytest.raises(ValueError, match=r"has no trained head \(missing: classifier.bias.*or --do_train"):
        load_model(get_recipe("ynat"), wanted)


def test_the_head_has_the_hubs_labels_in_the_hubs_order(tiny: Path) -> None:
    model = load_model(get_recipe("nli"), arguments(tiny)).model
    assert model.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    assert load_model(get_recipe("sts"), arguments(tiny)).model.config.problem_type == "regression"


def test_lora_trains_adapters_the_head_and_what_the_checkpoint_lacked(tiny: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(tiny, add_pooling_layer=False)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    loaded = load_model(get_recipe("ynat"), arguments(tmp_path, use_lora=True))
    trained = {name for name, parameter in loaded.model.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if "lora_" not in name} == {
        f"base_model.model.{name}.modules_to_save.default.{part}"
        for name in ("classifier", "bert.pooler.dense")
        for part in ("weight", "bias")
    }
    assert any("attention.self.query.lora_A" in name for name in trained)
    assert any("intermediate.dense.lora_B" in name for name in trained)


def test_mean_pooling_ignores_padding_and_trains_the_encoder(tiny: Path) -> None:
    loaded = load_model(get_recipe("sts"), arguments(tiny, pooling="mean"))
    model = loaded.model.eval()
    assert isinstance(model, PoolingForSequenceClassification)
    alone = loaded.tokenizer(["짧은 글"], return_tensors="pt")
    padded = loaded.tokenizer(["짧은 글", "훨씬 더 긴 글이 옆에 있다"], padding=True, return_tensors="pt")
    torch.testing.assert_close(model(**alone).logits[0], model(**padded).logits[0])
    hidden = AutoModel.from_pretrained(tiny)(**alone).last_hidden_state
    torch.testing.assert_close(model(**alone).logits, model.classifier(hidden.mean(dim=1)))
    model(**alone, labels=torch.tensor([3.5])).loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_mean_pooling_is_saved_with_its_code_and_loads_elsewhere(tiny: Path, tmp_path: Path, python) -> None:
    loaded = load_model(get_recipe("nli"), arguments(tiny, pooling="mean"))
    folder = tmp_path / "saved"
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    with torch.no_grad():
        expected = loaded.model.eval()(**loaded.tokenizer("가나", "다라", return_tensors="pt")).logits
    code = (
        "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T\n"
        "model = M.from_pretrained('saved', trust_remote_code=True).eval()\n"
        "print(model(**T.from_pretrained('saved')('가나', '다라', return_tensors='pt')).logits.tolist())"
    )
    printed = python("-c", code, cwd=tmp_path).stdout
    torch.testing.assert_close(torch.tensor(eval(printed)), expected)
    # and the encoder alone is an ordinary checkpoint
    encoder = AutoModel.from_pretrained(folder, trust_remote_code=False)
    torch.testing.assert_close(
        encoder.embeddings.word_embeddings.weight, loaded.model.bert.embeddings.word_embeddings.weight
    )


def test_a_head_for_other_labels_is_made_anew(tiny: Path, tmp_path: Path) -> None:
    AutoModelForSequenceClassification.from_pretrained(tiny, num_labels=5).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    loaded = load_model(get_recipe("nli"), arguments(tmp_path))
    assert loaded.head == ["classifier"]
    assert loaded.model.classifier.out_features == 3


def test_pair_pooling_compares_the_means_of_the_two_sentences(tiny: Path) -> None:
    loaded = load_model(get_recipe("sts"), arguments(tiny, pooling="pair"))
    model = loaded.model.eval()
    batch = loaded.tokenizer(
        ["비가 온다", "가"], ["날씨가 맑다 한다", "나"], padding=True, return_tensors="pt"
    )
    hidden = model.bert(**batch).last_hidden_state
    for row, encoding in enumerate(batch.encodings):
        ids = batch["input_ids"][row].tolist()
        end = ids.index(loaded.tokenizer.sep_token_id)
        second = [i for i, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
        u, v = hidden[row, :end].mean(dim=0), hidden[row, second].mean(dim=0)
        expected = model.classifier(torch.cat([u, v, (u - v).abs(), u * v]))
        torch.testing.assert_close(model(**batch).logits[row], expected)
    with pytest.raises(ValueError, match="ynat: pooling is pair; expected cls or mean"):
        load_model(get_recipe("ynat"), arguments(tiny, pooling="pair"))


def test_what_the_checkpoint_lacked_may_learn_faster(tiny: Path, tmp_path: Path) -> None:
    from recipes.engine.training import make_trainer, make_training_arguments

    wanted = arguments(tiny, learning_rate=1e-4, head_learning_rate=1e-2, weight_decay=0.1)
    recipe = get_recipe("nli")
    loaded = load_model(recipe, wanted)
    training = make_training_arguments(recipe, wanted, tmp_path)
    optimizer = make_trainer(recipe, wanted, training, loaded, {}, {}).create_optimizer()
    names = {id(parameter): name for name, parameter in loaded.model.named_parameters()}
    rates = {names[id(p)]: (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    assert set(rates) == set(names.values())
    assert rates.pop("classifier.weight") == (1e-2, 0.1)
    assert rates.pop("classifier.bias") == (1e-2, 0.0)
    assert {rate for rate, _ in rates.values()} == {1e-4}


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_frozen_layers_stay_as_they_are(layers: int, tiny: Path, tmp_path: Path) -> None:
    """So do the embeddings; the layers above, the pooler and the head learn."""
    words = ["--max_train_samples", "32", "--max_eval_samples", "20", "--num_train_epochs", "1"]
    run("nli", tiny, tmp_path, *words, "--freeze_layers", str(layers))
    before = AutoModel.from_pretrained(tiny).state_dict()
    after = AutoModelForSequenceClassification.from_pretrained(tmp_path).base_model.state_dict()
    kept = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name in before if name.startswith("embeddings.")}
    frozen |= {name for name in before for layer in range(layers) if f"encoder.layer.{layer}." in name}
    assert frozen < set(before)
    assert kept == frozen


@pytest.mark.parametrize(
    ("task", "words", "message"),
    [
        ("nli", ["--freeze_layers", "9"], "--freeze_layers is 9; expected 0 to 2"),
        ("nli", ["--freeze_layers", "1", "--use_lora"], "does not go with --use_lora"),
        ("re", ["--freeze_layers", "1"], "does not go with 4 tokens to learn"),
    ],
    ids=["too many", "adapters", "new tokens"],
)
def test_layers_that_cannot_be_frozen(
    task: str, words: list[str], message: str, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run(task, tiny, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()
