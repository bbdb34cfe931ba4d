"""Tests of models that generate states: training, saving, loading and scores."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import predictions, read, roughly, run
from text_models import KINDS, make_text_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from warm_python import WarmPython

import klue_datasets
from recipes.arguments import RecipeArguments
from recipes.engine.encoding import Collator, encode_split
from recipes.engine.evaluation import Evaluator
from recipes.engine.modeling import load_model
from recipes.predict import load_pipeline, main
from recipes.tasks import get_recipe
from recipes.tasks.protocol import LoadedModel
from recipes.tasks.shared.saved_code import save_code
from recipes.tasks.wos.configuration_dialogue_state import split_item
from recipes.tasks.wos.state_text import TextSettings

ROOT = Path(__file__).resolve().parents[3]
AUTO = {"seq2seq": AutoModelForSeq2SeqLM, "causal": AutoModelForCausalLM}
QUICK = ["--head", "generative", "--max_train_samples", "12", "--max_eval_samples", "6", "--max_steps", "4"]
FEW = 4  # dialogues
UPDATES = 200


@pytest.fixture(scope="module")
def models(tiny: Path, byte_level: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of a random model of each kind."""
    top = tmp_path_factory.mktemp("text_models")
    return {kind: make_text_model(kind, top / kind, tiny, byte_level) for kind in KINDS}


@pytest.fixture(scope="module")
def short() -> Any:
    """Return the first turns of a few dialogues."""
    rows = klue_datasets.load("wos", f"train[:{FEW}]", mini=True)
    return rows.map(lambda row: {"dialogue": row["dialogue"][:3]})


def loaded_from(path: Path, turns: Any = None, **values: Any) -> tuple[Any, LoadedModel]:
    arguments = RecipeArguments(
        model_name_or_path=str(path), head="generative", mini=True, do_train=turns is not None, **values
    )
    recipe = get_recipe("wos", arguments)
    return recipe, load_model(recipe, arguments, {} if turns is None else {"train": turns})


def answers(recipe: Any, loaded: LoadedModel, split: Any, rows: int = 64) -> Any:
    """Return the predictions for a split with a batch size."""
    inputs = split.evaluation_inputs()
    collator = Collator(recipe, loaded)
    kept = []
    for start in range(0, len(inputs), rows):
        batch = collator(inputs.select(range(start, min(start + rows, len(inputs)))).to_list())
        index = batch.pop("index")
        ids, scores = recipe.predict(loaded.model, batch)[1]
        width = loaded.config.dialogue_state["max_new_tokens"]
        padded = torch.nn.functional.pad(ids, (0, width - ids.shape[1]), value=-100)
        kept.append((index, padded, scores))
    index, ids, scores = (torch.cat(parts) for parts in zip(*kept, strict=True))
    outputs = split.in_order((ids.numpy(), scores.numpy()), index.numpy())
    return recipe.decode(outputs, split.examples, split.features, loaded)


@pytest.fixture(scope="module", params=KINDS)
def learned(
    request: pytest.FixtureRequest, models: dict[str, Path], short: Any, tmp_path_factory: Any
) -> dict[str, Any]:
    """Train a model on a few turns until it has learned them; return it and its folder."""
    kind = request.param
    turns = get_recipe("wos").prepare(short)
    recipe, loaded = loaded_from(models[kind], turns)
    split = encode_split(recipe, turns, loaded)
    batch = Collator(recipe, loaded)(split.training_inputs(loaded.config, 42).to_list())
    optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, UPDATES)
    losses = []
    torch.manual_seed(0)
    loaded.model.train()
    for _ in range(UPDATES):
        loss = loaded.model(**batch).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(float(loss))
    loaded.model.eval()
    folder = tmp_path_factory.mktemp("learned") / kind
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    save_code(recipe.saved_code, folder)
    return {"kind": kind, "recipe": recipe, "loaded": loaded, "split": split, "losses": losses,
            "folder": folder}  # fmt: skip


def test_a_few_turns_are_learned_by_heart(learned: dict[str, Any]) -> None:
    assert learned["losses"][-1] < learned["losses"][0] / 20
    decoded = answers(learned["recipe"], learned["loaded"], learned["split"])
    assert Evaluator(learned["split"], learned["loaded"]).score(decoded)["joint_goal_accuracy"] == 100
    assert decoded.figures["items_dropped"] == decoded.figures["states_without_end"] == 0
    assert decoded.figures["slots_missed"] == decoded.figures["slots_wrong_value"] == 0
    assert decoded.figures["values_generated"] == sum(
        list(detail["gates"].values()).count("ptr") for detail in decoded.details
    )
    assert all(0 < score <= 1 for score in decoded.scores)


