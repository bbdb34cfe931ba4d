"""Tests of blocks: content, length, and equal losses with packing."""

from __future__ import annotations

from typing import Any

import datasets
import numpy as np
import pytest
import torch
from families import wordpiece

from recipes.pretraining.blocks import blocks_of, encode_corpus
from recipes.pretraining.choices import ARCHITECTURES, MODEL_SIZES
from recipes.pretraining.configurations import SHAPES, names, parameters, table
from recipes.pretraining.masking import Masking, PretrainingCollator
from recipes.pretraining.objectives import Distillation, MaskedTokens, new_objective, token_logits
from recipes.pretraining.places import InOrder, Places, permuted
from recipes.pretraining.tiny_encoder import mini_texts

ENDS = (100, 101)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    made = wordpiece()
    made.add_special_tokens({"mask_token": "[MASK]"})
    return made


@pytest.fixture(scope="module")
def corpus() -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": [text for text in mini_texts() if text.count(" ") > 2][:600]})


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("length", [16, 40, 128])
def test_every_token_is_in_one_block(length: int, pack: bool) -> None:
    generator = np.random.default_rng(0)
    given, documents = [], []
    for size in generator.integers(1, 150, 40):
        starts = generator.random(size) < 0.5
        starts[0] = True
        ids = generator.integers(0, 90, size).tolist()
        documents.append((ids, starts))
        given += ids
    made = list(blocks_of(iter(documents), length, ENDS, pack=pack))
    found = [token for block in made for token in block.input_ids if token < 100]
    assert found == given
    for block in made:
        assert len(block.input_ids) == len(block.word_starts) == sum(block.lengths) <= length
        assert pack or len(block.lengths) == 1
        begins = np.cumsum([0, *block.lengths[:-1]])
        assert all(block.input_ids[begin] == ENDS[0] for begin in begins)
        assert all(block.word_starts[begin + 1] for begin in begins)
    if pack:
        assert np.mean([len(block.input_ids) for block in made]) > 0.75 * length


def test_documents_are_cut_before_words() -> None:
    starts = np.array([True, False, False] * 30)
    made = list(blocks_of(iter([(list(range(90)), starts)]), 20, ENDS, pack=True))
    firsts = [block.input_ids[1] for block in made]
    assert all(first % 3 == 0 for first in firsts)
    hard = np.zeros(90, dtype=bool)  # one word of 90 tokens
    hard[0] = True
    assert len(list(blocks_of(iter([(list(range(90)), hard)]), 20, ENDS, pack=True))) == 5


def test_held_out_documents_are_not_trained_on(tokenizer: Any, corpus: datasets.Dataset) -> None:
    train = encode_corpus(corpus, tokenizer, max_length=300, pack=False, every=5)
    held_out = encode_corpus(corpus, tokenizer, max_length=300, pack=False, every=5, held_out=True)
    whole = encode_corpus(corpus, tokenizer, max_length=300, pack=False)
    assert len(train) + len(held_out) == len(whole)
    assert 0.1 < len(held_out) / len(whole) < 0.3
    with pytest.raises(ValueError, match="has the columns text; expected 'body', or another --text_column"):
        encode_corpus(corpus, tokenizer, max_length=64, text_column="body")
    with pytest.raises(ValueError, match="holds no text"):
        encode_corpus(datasets.Dataset.from_dict({"text": [" ", ""]}), tokenizer, max_length=64)
    with pytest.raises(ValueError, match="lacks a token for the beginning, the end, or the mask"):
        encode_corpus(corpus, wordpiece(), max_length=64)


@pytest.mark.parametrize("arch", ["bert", "roberta", "electra"])
def test_packed_and_padded_batches_have_equal_losses(
    arch: str, tokenizer: Any, corpus: datasets.Dataset
) -> None:
    blocks = encode_corpus(corpus, tokenizer, max_length=96, pack=True)
    first = tokenizer.pad_token_id + 1 if arch == "roberta" else 0
    masking = Masking(rate=0.3)
    collate = PretrainingCollator(tokenizer, masking, 100, first_position=first, pad_to_multiple_of=1)
    packed = collate(InOrder(blocks).__getitems__([0, 1, 2, 3]))
    assert packed["attention_mask"].dim() == 4
    lengths = [blocks[row]["lengths"] for row in range(4)]
    longest = max(max(row) for row in lengths)
    rows: dict[str, list[torch.Tensor]] = {"input_ids": [], "labels": [], "attention_mask": []}
    for row, sizes in enumerate(lengths):
        assert len(sizes) > 1
        for begin, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True):
            part = slice(int(begin), int(begin) + size)
            for name, fill in (("input_ids", tokenizer.pad_token_id), ("labels", -100)):
                values = packed[name][row, part]
                rows[name].append(torch.nn.functional.pad(values, (0, longest - size), value=fill))
            rows["attention_mask"].append((torch.arange(longest) < size).long())
    padded = {name: torch.stack(values) for name, values in rows.items()}
    torch.manual_seed(0)
    special = {"pad_token_id": tokenizer.pad_token_id}
    objective = new_objective(arch, "tiny", len(tokenizer), special, generator_size=0.5).eval()
    losses = []
    for batch in (packed, padded):
        torch.manual_seed(1)  # ELECTRA's generator draws its tokens
        objective.zero_grad()
        loss = objective(**batch)["loss"]
        loss.backward()
        losses.append(
            (float(loss), objective.model.base_model.embeddings.word_embeddings.weight.grad.clone())
        )
    assert losses[0][0] == pytest.approx(losses[1][0], abs=1e-5)
    assert torch.allclose(losses[0][1], losses[1][1], atol=1e-6)


