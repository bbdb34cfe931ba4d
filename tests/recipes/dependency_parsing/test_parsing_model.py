"""Tests of the parser: KLUE's head, batches, saving, loading and adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from parsing_oracles import naive_klue_head, naive_loss, naive_pool
from transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedConfig

from klue_datasets.tasks import DP_POS_TAGS, DP_RELATIONS
from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.modeling_dependency_parsing import DependencyParser
from recipes.tasks.dp.parsing_heads import BiaffineHead, KlueHead
from recipes.tasks.dp.parsing_words import ParserCollator, encode_words
from recipes.tasks.shared.configuration_encoder import read_config

SENTENCES = [["나는", "학교에", "간다"], ["봄이", "오면", "산에", "들에", "진달래가", "핀다"], ["그래"]]
FILES = {
    "configuration_dependency_parsing.py", "modeling_dependency_parsing.py", "pipeline_dependency_parsing.py",
    "parsing_heads.py", "parsing_words.py", "parsing_decoding.py", "conllu.py", "tree_svg.py", "encoder.py",
    "merged_adapter.py", "configuration_encoder.py",
}  # fmt: skip


def configured(path: Path, **settings: Any) -> PreTrainedConfig:
    config = AutoConfig.from_pretrained(path)
    sizes = {"hidden_size": 24, "arc_size": 16, "relation_size": 8, "pos_size": 12}
    ParserSettings(**{"pos_tags": DP_POS_TAGS, **sizes, **settings}).write(config, DP_RELATIONS)
    return config


def make(path: Path, **settings: Any) -> DependencyParser:
    torch.manual_seed(0)
    return DependencyParser.from_pretrained(path, config=configured(path, **settings)).eval()


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def batch_of(path: Path, sentences: list[list[str]], **options: Any) -> dict[str, torch.Tensor]:
    columns = encode_words(sentences, AutoTokenizer.from_pretrained(path), options.pop("max_length", 128))
    columns["pos_ids"] = [[(7 * i) % 45 for i in range(len(words))] for words in sentences]
    columns["heads"] = [[*range(2, len(words) + 1), 0] for words in sentences]
    columns["relations"] = [[(5 * i) % 38 for i in range(len(words))] for words in sentences]
    features = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return ParserCollator(0, 45, **options)(features)


def test_klues_head_is_that_of_the_spec_in_scores_and_loss(tiny: Path) -> None:
    model = make(tiny)
    batch = batch_of(tiny, SENTENCES)
    with torch.no_grad():
        output = model(**batch)
        hidden = model.bert(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        vectors = naive_pool(hidden, batch["first_subwords"], batch["last_subwords"])
        weights = dict(model.parser.named_parameters())
        arc_rows, relation_rows, heads, relations = [], [], [], []
        for index, words in enumerate(map(len, SENTENCES)):
            pos_ids = [45, *batch["pos_ids"][index, :words].tolist()]
            arcs, scores = naive_klue_head(weights, vectors[index, : words + 1], pos_ids)
            found = output.arc_scores[index, :words]
            torch.testing.assert_close(found[:, : words + 1], torch.tensor(arcs), atol=1e-5, rtol=0)
            assert (found[:, words + 1 :] == -torch.inf).all()
            found = output.relation_scores[index, :words, : words + 1]
            torch.testing.assert_close(found, torch.tensor(scores), atol=1e-5, rtol=0)
            gold = batch["heads"][index, :words].tolist()
            arc_rows += arcs
            relation_rows += [row[head] for row, head in zip(scores, gold, strict=True)]
            heads += gold
            relations += batch["relations"][index, :words].tolist()
    expected = naive_loss(arc_rows, heads) + naive_loss(relation_rows, relations)
    assert output.loss.item() == pytest.approx(expected, abs=1e-5)


def test_parameters_of_the_heads_on_a_768_wide_encoder() -> None:
    """KLUE's head has 27.4 million parameters, the biaffine head 2.8 million."""
    lstms = 2 * (4 * 768 * (1792 + 768) + 8 * 768) + (4 * 768 * (768 + 768) + 8 * 768)
    linears = 2 * (1536 * 768 + 768) + (1536 + 1) * (512 + 256) + (768 + 1) * (512 + 256)
    scorers = (512 * 512 + 2 * 512 + 1) + 38 * (256 * 256 + 2 * 256 + 1)
    head = KlueHead(2 * 768, 1, 38, ParserSettings(pos_tags=DP_POS_TAGS))
    assert count(head) == 46 * 256 + lstms + linears + scorers == 27_382_311
    head = BiaffineHead(2 * 768, 1, 38, ParserSettings(head="biaffine", pos_tags=DP_POS_TAGS))
    assert count(head) == 2_802_015


