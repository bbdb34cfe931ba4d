"""Tests of the recipe for dependency parsing: gold trees, choice of decoders, and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from encoding import loaded_with
from transformers import AutoTokenizer, pipeline

import klue_datasets
from klue_datasets.tasks import DP_RELATIONS
from klue_metrics.functional import METRICS, compute
from recipes.arguments import RecipeArguments
from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse
from recipes.predict import load_pipeline
from recipes.predict import main as predict
from recipes.tasks import get_recipe
from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.conllu import read_conllu
from recipes.tasks.dp.parsing_decoding import available_decoders
from recipes.tasks.shared.configuration_encoder import read_config

RECIPE = get_recipe("dp")
QUICK = [
    "--mini",
    "--max_train_samples",
    "160",
    "--max_eval_samples",
    "40",
    "--use_cpu",
    "--disable_tqdm",
    "true",
]
QUICK += ["--learning_rate", "1e-3", "--per_device_train_batch_size", "16", "--eval_strategy", "no"]


def run(model: Path, output_dir: Path, *words: str) -> dict[str, Any]:
    words = ("--model_name_or_path", str(model), "--output_dir", str(output_dir), *QUICK, *words)
    return story.run("dp", parse(make_parser("dp", ""), "dp", words))


def settings_of(folder: Path) -> ParserSettings:
    return ParserSettings.of(read_config(folder))


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("dp") / "run"
    words = ("--max_steps", "60", "--head", "biaffine", "--decoder", "best", "--max_seq_length", "48")
    return folder, run(tiny, folder, *words)


class Gold(torch.nn.Module):
    """A model whose scores are the gold labels of its inputs."""

    def forward(self, heads: torch.Tensor, relations: torch.Tensor, **inputs: torch.Tensor) -> Any:
        words = heads.shape[1]
        arcs = torch.nn.functional.one_hot(heads.clamp(min=0), words + 1).float()
        scores = torch.nn.functional.one_hot(relations.clamp(min=0), len(DP_RELATIONS)).float()
        scores = scores[:, :, None].expand(-1, -1, words + 1, -1)
        return type("Output", (), {"loss": None, "arc_scores": arcs, "relation_scores": scores})


def through_the_recipe(examples: datasets.Dataset, model: Path, max_length: int) -> dict[str, float]:
    """Return the scores of all decoders for a perfect model."""
    tokenizer, config = AutoTokenizer.from_pretrained(model, trust_remote_code=False), read_config(model)
    RECIPE.configure(config, tokenizer, RecipeArguments(do_train=True), {})
    features = RECIPE.encode(examples[:], tokenizer, config, max_length)
    rows = [dict(zip(features, row, strict=True)) for row in zip(*features.values(), strict=True)]
    collate = RECIPE.collator(tokenizer, config, None)
    batches = [collate(rows[start : start + 500]) for start in range(0, len(rows), 500)]
    kept = [RECIPE.predict(Gold(), batch)[1] for batch in batches]
    widest = max(part[0].shape[1] for part in kept)
    outputs = tuple(
        np.concatenate(
            [
                np.pad(part, [(0, 0), (0, widest - part.shape[1]), (0, 0)], constant_values=-100)
                for part in parts
            ]
        )
        for parts in zip(*kept, strict=True)
    )
    decoded = RECIPE.decode(outputs, examples, features, loaded_with(config))
    assert decoded.predictions == RECIPE.references(examples)
    return dict(decoded.figures)


@pytest.mark.parametrize("max_length", [256, 8])
def test_gold_trees_of_the_mini_corpus_come_back(tiny: Path, max_length: int) -> None:
    examples = klue_datasets.load("dp", "validation", mini=True)
    figures = through_the_recipe(examples, tiny, max_length)
    assert {figures[f"{decoder}_{key}"] for decoder in available_decoders() for key in ("uas", "las")} == {
        100.0
    }


def test_gold_trees_of_the_real_data_come_back(shared: Path) -> None:
    examples = klue_datasets.load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    assert len(examples) == 2_000
    figures = through_the_recipe(examples, shared / "models/e5-small-ko", 256)
    for decoder in ("argmax", "mst", "head_final"):
        assert figures[f"{decoder}_uas"] == figures[f"{decoder}_las"] == 100.0
    assert figures["projective_uas"] == pytest.approx(100, abs=0.2)  # few trees have arcs that cross


def test_the_constant_answer_is_a_chain(shared: Path) -> None:
    examples = klue_datasets.load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    (answer,) = RECIPE.constants(examples, examples)
    assert answer.predictions[0]["head"][-1] == 0
    scores = compute("dp", answer.predictions, RECIPE.references(examples))
    assert scores["uas"] == pytest.approx(66.6, abs=0.05)


def test_every_decoder_is_reported_and_the_best_one_is_kept(trained: tuple[Path, dict]) -> None:
    folder, results = trained
    for decoder in available_decoders():
        assert {f"eval_{decoder}_{key}" for key in METRICS["dp"].names} <= set(results)
    best = results["best_decoder"]
    assert results[f"eval_{best}_las"] == max(
        results[f"eval_{decoder}_las"] for decoder in available_decoders()
    )
    assert results["eval_las"] == results[f"eval_{best}_las"]
    assert settings_of(folder).decoder == best
    assert results["eval_uas"] > results["constant_uas"]


def test_a_trained_model_keeps_what_it_is_unless_told(trained: tuple[Path, dict], tmp_path: Path) -> None:
    folder, results = trained
    again = run(folder, tmp_path / "same", "--do_eval")
    for key in METRICS["dp"].names:
        assert again[f"eval_{key}"] == pytest.approx(results[f"eval_{key}"], abs=1e-6)
    argmax = run(folder, tmp_path / "argmax", "--do_eval", "--decoder", "argmax")
    assert argmax["eval_las"] == results["eval_argmax_las"]
    with pytest.raises(ValueError, match="the decoder is best, which training chooses; expected --do_train"):
        run(folder, tmp_path / "best", "--do_eval", "--decoder", "best")
    with pytest.raises(ValueError, match="has no trained head"):
        run(folder, tmp_path / "other", "--do_eval", "--head", "klue")


def test_long_sentences_are_counted_and_keep_their_words(trained: tuple[Path, dict], tmp_path: Path) -> None:
    folder, _ = trained
    results = run(folder, tmp_path, "--do_eval", "--max_seq_length", "8")
    assert results["eval_windowed"] > 0
    assert results["eval_truncated"] == 0
    for line in (tmp_path / "predictions_validation.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert len(row["prediction"]["head"]) == len(row["reference"]["head"]) == len(row["word_scores"])
        assert row["prediction"]["head"].count(0) == 1


def test_flags_of_the_head(tiny: Path, tmp_path: Path) -> None:
    run(
        tiny,
        tmp_path,
        "--max_steps",
        "2",
        "--set",
        "use_pos=false",
        "--set",
        "scalar_mix=true",
        "--head",
        "biaffine",
    )
    settings = settings_of(tmp_path)
    assert (settings.head, settings.use_pos, settings.scalar_mix, settings.decoder) == (
        "biaffine", False, True, "argmax",
    )  # fmt: skip
    run(tmp_path, tmp_path / "klue", "--max_steps", "2", "--head", "klue")
    assert settings_of(tmp_path / "klue").arc_size == 512
    assert not settings_of(tmp_path / "klue").use_pos


def test_lora_comes_back(tiny: Path, tmp_path: Path) -> None:
    results = run(tiny, tmp_path / "lora", "--max_steps", "5", "--use_lora", "--decoder", "best")
    assert not (tmp_path / "lora" / "model.safetensors").exists()
    again = run(tmp_path / "lora", tmp_path / "again", "--do_eval")
    for key in METRICS["dp"].names:
        assert again[f"eval_{key}"] == pytest.approx(results[f"eval_{key}"], abs=1e-6)


def test_answers_are_those_of_the_pipeline_that_is_saved(trained: tuple[Path, dict], tmp_path: Path) -> None:
    folder, _ = trained
    ours = load_pipeline("dp", folder, device="cpu")
    theirs = pipeline("dependency-parsing", model=str(folder), trust_remote_code=True, device="cpu")
    rows = klue_datasets.load("dp", "validation[:20]", mini=True)
    inputs = [{"words": row["word_form"], "pos": row["pos"]} for row in rows]
    inputs += [row["word_form"] for row in rows] + [RECIPE.raw_input.sample, "산에 " * 100]
    for own, other in zip(ours(inputs), theirs(inputs), strict=True):
        assert own == [{**word, "score": pytest.approx(word["score"], abs=2e-4)} for word in other]
    assert len(ours(["산에", "핀다"])) == 2
    with pytest.raises(ValueError, match="which has no words; expected at least one"):
        ours(" ")


def test_conllu_from_file_to_file(trained: tuple[Path, dict], tmp_path: Path, capsys) -> None:
    folder, _ = trained
    source, target = tmp_path / "in.conllu", tmp_path / "out.conllu"
    source.write_text(
        "# sent_id = 1\n1\t산에\t산\t_\tNNG+JKB\t_\t_\t_\t_\t_\n2\t핀다\t_\t_\tVV+EF\t_\t_\t_\t_\t_\n"
    )
    words = ["--task", "dp", "--model", str(folder), "--device", "cpu"]
    assert predict([*words, "--input", str(source), "--output", str(target), "--to_conllu"]) == 0
    (sentence,) = read_conllu(target.read_text())
    assert sentence.comments[0] == "# sent_id = 1"
    assert [row[2] for row in sentence.rows] == ["산", "_"]
    assert all(row[7] in DP_RELATIONS for row in sentence.rows)
    assert predict([*words, "--input", str(source)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["input"] == ["산에", "핀다"]
    assert [word["head"] for word in answer["prediction"]] == [int(row[6]) for row in sentence.rows]
    assert predict(["--task", "ner", "--model", str(folder), "--to_conllu"]) == 1
    assert "expected --to_conllu with dp only" in capsys.readouterr().err


def test_the_card_shows_a_tree_and_the_pipeline(trained: tuple[Path, dict]) -> None:
    folder, _ = trained
    card = (folder / "README.md").read_text()
    assert 'pipeline("dependency-parsing", model=".", trust_remote_code=True)' in card
    assert "](example.svg)" in card
    assert (folder / "example.svg").read_text().startswith("<svg")
