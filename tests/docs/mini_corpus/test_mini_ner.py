"""Tests of the NER mini corpus: strict IOB2, inline tags that agree with the rows, a name list that fails."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from docs.generator.mini_corpus import generate, ner
from klue_datasets import load

TYPES = {"PS", "LC", "OG", "DT", "TI", "QT"}
SIZES = {"train": (650, 750), "dev": (130, 170)}
SPLITS = tuple(SIZES)
Sentence = tuple[str, str, list[tuple[str, str]]]


def read(split: str) -> list[Sentence]:
    """Return guid, tagged text and rows of each sentence in a committed file."""
    path = generate.MINI_DIR / "klue-ner-v1.1" / f"klue-ner-v1.1_{split}.tsv"
    body = path.read_text(encoding="utf-8").split("\n", 5)[5]
    sentences = []
    for block in body.removesuffix("\n\n").split("\n\n"):
        head, *rows = block.split("\n")
        guid, text = head.removeprefix("## ").split("\t")
        fields = [tuple(row.split("\t")) for row in rows]
        sentences.append((guid, text, [(char, tag) for char, tag in fields]))
    return sentences


def entities(rows: list[tuple[str, str]]) -> list[tuple[int, int, str]]:
    """Return start, end and type of each entity of strict IOB2 rows."""
    found: list[tuple[int, int, str]] = []
    for position, (_, tag) in enumerate(rows):
        if tag.startswith("B-"):
            found.append((position, position + 1, tag[2:]))
        elif tag != "O":
            start, end, kind = found.pop()
            assert (end, kind) == (position, tag[2:]), "an I- tag without its entity"
            found.append((start, position + 1, kind))
    return found


def text_of(rows: list[tuple[str, str]]) -> str:
    """Return the characters of the rows as one string."""
    return "".join(char for char, _ in rows)


def test_header_describes_the_separators() -> None:
    for split in SPLITS:
        path = generate.MINI_DIR / "klue-ner-v1.1" / f"klue-ner-v1.1_{split}.tsv"
        header = path.read_text(encoding="utf-8").split("\n")[:5]
        assert header[0].endswith(r": \t")
        assert header[2].endswith(r": \n\n")
        assert ["\t" in line for line in header] == [False] * 4 + [True]
        assert header[4] == "## 컬럼명 : CHAR\tNE_TAG"


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_and_their_rows(split: str) -> None:
    sentences = read(split)
    assert SIZES[split][0] <= len(sentences) <= SIZES[split][1]
    assert [guid for guid, _, _ in sentences] == [
        f"klue-ner-mini_{split}_{number:05d}-mini" for number in range(len(sentences))
    ]
    for _, tagged, rows in sentences:
        assert all(len(char) == 1 for char, _ in rows)
        inline = tagged
        assert re.sub(r"<([^<>:]+):[A-Z]{2}>", r"\1", inline) == text_of(rows)
        named = [(text_of(rows)[start:end], kind) for start, end, kind in entities(rows)]
        assert named == re.findall(r"<([^<>:]+):([A-Z]{2})>", inline)


@pytest.mark.parametrize("split", SPLITS)
def test_every_type_is_common_and_blanks_occur_inside(split: str) -> None:
    sentences = read(split)
    counts = Counter(kind for _, _, rows in sentences for _, _, kind in entities(rows))
    assert set(counts) == TYPES
    assert min(counts.values()) >= 0.2 * len(sentences)
    assert sum(tag.startswith("I-") for _, _, rows in sentences for char, tag in rows if char == " ") > 30
    assert any(not entities(rows) for _, _, rows in sentences)


def test_no_sentence_occurs_twice() -> None:
    texts = [text_of(rows) for split in SPLITS for _, _, rows in read(split)]
    assert len(set(texts)) == len(texts)


def test_load_gives_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load("ner", mini=True, cache_dir=tmp_path_factory.mktemp("cache"))
    for split, name in (("train", "train"), ("dev", "validation")):
        names = loaded[name].features["ner_tags"].feature.names
        rows = [
            list(zip(row["tokens"], (names[tag] for tag in row["ner_tags"]), strict=True))
            for row in loaded[name]
        ]
        assert rows == [rows for _, _, rows in read(split)]
        assert loaded[name]["guid"][0] == f"klue-ner-mini_{split}_00000-mini"


def name_list_f1() -> float:
    """Return the entity macro F1 of looking up the names of train, longest first, with their usual type."""
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, _, rows in read("train"):
        for start, end, kind in entities(rows):
            kinds[text_of(rows)[start:end]][kind] += 1
    names = sorted(kinds, key=lambda name: (-len(name), name))
    pattern = re.compile("|".join(map(re.escape, names)))
    scores = Counter[tuple[str, str]]()
    for _, _, rows in read("dev"):
        gold = set(entities(rows))
        guesses = {
            (match.start(), match.end(), kinds[match[0]].most_common(1)[0][0])
            for match in pattern.finditer(text_of(rows))
        }
        for name, spans in (("hit", gold & guesses), ("gold", gold), ("guess", guesses)):
            scores.update((kind, name) for _, _, kind in spans)
    return sum(2 * scores[k, "hit"] / (scores[k, "gold"] + scores[k, "guess"]) for k in sorted(TYPES)) / 6


def test_a_list_of_names_fails() -> None:
    assert name_list_f1() < 0.65


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        ner.build("test")
