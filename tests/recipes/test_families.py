"""Tests of checkpoints of many families: weights, special tokens, code and saved folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES
from family_matrix import check_run
from safetensors.torch import load_file, save_file
from text_models import KINDS, make_text_model
from transformers import AutoModel, AutoTokenizer, pipeline

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine.encoding import INDEX, Collator, encode_split
from recipes.engine.modeling import load_model, save_beside_adapter
from recipes.predict import load_pipeline
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import LoadedModel

# One column of the matrix for each family; all of it is in tests/benchmarks/bench_families.py.
SAMPLE = {
    "bert": "mrc", "bert-jamo": "ner", "klue-roberta": "sts", "roberta": "re", "xlm-roberta": "mrc",
    "electra": "dp", "distilbert": "wos", "deberta-v2": "ner", "modernbert": "ynat", "big_bird": "nli",
    "xlnet": "mrc", "gpt2": "nli", "llama": "mrc", "gemma": "ner", "qwen3": "re", "bloom": "generative",
    "bart": "nli", "t5": "mrc",
}  # fmt: skip
Family = Callable[[str], Path]


def load(task: str, path: Path, *, train: bool = True, **values: Any) -> LoadedModel:
    """Load a model for a run, with a few examples if it trains."""
    told = RecipeArguments(str(path), do_train=train, do_eval=True, **values)
    recipe = get_recipe(task, told)
    rows = recipe.prepare(klue_datasets.load(task, "train[:4]", mini=True))
    return load_model(recipe, told, {"train": rows} if train else {})


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_runs_on_a_task(name: str, family: Family, tmp_path: Path) -> None:
    check_run(name, SAMPLE[name], family(name), tmp_path / "run")


# The encoder's weights


def encoder_of(task: str, loaded: LoadedModel) -> dict[str, torch.Tensor]:
    """Return weights by their names in AutoModel, without newly initialised ones."""
    model = loaded.model.get_base_model() if hasattr(loaded.model, "get_base_model") else loaded.model
    weights = {
        name.replace(".base_layer", ""): value
        for name, value in model.base_model.state_dict().items()
        if "lora" not in name and "pooler" not in name
    }
    return {name: value for name, value in weights.items() if "qa_outputs" not in name}


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("wrapped", ["", "_orig_mod.", "module."])
@pytest.mark.parametrize("name", ["bert", "llama", "qwen3", "t5"])
def test_all_weights_of_the_encoder_are_loaded(
    name: str, wrapped: str, lora: bool, family: Family, tmp_path: Path
) -> None:
    """With any prefix in the class of the task, and after torch.compile."""
    folder = shutil.copytree(family(name), tmp_path / "model")
    file = folder / "model.safetensors"
    save_file({wrapped + key: value for key, value in load_file(file).items()}, file, {"format": "pt"})
    loaded = load("mrc", folder, use_lora=lora)
    expected = AutoModel.from_pretrained(family(name)).state_dict()
    found = encoder_of("mrc", loaded)
    assert len(found) > 15
    for key, weight in found.items():
        assert torch.equal(weight, expected[key]), key
    assert loaded.head == ["qa_outputs"]


def test_a_trained_model_keeps_its_names_and_is_a_start_for_other_tasks(
    family: Family, tmp_path: Path
) -> None:
    """LlamaForQuestionAnswering has another prefix for the encoder than other classes of Llama."""
    reading = load("mrc", family("llama"))
    reading.model.save_pretrained(tmp_path)
    reading.tokenizer.save_pretrained(tmp_path)
    assert any(key.startswith("transformer.layers.") for key in load_file(tmp_path / "model.safetensors"))
    again, other = load("mrc", tmp_path, train=False), load("ynat", tmp_path)
    assert torch.equal(again.model.qa_outputs.weight, reading.model.qa_outputs.weight)
    expected = encoder_of("mrc", reading)
    for loaded in (again, other):
        found = encoder_of("mrc", loaded)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("task", SCRIPTS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_position_embeddings": 1024}, r"position_embeddings.weight is 300x32, not 1024x32"),
        ({"hidden_size": 64}, r"weights of the encoder .* do not have the sizes of its config.json"),
        ({"num_hidden_layers": 3}, r"lacks 16 of \d+ weights of the encoder: .*layer.2"),
    ],
    ids=["positions", "width", "layers"],
)
def test_an_encoder_that_does_not_fit_its_configuration_is_refused(
    task: str, change: dict[str, int], message: str, family: Family, tmp_path: Path
) -> None:
    folder = shutil.copytree(family("bert"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ValueError, match=rf"^{task}: .*{message}.*; expected "):
        load(task, folder)


# Special tokens


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "bloom", "xlnet", "bart", "t5", "bert"])
def test_no_answer_depends_on_the_passage(name: str, family: Family) -> None:
    """The first token of a decoder attends only to itself, so it cannot represent no answer."""
    loaded = load("mrc", family(name))
    recipe = get_recipe("mrc")
    rows = klue_datasets.load("mrc", "train", mini=True)
    rows = rows.select(
        [list(rows["context"]).index(context) for context in dict.fromkeys(rows["context"])][:5]
    )
    question = [rows[0]["question"]] * len(rows)
    rows = recipe.prepare(rows.remove_columns("question").add_column("question", question))
    split = encode_split(recipe, rows, loaded)
    inputs = split.evaluation_inputs()
    batch = Collator(recipe, loaded)(inputs.to_list())
    del batch[INDEX]
    with torch.no_grad():
        _, (*_, null) = recipe.predict(loaded.model.eval(), batch)
    assert len(inputs) == len(set(null.tolist())) == 5
    special = set(loaded.tokenizer.all_special_ids)
    for row in inputs:
        assert row["input_ids"][row["null"]] in special
        assert not row["first"] <= row["null"] < row["last"]
        assert special & {*row["input_ids"][1 : row["first"]]}  # something stands between the two texts


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "bloom", "xlnet"])
def test_pair_pooling_tells_the_sentences_apart(name: str, family: Family, tmp_path: Path) -> None:
    """With the saved tokenizer, in transformers' pipeline."""
    loaded = load("nli", family(name), pooling="pair")
    folder = tmp_path / "saved"
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    encoding = loaded.tokenizer("가나 다", "라마").encodings[0]
    place = encoding.ids.index(loaded.config.sep_token_id)
    assert {part for part in encoding.sequence_ids[:place] if part is not None} == {0}
    assert {part for part in encoding.sequence_ids[place:] if part is not None} == {1}
    again = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    assert again("가나 다", "라마").input_ids == encoding.ids
    classify = pipeline("text-classification", model=str(folder), trust_remote_code=True)
    pairs = [("가나", "다라마바사 아자"), ("비가 온다 하루 종일", "맑다")]
    found = classify([{"text": a, "text_pair": b} for a, b in pairs], batch_size=2)
    for theirs, ours in zip(found, load_pipeline("nli", folder)(pairs), strict=True):
        assert theirs == {"label": ours["label"], "score": pytest.approx(ours["score"], abs=1e-5)}