def test_every_place_of_a_pass_is_another_block() -> None:
    for size in (1, 2, 7, 64, 1000):
        orders = [[permuted(index, size, key) for index in range(size)] for key in (1, 2)]
        assert sorted(orders[0]) == list(range(size))
        assert size < 7 or orders[0] != orders[1] != list(range(size))
    blocks = datasets.Dataset.from_dict({"input_ids": [[number] for number in range(10)]})
    places = Places(blocks, 30, seed=1)
    read = [row["block"] for row in places.__getitems__(range(30))]
    assert [sorted(read[begin : begin + 10]) for begin in (0, 10, 20)] == [list(range(10))] * 3
    assert read[:10] != read[10:20]
    assert places[12] == {"place": 12, "block": read[12], "input_ids": [read[12]]}


def test_parameters_are_those_that_klue_published() -> None:
    assert {("bert", "base"), ("roberta", "small"), ("roberta", "large")} <= set(names())
    assert len([name for name in names() if name[0] != "modernbert" and name[1] != "tiny"]) == 10
    found = {name: parameters(*name) / 1e6 for name in (("roberta", "small"), ("roberta", "large"))}
    assert found["roberta", "small"] == pytest.approx(68, abs=0.5)
    assert found["roberta", "large"] == pytest.approx(337, abs=0.5)
    assert list(SHAPES) == list(ARCHITECTURES)
    assert {size for sizes in SHAPES.values() for size in sizes} == set(MODEL_SIZES)
    lines = table().splitlines()
    assert len(lines) == 1 + sum(map(len, SHAPES.values()))


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_electra_trains_a_step_in_every_size(size: str, tokenizer: Any, corpus: datasets.Dataset) -> None:
    objective = new_objective("electra", size, len(tokenizer), {"pad_token_id": 0}, generator_size=0.25)
    shared = objective.model.electra.embeddings.word_embeddings.weight
    assert objective.generator.generator_lm_head.weight is shared
    blocks = encode_corpus(corpus, tokenizer, max_length=16, pack=True)
    batch = PretrainingCollator(tokenizer, Masking(), 10)(InOrder(blocks).__getitems__([0]))
    optimizer = torch.optim.SGD(objective.parameters(), lr=1e-3)
    before = shared.detach().clone()
    loss = objective(**batch)["loss"]
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, shared)


def test_a_distilled_model_begins_as_every_other_layer_of_its_teacher(
    tmp_path: Any, tokenizer: Any, corpus: datasets.Dataset
) -> None:
    special = {"pad_token_id": tokenizer.pad_token_id}
    torch.manual_seed(0)
    teacher = new_objective("roberta", "tiny", len(tokenizer), special)
    assert isinstance(teacher, MaskedTokens)
    teacher.save(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    student = new_objective("distilroberta", "tiny", len(tokenizer), special, teacher=str(tmp_path))
    assert isinstance(student, Distillation)
    assert len(student.model.roberta.encoder.layer) == 1
    weights = [
        model.roberta.encoder.layer[0].attention.self.query.weight for model in (student.model, teacher.model)
    ]
    assert torch.equal(*weights)
    blocks = encode_corpus(corpus, tokenizer, max_length=64, pack=True)
    collate = PretrainingCollator(tokenizer, Masking(), 100, first_position=tokenizer.pad_token_id + 1)
    batch = collate(InOrder(blocks).__getitems__([0, 1]))
    optimizer = torch.optim.Adam(student.model.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss = student.train()(**batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert not student.teacher.training
    with pytest.raises(ValueError, match="expected --teacher"):
        new_objective("distilroberta", "tiny", len(tokenizer), special)


def test_a_head_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="The head of Linear is not supported"):
        token_logits(torch.nn.Linear(2, 2), torch.zeros(1, 2))  # type: ignore[arg-type]
