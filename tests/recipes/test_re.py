"""Tests of relation extraction: entity markers, truncation and pooling."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import torch
from encoding import configured, encoded
from transformers import AutoTokenizer

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine.modeling import load_model
from recipes.pretraining.tiny_encoder import train_wordpiece
from recipes.subwords.entity_markers import ENTITY_TYPES, ROLES, Marker, cut, marker_tokens
from recipes.tasks import get_recipe

RECIPE = get_recipe("re")


def entity(start: int, end: int, kind: str = "PER") -> dict[str, Any]:
    return {"start_idx": start, "end_idx": end, "type": kind}


def marked(
    tokenizer: Any, sentence: str, subject: tuple, object_: tuple, style: str = "official"
) -> list[str]:
    """Return the tokens of a sentence with markers as text."""
    tokens = marker_tokens(style)
    if tokens:
        tokenizer.add_special_tokens(
            {"additional_special_tokens": tokens}, replace_extra_special_tokens=False
        )
    entities = dict(zip(ROLES, (entity(*subject), entity(*object_)), strict=True))
    return tokenizer.convert_ids_to_tokens(Marker(tokenizer, style)(sentence, entities).ids)


def plain(text: str) -> str:
    """Normalise a text like tokenizers, up to blanks."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_both_entities_of_every_real_row_can_be_read_back(shared: Path, tokenizer: Any) -> None:
    rows = klue_datasets.load("re", "train", data_dir=shared / "data/klue-small")
    config = configured("re", tokenizer)
    split = encoded("re", rows, tokenizer, config, 256)
    unknown = []
    for row, ids in zip(rows, split.features["input_ids"], strict=True):
        tokens = tokenizer.convert_ids_to_tokens(ids)
        for role, name in ROLES.items():
            start, end = tokens.index(f"<{name}>"), tokens.index(f"</{name}>")
            marks = {f"<{slash}{other}>" for other in ROLES.values() for slash in ("", "/")}
            subwords = [subword for subword, token in zip(ids, tokens, strict=True)][start:end]
            subwords = [
                subword for subword in subwords if tokenizer.convert_ids_to_tokens(subword) not in marks
            ]
            if tokenizer.unk_token_id in subwords:
                unknown.append(row[role]["word"])
            else:
                assert plain(tokenizer.decode(subwords)) == plain(row[role]["word"])
    print(f"\n{type(tokenizer).__name__}: {len(rows)} rows; {len(unknown)} entities with unknown letters")
    limit = {"TokenizersBackend": 3}.get(type(tokenizer).__name__, len(rows))  # the tiny WordPiece knows few
    assert len(unknown) <= limit


def test_what_follows_a_mark_is_cut_as_if_the_mark_were_not_there(shared: Path, tokenizer: Any) -> None:
    """If the sentence without markers has a token boundary at the closing marker."""
    rows = klue_datasets.load("re", "train", data_dir=shared / "data/klue-small").select(range(600))
    config = configured("re", tokenizer, marker_style="typed")
    marker, ends = Marker(tokenizer, config.marker_style), 0
    for row in rows:
        roles = sorted(ROLES, key=lambda role: row[role]["start_idx"])
        end = row[roles[1]]["end_idx"] + 1
        sentence = row["sentence"]
        if sentence[end : end + 1].isspace() or end == len(sentence):
            continue
        whole = tokenizer(sentence, add_special_tokens=False, return_offsets_mapping=True)
        borders = [at for at, (left, right) in enumerate(whole["offset_mapping"]) if left == end < right]
        if not borders or whole["offset_mapping"][borders[0] - 1][1] > end:
            continue
        ids = marker(sentence, {role: row[role] for role in ROLES}).ids
        kind = row[roles[1]]["type"]
        closing = tokenizer.convert_tokens_to_ids(f"</{ROLES[roles[1]]}:{kind}>")
        if row[roles[0]]["end_idx"] >= row[roles[1]]["start_idx"]:
            continue  # the other mark may close later
        assert ids[ids.index(closing) + 1 :] == whole["input_ids"][borders[0] :]
        ends += 1
    assert ends > 100


