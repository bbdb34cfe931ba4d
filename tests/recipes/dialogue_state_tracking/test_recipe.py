"""Tests of the recipe for wos: turns, targets, oracles, errors by type, raw dialogues and runs."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, pipeline
from warm_python import WarmProcess, WarmPython

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine import run as story
from recipes.engine.checkpoints import find_checkpoint
from recipes.engine.command_line import make_parser, parse
from recipes.engine.encoding import Collator, encode_split
from recipes.engine.modeling import load_model
from recipes.predict import load_pipeline, main
from recipes.tasks import get_recipe
from recipes.tasks.shared.configuration_encoder import read_config
from recipes.tasks.wos.dialogues import set_dropout
from recipes.tasks.wos.states import errors
from recipes.tasks.wos.turns import converse

ROOT = Path(__file__).resolve().parents[3]
QUICK = ["--mini", "--max_train_samples", "12", "--max_eval_samples", "6", "--max_steps", "4", "--use_cpu"]
QUICK += ["--learning_rate", "1e-3", "--disable_tqdm", "true", "--per_device_train_batch_size", "4"]
DIALOGUE = ["안녕하세요. 강변에 있는 저렴한 호텔을 찾아요.", "구름채가 있습니다.", "거기로 할게요."]


def run(model: Path, output_dir: Path, *words: str) -> dict[str, Any]:
    words = ("--model_name_or_path", str(model), "--output_dir", str(output_dir), *QUICK, *words)
    return story.run("wos", parse(make_parser("wos", ""), "wos", words))


def predictions(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "predictions_validation.jsonl").read_text().splitlines()]


def open_gates(folder: Path) -> None:
    """Change a saved model so that its slots differ and some have values, which a few steps do not teach."""
    import torch

    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        model.gru.weight_ih_l0.normal_(generator=generator)
        model.gru.weight_hh_l0.normal_(generator=generator)
        model.gate.weight.normal_(generator=generator)
        model.gate.bias.zero_()
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a short run, with changed gates."""
    folder = tmp_path_factory.mktemp("runs") / "dst"
    run(tiny, folder)
    open_gates(folder)
    run(folder, folder, "--do_eval")
    return folder


