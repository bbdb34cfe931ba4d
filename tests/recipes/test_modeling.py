"""Tests of loading models: data types, token types, heads, adapters and pooling."""

from __future__ import annotations

import contextlib
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import run
from text_models import KINDS, make_text_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaModel,
    set_seed,
)

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine import run as story
from recipes.engine.modeling import draw_embeddings, load_model, save_beside_adapter
from recipes.subwords.entity_markers import ROLES, marker_tokens
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import LoadedModel
from recipes.tasks.shared.modeling_pooling import PoolingForSequenceClassification


def arguments(path: Path, **values: object) -> RecipeArguments:
    return RecipeArguments(model_name_or_path=str(path), do_train=True, **values)


def test_half_precision_checkpoints_are_trained_in_float32(tiny: Path, tmp_path: Path) -> None:
    AutoModel.from_pretrained(tiny, dtype=torch.bfloat16).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    loaded = load_model(get_recipe("ynat"), arguments(tmp_path))
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_model_with_one_token_type_gets_none(tiny: Path, tmp_path: Path) -> None:
    """KLUE-RoBERTa has a BERT tokenizer with two token types, but embeddings for only one."""
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
    with pytest.raises(ValueError, match=r"has no trained head \(missing: classifier.bias.*on this task"):
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
    from recipes.engine.training import make_trainer
    from recipes.engine.training_arguments import make_training_arguments

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
    """Embeddings are frozen as well; higher layers, pooler and head are trained."""
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
        ("nli", ["--freeze_layers", "1", "--use_lora"], "cannot be combined with --use_lora"),
        ("re", ["--freeze_layers", "1"], "cannot be combined with 4 new tokens"),
    ],
    ids=["too many", "adapters", "new tokens"],
)
def test_layers_that_cannot_be_frozen(
    task: str, words: list[str], message: str, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run(task, tiny, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()


def start(path: Path, seed: int = 0, **values: Any) -> LoadedModel:
    """Load the model for a training run."""
    set_seed(seed)
    return load_model(get_recipe("re"), RecipeArguments(str(path), **{"do_train": True, **values}))


def with_spare_rows(tiny: Path, folder: Path) -> Path:
    """Write the tiny model with 40 additional embeddings, all zero."""
    model = AutoModel.from_pretrained(tiny)
    old = model.config.vocab_size
    model.resize_token_embeddings(old + 40, mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight[old:] = 0
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("spare", [False, True], ids=["grown", "spare rows"])
@pytest.mark.parametrize("style", ["official", "typed"])
def test_markers_start_as_different_vectors(style: str, spare: bool, tiny: Path, tmp_path: Path) -> None:
    """As in KLUE-baseline, they are drawn from N(0, initializer_range) and depend on the seed."""
    path = with_spare_rows(tiny, tmp_path) if spare else tiny
    loaded = start(path, marker_style=style)
    ids = loaded.tokenizer.convert_tokens_to_ids(marker_tokens(style))
    table = loaded.model.get_input_embeddings().weight.detach()
    rows = table[ids]
    cosines = torch.nn.functional.cosine_similarity(rows[:, None], rows[None], dim=-1)
    others = cosines[~torch.eye(len(rows), dtype=torch.bool)]
    assert others.abs().max() < 0.5  # of random directions in 128 dimensions
    assert rows.std().item() == pytest.approx(loaded.config.initializer_range, rel=0.15)
    before = AutoModel.from_pretrained(path).get_input_embeddings().weight.detach()
    old = len(AutoTokenizer.from_pretrained(tiny))
    assert torch.equal(table[:old], before[:old])
    assert len(table) == max(len(before), old + len(ids))
    again, other = (start(path, seed, marker_style=style).model for seed in (0, 1))
    assert torch.equal(again.get_input_embeddings().weight, table)
    assert not torch.equal(other.get_input_embeddings().weight[ids], rows)


def test_output_embeddings_of_new_tokens_are_drawn_too(tiny: Path) -> None:
    for is_tied in (True, False):
        model = AutoModelForMaskedLM.from_pretrained(tiny, tie_word_embeddings=is_tied)
        old = model.config.vocab_size
        model.resize_token_embeddings(old + 4)
        draw_embeddings(model, range(old, old + 4))
        tables = [
            layer.weight[-4:] for layer in (model.get_input_embeddings(), model.get_output_embeddings())
        ]
        assert torch.equal(*tables) is is_tied
        for table in tables:
            assert table.std().item() == pytest.approx(model.config.initializer_range, rel=0.3)
            assert torch.corrcoef(table).fill_diagonal_(0).abs().max() < 0.5


@pytest.mark.parametrize("style", ["official", "typed"])
@pytest.mark.parametrize("pooling", RecipeArguments.__dataclass_fields__["pooling"].metadata["choices"]["re"])
def test_an_untrained_model_tells_subject_from_object(pooling: str, style: str, tiny: Path) -> None:
    loaded = start(tiny, pooling=pooling, marker_style=style)
    row = next(iter(klue_datasets.load("re", "validation", mini=True)))
    swapped = {**row, "subject_entity": row["object_entity"], "object_entity": row["subject_entity"]}
    batch = {name: [row[name], swapped[name]] for name in ("sentence", *ROLES)}
    features = get_recipe("re").encode(batch, loaded.tokenizer, loaded.config, loaded.max_length)
    assert len(features["input_ids"][0]) == len(features["input_ids"][1])
    with torch.no_grad():
        outputs = loaded.model.eval()(torch.tensor(features["input_ids"])).logits
    # Random attention is nearly uniform, so [CLS] sees little of it; with equal markers it was 2e-7.
    assert (outputs[0] - outputs[1]).norm() > (1e-4 if pooling == "cls" else 0.5) * outputs[0].norm()


@pytest.mark.parametrize("spare", [False, True], ids=["grown", "spare rows"])
def test_markers_learn_under_lora_and_are_not_drawn_again(spare: bool, tiny: Path, tmp_path: Path) -> None:
    """Trained embeddings are used by evaluation and by further training."""
    path = with_spare_rows(tiny, tmp_path / "base") if spare else tiny
    loaded = start(path, use_lora=True)
    ids = loaded.tokenizer.convert_tokens_to_ids(marker_tokens("official"))
    assert loaded.model.peft_config["default"].trainable_token_indices == ids
    batch = torch.tensor([[2, *ids, 3]])
    loaded.model(batch, labels=torch.tensor([4])).loss.backward()
    (rows,) = [p for name, p in loaded.model.named_parameters() if "trainable_tokens_delta" in name]
    assert rows.shape[0] == 4
    assert (rows.grad.abs().sum(dim=1) > 0).all()
    rows.data += 1
    folder = save(loaded, tmp_path / "adapter")
    expected = logits(loaded, batch)
    trained = rows.detach()
    evaluated = start(folder, seed=1, do_train=False)
    again = start(folder, seed=1, use_lora=True)
    for settings, message in (
        ({}, "use_lora is False; expected True"),
        ({"use_lora": True, "lora_r": 2}, "lora_r is 2; expected 16"),
        ({"use_lora": True, "lora_alpha": 8}, "lora_alpha is 8; expected 32"),
    ):
        with pytest.raises(ValueError, match=f"is an adapter, .*{message}"):
            start(folder, **settings)
    for other in (evaluated, again):
        torch.testing.assert_close(logits(other, batch), expected)
        with torch.no_grad():
            other.model.eval()
            torch.testing.assert_close(other.model.get_input_embeddings()(torch.tensor(ids)), trained)
    wanted = {name for name, parameter in again.model.named_parameters() if parameter.requires_grad}
    assert any("trainable_tokens_delta" in name for name in wanted)
    with pytest.raises(
        ValueError, match=r"has no trained embeddings of <subj:PER>.* or a full checkpoint to start from"
    ):
        start(folder, marker_style="typed")


@pytest.mark.parametrize("spare", [False, True], ids=["grown", "spare rows"])
def test_trained_markers_are_not_drawn_again(spare: bool, tiny: Path, tmp_path: Path) -> None:
    """With a tokenizer that has the markers, and with one to which they are added."""
    path = with_spare_rows(tiny, tmp_path / "base") if spare else tiny
    loaded = start(path)
    folder = save(loaded, tmp_path / "trained")
    table = loaded.model.get_input_embeddings().weight
    for values in ({}, {"do_train": False}, {"tokenizer_name": str(tiny)}, {"freeze_layers": 1}):
        other = start(folder, seed=1, **values)
        assert torch.equal(other.model.get_input_embeddings().weight, table)
    new = loaded.tokenizer.convert_tokens_to_ids(marker_tokens("official"))
    other = start(folder, seed=1, marker_style="typed")
    assert torch.equal(other.model.get_input_embeddings().weight[new], table[new])
    with pytest.raises(
        ValueError, match=r"has no trained embeddings of <subj:PER>, .* and 21 more; expected"
    ):
        start(folder, do_train=False, marker_style="typed")


@pytest.mark.parametrize("spare", [False, True], ids=["grown", "spare rows"])
def test_new_markers_cannot_be_frozen(spare: bool, tiny: Path, tmp_path: Path) -> None:
    path = with_spare_rows(tiny, tmp_path / "base") if spare else tiny
    with pytest.raises(ValueError, match="--freeze_layers cannot be combined with 4 new tokens"):
        start(path, freeze_layers=1)


def save(loaded: LoadedModel, folder: Path) -> Path:
    """Save a model like a run."""
    save_beside_adapter(loaded.model, folder)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def logits(loaded: LoadedModel, batch: torch.Tensor) -> torch.Tensor:
    """Return the outputs of a model without dropout."""
    with torch.no_grad():
        return loaded.model.eval()(batch).logits


# Families by how they number positions: with a table whose first rows no token uses, with a table that has a
# row for each position, and with none (relative or rotary positions, where any length runs).
AFTER_PADDING = (
    "roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "luke", "xmod", "xlm-roberta-xl",
    "data2vec-text", "roberta-prelayernorm", "ibert",
)  # fmt: skip
FROM_ZERO = ("bert", "electra", "distilbert", "big_bird")
NO_TABLE = ("deberta-v2", "modernbert", "t5")
SMALL = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "max_position_embeddings": 40, "type_vocab_size": 1, "bos_token_id": 0, "pad_token_id": 1,
    "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2,
}  # fmt: skip
SPECIAL = {
    "big_bird": {"attention_type": "original_full"},
    "deberta-v2": {"relative_attention": True, "position_biased_input": False},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16},
    "electra": {"embedding_size": 16},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 8, "entity_emb_size": 16},
    "t5": {
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 16,
        "num_layers": 1,
        "num_heads": 2,
        "decoder_start_token_id": 1,
    },
    "xmod": {"default_language": "ko_KR", "languages": ["ko_KR"]},
}