def test_initial_weights_are_the_baselines(tiny: Path) -> None:
    model = make(tiny, arc_size=512, relation_size=256, hidden_size=768)
    arcs, relations = model.parser.arc_scorer, model.parser.relation_scorer
    assert arcs.both.abs().max().item() == pytest.approx(0.0048, abs=1e-4)
    assert relations.both.abs().max().item() == pytest.approx(0.0089, abs=1e-4)
    assert arcs.bias.abs().max() == relations.bias.abs().max() == 0
    assert model.parser.pos.weight.std().item() == pytest.approx(1, abs=0.05)  # torch's, not N(0, 0.02)
    assert model.parser.encoder.weight_ih_l0.abs().max().item() == pytest.approx(768**-0.5, rel=0.01)


@pytest.mark.parametrize("settings", [{}, {"head": "biaffine"}, {"head": "biaffine", "scalar_mix": True}])
def test_training_and_evaluation_have_the_same_loss_without_dropout(tiny: Path, settings: dict) -> None:
    model = make(tiny, dropout=0.0, **settings)
    batch = batch_of(tiny, SENTENCES)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    evaluated = model(**batch)
    trained = model.train()(**batch)
    torch.testing.assert_close(trained.loss, evaluated.loss)
    assert trained.relation_scores.shape == (3, 6, 38)
    assert evaluated.relation_scores.shape == (3, 6, 7, 38)
    trained.loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("settings", [{}, {"head": "biaffine"}, {"use_pos": False}, {"scalar_mix": True}])
def test_a_sentence_has_the_same_scores_in_any_batch(tiny: Path, settings: dict) -> None:
    model = make(tiny, **settings)
    long = [["산에", "들에"] * 20]
    with torch.no_grad():
        # 24 tokens at most: the long sentence makes windows of the whole batch.
        outputs = [
            model(**batch_of(tiny, SENTENCES + long, max_length=24)),
            model(**batch_of(tiny, SENTENCES)),
        ]
        for index, sentence in enumerate(SENTENCES):
            words = len(sentence)
            alone = model(**batch_of(tiny, [sentence]))
            for output in outputs:
                for name in ("arc_scores", "relation_scores"):
                    torch.testing.assert_close(
                        output[name][index, :words, : words + 1], alone[name][0], atol=1e-5, rtol=1e-5
                    )
    assert torch.isfinite(outputs[0].arc_scores[3]).all()


def test_gradients_of_windows_are_numbers(tiny: Path) -> None:
    model = make(tiny).train()
    model(**batch_of(tiny, [["산에"] * 40, ["그래"]], max_length=24)).loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_words_without_a_known_tag_are_read_as_if_it_was_dropped(tiny: Path) -> None:
    model = make(tiny)
    batch = batch_of(tiny, SENTENCES)
    with torch.no_grad():
        none = model(**{name: values for name, values in batch.items() if name != "pos_ids"})
        unknown = model(**batch | {"pos_ids": torch.full_like(batch["pos_ids"], -1)})
        known = model(**batch)
    torch.testing.assert_close(none.arc_scores, unknown.arc_scores)
    assert not torch.allclose(none.arc_scores[1], known.arc_scores[1])