def as_the_baseline(tokenizer: Any, row: dict[str, Any], *, wordpiece: bool) -> list[str]:
    """Return the tokens of a marked sentence as in data/klue_re.py of KLUE-baseline."""
    sentence = row["sentence"]
    spans = sorted((row[role]["start_idx"], row[role]["end_idx"] + 1, name) for role, name in ROLES.items())
    tokens: list[str] = []
    done = 0
    for start, end, name in spans:
        tokens += tokenizer.tokenize(sentence[done:start].strip())
        tokens += [f"<{name}>", *tokenizer.tokenize(sentence[start:end].strip()), f"</{name}>"]
        done = end
    tokens += tokenizer.tokenize(sentence[done:].strip())
    for _, end, name in spans:
        place = tokens.index(f"</{name}>") + 1
        if sentence[end : end + 1] in ("", " "):
            continue
        if wordpiece and not tokens[place].startswith("##") and "가" <= tokens[place][0] <= "힣":
            tokens[place] = "##" + tokens[place]
        elif not wordpiece and tokens[place] == "▁":
            tokens.pop(place)
        elif not wordpiece:
            tokens[place] = tokens[place].removeprefix("▁")
    return tokens


@pytest.mark.parametrize("family", ["wordpiece", "sentencepiece"])
def test_official_markers_give_the_ids_of_the_baseline(family: str, shared: Path) -> None:
    from transformers import BertTokenizer

    rows = klue_datasets.load("re", "train", data_dir=shared / "data/klue-small")
    if family == "wordpiece":
        tokenizer = BertTokenizer(vocab=train_wordpiece(list(rows["sentence"])), do_lower_case=False)
    else:
        tokenizer = AutoTokenizer.from_pretrained(shared / "models/e5-small-ko")
    configured("re", tokenizer)
    official, typed = (Marker(tokenizer, style) for style in ("official", "typed"))
    tokenizer.add_special_tokens(
        {"additional_special_tokens": marker_tokens("typed")}, replace_extra_special_tokens=False
    )
    repaired = 0
    for row in rows:
        tokens = as_the_baseline(tokenizer, row, wordpiece=family == "wordpiece")
        entities = {role: row[role] for role in ROLES}
        ids = official(row["sentence"], entities).ids
        assert ids == tokenizer.convert_tokens_to_ids(tokens)
        others = tokenizer.convert_ids_to_tokens(typed(row["sentence"], entities).ids)
        without_types = [re.sub(r"^(</?(subj|obj)):\w+>$", r"\1>", token) for token in others]
        repaired += without_types != tokenizer.convert_ids_to_tokens(ids)
    print(f"{family}: {len(rows)} rows, {repaired} of which the other styles tokenise otherwise")
    assert len(rows) == 3_247
    assert repaired > 30


def test_a_particle_goes_on_with_its_word(tiny: Path) -> None:
    from transformers import BertTokenizer

    subwords = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "비틀즈",
        "##가",
        "가",
        "##는",
        "는",
        "를",
        "폴",
    ]
    wordpiece = BertTokenizer(vocab={subword: at for at, subword in enumerate(subwords)}, do_lower_case=False)
    tokens = marked(wordpiece, "비틀즈가 폴는", (0, 2), (5, 5))
    assert tokens == ["<subj>", "비틀즈", "</subj>", "##가", "<obj>", "폴", "</obj>", "##는"]
    tokens = marked(wordpiece, "폴 가 비틀즈 를", (0, 0), (4, 6))
    assert tokens == ["<subj>", "폴", "</subj>", "가", "<obj>", "비틀즈", "</obj>", "를"]
    tokens = marked(wordpiece, "비틀즈를 폴", (0, 2), (5, 5))  # ##를 is not in the vocabulary
    assert tokens == ["<subj>", "비틀즈", "</subj>", "[UNK]", "<obj>", "폴", "</obj>"]


