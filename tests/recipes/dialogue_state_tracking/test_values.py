"""Tests of dialogues as tokens, and of values as tokens and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertTokenizer

import klue_datasets
from klue_metrics.functional import compute
from recipes.pretraining.tiny_encoder import train_wordpiece
from recipes.tasks.wos.configuration_dialogue_state import GATES, StateSettings, split_item, union_of_slots
from recipes.tasks.wos.dialogue_text import check_dialogue, encode_turn
from recipes.tasks.wos.state_values import StateReader

SPLITS = ("train", "validation")


def turns(rows: Any) -> Iterator[tuple[list[str], list[str]]]:
    for row in rows:
        utterances: list[str] = []
        for turn in row["dialogue"]:
            utterances.append(turn["text"])
            if turn["role"] == "user":
                yield list(utterances), list(turn["state"])


def reader(tokenizer: Any, values: dict[str, list[str]]) -> StateReader:
    settings = StateSettings(slots=list(values), values=values)
    settings.read_subwords(tokenizer)
    return StateReader(settings, tokenizer)


def again(states: StateReader, gold: list[str], utterances: list[str]) -> list[str]:
    """Convert a state to gates and tokens and back."""
    slots = len(states.settings.slots)
    gates, values = [0] * slots, [[]] * slots
    for slot, gate, subwords in zip(*(column[0] for column in states.targets([gold])), strict=True):
        gates[slot], values[slot] = gate, subwords
    return states.read(gates, values, utterances).state


@pytest.fixture
def tokenizer(tiny: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny)


def test_the_template_is_the_official_one(tokenizer: Any) -> None:
    def text(utterances: list[str], length: int = 512) -> tuple[str, bool]:
        ids, is_cut = encode_turn(utterances, tokenizer, length)
        return tokenizer.decode(ids), is_cut

    assert text(["가"]) == ("[CLS] [SEP] [SEP] 가 [SEP]", False)
    assert text(["가", "나", "다"]) == ("[CLS] [SEP] 가 [SEP] 나 [SEP] 다 [SEP]", False)
    assert text(["가", "나", "다"], 8) == ("[CLS] [SEP] 가 [SEP] 나 [SEP] 다 [SEP]", False)
    assert text(["가", "나", "다"], 7) == ("[CLS] 가 [SEP] 나 [SEP] 다 [SEP]", True)
    assert text(["가", "나", "다", "가", "나"], 6) == (
        "[CLS] 다 [SEP] 가 [SEP] 나 [SEP]".replace("다 ", "", 1),
        True,
    )
    with pytest.raises(ValueError, match="2 utterances; expected an odd number"):
        encode_turn(["가", "나"], tokenizer, 10)


def test_dialogues_are_utterances_or_messages() -> None:
    assert check_dialogue(["가", "나"]) == ["가", "나"]
    assert check_dialogue([{"role": "user", "text": "가"}, {"role": "sys", "text": "나"}]) == ["가", "나"]
    assert check_dialogue([{"role": "user", "content": "가"}]) == ["가"]
    for wrong, message in (
        ("가나", "expected a list of utterances"),
        ([], "expected a list of utterances"),
        ([3], "Utterance 0 of a dialogue is 3; expected text"),
        ([{"role": "sys", "text": "가"}], "expected user and system in turn"),
    ):
        with pytest.raises(ValueError, match=message):
            check_dialogue(wrong)


def test_state_strings_split_at_the_first_two_hyphens() -> None:
    assert split_item("식당-예약 시간-18:00") == ("식당-예약 시간", "18:00")
    assert split_item("식당-이름-가-나") == ("식당-이름", "가-나")
    with pytest.raises(ValueError, match="expected domain-slot-value"):
        split_item("식당-이름")


def test_slots_are_the_union_of_ontology_and_states() -> None:
    values = union_of_slots([["택시-종류-일반"], ["식당-이름-나"]], {"식당-이름": ["none", "dontcare", "가"]})
    assert values == {"식당-이름": ["가", "나"], "택시-종류": ["일반"]}


def test_gates_and_targets(tokenizer: Any) -> None:
    slots = {"식당-이름": [], "식당-주차 가능": [], "식당-지역": [], "식당-흡연 가능": []}
    states = reader(tokenizer, slots)
    gold = ["식당-흡연 가능-no", "식당-이름-가나", "식당-주차 가능-yes", "식당-지역-dontcare"]
    [numbers], [gates], [values] = states.targets([gold])
    assert numbers == [3, 0, 1, 2]
    assert [GATES[gate] for gate in gates] == ["no", "ptr", "yes", "dontcare"]
    assert all(subwords[-1] == tokenizer.sep_token_id for subwords in values)
    assert tokenizer.decode(values[2][:-1]) == "yes".replace("yes", tokenizer.decode(values[2][:-1]))
    with pytest.raises(ValueError, match="has no slot '식당-메뉴'"):
        states.targets([["식당-메뉴-가"]])
    with pytest.raises(ValueError, match="two values for one slot"):
        states.targets([["식당-이름-가", "식당-이름-나"]])


def test_values_with_signs_come_out_letter_by_letter(tokenizer: Any) -> None:
    known = [
        "롯데월드타워&몰",
        "동대문 (흥인지문)",
        "수유(강북구청)역",
        "꿔=바로우",
        "가 : 나",
        "가:나",
        "A & B",
    ]
    states = reader(tokenizer, {"관광-이름": known})
    for value in known:
        assert again(states, [f"관광-이름-{value}"], [value]) == [f"관광-이름-{value}"]
    # and those that no list has, from the dialogue, where the spelling is
    states = reader(tokenizer, {"관광-이름": []})
    for value in ("국립 박물관", "공원 (동쪽)", "공원(동쪽)", "전시관 & 정원"):
        said = ["어디로 갈까요?", f"저는 {value}, 거기요."]
        assert again(states, [f"관광-이름-{value}"], said) == [f"관광-이름-{value}"]
    assert states.text("관광-이름", states.tokenize(["18:00"])[0], []) == "18:00"
    assert again(states, [], []) == []


def test_unknown_tokens_are_copied_only_where_one_thing_was_said(tokenizer: Any) -> None:
    """All words that are not in the vocabulary have the unknown token, so two of them are ambiguous."""
    states = reader(tokenizer, {"관광-이름": []})
    unknown = [tokenizer.unk_token_id]
    assert states.tokenize(["쀍", "퀣"]) == [unknown, unknown]
    assert states.text("관광-이름", unknown, ["쀍, 거기요.", "네.", "쀍 말이에요."]) == "쀍"
    assert states.text("관광-이름", unknown, ["쀍, 거기요.", "퀣 말인가요?", "네."]) == tokenizer.unk_token
    assert states.text("관광-이름", unknown, ["네."]) == tokenizer.unk_token
    # known tokens beside it tell which
    wanted = states.tokenize(["서울 쀍"])[0]
    assert wanted[-1:] == unknown
    assert states.text("관광-이름", wanted, ["서울 쀍, 거기요.", "퀣 말인가요?", "네."]) == "서울 쀍"


def test_nothing_generated_is_no_value(tokenizer: Any) -> None:
    states = reader(tokenizer, {"관광-이름": ["가"]})
    end = tokenizer.sep_token_id
    assert states.read([GATES.index("ptr")], [[end]], []).state == []
    assert states.read([GATES.index("ptr")], [states.none_subwords()], []).state == []
    assert states.read([GATES.index("ptr")], [[-100, -100]], [], constrain=True).state == []


def test_generated_values_become_the_closest_known_ones_on_demand(tokenizer: Any) -> None:
    states = reader(tokenizer, {"관광-이름": ["달빛 정원", "솔바람 숲"], "택시-종류": []})
    subwords = [*states.tokenize(["달빛 공원"]), *states.tokenize(["일반"])]
    gates = [GATES.index("ptr")] * 2
    free = states.read(gates, subwords, ["달빛 공원 일반"])
    assert free.state == ["관광-이름-달빛 공원", "택시-종류-일반"]
    assert free.mapped == {}
    bound = states.read(gates, subwords, ["달빛 공원 일반"], constrain=True)
    assert bound.state == ["관광-이름-달빛 정원", "택시-종류-일반"]
    assert bound.mapped == {"관광-이름": ("달빛 공원", "달빛 정원")}


@pytest.mark.parametrize("known", ["ontology and training", "ontology", "nothing"])
@pytest.mark.parametrize("subwords", ["sentencepiece", "wordpiece"])
def test_all_real_states_survive(subwords: str, known: str, shared: Path) -> None:
    data = klue_datasets.load("wos", data_dir=shared / "data/klue-small")
    ontology = json.loads((shared / "data/klue-small/wos-v1.1/ontology.json").read_text(encoding="utf-8"))
    if subwords == "sentencepiece":
        tokenizer = AutoTokenizer.from_pretrained(shared / "models/e5-small-ko")
    else:
        texts = [turn["text"] for row in data["train"] for turn in row["dialogue"]]
        tokenizer = BertTokenizer(vocab=train_wordpiece(texts), do_lower_case=False)
    trained = [state for _, state in turns(data["train"])] if "training" in known else []
    values = union_of_slots(trained, ontology)
    assert len(values) == 45
    assert sum(not listed for listed in values.values()) == 20  # yes or no
    if known == "nothing":
        values = {slot: [] for slot in values}
    states = reader(tokenizer, values)
    for slot, listed in values.items():
        for value in listed:
            assert again(states, [f"{slot}-{value}"], [value]) == [f"{slot}-{value}"]
    both = [turn for split in SPLITS for turn in turns(data[split])]
    assert len(both) == 2_921
    found = [again(states, gold, utterances) for utterances, gold in both]
    scores = compute("wos", found, [gold for _, gold in both])
    if known == "nothing" and subwords == "wordpiece":  # a name in brackets, with and without a blank
        assert scores["joint_goal_accuracy"] > 99
    else:
        assert scores == {"joint_goal_accuracy": 100, "slot_micro_f1": 100}
