"""Tests of states as text: real states, three tokenizers, punctuation, malformed texts, inputs."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from text_models import without_padding
from transformers import AutoTokenizer, BertTokenizer

import klue_datasets
from klue_metrics.functional import compute
from recipes.pretraining.tiny_encoder import train_wordpiece
from recipes.tasks.wos.configuration_dialogue_state import union_of_slots
from recipes.tasks.wos.state_text import TextSettings, words_like
from recipes.tasks.wos.text_generation import CUE, StateFrame

SLOTS = ("관광-이름", "관광-종류", "식당-이름", "식당-주차 가능")
Turn = tuple[list[str], list[str]]


def turns(rows: Any) -> Iterator[Turn]:
    for row in rows:
        utterances: list[str] = []
        for turn in row["dialogue"]:
            utterances.append(turn["text"])
            if turn["role"] == "user":
                yield list(utterances), list(turn["state"])


def frame_of(
    tokenizer: Any, values: dict[str, list[str]], *, causal: bool = False, **config: Any
) -> StateFrame:
    settings = TextSettings(slots=list(values), values=values)
    settings.read_subwords(tokenizer)
    return StateFrame(settings, tokenizer, SimpleNamespace(is_encoder_decoder=not causal, **config))


def again(frame: StateFrame, gold: list[str], utterances: list[str]) -> list[str]:
    """Convert a state to text and ids and back."""
    read = frame.text.read(frame.written(frame.target(gold)), utterances)
    assert not read.dropped
    return read.state


@pytest.fixture(scope="module")
def real(shared: Path) -> tuple[dict[str, list[str]], dict[str, list[str]], list[Turn], list[str]]:
    """Return known values of ontology and training, values of the ontology, all turns, and texts."""
    data = klue_datasets.load("wos", data_dir=shared / "data/klue-small")
    sample = klue_datasets.load("wos", data_dir=shared / "data/klue-v1-sample", version="1.0.0")
    ontology = json.loads((shared / "data/klue-small/wos-v1.1/ontology.json").read_text(encoding="utf-8"))
    trained = union_of_slots([state for _, state in turns(data["train"])], ontology)
    everything = [turn for part in (data, sample) for split in part.values() for turn in turns(split)]
    texts = [turn["text"] for row in data["train"] for turn in row["dialogue"]]
    return trained, union_of_slots([], ontology), everything, texts


@pytest.mark.parametrize("known", ["ontology and training", "ontology", "nothing"])
@pytest.mark.parametrize("subwords", ["sentencepiece", "wordpiece", "byte-level"])
def test_all_real_states_survive(
    subwords: str, known: str, real: Any, shared: Path, request: pytest.FixtureRequest
) -> None:
    trained, ontology, both, texts = real
    if subwords == "sentencepiece":
        tokenizer = AutoTokenizer.from_pretrained(shared / "models/e5-small-ko")
    elif subwords == "wordpiece":  # knows the letters of the training texts
        vocabulary = train_wordpiece([*texts, *["none dontcare yes no"] * 9])
        tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=False)
    else:
        tokenizer = request.getfixturevalue("byte_level")
    values = trained if "training" in known else ontology
    if known == "nothing":
        values = {slot: [] for slot in values}
    frame = frame_of(tokenizer, values)
    assert len(both) == 2_982
    assert max(len(gold) for _, gold in both) == 20
    found = [again(frame, gold, utterances) for utterances, gold in both]
    scores = compute("wos", found, [gold for _, gold in both])
    if known == "nothing" and subwords == "wordpiece":  # blanks around signs are not in the subword tokens
        assert scores["joint_goal_accuracy"] > 99
    else:
        assert scores == {"joint_goal_accuracy": 100, "slot_micro_f1": 100}


def test_letters_that_the_tokenizer_lacks_are_found_in_known_values_and_dialogues(
    real: Any, tiny: Path
) -> None:
    """With the WordPiece tokenizer of the mini corpus, only values that it cannot distinguish are wrong."""
    values, _, both, _ = real
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    frame = frame_of(tokenizer, values)
    unknown = tokenizer.unk_token_id

    @functools.cache
    def subwords(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    @functools.cache
    def twins(slot: str, value: str) -> list[str]:
        return [other for other in values[slot] if subwords(other) == subwords(value)]

    by_known = wrong = 0
    for utterances, gold in both:
        state = again(frame, gold, utterances)
        for item in gold:
            domain, slot, value = item.split("-", 2)
            alike = twins(f"{domain}-{slot}", value) if unknown in subwords(value) else []
            said = [other for other in alike if any(other in text for text in utterances)]
            if item in state:
                by_known += alike == [value]
                continue
            wrong += 1
            assert len(alike) > 1, f"{item} is wrong, but no other known value has its subword tokens"
            assert said != [value], f"{item} is wrong, but it alone was said"
    assert by_known > 100
    assert 0 < wrong < len(both) / 10


def test_the_text_has_the_items_in_the_order_of_the_slots(byte_level: Any) -> None:
    text = frame_of(byte_level, {slot: [] for slot in SLOTS}).text
    gold = ["식당-주차 가능-yes", "관광-종류-none", "관광-이름-가-나"]
    assert text.write(gold) == "관광-이름-가-나 | 식당-주차 가능-yes"
    assert text.write([]) == "none"
    assert text.read("none", []).state == text.read(" none ", []).state == []
    assert text.read("none", []).dropped == []
    with pytest.raises(ValueError, match="has no slot '택시-종류'"):
        text.write(["택시-종류-일반"])
    with pytest.raises(ValueError, match="two values for one slot"):
        text.write(["관광-이름-가", "관광-이름-나"])


def test_values_with_signs_come_out_letter_by_letter(tokenizer: Any) -> None:
    known = ["롯데월드타워&몰", "동대문 (흥인지문)", "수유(강북구청)역", "꿔=바로우", "가 : 나", "가:나",
             "A & B", "1,000", "가, 나", "가-나 - 다", "관광-종류-라"]  # fmt: skip
    frame = frame_of(tokenizer, {"관광-이름": known, "관광-종류": []})
    for value in known:
        gold = [f"관광-이름-{value}", "관광-종류-dontcare"]
        assert again(frame, gold, [value]) == gold
    frame = frame_of(tokenizer, {"관광-이름": [], "관광-종류": []})
    for value in ("국립 박물관", "공원 (동쪽)", "공원(동쪽)", "전시관 & 정원"):
        said = ["어디로 갈까요?", f"저는 {value}, 거기요."]
        assert again(frame, [f"관광-이름-{value}"], said) == [f"관광-이름-{value}"]


def test_blanks_of_the_model_are_those_of_the_known_value(byte_level: Any) -> None:
    text = frame_of(byte_level, {"관광-이름": ["달빛 정원", "가 : 나", "가:나"], "관광-종류": []}).text
    assert text.read("관광 - 이름 - 달빛정원", []).state == ["관광-이름-달빛 정원"]
    # one of them was written as it is, and of two that look alike the one that was said
    assert text.read("관광-이름-가:나", ["가 : 나"]).state == ["관광-이름-가:나"]
    assert text.read("관광-이름-가 :나", ["가 : 나"]).state == ["관광-이름-가 : 나"]
    assert words_like("달빛정원", ["달빛 정원으로", "그 달빛  정원은"]) == "달빛  정원"
    assert words_like("별빛정원", ["달빛 정원으로"]) == ""


def test_what_is_no_item_is_dropped_and_told(byte_level: Any) -> None:
    text = frame_of(byte_level, {slot: ["달빛 정원"] for slot in SLOTS}).text
    for written, state, dropped in (
        ("", [], [""]),
        ("관광-이름-가 | ", ["관광-이름-가"], [""]),
        ("없음", [], ["없음"]),
        ("관광-이름-", [], ["관광-이름-"]),
        ("관광-이름", [], ["관광-이름"]),
        ("관광-이름-none | 식당-이름-나", ["식당-이름-나"], ["관광-이름-none"]),
        ("병원-이름-가 | 관광-이름-나", ["관광-이름-나"], ["병원-이름-가"]),
        ("관광-이름-가 || 식당-이름-나 |", ["관광-이름-가", "식당-이름-나"], ["", ""]),
        ("관광-이름-가 | 관광-종류-나 | 관광-이름-다", ["관광-이름-다", "관광-종류-나"], []),
        ("식당-이름-나|관광-이름-가", ["관광-이름-가", "식당-이름-나"], []),
    ):
        read = text.read(written, [])
        assert (read.state, read.dropped) == (state, dropped), written
    gates = text.read("식당-주차 가능-no | 관광-종류-dontcare | 관광-이름-달빛 정원", []).gates
    assert gates == {"관광-이름": "ptr", "관광-종류": "dontcare", "식당-주차 가능": "no"}


def test_values_become_known_ones_on_demand(byte_level: Any) -> None:
    text = frame_of(byte_level, {"관광-이름": ["달빛 정원", "솔바람 숲"], "관광-종류": []}).text
    written = "관광-이름-달빛 공원 | 관광-종류-공원"
    assert text.read(written, []).state == ["관광-이름-달빛 공원", "관광-종류-공원"]
    bound = text.read(written, [], constrain=True)
    assert bound.state == ["관광-이름-달빛 정원", "관광-종류-공원"]
    assert bound.mapped == {"관광-이름": ("달빛 공원", "달빛 정원")}
    assert text.read("관광-이름-dontcare", [], constrain=True).state == ["관광-이름-dontcare"]


def test_the_separator_is_in_no_value(byte_level: Any) -> None:
    for values, sign in ((["가"], "|"), (["가|나"], ";"), (["가|나", "a;/b"], "#")):
        frame = frame_of(byte_level, {"관광-이름": values, "관광-종류": []})
        assert frame.settings.separator == sign
        for value in values:
            gold = [f"관광-이름-{value}", "관광-종류-나"]
            assert again(frame, gold, []) == gold
    with pytest.raises(ValueError, match="expected one that can stand between"):
        frame_of(byte_level, {"관광-이름": ["|;/#?!"]})


def test_what_a_seq2seq_model_reads_and_writes(tiny: Path) -> None:
    wordpiece = AutoTokenizer.from_pretrained(tiny)
    seq2seq = frame_of(wordpiece, {"관광-이름": []})
    assert wordpiece.decode(seq2seq.prompt(["가"], 99)[0]) == "[CLS] [SEP] [SEP] 가 [SEP]"
    assert wordpiece.decode(seq2seq.prompt(["가", "나", "다"], 99)[0]) == (
        "[CLS] [SEP] 가 [SEP] 나 [SEP] 다 [SEP]"  # KLUE-baseline's
    )
    ids, is_cut = seq2seq.prompt(["가", "나", "다"], 6)
    assert (wordpiece.decode(ids), is_cut) == ("[CLS] [SEP] 나 [SEP] 다 [SEP]", True)
    target = seq2seq.target(["관광-이름-가"])
    assert (target[0], target[-1]) == (wordpiece.cls_token_id, wordpiece.sep_token_id)


def test_what_a_causal_model_reads_and_writes(byte_level: Any, tmp_path: Path) -> None:
    """Without [CLS] and [SEP], there is a line break between utterances, and a cue before the state."""
    tokenizer = without_padding(byte_level, tmp_path)
    assert tokenizer("가")["input_ids"] == tokenizer("가", add_special_tokens=False)["input_ids"]
    frame = frame_of(tokenizer, {"관광-이름": []}, causal=True, max_position_embeddings=60)
    assert tokenizer.decode(frame.prompt(["가", "나", "다"], 99)[0]) == f"\n가\n나\n다\n{CUE}"
    target = frame.target(["관광-이름-가"])
    assert tokenizer.decode(target[:-1]) == "관광-이름-가"
    assert target[-1] == tokenizer.eos_token_id == tokenizer.pad_token_id
    # the positions have to do for dialogue and state
    settings = frame.settings
    settings.max_new_tokens = 40
    narrow = StateFrame(
        settings, tokenizer, SimpleNamespace(is_encoder_decoder=False, max_position_embeddings=60)
    )
    ids, is_cut = narrow.prompt(["안녕하세요. 강변에 있는 호텔을 찾아요."] * 3, 99)
    assert (len(ids), is_cut) == (20, True)
    assert tokenizer.decode(ids).endswith(f"찾아요.\n{CUE}")
    tokenizer.eos_token = tokenizer.pad_token = None
    with pytest.raises(ValueError, match="neither an end of text nor a separator"):
        frame_of(tokenizer, {"관광-이름": []})


def test_a_tokenizer_has_to_know_the_words(tiny: Path) -> None:
    vocabulary = train_wordpiece(["관광 이름 종류 - | 가 나 다"] * 9)
    with pytest.raises(ValueError, match="cannot tell the 1 slots apart, or dontcare, yes, no, none"):
        frame_of(BertTokenizer(vocab=vocabulary, do_lower_case=False), {"관광-이름": []})
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    frame_of(tokenizer, {"관광-이름": []})
    with pytest.raises(ValueError, match="cannot tell the 2 slots apart"):
        frame_of(tokenizer, {"관광-뷁": [], "관광-뚫": []})
