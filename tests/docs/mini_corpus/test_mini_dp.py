"""Tests of the DP mini corpus: trees as in the official data, known names, position rules that fail."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple

import pytest

from docs.generator.mini_corpus import dp, generate
from klue_datasets import load
from klue_datasets.tasks import DP_POS_TAGS, DP_RELATIONS

SIZES = {"train": (450, 550), "dev": (90, 120)}
SPLITS = tuple(SIZES)
COLUMNS = ["INDEX", "WORD_FORM", "LEMMA", "POS", "HEAD", "DEPREL"]
COMMON = {
    *("NP", "NP_AJT", "VP", "NP_SBJ", "VP_MOD", "NP_OBJ", "AP", "NP_CNJ", "NP_MOD", "VNP", "DP"),
    *("VNP_MOD", "NP_CMP", "VP_SBJ", "VP_OBJ", "VP_CMP"),
}


class Sentence(NamedTuple):
    """A sentence of a file: its guid, its text, its rows."""

    guid: str
    text: str
    rows: list[list[str]]


Guess = Callable[[Sentence, int], int]


def read(split: str) -> list[Sentence]:
    """Return the sentences of a committed file."""
    path = generate.MINI_DIR / "klue-dp-v1.1" / f"klue-dp-v1.1_{split}.tsv"
    *header, body = path.read_text(encoding="utf-8").split("\n", 5)
    assert header[4] == "## 칼럼명 : " + "\t".join(COLUMNS)
    sentences = []
    for block in body.removesuffix("\n\n").split("\n\n"):
        head, *rows = block.split("\n")
        guid, text = head.removeprefix("## ").split("\t")
        sentences.append(Sentence(guid, text, [row.split("\t") for row in rows]))
    return sentences


def heads(sentence: Sentence) -> list[int]:
    """Return the head of each word, counted from 1; 0 is the root."""
    return [int(row[4]) for row in sentence.rows]


@pytest.mark.parametrize("split", SPLITS)
def test_layout_and_names(split: str) -> None:
    sentences = read(split)
    assert SIZES[split][0] <= len(sentences) <= SIZES[split][1]
    for number, sentence in enumerate(sentences):
        assert sentence.guid == f"klue-dp-mini_{split}_{number:05d}_mini"
        assert sentence.text == " ".join(row[1] for row in sentence.rows)
        assert [row[0] for row in sentence.rows] == [str(n + 1) for n in range(len(sentence.rows))]
        for _, form, lemma, pos, _, relation in sentence.rows:
            assert relation in DP_RELATIONS
            assert set(pos.split("+")) <= set(DP_POS_TAGS)
            assert len(pos.split("+")) == len(lemma.split(" ")), form


@pytest.mark.parametrize("split", SPLITS)
def test_every_tree_has_its_head_last_and_no_arcs_cross(split: str) -> None:
    for sentence in read(split):
        arcs = list(enumerate(heads(sentence), start=1))
        assert arcs.pop() == (len(sentence.rows), 0)
        assert all(word < head <= len(sentence.rows) for word, head in arcs)
        assert not any(a < c < b < d for a, b in arcs for c, d in arcs)


def test_common_relations_occur() -> None:
    for split in SPLITS:
        counts = Counter(row[5] for sentence in read(split) for row in sentence.rows)
        assert set(counts) >= COMMON
        assert counts.most_common(1)[0][1] < 0.3 * counts.total()


def test_no_sentence_occurs_twice() -> None:
    texts = [sentence.text for split in SPLITS for sentence in read(split)]
    assert len(set(texts)) == len(texts)


def test_load_gives_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load("dp", mini=True, cache_dir=tmp_path_factory.mktemp("cache"))
    for split, name in (("train", "train"), ("dev", "validation")):
        for row, sentence in zip(loaded[name], read(split), strict=True):
            assert (row["guid"], row["sentence"]) == (sentence.guid, sentence.text)
            assert row["head"] == heads(sentence)
            for column, field in (("word_form", 1), ("lemma", 2), ("pos", 3), ("deprel", 5)):
                assert row[column] == [fields[field] for fields in sentence.rows]


def attachment(guess: Guess) -> float:
    """Return the share of dev words whose head is guessed, the root included."""
    pairs = [
        (head, guess(sentence, position) if head else 0)
        for sentence in read("dev")
        for position, head in enumerate(heads(sentence), start=1)
    ]
    return sum(head == guessed for head, guessed in pairs) / len(pairs)


def next_word(sentence: Sentence, position: int) -> int:
    """Guess the next word."""
    return position + 1


def usual_distance() -> Guess:
    """Return the guess of the distance that is most frequent in train for the tags of the word."""
    distances: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for sentence in read("train"):
        for position, head in enumerate(heads(sentence)[:-1], start=1):
            distances[sentence.rows[position - 1][3]][head - position] += 1

    def guess(sentence: Sentence, position: int) -> int:
        tags = sentence.rows[position - 1][3]
        return position + (distances[tags].most_common(1)[0][0] if tags in distances else 1)

    return guess


def test_position_does_not_tell_the_head() -> None:
    assert 0.55 < attachment(next_word) < 0.72
    assert attachment(lambda sentence, position: len(sentence.rows)) < 0.6
    assert attachment(usual_distance()) < 0.8


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        dp.build("test")
