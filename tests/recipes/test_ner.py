"""Tests of named entities: tags of characters with any tokenizer."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from encoding import configured, encoded, loaded_with, padded
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertTokenizer

import klue_datasets
from klue_metrics.functional import compute
from recipes.tasks import get_recipe
from recipes.tasks.ner.named_entity_recognition import INSIDE, OUTSIDE, TAGS

RECIPE = get_recipe("ner")
PAGE = (Path(__file__).resolve().parents[2] / "docs/tasks/ner.md").read_text(encoding="utf-8")
# Conjoining letters, decomposed syllables, wide and odd characters, blanks of several kinds, nothing to keep.
ODD = [
    "ᄏᄏᄏ 가",
    "가나",
    "㎞ ½ ﬁ Å",
    "  두  칸 ",
    "\u3000넓은\u00a0칸\t탭",
    "🇰🇷👩‍👩‍👧",
    "\u200b\u0007",
    "ABC Éa",
    "#",
    " ",
]


def sentences(texts: list[str], tags: list[list[int]] | None = None) -> datasets.Dataset:
    columns: dict[str, Any] = {"tokens": [list(text) for text in texts]}
    return datasets.Dataset.from_dict(columns if tags is None else columns | {"ner_tags": tags})


def perfect(split: Any, config: Any) -> list[list[str]]:
    """Decode the gold labels of tokens."""
    labels = padded(split.features["labels"])
    outputs = (np.where(labels < 0, OUTSIDE, labels).astype(np.int16), np.ones(labels.shape, np.float32))
    return RECIPE.decode(outputs, split.examples, split.features, loaded_with(config)).predictions


def test_a_perfect_tagger_loses_next_to_nothing_on_sentences_it_has_not_seen(
    shared: Path, tokenizer: Any
) -> None:
    small = klue_datasets.load("ner", data_dir=shared / "data/klue-small")
    train, held_out = small["train"], small["validation"]
    assert (len(train), len(held_out)) == (4_000, 1_000)
    assert not set(train["guid"]) & set(held_out["guid"])
    scores = {}
    for entity_endings in (True, False):
        config = configured("ner", tokenizer, train, entity_endings=entity_endings)
        assert bool(config.entity_tails) == entity_endings
        split = encoded("ner", held_out, tokenizer, config, 510)
        predictions, references = perfect(split, config), RECIPE.references(held_out)
        scores[entity_endings] = compute("ner", predictions, references, tokens=list(held_out["tokens"]))
        lost = lost_in_subwords(split, predictions, references)
        wrong = sum(
            predicted != gold
            for sentence, golds, tokens in zip(predictions, references, held_out["tokens"], strict=True)
            for predicted, gold, token in zip(sentence, golds, tokens, strict=True)
            if token != " "
        )
        assert sum(lost.values()) == wrong  # nothing is lost but inside tokens of several characters
        print(f"\n{tokenizer.name_or_path}, entity_endings {entity_endings}: {scores[entity_endings]}; ")
        print(f"{len(config.entity_tails)} endings; {wrong} wrong characters in {dict(lost)}")
    learned, without = (scores[entity_endings]["entity_macro_f1"] for entity_endings in (True, False))
    assert learned >= max(97, without + 2)
    assert scores[True]["char_macro_f1"] >= 99.2
    if tokenizer.name_or_path.endswith("e5-small-ko"):  # the figures of docs/notes.md
        assert f"scores {learned:.1f} entity macro F1" in PAGE
        assert f"and {without:.1f} with one tag per token" in PAGE


def lost_in_subwords(split: Any, predictions: list, references: list) -> collections.Counter[str]:
    """Return wrong characters by token, for tokens that contain the border of an entity."""
    lost: collections.Counter[str] = collections.Counter()
    for row, feature in enumerate(split.features):
        text = "".join(split.examples[row]["tokens"])
        for start, end in zip(feature["start"], feature["end"], strict=True):
            wrong = sum(
                predictions[row][at] != references[row][at] for at in range(start, end) if text[at] != " "
            )
            if wrong and end - start > 1:
                lost[text[start:end]] += wrong
    return lost


@pytest.mark.parametrize("family", ["wordpiece", "sentencepiece"])
def test_tokens_without_a_character_are_trained_as_outside_where_asked(
    family: str, tiny: Path, request: pytest.FixtureRequest
) -> None:
    folder = tiny if family == "wordpiece" else request.getfixturevalue("shared") / "models/e5-small-ko"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "B 씨는 서울"  # the tokenizer of e5-small-ko gives ▁B ▁ 씨는 ▁서울
    examples = sentences([text], [[TAGS.index("B-PS"), *[OUTSIDE] * (len(text) - 1)]])
    labels, predicted = {}, {}
    for is_labelled in (False, True):
        config = configured("ner", tokenizer, examples, label_all_tokens=is_labelled)
        split = encoded("ner", examples, tokenizer, config, 64)
        labels[is_labelled] = split.features["labels"][0]
        predicted[is_labelled] = perfect(split, config)
    tokens = tokenizer.convert_ids_to_tokens(split.features["input_ids"][0])
    places = [
        at for at, token in enumerate(tokens) if token in {"▁", *tokenizer.all_special_tokens} - {"[UNK]"}
    ]
    assert len(places) == (3 if family == "sentencepiece" else 2)
    assert [at for at, label in enumerate(labels[False]) if label < 0] == places
    assert labels[True] == [OUTSIDE if at in places else label for at, label in enumerate(labels[False])]
    assert predicted[True] == predicted[False]


def test_windows_change_nothing_of_what_a_perfect_tagger_says(tokenizer: Any) -> None:
    train, dev = (klue_datasets.load("ner", name, mini=True) for name in ("train", "validation"))
    config = configured("ner", tokenizer, train)
    whole = encoded("ner", dev, tokenizer, config, 512)
    assert whole.windowed == 0
    expected = perfect(whole, config)
    for size, stride in ((10, None), (7, 1), (8, 100)):
        config.doc_stride = stride
        cut = encoded("ner", dev, tokenizer, config, size)
        assert max(cut.features["length"]) <= size
        assert cut.windowed > 20
        assert perfect(cut, config) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
def test_every_character_has_one_tag_however_odd_the_text(form: str, tokenizer: Any) -> None:
    import unicodedata

    texts = [unicodedata.normalize(form, text) for text in ODD]
    config = configured("ner", tokenizer, sentences(["가"], [[OUTSIDE]]))
    for lengths in (512, 5):
        split = encoded("ner", sentences(texts), tokenizer, config, lengths)
        width = max(split.features["length"])
        outputs = (
            np.full((len(split.features), width), TAGS.index("B-PS")),
            np.ones((len(split.features), width)),
        )
        decoded = RECIPE.decode(outputs, split.examples, split.features, loaded_with(config))
        assert [len(tags) for tags in decoded.predictions] == [len(text) for text in texts]
        for text, tags in zip(texts, decoded.predictions, strict=True):
            assert all(tag == "O" for letter, tag in zip(text, tags, strict=True) if letter.isspace())


def test_a_tokenizer_that_lowers_and_decomposes_is_followed(tiny: Path) -> None:
    vocabulary = AutoTokenizer.from_pretrained(tiny).get_vocab()
    letters = [chr(code) for code in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A8, 0x11C3))]
    for subword in [*letters, *(f"##{letter}" for letter in letters), "abc"]:
        vocabulary.setdefault(subword, len(vocabulary))
    lowering = BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=64)
    text, tags = "ABC 김가 왔다", ["B-OG", "I-OG", "I-OG", "O", "B-PS", "I-PS", "O", "O", "O"]
    examples = sentences([text], [[TAGS.index(tag) for tag in tags]])
    config = configured("ner", lowering, examples)
    split = encoded("ner", examples, lowering, config, 64)
    assert len(split.features[0]["input_ids"]) > len(text) + 2  # syllables fell into letters
    assert perfect(split, config) == [tags]


def test_subwords_take_the_tag_of_their_first_character() -> None:
    subwords = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "김", "##가와", "서울", "##은"]
    wordpiece = BertTokenizer(
        vocab={subword: number for number, subword in enumerate(subwords)}, do_lower_case=False
    )
    tags = ["B-PS", "I-PS", "O", "O", "B-LC", "I-LC", "O", "O", "O"]
    examples = sentences(["김가와 서울은 뷁"], [[TAGS.index(tag) for tag in tags]])
    config = configured("ner", wordpiece, examples)
    feature = encoded("ner", examples, wordpiece, config, 64).features[0]
    names = ["-" if label < 0 else TAGS[label] for label in feature["labels"]]
    assert wordpiece.convert_ids_to_tokens(feature["input_ids"])[1:-1] == [
        "김",
        "##가와",
        "서울",
        "##은",
        "[UNK]",
    ]
    assert names == ["-", "B-PS", "I-PS", "B-LC", "O", "O", "-"]
    assert feature["start"][1:-1] == [0, 1, 4, 6, 8]
    assert feature["end"][1:-1] == [1, 3, 6, 7, 9]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_b_only_on_the_first_character_of_a_subword(tiny: Path, data: st.DataObject) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    text = data.draw(st.text(st.sampled_from("가나다서울 시장은1월"), min_size=1, max_size=20))
    examples = sentences([text])
    config = configured("ner", wordpiece, sentences(["가"], [[OUTSIDE]]))
    config.entity_tails = {"은": 1, "가": 1}
    split = encoded("ner", examples, wordpiece, config, data.draw(st.integers(5, 64)))
    shape = (len(split.features), max(split.features["length"]))
    cells = shape[0] * shape[1]
    tags = np.array(data.draw(st.lists(st.integers(0, 12), min_size=cells, max_size=cells)))
    decoded = RECIPE.decode(
        (tags.reshape(shape), np.ones(shape)), examples, split.features, loaded_with(config)
    )
    [predicted] = decoded.predictions
    assert len(predicted) == len(text)
    starts = {start for feature in split.features for start in feature["start"]}
    assert {at for at, tag in enumerate(predicted) if tag.startswith("B-")} <= starts


@pytest.mark.parametrize(
    "tags", ["B-DT I-DT I-DT", "B-DT O B-DT", "B-DT O O", "O O I-DT", "B-DT O I-TI", "I-DT I-DT I-DT"]
)
def test_a_blank_is_inside_where_the_entity_goes_on(tags: str, tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    examples = sentences(["가 나"], [[TAGS.index(tag) for tag in tags.split()]])
    config = configured("ner", wordpiece, sentences(["가"], [[OUTSIDE]]))
    assert perfect(encoded("ner", examples, wordpiece, config, 64), config) == [tags.split()]


def test_a_model_that_no_recipe_trained_can_be_used(tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    config = configured("ner", wordpiece)  # without training data to learn endings from
    examples = sentences(["가 나"], [[TAGS.index(tag) for tag in ("B-DT", "O", "B-PS")]])
    assert perfect(encoded("ner", examples, wordpiece, config, 64), config) == [["B-DT", "O", "B-PS"]]


def test_inside_tags_are_those_of_the_same_type() -> None:
    assert all(TAGS[INSIDE[place]].startswith("I-") for place, tag in enumerate(TAGS) if tag != "O")
