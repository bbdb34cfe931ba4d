"""Tests of encoding and collating words."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from parsing_oracles import naive_batch, naive_pool
from transformers import AutoTokenizer

import klue_datasets
from recipes.tasks.dp.modeling_dependency_parsing import pool_words
from recipes.tasks.dp.parsing_words import ParserCollator, encode_words, last_tags

FILLS = {"input_ids": 0, "first_subwords": -1, "last_subwords": -1, "heads": -100}


@pytest.fixture(scope="module")
def tokenizer(tiny: Path):
    return AutoTokenizer.from_pretrained(tiny)


def features(columns: dict) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def assert_subwords(tokenizer, words: list[str], row: dict) -> None:
    """Check that first and last token of each word are those of the word by itself."""
    for word, first, last in zip(words, row["first_subwords"], row["last_subwords"], strict=True):
        subwords = tokenizer(word, add_special_tokens=False)["input_ids"] or [tokenizer.unk_token_id]
        assert (row["input_ids"][first], row["input_ids"][last]) == (subwords[0], subwords[-1])


def test_subwords_of_a_sentence(tokenizer) -> None:
    words = ["해당", "그림을", "보면", "a.b"]
    columns = encode_words([words], tokenizer, 128)
    row = features(columns)[0]
    assert row["input_ids"] == tokenizer(" ".join(words))["input_ids"]
    assert row["windows"] == [len(row["input_ids"])]
    assert_subwords(tokenizer, words, row)


@pytest.mark.parametrize(
    "words", [["\x00"], ["가", "\u200d\x01", "나"], ["", "가"], ["\x00", "\x00"], ["\ufeff", "\x00"]]
)
def test_a_word_without_subwords_gets_the_unknown_one(words: list[str], tokenizer) -> None:
    row = features(encode_words([words], tokenizer, 128))[0]
    assert_subwords(tokenizer, words, row)
    positions = [p for pair in zip(row["first_subwords"], row["last_subwords"], strict=True) for p in pair]
    assert positions == sorted(positions)
    assert (row["input_ids"][0], row["input_ids"][-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_special_tokens_in_the_text_are_words_too(tokenizer) -> None:
    words = ["[SEP]", "가", "[CLS]"]
    row = features(encode_words([words], tokenizer, 128))[0]
    assert (row["first_subwords"], row["last_subwords"]) == ([1, 2, 3], [1, 2, 3])


def test_long_sentences_lose_nothing(tokenizer) -> None:
    generator = np.random.default_rng(0)
    syllables = list("가나다라마바사아자차카타파하")
    for count in (1, 5, 40, 200):
        words = ["".join(generator.choice(syllables, generator.integers(1, 30))) for _ in range(count)]
        whole = features(encode_words([words], tokenizer, 10_000))[0]
        assert len(whole["windows"]) == 1
        for longest in (12, 40, 64):
            row = features(encode_words([words], tokenizer, longest))[0]
            assert_subwords(tokenizer, words, row)
            assert max(row["windows"]) <= longest
            assert sum(row["windows"]) == len(row["input_ids"])
            starts = np.cumsum([0, *row["windows"]])
            window = np.searchsorted(starts, row["first_subwords"], side="right")
            assert (np.diff(window) >= 0).all()
            assert (window == np.searchsorted(starts, row["last_subwords"], side="right")).all()
            for begin, end in itertools.pairwise(starts):
                ids = row["input_ids"][begin:end]
                assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_windows_give_words_their_neighbours(tokenizer) -> None:
    """Except at the ends of a sentence, each word has context on both sides."""
    row = features(encode_words([["가"] * 500], tokenizer, 102))[0]
    starts = np.cumsum([0, *row["windows"]])
    first = np.array(row["first_subwords"])
    window = np.searchsorted(starts, first, side="right") - 1
    before = first - starts[window] - 1
    behind = starts[window + 1] - 2 - first
    assert before[50:].min() >= 20
    assert behind[:-50].min() >= 20


def test_too_little_room_is_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match="max_length is 3; expected room for two subword tokens"):
        encode_words([["가"]], tokenizer, 3)


def test_the_last_tag_of_a_chain_counts() -> None:
    assert last_tags(["NNG+JKO", "VV", "_", ""], ["VV", "JKO", "NNG"]) == [1, 0, -1, -1]
    with pytest.raises(ValueError, match="part of speech 'XX' is unknown; expected _ or one of VV, JKO"):
        last_tags(["NNG+XX"], ["VV", "JKO"])


def test_batches_and_word_vectors_are_those_of_plain_loops(tokenizer) -> None:
    rows = klue_datasets.load("dp", "validation[:30]", mini=True)
    columns = encode_words(rows["word_form"], tokenizer, 128) | {"heads": rows["head"]}
    batch = ParserCollator(0, 45)(features(columns))
    for name, expected in naive_batch(features(columns), FILLS).items():
        assert torch.equal(batch[name], expected)
    hidden = torch.randn(*batch["input_ids"].shape, 8)
    pooled = pool_words(hidden.unsqueeze(0), batch["first_subwords"], batch["last_subwords"])
    assert torch.equal(pooled[0], naive_pool(hidden, batch["first_subwords"], batch["last_subwords"]))


def test_a_batch_with_windows(tokenizer) -> None:
    columns = encode_words([["가"] * 30, ["가", "나"]], tokenizer, 12)
    batch = ParserCollator(0, 45, pad_to_multiple_of=8)(features(columns))
    sentences, windows, tokens = batch["input_ids"].shape
    assert (sentences, tokens) == (2, 16)
    assert windows == len(columns["windows"][0]) > 1
    assert batch["attention_mask"].sum(dim=-1).min() >= 1  # attention to nothing would be NaN
    flat = batch["input_ids"].reshape(2, -1)
    for index, words in enumerate((30, 2)):
        positions = batch["first_subwords"][index, :words]
        expected = [columns["input_ids"][index][position] for position in columns["first_subwords"][index]]
        assert flat[index, positions].tolist() == expected


def test_real_words_have_the_subwords_of_the_official_alignment(shared: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(shared / "models/e5-small-ko")
    rows = klue_datasets.load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    assert len(rows) == 2_000
    columns = encode_words(rows["word_form"], tokenizer, 256)
    for words, row in zip(rows["word_form"], features(columns), strict=True):
        assert_subwords(tokenizer, words, row)
        assert len(row["windows"]) == 1
