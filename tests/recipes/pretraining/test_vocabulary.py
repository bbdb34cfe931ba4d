"""Tests of vocabularies: decoding, boundaries of morphemes, and use without an analyser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from recipes.pretraining.choices import SEGMENTERS, VOCABULARIES
from recipes.pretraining.tiny_encoder import mini_texts
from recipes.pretraining.vocabulary import segmenter, statistics, train_tokenizer
from recipes.tokenizer import main

# Words with the same endings as those of KLUE's example, 조경현은 인공지능 분야의 저명한 연구자이다.
NOUNS = (
    *("학교", "분야", "연구자", "정치", "인공지능", "대통령"),
    *("기자", "친구", "음악", "언어", "사람", "선생님"),
)
TEXTS = [
    f"{one}은 {two}의 유명한 {three}이다." for one in NOUNS for two in NOUNS for three in NOUNS if one != two
]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [text for text in mini_texts() if text.count(" ") > 1][:3000]


@pytest.mark.parametrize("kind", VOCABULARIES)
@pytest.mark.parametrize("segment", SEGMENTERS)
def test_tokens_keep_within_morphemes(kind: str, segment: str, texts: list[str], tmp_path: Path) -> None:
    sample = texts[:600]
    made = train_tokenizer(sample, kind=kind, segment=segment, vocab_size=2_500)
    made.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert [tokenizer.convert_ids_to_tokens(number) for number in range(5)] == [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    ]  # fmt: skip
    ids = tokenizer(sample[0], sample[1])["input_ids"]
    assert ids[0] == tokenizer.cls_token_id
    assert ids.count(tokenizer.sep_token_id) == 2
    found = statistics(tokenizer, sample[:200], segmenter("mecab"))
    assert found["unknown"] < 0.5
    assert found["tokens_per_word"] > 1
    if segment != "none":
        plain = train_tokenizer(sample, kind=kind, segment="none", vocab_size=2_500)
        assert found["morpheme_boundaries_kept"] > 90
        assert (
            found["morpheme_boundaries_kept"]
            > statistics(plain, sample[:200], segmenter("mecab"))["morpheme_boundaries_kept"]
        )


def test_the_example_of_klue_is_split_in_kind() -> None:
    sentence = "기자은 언어의 유명한 사람이다."
    plain = train_tokenizer(TEXTS, kind="wordpiece", segment="none", vocab_size=260)
    morphemes = train_tokenizer(TEXTS, kind="wordpiece", segment="mecab", vocab_size=260)
    assert morphemes.tokenize(sentence) == [
        "기자", "##은", "언어", "##의", "유명", "##한", "사람", "##이", "##다", ".",
    ]  # fmt: skip
    assert plain.tokenize(sentence) != morphemes.tokenize(sentence)
    assert "유명한" in plain.tokenize(sentence)


@pytest.mark.parametrize("name", ["kiwi", "mecab"])
def test_boundaries_are_inside_words_and_where_the_spelling_shows_them(name: str) -> None:
    text = "조경현은 인공지능 분야의 저명한 연구자이다."
    places = segmenter(name)(text)
    assert {text.index("은"), text.index("의"), text.index("이다")} <= set(places)
    assert all(text[place - 1] != " " and text[place] != " " for place in places)
    assert segmenter(name)("") == []


def test_vocabularies_that_cannot_be_are_refused() -> None:
    for options, message in (
        ({"kind": "words"}, "no vocabulary 'words'; expected one of wordpiece, bpe, unigram"),
        ({"segment": "okt"}, "no segmenter 'okt'; expected one of none, kiwi, mecab"),
        ({"vocab_size": 20}, "do not fit into 20 tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            train_tokenizer(TEXTS, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no text"):
        train_tokenizer([" "])


def test_the_command_learns_and_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS[:500])
    )
    folder = str(tmp_path / "tokenizer")
    words = ["train", "--corpus", str(tmp_path / "a.jsonl"), "--vocab_size", "200", "--segmenter", "mecab"]
    assert main([*words, "--output_dir", folder]) == 0
    assert " tokens" in capsys.readouterr().out
    assert main(["stats", folder, "--mini", "--split", "validation", "--segmenter", "mecab", "--json"]) == 0
    rows: list[Any] = json.loads(capsys.readouterr().out)
    assert [row["task"] for row in rows] == ["ynat", "sts", "nli", "ner", "re", "dp", "mrc", "wos"]
    assert all(row["tokens_per_word"] > 0 for row in rows)
    assert main(["stats", folder, "--mini", "--split", "validation"]) == 0
    assert "tokens per word" in capsys.readouterr().out
    assert main(["train", "--corpus", str(tmp_path / "none"), "--output_dir", folder]) == 1
    assert "There is no" in capsys.readouterr().err
