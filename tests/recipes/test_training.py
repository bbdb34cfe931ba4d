"""Tests of complete runs on a tiny model, and of loading their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from runs import predictions, read, roughly, run, scores
from transformers import pipeline

import klue_datasets
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS, compute
from klue_metrics.predictions import Source, load_cases
from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse
from recipes.engine.results import strict
from recipes.tasks import get_recipe

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_writes_its_model_results_and_predictions(finished: tuple[str, Path]) -> None:
    task, folder = finished
    written = {path.name for path in folder.iterdir()}
    assert written >= {"model.safetensors", "config.json", "tokenizer.json", "README.md", ".eval_results"}
    train, evaluation, everything = (
        read(folder / f"{name}_results.json") for name in ("train", "eval", "all")
    )
    assert everything == train | evaluation
    rows = predictions(folder)
    recipe = get_recipe(task)
    examples = recipe.prepare(klue_datasets.load(task, "validation[:50]", mini=True))
    trained_on = recipe.prepare(klue_datasets.load(task, "train[:160]", mini=True))
    assert train["train_samples"] == trained_on.num_rows
    assert [row["guid"] for row in rows] == list(examples["guid"])
    assert len(rows) == evaluation["eval_samples"]
    cases = load_cases(task, str(folder / "predictions_validation.jsonl"), Source())
    columns = {name: cases.columns[name] for name in ("tokens", "probabilities") if name in cases.columns}
    again = compute(task, cases.predictions, cases.references, **columns)
    for key in METRICS[task].names:
        assert evaluation[f"eval_{key}"] == pytest.approx(strict(again[key]), abs=1e-6)
        assert f"constant_{key}" in evaluation
    # Intervals draw dialogues, passages and premises as a whole; pairs are told apart by source.
    whole = {"wos": "guid", "mrc": "context", "nli": "premise"}.get(task)
    assert cases.columns.get("sources") == (list(examples["source"]) if task in ("sts", "nli") else None)
    clusters = cases.columns.get("clusters")
    if whole is None:
        assert clusters is None
    else:
        pairs = set(zip(examples[whole], clusters, strict=True))
        assert len(pairs) == len(set(clusters)) == len(set(examples[whole])) > 1


def test_the_card_and_the_hubs_results_say_the_same_and_claim_no_klue_score(
    finished: tuple[str, Path],
) -> None:
    task, folder = finished
    evaluation = read(folder / "eval_results.json")
    card = ModelCard.load(folder / "README.md")
    assert card.data.language == "ko"
    assert card.data.datasets is None  # these rows are not klue/klue
    results = {result.metric_type: result for result in card.data.eval_results}
    assert list(results) == [key for key in METRICS[task].names if evaluation[f"eval_{key}"] is not None]
    for key, result in results.items():
        assert result.metric_value == evaluation[f"eval_{key}"]
        assert "not KLUE's validation split" in result.dataset_name
        assert f"| {evaluation[f'eval_{key}']:.2f} |" in card.text
    assert yaml.safe_load((folder / ".eval_results/klue.yaml").read_text()) == []
    assert "published dev scores" not in card.text
    assert "these numbers are not\nKLUE scores" in card.text


def test_the_lines_in_the_card_run(finished: tuple[str, Path], python) -> None:
    task, folder = finished
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    printed = python("-c", code, cwd=folder).stdout
    assert "'score':" in printed or (task == "ner" and printed.startswith("["))  # it may find no entity


def test_the_saved_model_gives_the_same_predictions_with_evaluation_alone(
    finished: tuple[str, Path], tmp_path: Path
) -> None:
    task, folder = finished
    run(task, folder, tmp_path, "--do_eval", "--per_device_eval_batch_size", "7")
    new, old = scores(tmp_path), scores(folder)
    for results in (new, old):
        del results["eval_loss"]  # Trainer's is a mean over batches, whose sizes differ
    assert new == pytest.approx(old, abs=0.05)  # other batches, other rounding
    assert predictions(tmp_path) == roughly(predictions(folder))


def test_predictions_are_those_of_a_plain_pipeline(tiny: Path, tmp_path: Path) -> None:
    """Even with grouping by length, for which transformers shuffles evaluation."""
    run("ynat", tiny, tmp_path, "--group_by_length")
    classify = pipeline("text-classification", model=str(tmp_path), device="cpu")
    titles = klue_datasets.load("ynat", "validation[:50]", mini=True)["title"]
    for row, answer in zip(predictions(tmp_path), classify(list(titles)), strict=True):
        assert row["prediction"] == answer["label"]
        assert row["score"] == pytest.approx(answer["score"], abs=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_lora_learns_and_its_adapter_loads_again_with_the_same_predictions(
    pooling: str, tiny: Path, tmp_path: Path
) -> None:
    folder, again = tmp_path / "lora", tmp_path / "again"
    words = (
        "--max_train_samples",
        "900",
        "--max_steps",
        "250",
        "--learning_rate",
        "3e-3",
        "--pooling",
        pooling,
    )
    results = run("ynat", tiny, folder, "--use_lora", *words)
    assert results["trained_parameters"] < results["parameters"] / 3
    if pooling == "mean":  # adapters alone teach a random encoder's first token little
        assert results["eval_macro_f1"] > results["constant_macro_f1"] + 20
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "model.safetensors").exists()
    run("ynat", folder, again, "--do_eval")
    assert scores(again) == pytest.approx(scores(folder), abs=1e-4)
    assert [row["prediction"] for row in predictions(again)] == [
        row["prediction"] for row in predictions(folder)
    ]


@pytest.mark.parametrize(
    "words", [(), ("--use_lora",), ("--pooling", "pair"), ("--pooling", "mean", "--use_lora")]
)
def test_the_lines_in_the_card_run_whatever_was_trained(
    words: tuple, tiny: Path, tmp_path: Path, python
) -> None:
    run("nli", tiny, tmp_path, "--max_steps", "2", *words)
    code = (tmp_path / "README.md").read_text().split("```python\n")[1].split("```")[0]
    done = python("-c", code, cwd=tmp_path)
    printed = done.stdout
    assert "is not supported" not in done.stderr  # nor a list of all that are
    assert re.search(r"'label': '(entailment|neutral|contradiction)', 'score': 0\.", printed)


def test_evaluating_a_finished_run_keeps_what_its_card_says_of_training(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path, "--max_steps", "2", "--pooling", "pair")
    before = (tmp_path / "README.md").read_text()
    run("nli", tmp_path, tmp_path, "--do_eval")
    assert "# tiny-klue-nli on KLUE" in before
    assert "trust_remote_code=True" in before
    assert (tmp_path / "README.md").read_text() == before


def test_prediction_alone_writes_predictions_and_no_scores(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path / "model", "--max_steps", "2")
    run("nli", tmp_path / "model", tmp_path / "out", "--do_predict")
    assert predictions(tmp_path / "out") == predictions(tmp_path / "model")
    assert not (tmp_path / "out" / "eval_results.json").exists()
    assert "Not evaluated." in (tmp_path / "out" / "README.md").read_text()


def test_data_from_a_folder_written_by_export(tiny: Path, tmp_path: Path) -> None:
    from klue_datasets.export import export

    export(tmp_path / "hub" / "klue", tasks=["nli"], mini=True)
    words = ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path / "out"), "--max_steps", "2"]
    words += ["--dataset_name", str(tmp_path / "hub" / "klue"), "--use_cpu", "--max_eval_samples", "20"]
    results = story.run("nli", parse(make_parser("nli", ""), "nli", words))
    assert (results["eval_data"], results["eval_data_is_official"]) == ("klue", False)


def test_real_dev_files_make_official_scores_unless_cut(shared: Path, tiny: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    run("sts", tiny, model, "--max_steps", "2")
    parser = make_parser("sts", "")
    words = ["--model_name_or_path", str(model), "--do_eval", "--use_cpu"]
    words += ["--data_dir", f"{shared}/data/klue-v1.1-dev", "--output_dir", str(tmp_path / "whole")]
    results = story.run("sts", parse(parser, "sts", words))
    assert (results["eval_samples"], results["eval_data_is_official"]) == (519, True)
    assert (results["data_version"], results["task_version"]) == ("1.1.0", TASKS["sts"].version)
    card = ModelCard.load(tmp_path / "whole" / "README.md")
    assert "On KLUE's official validation split, version 1.1.0 (519 examples)" in card.text
    assert {result.dataset_name for result in card.data.eval_results} == {"KLUE sts 1.1.0"}
    entries = yaml.safe_load((tmp_path / "whole" / ".eval_results/klue.yaml").read_text())
    assert [(entry["dataset"]["id"], entry["dataset"]["task_id"]) for entry in entries] == [
        ("klue/klue", "sts_pearsonr"), ("klue/klue", "sts_f1"),
    ]  # fmt: skip
    assert all("validation split of KLUE 1.1.0 in full" in entry["notes"] for entry in entries)
    assert card.text.count("among 10 published dev scores") == 2
    assert card.data.datasets is None  # it was trained on the mini corpus
    assert {result.dataset_type for result in card.data.eval_results} == {"klue/klue"}
    cut = [*words, "--output_dir", str(tmp_path / "cut"), "--max_eval_samples", "100"]
    assert story.run("sts", parse(parser, "sts", cut))["eval_data_is_official"] is False