def test_an_example_is_a_turn_of_the_user() -> None:
    recipe = get_recipe("dst")
    rows = klue_datasets.load("wos", "validation[:5]", mini=True)
    turns = recipe.prepare(rows)
    expected = [
        (row["guid"], place // 2, [turn["text"] for turn in row["dialogue"][: place + 1]], turn["state"])
        for row in rows
        for place, turn in enumerate(row["dialogue"])
        if turn["role"] == "user"
    ]
    assert (
        list(zip(*(turns[name] for name in ("guid", "turn", "utterances", "state")), strict=True)) == expected
    )
    assert recipe.references(turns) == [state for *_, state in expected]
    broken = rows.map(lambda row: {"dialogue": row["dialogue"][1:]})
    with pytest.raises(ValueError, match=r"wos-mini_dev_00000, utterance 0 is the sys's"):
        recipe.prepare(broken)


def test_slots_and_targets(tiny: Path) -> None:
    recipe, arguments = (
        get_recipe("wos"),
        RecipeArguments(model_name_or_path=str(tiny), mini=True, do_train=True),
    )
    turns = recipe.prepare(klue_datasets.load("wos", "train[:3]", mini=True))
    loaded = load_model(recipe, arguments, {"train": turns})
    state = loaded.config.dialogue_state
    assert len(state["slots"]) == 45
    assert state["slots"] == sorted(state["slots"])
    split = encode_split(recipe, turns, loaded)
    assert set(split.features.column_names) == {
        "input_ids", "length", "truncated", "example", "slots", "gates", "values"
    }  # fmt: skip
    batch = Collator(recipe, loaded)(split.training_inputs(loaded.config, 42).to_list())
    tokenizer, none = loaded.tokenizer, 0
    for row, gold in enumerate(turns["state"]):
        values = dict(item.rsplit("-", 1) for item in gold)
        for slot, name in enumerate(state["slots"]):
            subwords = batch["value_labels"][row, slot]
            text = values.get(name, "none")
            wanted = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
            assert subwords[subwords != -100].tolist() == wanted
            gate = (
                ["none", "dontcare", "", "yes", "no"].index(text)
                if text in ("none", "dontcare", "yes", "no")
                else 2
            )
            assert batch["gate_labels"][row, slot] == gate
            none += gate == 0
    assert none > 100


def test_values_can_be_learned_where_they_are_generated_alone(tiny: Path) -> None:
    recipe = get_recipe("wos")
    turns = recipe.prepare(klue_datasets.load("wos", "train[:3]", mini=True))
    batches = {}
    for name in ("all", "pointed"):
        arguments = RecipeArguments(
            model_name_or_path=str(tiny), mini=True, do_train=True, value_loss=name, teacher_forcing=1.0
        )
        loaded = load_model(recipe, arguments, {"train": turns})
        rows = encode_split(recipe, turns, loaded).training_inputs(loaded.config, 42).to_list()
        batches[name] = Collator(recipe, loaded)(rows)
    labels = batches["pointed"]["value_labels"]
    points = batches["all"]["gate_labels"] == 2
    assert (labels[~points] == -100).all()
    assert (labels[points] == batches["all"]["value_labels"][points][:, : labels.shape[2]]).all()
    output = loaded.model(**batches["pointed"])
    output.loss.backward()
    assert output.gate_logits.shape == (len(rows), 45, 5)
    assert output.value_loss > 0


def test_long_dialogues_lose_their_beginning_and_are_counted(tiny: Path, tmp_path: Path) -> None:
    results = run(tiny, tmp_path, "--max_seq_length", "40")
    assert 0 < results["eval_truncated"] < results["eval_samples"]
    assert results["train_truncated"] > 0
    assert read_config(tmp_path).max_seq_length == 40


def test_a_run_writes_states_gates_and_errors(finished: Path) -> None:
    rows = predictions(finished)
    turns = get_recipe("wos").prepare(klue_datasets.load("wos", "validation[:6]", mini=True))
    assert [(row["guid"], row["turn"]) for row in rows] == list(
        zip(turns["guid"], turns["turn"], strict=True)
    )
    results = json.loads((finished / "eval_results.json").read_text())
    for kind in ("missed", "invented", "wrong_value"):
        assert results[f"eval_slots_{kind}"] == sum(len(row[kind]) for row in rows)
    assert results["eval_values_generated"] > 0
    for row in rows:
        found, gold = set(row["prediction"]), set(row["reference"])
        wrong = {f"{slot}-{pair[0]}" for slot, pair in row["wrong_value"].items()}
        assert gold - found == set(row["missed"]) | wrong
        assert {item.rsplit("-", 1)[0] for item in found} <= set(row["gates"])
        assert 0 <= row["score"] <= 1


def test_scores_of_the_predictions_file(finished: Path, python: Any) -> None:
    words = ("-m", "klue_metrics", "score", "--task", "wos", "--predictions")
    assert "joint_goal_accuracy" in python(*words, finished / "predictions_validation.jsonl").stdout


def test_errors_by_kind() -> None:
    gold = ["식당-이름-가", "식당-지역-나-다", "식당-주차 가능-yes"]
    state = ["식당-이름-나", "식당-주차 가능-yes", "택시-종류-일반"]
    assert errors(state, gold) == {
        "missed": ["식당-지역-나-다"],
        "invented": ["택시-종류-일반"],
        "wrong_value": {"식당-이름": ["가", "나"]},
    }
    assert errors([], []) == {"missed": [], "invented": [], "wrong_value": {}}


def test_oracles_show_which_half_fails(finished: Path, tmp_path: Path) -> None:
    gates = run(finished, tmp_path / "gates", "--do_eval", "--oracle", "gates")
    assert gates["eval_slots_invented"] == 0
    values = run(finished, tmp_path / "values", "--do_eval", "--oracle", "values")
    plain = json.loads((finished / "eval_results.json").read_text())
    assert values["eval_slots_wrong_value"] <= plain["eval_slots_wrong_value"]
    for row in predictions(tmp_path / "values"):  # what is still wrong, a gate got wrong
        gold = {item.rsplit("-", 1)[0]: item.rsplit("-", 1)[1] for item in row["reference"]}
        for slot in row["wrong_value"]:
            assert row["gates"][slot] != "ptr" or gold[slot] in ("yes", "no", "dontcare")
    assert values["eval_values_generated"] == plain["eval_values_generated"]
    with pytest.raises(ValueError, match="expected --do_eval alone"):
        run(finished, tmp_path / "train", "--oracle", "gates")


def test_constrained_values_are_known_and_counted(finished: Path, tmp_path: Path) -> None:
    results = run(finished, tmp_path, "--do_eval", "--constrain_to_ontology")
    assert results["eval_values_mapped_to_ontology"] > 0
    known = read_config(finished).dialogue_state["values"]
    for row in predictions(tmp_path):
        for item in row["prediction"]:
            slot, value = item.rsplit("-", 1)
            assert value in known[slot] or value in ("dontcare", "yes", "no") or not known[slot]


def test_recipe_and_pipeline_agree(finished: Path) -> None:
    rows = klue_datasets.load("wos", "validation[:6]", mini=True)
    dialogues = [[turn["text"] for turn in row["dialogue"]] for row in rows]
    expected = [row["prediction"] for row in predictions(finished)]
    answer = load_pipeline("dst", finished, device="cpu")
    ours = answer(dialogues)
    assert [turn["state"] for turns in ours for turn in turns] == expected
    track = pipeline("dialogue-state-tracking", model=str(finished), trust_remote_code=True, device="cpu")
    for mine, its in zip(ours, track(dialogues, batch_size=8), strict=True):
        for left, right in zip(mine, its, strict=True):
            assert left["score"] == pytest.approx(right["score"], abs=1e-4)
            assert {**left, "score": 0} == {**right, "score": 0}
    assert answer(dialogues[0]) == answer([{"dialogue": dialogues[0]}])[0]


def test_typed_dialogues_keep_their_state(
    finished: Path, monkeypatch: Any, capsys: Any, tmp_path: Path
) -> None:
    class Typed(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    typed = [*DIALOGUE, "", "", DIALOGUE[0]]
    monkeypatch.setattr(sys, "stdin", Typed(io.BytesIO("\n".join(typed).encode())))
    assert main(["--task", "dst", "--model", str(finished), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("user> {")
    turns = [json.loads(line[line.index("{") :]) for line in printed.splitlines() if "{" in line]
    answer = load_pipeline("wos", finished, device="cpu")
    for turn, expected in zip(turns, [*answer(DIALOGUE), *answer(DIALOGUE[:1])], strict=True):
        assert turn["score"] == pytest.approx(expected["score"], rel=1e-3)
        assert {**turn, "score": 0} == {**expected, "line": turn["line"], "score": 0}
    assert [turn["turn"] for turn in turns] == [0, 1, 0]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(typed).encode())))
    output = tmp_path / "out.jsonl"
    assert main(["--task", "dst", "--model", str(finished), "--device", "cpu", "--output", str(output)]) == 0
    written = [json.loads(line) for line in output.read_text().splitlines()]
    for turn, expected in zip(written, turns, strict=True):
        assert {**turn, "score": 0} == {**expected, "score": 0}
    lines = tmp_path / "dialogues.jsonl"
    lines.write_text(
        json.dumps(DIALOGUE, ensure_ascii=False) + "\n" + json.dumps({"dialogue": DIALOGUE[:1]}) + "\n"
    )
    assert main(["--task", "dst", "--model", str(finished), "--device", "cpu", "--input", str(lines)]) == 0
    answers = [json.loads(line)["prediction"] for line in capsys.readouterr().out.splitlines()]
    assert [[turn["state"] for turn in turns] for turns in answers] == [
        [turn["state"] for turn in answer(dialogue)] for dialogue in (DIALOGUE, DIALOGUE[:1])
    ]


def test_typing_user_and_system_in_turn() -> None:
    asked: list[int] = []
    seen: list[list[str]] = []

    def answer(dialogue: list[str]) -> list[dict[str, Any]]:
        seen.append(list(dialogue))
        return [{"said": dialogue[-1]}]

    assert [
        turn["said"]
        for turn in converse(answer, ["가", "나", "다", "", "", "라", "마", "", "바"], asked.append)
    ] == [
        "가",
        "다",
        "라",
        "바",
    ]
    assert seen == [["가"], ["가", "나", "다"], ["라"], ["바"]]
    assert asked == [0, 1, 0, 1, 0, 0, 1, 0, 0, 1]


def test_lora_comes_back_whole(tiny: Path, tmp_path: Path) -> None:
    folder, again = tmp_path / "lora", tmp_path / "again"
    results = run(tiny, folder, "--use_lora", "--max_steps", "12", "--learning_rate", "1e-2")
    assert results["trained_parameters"] < results["parameters"] / 2
    assert (folder / "adapter_model.safetensors").is_file()
    adapter = json.loads((folder / "adapter_config.json").read_text())
    assert set(adapter["modules_to_save"]) == {"gru", "gate", "pointer"}
    given = ("--do_eval", "--oracle", "gates")  # so that values are compared, too
    first, second = run(folder, again, *given), run(folder, tmp_path / "third", *given)
    assert predictions(again) == predictions(tmp_path / "third")
    assert first["eval_slot_micro_f1"] == second["eval_slot_micro_f1"]
    plain = run(folder, tmp_path / "plain", "--do_eval")
    assert plain["eval_slot_micro_f1"] == pytest.approx(results["eval_slot_micro_f1"], abs=1e-3)
    assert [row["score"] for row in predictions(tmp_path / "plain")] == pytest.approx(
        [row["score"] for row in predictions(folder)], rel=1e-3
    )


def test_two_processes_and_one_agree(finished: Path, tmp_path: Path, warm_python: WarmPython) -> None:
    found = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        words = ["recipes/train_dst.py", "--model_name_or_path", str(finished), "--do_eval", *QUICK]
        words += ["--per_device_eval_batch_size", "4", "--output_dir", str(folder)]
        warm_python.run_ranks(number, *words, cwd=ROOT)
        assert json.loads((folder / "eval_results.json").read_text())["eval_world_size"] == number
        found.append([(row["guid"], row["turn"], row["prediction"]) for row in predictions(folder)])
    assert found[0] == found[1]


def test_trained_models_keep_their_slots_and_their_tokenizer(finished: Path, tmp_path: Path) -> None:
    loaded = load_model(get_recipe("wos"), RecipeArguments(model_name_or_path=str(finished), num_beams=3))
    assert loaded.config.dialogue_state["num_beams"] == 3
    assert loaded.config.max_seq_length == loaded.max_length
    model, tokenizer = tmp_path / "model", AutoTokenizer.from_pretrained(finished)
    loaded.model.save_pretrained(model)
    tokenizer.add_tokens(["새말"])
    tokenizer.save_pretrained(model)
    with pytest.raises(ValueError, match="The tokenizer has another vocabulary"):
        load_pipeline("wos", model)


def test_a_killed_and_resumed_run_ends_like_one_that_was_not_killed(
    tiny: Path, tmp_path: Path, warm_python: WarmPython
) -> None:
    """Teacher forcing is drawn from random generators that are in the checkpoint."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def train(folder: Path, *more: str) -> WarmProcess:
        words = ["recipes/train_dst.py", "--model_name_or_path", str(tiny), *QUICK, "--max_steps", "40"]
        return warm_python.start(*words, "--save_steps", "4", "--output_dir", folder, *more, cwd=ROOT)

    train(whole).finished(check=True)
    process = train(killed)
    deadline = time.monotonic() + 120
    while find_checkpoint(killed, "last") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert find_checkpoint(killed, "last") is not None
    assert not (killed / "all_results.json").exists()
    train(killed, "--resume_from_checkpoint").finished(check=True)
    assert predictions(killed) == predictions(whole)
    losses = [
        [
            entry["loss"]
            for entry in json.loads((folder / "trainer_state.json").read_text())["log_history"]
            if "loss" in entry
        ]
        for folder in (whole, killed)
    ]
    assert losses[0] == losses[1]


def test_the_lines_in_the_card_run(finished: Path, python: Any) -> None:
    code = (finished / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert "'state': [" in python("-c", code, cwd=finished).stdout


def test_dropout_goes_by_whatever_name_the_encoder_has_for_it() -> None:
    config = DistilBertConfig()
    set_dropout(config, 0.3)
    assert (config.dropout, config.attention_dropout) == (0.3, 0.3)
    assert not hasattr(config, "hidden_dropout_prob")


@pytest.mark.parametrize("share", [None, 0.3])
def test_dropout_is_that_of_the_checkpoint_or_as_told(
    share: float | None, tiny: Path, tmp_path: Path
) -> None:
    run(tiny, tmp_path, "--max_steps", "1", *(["--set", f"dropout={share}"] if share else []))
    before, after = (json.loads((folder / "config.json").read_text()) for folder in (tiny, tmp_path))
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        assert before[name] != 0.3
        assert after[name] == (before[name] if share is None else share)