def test_marks_may_touch_nest_and_stand_at_the_end(tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    sentence = "서울시장 김가나"

    def marks(subject: tuple, object_: tuple) -> list[str]:
        return [
            subword for subword in marked(wordpiece, sentence, subject, object_) if subword.startswith("<")
        ]

    assert marks((0, 3), (4, 7)) == ["<subj>", "</subj>", "<obj>", "</obj>"]
    assert marks((4, 7), (0, 3)) == ["<obj>", "</obj>", "<subj>", "</subj>"]
    assert marks((0, 3), (0, 1)) == ["<subj>", "<obj>", "</obj>", "</subj>"]
    assert marks((0, 1), (0, 3)) == ["<obj>", "<subj>", "</subj>", "</obj>"]
    assert marks((0, 3), (2, 3)) == ["<subj>", "<obj>", "</obj>", "</subj>"]
    assert marks((0, 3), (0, 3)) == ["<subj>", "<obj>", "</obj>", "</subj>"]
    assert marks((0, 2), (1, 3)) == ["<subj>", "<obj>", "</subj>", "</obj>"]
    assert marks((0, 1), (2, 3)) == ["<subj>", "</subj>", "<obj>", "</obj>"]
    with pytest.raises(ValueError, match=r"subject_entity is at characters 5 to 8 .* expected a span inside"):
        marks((5, 8), (0, 1))


def test_styles(tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    typed = marked(wordpiece, "서울시장", (0, 1, "ORG"), (2, 3, "POH"), "typed")
    assert [subword for subword in typed if subword[0] == "<"] == [
        "<subj:ORG>",
        "</subj:ORG>",
        "<obj:POH>",
        "</obj:POH>",
    ]
    assert len(marker_tokens("typed")) == 4 * len(ENTITY_TYPES)
    with pytest.raises(ValueError, match="object_entity has the type 'XXX'; expected one of PER, ORG"):
        marked(wordpiece, "서울시장", (0, 1), (2, 3, "XXX"), "typed")
    assert not [
        subword for subword in marked(wordpiece, "서울시장", (0, 1), (2, 3), "none") if subword[0] == "<"
    ]


def test_a_cut_keeps_the_marks_and_what_is_near_them(tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    sentence = "가 " * 50 + "나" + " 다" * 30 + " 라" + " 마" * 50
    marker_ids = marker_tokens("official")
    marked(wordpiece, sentence, (100, 100), (162, 163))
    whole = Marker(wordpiece, "official")(
        sentence, {"subject_entity": entity(100, 100), "object_entity": entity(163, 163)}
    )
    for limit in (5, 8, 40, 60, 100):
        shorter = cut(whole, limit)
        tokens = wordpiece.convert_ids_to_tokens(shorter.ids)
        assert len(tokens) == limit
        assert [token for token in tokens if token in marker_ids] == ["<subj>", "</subj>", "<obj>", "</obj>"]
    tokens = wordpiece.convert_ids_to_tokens(cut(whole, 60).ids)
    left, right = tokens.index("<subj>"), len(tokens) - 1 - tokens.index("</obj>")
    assert abs(left - right) <= 1  # as much before as behind
    assert cut(whole, 1_000) == whole
    with pytest.raises(ValueError, match="at most 3 tokens; expected room for 4 tokens of entity markers"):
        cut(whole, 3)


def test_the_head_on_marks_reads_their_vectors(tiny: Path) -> None:
    arguments = RecipeArguments(
        model_name_or_path=str(tiny), do_train=True, pooling="entity_start", marker_style="typed"
    )
    loaded = load_model(RECIPE, arguments)
    model, tokenizer = loaded.model.eval(), loaded.tokenizer
    assert model.get_input_embeddings().num_embeddings == len(tokenizer) == loaded.config.vocab_size
    rows = klue_datasets.load("re", "validation[:8]", mini=True)
    split = encoded("re", rows, tokenizer, loaded.config, 128)
    batch = tokenizer.pad(
        {name: split.features[name][:] for name in ("input_ids", "attention_mask")}, return_tensors="pt"
    )
    hidden = model.base_model(**batch).last_hidden_state
    for at, ids in enumerate(batch["input_ids"].tolist()):
        tokens = tokenizer.convert_ids_to_tokens(ids)
        places = [
            next(i for i, token in enumerate(tokens) if token.startswith(f"<{name}"))
            for name in ("subj", "obj")
        ]
        expected = model.classifier(hidden[at, places].flatten())
        torch.testing.assert_close(model(**batch).logits[at], expected)
    with pytest.raises(ValueError, match="marker_style none; expected entity markers"):
        load_model(
            RECIPE, RecipeArguments(str(tiny), do_train=True, pooling="entity_start", marker_style="none")
        )


def test_entities_of_user_input_are_found_by_their_words() -> None:
    row = RECIPE.raw_input.read(
        {
            "sentence": "박보검은 서울에서",
            "subject_entity": "박보검",
            "object_entity": {"word": "서울", "type": "LOC"},
        }
    )
    assert (row["subject_entity"]["start_idx"], row["subject_entity"]["end_idx"]) == (0, 2)
    assert row["object_entity"] == {"word": "서울", "start_idx": 5, "end_idx": 6, "type": "LOC"}
    with pytest.raises(ValueError, match="'서' occurs 2 times in the sentence; expected once"):
        RECIPE.raw_input.read({"sentence": "서울에서", "subject_entity": "서", "object_entity": "울"})