def test_the_encoder_computes_as_it_would_alone(tiny: Path) -> None:
    """By default, transformers would use slow attention for a wrapped encoder."""
    model = make(tiny)
    assert model.bert.config._attn_implementation == "sdpa"
    if hasattr(model, "activation_checkpointing_enable"):  # from transformers 5.23 on
        model.activation_checkpointing_enable()
    else:
        model.gradient_checkpointing_enable()
    batch = batch_of(tiny, SENTENCES)
    model.train()(**batch).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_parser_loads_from_a_plain_encoder_and_holds_one(tiny: Path, tmp_path: Path) -> None:
    model = make(tiny)
    plain = AutoModel.from_pretrained(tiny, add_pooling_layer=False).state_dict()
    for name, values in plain.items():
        assert torch.equal(model.bert.state_dict()[name], values)
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        AutoModel.from_pretrained(tmp_path, trust_remote_code=False)
    config = read_config(tmp_path)
    assert type(config) is BertConfig
    encoder, info = BertModel.from_pretrained(
        tmp_path, config=config, add_pooling_layer=False, output_loading_info=True
    )
    assert not info["missing_keys"]
    assert encoder.state_dict().keys() == plain.keys()


@pytest.mark.parametrize("settings", [{}, {"head": "biaffine", "scalar_mix": True, "use_pos": False}])
def test_a_saved_parser_loads_elsewhere_without_this_package(
    tiny: Path, tmp_path: Path, python, settings: dict
) -> None:
    folder = tmp_path / "saved"
    model = make(tiny, **settings)
    model.save_pretrained(folder)
    assert {path.name for path in folder.glob("*.py")} == FILES
    assert json.loads((folder / "config.json").read_text())["dependency_parsing"]["pos_tags"] == list(
        DP_POS_TAGS
    )
    batch = batch_of(tiny, SENTENCES)
    if not settings.get("use_pos", True):
        del batch["pos_ids"]
    torch.save(batch, tmp_path / "batch.pt")
    code = (
        "import sys, torch; sys.path[:] = [p for p in sys.path if 'recipes' not in p]\n"
        "sys.modules['recipes'] = None  # importing it is an error\n"
        "from transformers import AutoModel\n"
        "model = AutoModel.from_pretrained('saved', trust_remote_code=True).eval()\n"
        "output = model(**torch.load('batch.pt'))\n"
        "found = {'loss': output.loss, 'arcs': output.arc_scores, 'class': type(model).__module__}\n"
        "torch.save(found, 'out.pt')\n"
        "model.save_pretrained('again')\n"
    )
    python("-c", code, cwd=tmp_path)
    found = torch.load(tmp_path / "out.pt")
    expected = model(**batch)
    assert found["class"].startswith("transformers_modules.")
    torch.testing.assert_close(found["loss"], expected.loss)
    torch.testing.assert_close(found["arcs"], expected.arc_scores)
    assert {path.name for path in (tmp_path / "again").glob("*.py")} == FILES


def test_adapters_and_the_head_are_saved_and_merge(tiny: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model

    lora = LoraConfig(target_modules="all-linear", modules_to_save=["parser"], exclude_modules=["parser"])
    model = get_peft_model(make(tiny), lora)
    batch = batch_of(tiny, SENTENCES)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model.train()(**batch).loss.backward()
        optimizer.step()
    expected = model.eval()(**batch)
    model.save_pretrained(tmp_path / "adapter")
    torch.manual_seed(1)  # another random head, which the saved one replaces
    again = PeftModel.from_pretrained(
        DependencyParser.from_pretrained(tiny, config=configured(tiny)), tmp_path / "adapter"
    ).eval()
    torch.testing.assert_close(again(**batch).arc_scores, expected.arc_scores)
    merged = again.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    loaded = AutoModel.from_pretrained(tmp_path / "merged", trust_remote_code=True).eval()
    torch.testing.assert_close(loaded(**batch).arc_scores, expected.arc_scores, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(loaded(**batch).loss, expected.loss, atol=1e-4, rtol=1e-4)


def test_wrong_settings_are_refused(tiny: Path) -> None:
    with pytest.raises(ValueError, match="head is 'deep'; expected one of klue, biaffine"):
        ParserSettings(head="deep", pos_tags=DP_POS_TAGS)
    with pytest.raises(ValueError, match="use_pos is on without pos_tags"):
        ParserSettings()
    config = AutoConfig.from_pretrained(tiny)
    with pytest.raises(ValueError, match="has no dependency_parsing; expected that of a dependency parser"):
        DependencyParser(config)
    config.dependency_parsing = {"heads": "klue"}
    with pytest.raises(ValueError, match="unknown setting 'heads'"):
        DependencyParser(config)
    with pytest.raises(ValueError, match="expected the words' positions"):
        make(tiny)(torch.tensor([[1, 2]]))
