"""Tests of saved trackers, loaded without this package and by the pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, pipeline

import klue_datasets
from recipes.tasks.shared.configuration_encoder import read_config
from recipes.tasks.shared.length_batches import PADDING, length_batches
from recipes.tasks.wos.configuration_dialogue_state import StateSettings, union_of_slots
from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker
from recipes.tasks.wos.pipeline_dialogue_state import changes

DIALOGUE = ["안녕하세요. 강변에 있는 저렴한 호텔을 찾아요.", "구름채가 있습니다. 어떠세요?", "거기로 할게요."]

CODE = {
    "configuration_dialogue_state.py", "decoder_loss.py", "decoder_search.py", "decoder_trade.py",
    "decoder_training.py", "dialogue_text.py", "encoder.py", "merged_adapter.py", "configuration_encoder.py",
    "length_batches.py",
    "modeling_dialogue_state.py",
    "pipeline_dialogue_state.py", "state_values.py",
}  # fmt: skip


@pytest.fixture(scope="module")
def saved(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a tracker with random weights, changed gates, and its tokenizer."""
    folder = tmp_path_factory.mktemp("saved") / "tracker"
    rows = klue_datasets.load("wos", "train", mini=True)
    states = [turn["state"] for row in rows for turn in row["dialogue"]]
    values = union_of_slots(states, {})
    settings = StateSettings(slots=list(values), values=values)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    settings.read_subwords(tokenizer)
    config = AutoConfig.from_pretrained(tiny)
    settings.write(config)
    torch.manual_seed(0)
    model = DialogueStateTracker.from_pretrained(tiny, config=config).eval()
    with torch.no_grad():
        model.gate.weight.mul_(20)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_the_plain_encoder_loads_here_and_ours_holds_one(saved: Path, tiny: Path) -> None:
    model = DialogueStateTracker.from_pretrained(saved)
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        AutoModel.from_pretrained(saved, trust_remote_code=False)
    encoder = AutoModel.from_pretrained(saved, config=read_config(saved), trust_remote_code=False)
    plain = AutoModel.from_pretrained(tiny)
    for name, weight in plain.named_parameters():
        torch.testing.assert_close(encoder.get_parameter(name), weight)
        torch.testing.assert_close(model.bert.get_parameter(name), weight)


def test_folders_carry_their_code(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    assert config["auto_map"] == {
        "AutoConfig": "configuration_encoder.EncoderConfig",
        "AutoModel": "modeling_dialogue_state.DialogueStateTracker",
    }
    [task] = config["custom_pipelines"]
    assert task == "dialogue-state-tracking"
    assert len(config["dialogue_state"]["slots"]) == len(config["dialogue_state"]["slot_subwords"])
    assert {path.name for path in saved.glob("*.py")} == CODE


def test_loaded_elsewhere_it_says_the_same(saved: Path, tmp_path: Path, python) -> None:
    """In another process and folder, without the package recipes."""
    model, tokenizer = DialogueStateTracker.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)
    track = pipeline("dialogue-state-tracking", model=str(saved), trust_remote_code=True, device="cpu")
    answer = track(DIALOGUE)
    code = f"""
import importlib.abc, json, sys, torch

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("recipes", "klue_datasets", "klue_metrics"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from transformers import AutoModel, AutoTokenizer, pipeline
model = AutoModel.from_pretrained({str(saved)!r}, trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained({str(saved)!r}, trust_remote_code=False)
inputs = tokenizer({DIALOGUE!r}, padding=True, return_tensors="pt")
inputs.pop("token_type_ids")
scores, values = model.track(**inputs)
model.save_pretrained("again")
tokenizer.save_pretrained("again")
track = pipeline("dialogue-state-tracking", model="again", trust_remote_code=True, device="cpu")
print(json.dumps([scores.tolist(), values.tolist(), track({DIALOGUE!r})]))
"""
    inputs = tokenizer(DIALOGUE, padding=True, return_tensors="pt")
    inputs.pop("token_type_ids")
    scores, values = model.eval().track(**inputs)
    found = json.loads(python("-c", code, cwd=tmp_path).stdout.splitlines()[-1])
    torch.testing.assert_close(torch.tensor(found[0]), scores)
    assert found[1] == values.tolist()
    assert found[2] == answer


