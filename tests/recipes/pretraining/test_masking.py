"""Tests of masking: whole words for all tokenizers, rates and reproducibility."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from families import roberta, wordpiece

from recipes.pretraining.blocks import blocks_of, documents, word_starts
from recipes.pretraining.masking import IGNORED, Masking, PretrainingCollator, choose, corrupt
from recipes.pretraining.tiny_encoder import mini_texts

TOKENIZERS = {
    "wordpiece": lambda: wordpiece(),
    "sentencepiece": lambda: roberta("unigram"),
    "byte-level": lambda: roberta("byte-level"),
}
SENTENCES = 10_000


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    made = TOKENIZERS[request.param]()
    made.add_special_tokens({"mask_token": "[MASK]"})
    return made


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Return ten thousand sentences with repetitions."""
    known = [text for text in mini_texts() if text.count(" ") > 1]
    return list(itertools.islice(known, SENTENCES))


def tokens_of_words(tokenizer: Any, text: str) -> list[int]:
    """Return the number of tokens of each word, tokenised separately."""
    words = text.split()
    spelt = [word if number == 0 else f" {word}" for number, word in enumerate(words)]
    encoded = tokenizer(spelt, add_special_tokens=False)["input_ids"]
    return list(map(len, encoded))


def test_words_begin_where_words_tokenised_alone_begin(tokenizer: Any, sentences: list[str]) -> None:
    compared = 0
    for text, (ids, starts) in zip(sentences[:1000], documents(tokenizer, sentences[:1000]), strict=True):
        counts = tokens_of_words(tokenizer, text)
        if sum(counts) != len(ids):  # a word is split otherwise in its sentence, which may be
            continue
        expected = np.cumsum([0, *counts[:-1]])
        assert np.flatnonzero(starts).tolist() == expected.tolist(), text
        compared += 1
    assert compared > 900


def test_no_word_is_masked_in_part_and_the_rate_is_that_asked_for(
    tokenizer: Any, sentences: list[str]
) -> None:
    assert len(sentences) == SENTENCES
    for rate in (0.15, 0.3):
        masking = Masking(rate=rate, final_rate=rate)
        chosen_tokens = tokens = 0
        for number, (ids, starts) in enumerate(documents(tokenizer, sentences)):
            generator = masking.generator(number, number)
            chosen = choose(starts, np.ones(len(ids), dtype=bool), rate, generator)
            word = np.cumsum(starts) - 1
            of_word = np.bincount(word, chosen)
            assert set((of_word / np.bincount(word)).tolist()) <= {0.0, 1.0}
            chosen_tokens += int(chosen.sum())
            tokens += len(ids)
        assert 100 * chosen_tokens / tokens == pytest.approx(100 * rate, abs=0.5)


def test_of_chosen_tokens_most_are_masked_some_replaced_and_some_kept() -> None:
    generator = np.random.default_rng(0)
    ids = np.full(200_000, 7)
    chosen = generator.random(len(ids)) < 0.15
    changed = corrupt(ids, chosen, 4, np.arange(10, 1000), generator)
    assert (changed[~chosen] == 7).all()
    shares = [(changed[chosen] == 4).mean(), (changed[chosen] >= 10).mean(), (changed[chosen] == 7).mean()]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def blocks(tokenizer: Any, count: int = 8) -> list[dict[str, Any]]:
    """Return blocks of 64 tokens with several segments each."""
    ends = tokenizer.cls_token_id, tokenizer.sep_token_id
    texts = documents(tokenizer, [text for text in mini_texts() if text.count(" ") > 2][:200])
    made = itertools.islice(blocks_of(texts, 64, ends, pack=True), count)
    return [{**vars(block), "place": 10 + number, "block": number} for number, block in enumerate(made)]


def test_masks_depend_on_the_place_and_not_on_the_batch() -> None:
    tokenizer = TOKENIZERS["wordpiece"]()
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    rows = blocks(tokenizer)
    collate = PretrainingCollator(tokenizer, Masking(seed=3), 100)
    together = collate(rows)["labels"]
    alone = [collate([row])["labels"][0] for row in rows]
    for row, labels in zip(together, alone, strict=True):
        assert torch.equal(row[: len(labels)], labels)
    other = collate([{**row, "place": row["place"] + 50} for row in rows])["labels"]
    assert not torch.equal(together, other)
    static = PretrainingCollator(tokenizer, Masking(seed=3, kind="static"), 100)
    later = static([{**row, "place": row["place"] + 50} for row in rows])["labels"]
    assert torch.equal(static(rows)["labels"], later)
    special = torch.isin(together, torch.tensor(tokenizer.all_special_ids))
    assert not special.any()
    assert (together != IGNORED).any(dim=1).all()


def test_the_rate_goes_from_its_first_to_its_last_value() -> None:
    masking = Masking(rate=0.3, final_rate=0.15)
    assert [masking.rate_at(progress) for progress in (0, 0.5, 1, 2)] == pytest.approx(
        [0.3, 0.225, 0.15, 0.15]
    )
    tokenizer = TOKENIZERS["wordpiece"]()
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    rows = blocks(tokenizer, 30)
    collate = PretrainingCollator(tokenizer, masking, 1000)
    shares = []
    for begin in (0, 900):
        labels = collate([{**row, "place": begin + number} for number, row in enumerate(rows)])["labels"]
        shares.append(float((labels != IGNORED).float().mean()))
    assert shares[0] > 1.6 * shares[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0.0}, "The rate of masking is 0.0; expected a share"),
        ({"unit": "letter"}, "no masking 'letter'; expected one of word, token"),
        ({"kind": "random"}, "no masking 'random'; expected one of dynamic, static"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Masking(**values)


def test_tokens_across_words_join_them() -> None:
    # 나는 학교에: a token that reaches from one word into the next, and one that shares a character with it.
    starts = word_starts("나는 학교에 간다", np.array([0, 1, 3, 5, 7]), np.array([1, 4, 5, 6, 9]))
    assert starts.tolist() == [True, False, False, False, True]
    assert word_starts("", np.array([], dtype=int), np.array([], dtype=int)).tolist() == []
    # A mark of a word's beginning on its own goes with the word that follows.
    starts = word_starts("가 나", np.array([0, -1, 2]), np.array([1, 0, 3]))
    assert starts.tolist() == [True, True, False]