@pytest.mark.parametrize("family", [*AFTER_PADDING, *FROM_ZERO, *NO_TABLE])
def test_the_longest_input_is_as_long_as_the_model_has_positions(
    family: str, byte_level: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """The limit is that of its position embeddings."""
    settings = SMALL | {"vocab_size": len(byte_level)} | SPECIAL.get(family, {})
    if family == "t5":
        del settings["max_position_embeddings"]
    config = AutoConfig.for_model(family, **settings)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    byte_level.save_pretrained(tmp_path)
    loaded = load_model(get_recipe("ynat"), arguments(tmp_path))
    expected = {**dict.fromkeys(AFTER_PADDING, 38), "t5": byte_level.model_max_length}.get(family, 40)
    assert loaded.max_length == expected
    features = get_recipe("ynat").encode(
        {"title": ["가나다 " * 500], "label": [0]}, loaded.tokenizer, loaded.config, loaded.max_length
    )
    ids = torch.tensor(features["input_ids"])
    assert ids.shape == (1, expected)
    with torch.no_grad():
        assert torch.isfinite(loaded.model.eval()(ids).logits).all()
        if family not in NO_TABLE:
            with pytest.raises((IndexError, RuntimeError)):
                loaded.model(torch.cat([ids[:, :-1], ids[:, -2:]], dim=1))


@pytest.mark.parametrize("head", [*SCRIPTS, *KINDS])  # wos: TRADE, and models that write the state
def test_bf16_is_autocast_in_training_and_evaluation(
    head: str, tiny: Path, byte_level: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model computes in bfloat16, and its weights are float32."""
    task = "wos" if head in KINDS else head
    model = make_text_model(head, tmp_path / "base", tiny, byte_level) if head in KINDS else tiny
    seen: set[tuple[bool, torch.dtype | None]] = set()
    models = []

    def load(*given: Any) -> LoadedModel:
        loaded = load_model(*given)

        def look(*_: Any) -> None:
            is_on = torch.is_autocast_enabled("cpu")
            seen.add((loaded.model.training, torch.get_autocast_dtype("cpu") if is_on else None))

        for module in loaded.model.modules():
            if isinstance(module, torch.nn.Embedding):  # T5's encoder and decoder have one each
                module.register_forward_pre_hook(look)
        models.append(loaded.model)
        return loaded

    monkeypatch.setattr(story, "load_model", load)
    words = ["--bf16", "--max_steps", "2", "--per_device_train_batch_size", "2", "--max_train_samples", "8"]
    words += ["--max_eval_samples", "4", "--save_strategy", "no", "--eval_strategy", "no"]
    words += ["--head", "generative", "--set", "max_new_tokens=8"] if head in KINDS else []
    results = run(task, model, tmp_path / "run", *words)
    assert seen == {(True, torch.bfloat16), (False, torch.bfloat16)}
    assert math.isfinite(results["train_loss"])
    seen.clear()
    again = run(task, tmp_path / "run", tmp_path / "again", "--do_eval", *words)
    assert seen == {(False, torch.bfloat16)}
    for found in (results, again):
        loss = found["eval_loss"]
        assert (loss is None and task == "wos") or math.isfinite(loss)  # states are not evaluated by a loss
    assert len(models) == 2
    for model in models:
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_lstms_are_refused_under_deepspeed(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    for head, refused in (("klue", True), ("biaffine", False)):
        arguments = RecipeArguments(model_name_or_path=str(tiny), do_train=True, head=head)
        with pytest.raises(ValueError, match="--head biaffine") if refused else contextlib.nullcontext():
            load_model(get_recipe("dp", arguments), arguments)