def test_a_tokenizer_without_any_end_is_refused(family: Family, tmp_path: Path) -> None:
    folder = shutil.copytree(family("gpt2"), tmp_path / "model")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in config.items() if "os_token" not in name}))
    with pytest.raises(ValueError, match=r"neither an end of text nor a separator .*; expected a tokenizer"):
        load("ynat", folder)


@pytest.mark.parametrize(("name", "length"), [("xlnet", 512), ("t5", 512), ("bloom", 512), ("gpt2", 400)])
def test_models_without_a_longest_input_read_512_tokens(name: str, length: int, family: Family) -> None:
    assert load("mrc", family(name)).max_length == length
    asked = 700 if length == 512 else length
    assert load("mrc", family(name), max_seq_length=700).max_length == asked


# Code and packages


@pytest.mark.parametrize("task", SCRIPTS)
def test_code_of_a_checkpoint_runs_only_if_it_is_trusted(task: str, family: Family, tmp_path: Path) -> None:
    folder = shutil.copytree(family("bert"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "their_own", "auto_map": {"AutoConfig": "theirs.TheirConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text(
        "from transformers import BertConfig\nclass TheirConfig(BertConfig):\n    model_type = 'their_own'\n"
    )
    message = r"model needs custom code .*; expected --trust_remote_code, which runs it"
    with pytest.raises(ValueError, match=message):
        load(task, folder)
    # It is read now; what the configuration is for, transformers and we cannot know.
    with pytest.raises(ValueError, match="their_own"):
        load(task, folder, trust_remote_code=True)


def test_a_tokenizer_of_sentencepiece_names_the_packages(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recipes.engine import pretrained

    folder = shutil.copytree(family("deberta-v2"), tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    (folder / "spm.model").write_bytes(b"\x0a\x00not a real one")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "DebertaV2Tokenizer"}))
    for name in ("is_sentencepiece_available", "is_protobuf_available"):
        monkeypatch.setattr(pretrained, name, lambda: False)
    with pytest.raises(
        ValueError, match=r"SentencePiece .* packages sentencepiece and protobuf; expected pip"
    ):
        load("ynat", folder)


# What saved folders answer


def save(loaded: LoadedModel, folder: Path) -> None:
    """Save a model like a run."""
    save_beside_adapter(loaded.model, folder)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


AUTO = {"ner": "AutoModelForTokenClassification", "mrc": "AutoModelForQuestionAnswering"}
FOLDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{task: (task, "AutoModelForSequenceClassification", {}) for task in ("ynat", "sts", "nli", "re")},
    **{task: (task, name, {}) for task, name in AUTO.items()},
    **{
        f"{task}-{pooling}": (task, "AutoModelForSequenceClassification", {"pooling": pooling})
        for task, poolings in {
            "ynat": ["mean"], "sts": ["mean", "pair"], "nli": ["mean", "pair"],
            "re": ["entity_start", "entity_mean"],
        }.items()
        for pooling in poolings
    },
    **{f"dp-{head}": ("dp", "AutoModel", {"head": head}) for head in ("klue", "biaffine")},
    **{f"wos-{gate}": ("wos", "AutoModel", {"gate": gate}) for gate in ("context", "compared")},
    "wos-seq2seq": ("wos", "AutoModelForSeq2SeqLM", {"head": "generative"}),
    "wos-causal": ("wos", "AutoModelForCausalLM", {"head": "generative"}),
}  # fmt: skip
ELSEWHERE = """
import json, sys, torch, transformers
for name in ("recipes", "klue_datasets", "klue_metrics", "hub_cards"):
    sys.modules[name] = None
found = {}
for name, auto in json.load(open("classes.json")).items():
    batch, expected = torch.load(name + ".pt")
    found[name] = {}
    for trust in (False, True):
        try:
            model = getattr(transformers, auto).from_pretrained(name, trust_remote_code=trust).eval()
            with torch.no_grad():
                output = model(**batch)
        except (ValueError, KeyError) as error:
            found[name][trust] = "refused" if "trust_remote_code=True" in str(error) else repr(error)
            continue
        same = all(torch.allclose(output[key], value, atol=1e-4) for key, value in expected.items())
        found[name][trust] = "same" if same else "other"
json.dump(found, open("found.json", "w"))
"""