def test_the_pipeline_answers_each_turn(saved: Path) -> None:
    track = pipeline("dialogue-state-tracking", model=str(saved), trust_remote_code=True, device="cpu")
    answer = track(DIALOGUE)
    assert [turn["turn"] for turn in answer] == [0, 1]
    assert [turn["user"] for turn in answer] == DIALOGUE[::2]
    assert answer[0]["state"]  # of a random model, but not nothing
    assert set(answer[0]["changed"].values()) == {item.split("-", 2)[2] for item in answer[0]["state"]}
    longer = [*DIALOGUE, "네, 알겠습니다. 더 도와드릴까요?"]  # the system's last word changes nothing
    assert track(longer) == answer
    roles = [
        {"role": role, "text": text} for role, text in zip(("user", "sys", "user"), DIALOGUE, strict=True)
    ]
    assert track(roles) == answer
    chat = [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant", "user"), DIALOGUE, strict=True)
    ]
    assert track(chat) == answer
    assert track([DIALOGUE, DIALOGUE[:1]]) == [answer, answer[:1]]
    for whole, batched in zip(
        [answer, answer[:1]], track([DIALOGUE, DIALOGUE[:1]], batch_size=2), strict=True
    ):
        for turn, expected in zip(batched, whole, strict=True):
            assert turn["score"] == pytest.approx(expected["score"], rel=1e-4)  # other padding
            assert {**turn, "score": 0} == {**expected, "score": 0}
    known = json.loads((saved / "config.json").read_text())["dialogue_state"]["values"]
    for turn in track(DIALOGUE, constrain_to_ontology=True):
        for item in turn["state"]:
            domain, slot, value = item.split("-", 2)
            assert (
                value in [*known[f"{domain}-{slot}"], "dontcare", "yes", "no"]
                or not known[f"{domain}-{slot}"]
            )


def test_wrong_inputs_are_named(saved: Path) -> None:
    track: Any = pipeline("dialogue-state-tracking", model=str(saved), trust_remote_code=True, device="cpu")
    with pytest.raises(ValueError, match="expected a list of utterances"):
        track("안녕하세요.")
    with pytest.raises(ValueError, match="expected a list of utterances"):
        track([])
    with pytest.raises(ValueError, match="has no option beams"):
        track(DIALOGUE, beams=3)


def test_slots_can_begin_far_apart(tiny: Path, saved: Path, tmp_path: Path) -> None:
    """The vectors have the requested spread with a new GRU; a trained GRU is not changed."""

    def loaded(folder: Path, slot_spread: float) -> DialogueStateTracker:
        config = read_config(saved)
        config.dialogue_state |= {"slot_spread": slot_spread}
        torch.manual_seed(3)
        return DialogueStateTracker.from_pretrained(folder, config=config)

    plain, scaled = loaded(tiny, 0), loaded(tiny, 1)
    names = plain.decoder.inputs(torch.empty(0, dtype=torch.long))[0]
    spread = (names - names.mean(dim=0)).std()
    assert spread < 0.1
    torch.testing.assert_close(scaled.gru.weight_ih_l0 * spread, plain.gru.weight_ih_l0)
    wide = loaded(tiny, 3.0).gru.weight_ih_l0
    torch.testing.assert_close(wide * spread, 3 * plain.gru.weight_ih_l0)
    torch.testing.assert_close(loaded(saved, 1).gru.weight_ih_l0, loaded(saved, 0).gru.weight_ih_l0)


def test_changes_name_what_is_new_and_what_is_gone() -> None:
    before = {"식당-이름": "가", "식당-지역": "나", "택시-종류": "일반"}
    after = {"식당-이름": "다", "식당-지역": "나", "택시-도착지": "라"}
    assert changes(before, after) == {"식당-이름": "다", "택시-도착지": "라", "택시-종류": None}


def test_the_pipeline_reads_the_turns_of_all_dialogues_in_few_batches(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track: Any = pipeline("dialogue-state-tracking", model=str(saved), trust_remote_code=True, device="cpu")
    rows: list[int] = []
    forward = track.model.track

    def counted(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        rows.append(len(input_ids))
        return forward(input_ids, attention_mask)

    monkeypatch.setattr(track.model, "track", counted)
    several = track([DIALOGUE, DIALOGUE[:1]] * 20)
    assert [len(answer) for answer in several] == [2, 1] * 20
    assert sum(rows) == 60
    assert len(rows) == 2  # of at most 32 turns


def test_the_pipeline_says_which_turns_it_did_not_read_whole(saved: Path) -> None:
    track: Any = pipeline("dialogue-state-tracking", model=str(saved), trust_remote_code=True, device="cpu")
    answer = track([DIALOGUE[0], DIALOGUE[1] * 100, DIALOGUE[2]])
    assert [turn.get("truncated") for turn in answer] == [None, True]


def test_batches_hold_inputs_of_similar_length() -> None:
    lengths = [10, 500, 20, 490, 15, 11] * 20
    batches = list(length_batches(lengths, 8))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert max(map(len, batches)) == 8
    for batch in batches:
        assert sum(lengths[batch[0]] - lengths[place] for place in batch) <= PADDING
    assert list(length_batches([], 8)) == []