def test_batches_do_not_change_answers(learned: dict[str, Any]) -> None:
    whole = answers(learned["recipe"], learned["loaded"], learned["split"])
    single = answers(learned["recipe"], learned["loaded"], learned["split"], rows=1)
    assert whole.predictions == single.predictions
    assert whole.scores == pytest.approx(single.scores, rel=1e-2)


def test_the_score_is_the_probability_of_the_text(learned: dict[str, Any]) -> None:
    """Compute it token by token, without padding or cache."""
    recipe, loaded, split = (learned[name] for name in ("recipe", "loaded", "split"))
    decoded = answers(recipe, loaded, split)
    causal = learned["kind"] == "causal"
    for index in range(0, len(split.features), 5):
        feature = split.features[index]
        prompt = torch.tensor([feature["prompt_ids" if causal else "input_ids"]])
        ids = [subword for subword in feature["labels"] if subword != -100]  # learned by heart
        start = [] if causal else [loaded.config.decoder_start_token_id]
        likelihood = 0.0
        for step, subword in enumerate(ids):
            before = torch.tensor([start + ids[:step]], dtype=torch.long)
            with torch.no_grad():
                if causal:
                    logits = loaded.model(torch.cat([prompt, before], dim=1)).logits
                else:
                    logits = loaded.model(prompt, decoder_input_ids=before).logits
            likelihood += float(logits[0, -1].log_softmax(dim=-1)[subword])
            assert int(logits[0, -1].argmax()) == subword
        assert decoded.scores[index] == pytest.approx(math.exp(likelihood), rel=1e-2)


def test_beams_find_a_text_that_is_as_likely_or_more(learned: dict[str, Any]) -> None:
    greedy = answers(learned["recipe"], learned["loaded"], learned["split"])
    recipe, loaded = loaded_from(learned["folder"], num_beams=3)
    assert loaded.model.generation_config.num_beams == 3
    beams = answers(recipe, loaded, learned["split"])
    assert sum(beams.scores) >= sum(greedy.scores) * 0.99


def test_folders_hold_a_model_of_transformers_and_the_pipeline(learned: dict[str, Any], python: Any) -> None:
    """In another process, without the package recipes."""
    folder, split = learned["folder"], learned["split"]
    model = AUTO[learned["kind"]].from_pretrained(folder, trust_remote_code=False)
    for name, weight in learned["loaded"].model.named_parameters():
        torch.testing.assert_close(model.get_parameter(name), weight)
    config = read(folder / "config.json")
    assert "auto_map" not in config
    assert config["dialogue_state"]["head"] == "generative"
    dialogues = [utterances for utterances in split.examples["utterances"] if len(utterances) > 1]
    code = f"""
import importlib.abc, json, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("recipes", "klue_datasets", "klue_metrics"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from transformers import pipeline
track = pipeline("dialogue-state-tracking", model={str(folder)!r}, trust_remote_code=True, device="cpu")
print(json.dumps([track({dialogues!r}), track({dialogues!r}, batch_size=4)]))
"""
    one, batched = json.loads(python("-c", code, cwd=folder.parent).stdout.splitlines()[-1])
    gold = list(split.examples["state"])
    assert [turn["state"] for turns in one for turn in turns] == [sorted(state) for state in gold]
    ours = load_pipeline("wos", folder, device="cpu")(dialogues)
    for answer in (batched, ours):
        for left, right in zip(
            [turn for turns in answer for turn in turns], [turn for turns in one for turn in turns],
            strict=True,
        ):  # fmt: skip
            assert left["score"] == pytest.approx(right["score"], rel=1e-2, abs=1e-5)
            assert {**left, "score": 0} == {**right, "score": 0}