def test_saved_folders_give_the_same_answers_elsewhere_or_refuse_to_load_without_trust(
    tiny: Path, byte_level: Any, tmp_path: Path, python: Callable[..., Any]
) -> None:
    """For all tasks, heads and poolings, in a process without this package."""
    for name, (task, _, values) in FOLDERS.items():
        kind = name.removeprefix("wos-")
        base = make_text_model(kind, tmp_path / f"base-{kind}", tiny, byte_level) if kind in KINDS else tiny
        loaded = load(task, base, **values)
        loaded.model.eval()
        save(loaded, tmp_path / name)
        told = RecipeArguments(str(base), do_train=True, **values)
        recipe = get_recipe(task, told)
        rows = recipe.prepare(klue_datasets.load(task, "train[:4]", mini=True))
        split = encode_split(recipe, rows.remove_columns([*recipe.gold]), loaded)
        inputs = split.evaluation_inputs().remove_columns([INDEX, *recipe.prediction_inputs])
        batch = dict(Collator(recipe, loaded)(inputs.to_list()))
        if name == "wos-seq2seq":
            batch["decoder_input_ids"] = batch["input_ids"][:, :3]
        with torch.no_grad():
            output = loaded.model(**batch)
        expected = {key: value for key, value in output.items() if torch.is_tensor(value)}
        assert expected
        torch.save((batch, expected), tmp_path / f"{name}.pt")
    (tmp_path / "classes.json").write_text(json.dumps({name: auto for name, (_, auto, _) in FOLDERS.items()}))
    python("-c", ELSEWHERE, cwd=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    own = {name for name in FOLDERS if "-" in name} - {"wos-seq2seq", "wos-causal"}
    assert len(own) == 11
    assert found == {
        name: {"false": "refused" if name in own else "same", "true": "same"} for name in FOLDERS
    }