def test_typed_dialogues_and_files(
    learned: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    dialogue = next(said for said in learned["split"].examples["utterances"] if len(said) == 3)
    expected = [turn["state"] for turn in load_pipeline("dst", learned["folder"], device="cpu")(dialogue)]
    words = ["--task", "dst", "--model", str(learned["folder"]), "--device", "cpu"]

    class Typed(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Typed(io.BytesIO("\n".join(dialogue).encode())))
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [json.loads(line[line.index("{") :])["state"] for line in lines if "{" in line]
    assert found == expected
    lines = tmp_path / "dialogues.jsonl"
    lines.write_text(json.dumps(dialogue, ensure_ascii=False) + "\n")
    assert main([*words, "--input", str(lines)]) == 0
    [answer] = map(json.loads, capsys.readouterr().out.splitlines())
    assert [turn["state"] for turn in answer["prediction"]] == expected


def test_a_run_writes_states_and_what_is_wrong_with_them(learned: dict[str, Any], tmp_path: Path) -> None:
    results = run("wos", learned["folder"], tmp_path / "free", *QUICK, "--do_eval")
    rows = predictions(tmp_path / "free")
    assert results["eval_values_generated"] > 0
    for kind in ("missed", "invented", "wrong_value"):
        assert results[f"eval_slots_{kind}"] == sum(len(row[kind]) for row in rows)
    assert results["eval_items_dropped"] == sum(len(row["dropped"]) for row in rows)
    bound = run("wos", learned["folder"], tmp_path / "bound", *QUICK, "--do_eval", "--constrain_to_ontology")
    known = AutoConfig.from_pretrained(learned["folder"]).dialogue_state["values"]
    for row in predictions(tmp_path / "bound"):
        for item in row["prediction"]:
            slot, value = split_item(item)
            assert value in known[slot] or value in ("dontcare", "yes", "no") or not known[slot]
    assert bound["eval_values_mapped_to_ontology"] >= results["eval_values_mapped_to_ontology"] == 0
    brief = run(
        "wos", learned["folder"], tmp_path / "brief", *QUICK, "--do_eval", "--set", "max_new_tokens=9"
    )
    assert brief["eval_states_too_long"] > 0
    assert brief["eval_states_without_end"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_trained_as_a_recipe_and_evaluated_again(
    kind: str, models: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = [*QUICK, "--max_seq_length", "60", "--set", "max_new_tokens=40", "--eval_strategy", "no"]
    results = run("wos", models[kind], tmp_path / "first", *words)
    assert "training states are longer than 40 tokens" in caplog.text
    assert 0 < results["train_truncated"] < results["train_samples"] * 10
    again = run("wos", tmp_path / "first", tmp_path / "again", *QUICK[2:], "--do_eval")
    assert again["eval_truncated"] == results["eval_truncated"] > 0
    assert [row["dropped"] for row in predictions(tmp_path / "again")] == [
        row["dropped"] for row in predictions(tmp_path / "first")
    ]
    assert [row["score"] for row in predictions(tmp_path / "again")] == pytest.approx(
        [row["score"] for row in predictions(tmp_path / "first")], rel=1e-3
    )
    assert again["eval_joint_goal_accuracy"] == results["eval_joint_goal_accuracy"]
    settings = read(tmp_path / "first" / "config.json")["dialogue_state"]
    assert (settings["head"], settings["max_new_tokens"]) == ("generative", 40)
    assert read(tmp_path / "first" / "generation_config.json")["max_new_tokens"] == 40
    assert (tmp_path / "first" / "pipeline_state_text.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_lora_comes_back_whole(kind: str, models: dict[str, Path], tmp_path: Path) -> None:
    folder, words = tmp_path / "lora", [*QUICK, "--max_eval_samples", "3", "--eval_strategy", "no"]
    learn = ["--use_lora", "--max_steps", "12", "--learning_rate", "2e-2", "--set", "max_new_tokens=40"]
    results = run("wos", models[kind], folder, *words, *learn)
    assert results["trained_parameters"] < results["parameters"] / 4
    adapter = read(folder / "adapter_config.json")
    assert adapter["task_type"] == {"seq2seq": "SEQ_2_SEQ_LM", "causal": "CAUSAL_LM"}[kind]
    assert not adapter["modules_to_save"]
    assert not (folder / "model.safetensors").exists()
    run("wos", folder, tmp_path / "again", *words, "--do_eval")
    still = ["--max_steps", "1", "--learning_rate", "0", "--set", "max_new_tokens=40"]
    run("wos", models[kind], tmp_path / "plain", *words, *still)
    first, second, plain = (predictions(folder), predictions(tmp_path / "again"),
                            predictions(tmp_path / "plain"))  # fmt: skip
    assert [row["dropped"] for row in first] == [row["dropped"] for row in second]
    assert [row["dropped"] for row in first] != [row["dropped"] for row in plain]  # adapters do something
    assert [row["score"] for row in first] == pytest.approx([row["score"] for row in second], rel=1e-3)
    assert [row["prediction"] for row in first] == [row["prediction"] for row in second]


@pytest.mark.parametrize("learned", ["causal"], indirect=True)
def test_two_processes_and_one_agree(
    learned: dict[str, Any], tmp_path: Path, warm_python: WarmPython
) -> None:
    folder = learned["folder"]
    words = [
        "--mini",
        "--max_eval_samples",
        "5",
        "--use_cpu",
        "--per_device_eval_batch_size",
        "4",
        "--do_eval",
    ]
    run("wos", folder, tmp_path / "one", *words[1:])
    words = ["recipes/train_dst.py", "--model_name_or_path", str(folder), *words]
    warm_python.run_ranks(2, *words, "--output_dir", tmp_path / "two", cwd=ROOT)
    assert read(tmp_path / "two" / "eval_results.json")["eval_world_size"] == 2
    assert predictions(tmp_path / "two") == roughly(predictions(tmp_path / "one"))


def test_what_does_not_go_together_is_refused(models: dict[str, Path], tiny: Path, tmp_path: Path) -> None:
    trained, folder = tmp_path / "trained", models["seq2seq"]
    config = AutoConfig.from_pretrained(folder)
    TextSettings(slots=["관광-이름"]).write(config)
    config.save_pretrained(trained)
    for path, words, message in (
        (tiny, ["--head", "generative"], "is a bert model, which does not write text"),
        (folder, ["--head", "generative", "--set", "slot_spread=3", "--set", "value_loss=all"],
         r"slot_spread, value_loss cannot be combined with --head generative; expected --head trade"),
        (trained, ["--do_eval", "--oracle", "gates"], "oracle cannot be combined with --head generative"),
        (trained, ["--set", "max_value_length=3"], "max_value_length cannot be combined with --head"),
        (tiny, ["--set", "max_new_tokens=9"], "max_new_tokens cannot be combined with --head trade"),
        (trained, ["--head", "trade"], "was trained with --head generative; expected that head, not trade"),
        (folder, ["--head", "generative", "--do_eval"], "the model has no slots; expected one"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            run("wos", path, tmp_path / "refused", *words)
        assert not (tmp_path / "refused").exists()


def test_tokenizers_get_what_they_lack(models: dict[str, Path], short: Any) -> None:
    _, loaded = loaded_from(models["causal"], get_recipe("wos").prepare(short))
    tokenizer = loaded.tokenizer
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == loaded.config.pad_token_id
    _, loaded = loaded_from(models["seq2seq"], get_recipe("wos").prepare(short))
    assert loaded.tokenizer.eos_token == "[SEP]"
    assert loaded.model.generation_config.eos_token_id == loaded.tokenizer.sep_token_id


def test_the_budget_has_room_for_the_longest_state_of_training(models: dict[str, Path], short: Any) -> None:
    recipe = get_recipe("wos")
    rows = recipe.prepare(klue_datasets.load("wos", "train[:20]", mini=True))
    for kind, path in models.items():
        chosen, loaded = loaded_from(path, rows)
        targets = encode_split(chosen, rows, loaded).features["labels"]
        longest = max(sum(subword != -100 for subword in target) for target in targets)
        assert 64 < longest < loaded.config.dialogue_state["max_new_tokens"] <= longest * 1.25, kind
        _, loaded = loaded_from(path, recipe.prepare(short))
        assert loaded.config.dialogue_state["max_new_tokens"] >= 64, kind


def test_prompts_are_not_learned_and_padded_on_the_left(models: dict[str, Path], short: Any) -> None:
    turns = get_recipe("wos").prepare(short)
    recipe, loaded = loaded_from(models["causal"], turns)
    split = encode_split(recipe, turns, loaded)
    collator = Collator(recipe, loaded)
    learn = collator(split.training_inputs(loaded.config, 42).to_list())
    ask = collator(split.evaluation_inputs().to_list())
    order = ask.pop("index").tolist()
    for row, feature in enumerate(split.features):
        prompt = len(feature["prompt_ids"])
        assert (learn["labels"][row, :prompt] == -100).all()
        real = learn["attention_mask"][row].bool()
        target = learn["labels"][row][real][prompt:]
        assert (target == learn["input_ids"][row][real][prompt:]).all()
        assert target[-1] == loaded.tokenizer.eos_token_id
        assert not real[int(real.sum()) :].any()
        asked = ask["attention_mask"][order.index(row)].bool()
        assert asked[-prompt:].all()
        assert not asked[:-prompt].any()
        assert ask["input_ids"][order.index(row)][asked].tolist() == feature["prompt_ids"]
