"""Whole runs on a tiny model: what they write, and that runs that must agree do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from transformers import pipeline

import klue_datasets
from klue_metrics.functional import METRICS, compute
from klue_metrics.predictions import Source, load_cases
from recipes.engine import training
from recipes.engine.checkpoints import find_checkpoint
from recipes.engine.command_line import make_parser, parse
from recipes.engine.results import strict
from recipes.tasks import MODULES, get_recipe

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--mini", "--max_train_samples", "160", "--max_eval_samples", "50", "--max_steps", "10", "--use_cpu"]
QUICK += ["--learning_rate", "1e-3", "--disable_tqdm", "true", "--per_device_train_batch_size", "16"]


def run(task: str, model: Path, output_dir: Path, *words: str) -> dict:
    words = ("--model_name_or_path", str(model), "--output_dir", str(output_dir), *QUICK, *words)
    return training.run(get_recipe(task), parse(make_parser(task, ""), task, words))


def read(path: Path) -> dict:
    """Strict JSON: NaN is no number."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{path} holds {name}"))


def predictions(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "predictions_validation.jsonl").read_text().splitlines()]


def scores(folder: Path) -> dict[str, float]:
    return {
        name: value for name, value in read(folder / "eval_results.json").items() if name != "eval_seconds"
    }


def roughly(value: Any) -> Any:
    """Equal to whatever differs from ``value`` in nothing but the last digits of its numbers."""
    if isinstance(value, dict):
        return {key: roughly(item) for key, item in value.items()}
    if isinstance(value, list):
        return [roughly(item) for item in value]
    return pytest.approx(value, abs=2e-4) if isinstance(value, float) else value


@pytest.fixture(scope="module", params=MODULES)
def finished(
    request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A task, and the folder of a short run on it."""
    folder = tmp_path_factory.mktemp("runs") / request.param
    run(request.param, tiny, folder)
    return request.param, folder


def test_a_run_writes_its_model_results_and_predictions(finished: tuple[str, Path]) -> None:
    task, folder = finished
    written = {path.name for path in folder.iterdir()}
    assert written >= {"model.safetensors", "config.json", "tokenizer.json", "README.md", ".eval_results"}
    train, evaluation, everything = (
        read(folder / f"{name}_results.json") for name in ("train", "eval", "all")
    )
    assert everything == train | evaluation
    rows = predictions(folder)
    examples = get_recipe(task).prepare(klue_datasets.load(task, "validation", mini=True))
    assert [row["guid"] for row in rows] == list(examples["guid"][: len(rows)])
    assert len(rows) == evaluation["eval_samples"]
    cases = load_cases(task, str(folder / "predictions_validation.jsonl"), Source())
    columns = {name: cases.columns[name] for name in ("tokens", "probabilities") if name in cases.columns}
    again = compute(task, cases.predictions, cases.references, **columns)
    for key in METRICS[task].names:
        assert evaluation[f"eval_{key}"] == pytest.approx(strict(again[key]), abs=1e-6)
        assert f"constant_{key}" in evaluation


def test_the_card_and_the_hubs_results_say_the_same_and_claim_no_klue_score(
    finished: tuple[str, Path],
) -> None:
    task, folder = finished
    evaluation = read(folder / "eval_results.json")
    card = ModelCard.load(folder / "README.md")
    assert card.data.language == "ko"
    assert card.data.datasets is None  # these rows are not klue/klue
    results = {result.metric_type: result for result in card.data.eval_results}
    entries = parse_eval_result_entries(yaml.safe_load((folder / ".eval_results/klue.yaml").read_text()))
    defined = [key for key in METRICS[task].names if evaluation[f"eval_{key}"] is not None]
    assert list(results) == defined
    assert len(entries) == len(results)
    for (key, result), entry in zip(results.items(), entries, strict=True):
        assert result.metric_value == entry.value == evaluation[f"eval_{key}"]
        assert "not KLUE's validation split" in result.dataset_name
        assert "not KLUE's validation split" in entry.notes
        assert entry.dataset_id != "klue/klue"
        assert f"| {evaluation[f'eval_{key}']:.2f} |" in card.text
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
    """Also where training groups by length: transformers then shuffles the evaluation, and we must not."""
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
    printed = python("-c", code, cwd=tmp_path).stdout
    assert re.search(r"'label': '(entailment|neutral|contradiction)', 'score': 0\.", printed)


@pytest.mark.parametrize("lora", [(), ("--use_lora",)], ids=["full", "lora"])
def test_a_killed_and_resumed_run_ends_like_one_that_was_not_killed(
    lora: tuple[str, ...], tiny: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    words = [*QUICK, "--model_name_or_path", str(tiny), "--max_steps", "60", "--save_steps", "5"]
    words += ["--early_stopping_patience", "50", *lora]

    def command(folder: Path, *more: str) -> list[str]:
        return [sys.executable, "recipes/train_nli.py", *words, "--output_dir", str(folder), *more]

    subprocess.run(command(whole), cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen(
        command(killed),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while find_checkpoint(killed, "last") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert find_checkpoint(killed, "last") is not None
    assert not (killed / "all_results.json").exists()
    refused = subprocess.run(command(killed), cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "holds checkpoints of an unfinished run" in refused.stderr.splitlines()[-1]
    half = killed / "checkpoint-1000"  # as a kill in the middle of saving leaves it
    half.mkdir()
    (half / "trainer_state.json").write_text('{"epoch": 1')
    resumed = subprocess.run(
        command(killed, "--resume_from_checkpoint"), cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "starting from the beginning" not in resumed.stderr
    assert scores(killed) == scores(whole)
    assert predictions(killed) == predictions(whole)
    assert (
        read(killed / "train_results.json")["best_checkpoint_step"]
        == (read(whole / "train_results.json")["best_checkpoint_step"])
    )


def test_a_finished_run_is_replaced_whole(tiny: Path, tmp_path: Path) -> None:
    run("sts", tiny, tmp_path, "--max_steps", "3", "--save_steps", "3")
    assert (tmp_path / "checkpoint-3").is_dir()
    run("sts", tiny, tmp_path, "--max_steps", "2", "--save_steps", "2")
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]


def test_the_best_checkpoint_is_the_one_that_is_kept(tiny: Path, tmp_path: Path) -> None:
    results = run("ynat", tiny, tmp_path, "--max_steps", "40", "--save_steps", "4", "--learning_rate", "5e-3")
    log = json.loads((tmp_path / "trainer_state.json").read_text())["log_history"]
    seen = [entry["eval_macro_f1"] for entry in log if "eval_macro_f1" in entry]
    assert len(seen) == 10
    assert results["eval_macro_f1"] == pytest.approx(max(seen), abs=1e-6) == results["best_checkpoint_metric"]


def test_early_stopping_stops(tiny: Path, tmp_path: Path) -> None:
    words = (
        "--max_steps",
        "60",
        "--save_steps",
        "2",
        "--learning_rate",
        "0",
        "--early_stopping_patience",
        "3",
    )
    run("nli", tiny, tmp_path, *words)
    steps = json.loads((tmp_path / "trainer_state.json").read_text())["global_step"]
    assert steps == 2 * (1 + 3)


def test_accumulation_and_batch_size_agree(tiny: Path, tmp_path: Path) -> None:
    """Eight examples an update, whichever way, give the same loss: no padding leaks into it."""
    words = ("--max_steps", "3", "--max_train_samples", "24", "--logging_steps", "1", "--eval_strategy", "no")
    losses = []
    for batch, accumulation in (("8", "1"), ("1", "8")):
        folder = tmp_path / batch
        config = tmp_path / "no_dropout.yaml"
        config.write_text(
            f"per_device_train_batch_size: {batch}\ngradient_accumulation_steps: {accumulation}\n"
        )
        model = _without_dropout(tiny, tmp_path / "model")
        run("nli", model, folder, *words, "--per_device_train_batch_size", batch,
            "--gradient_accumulation_steps", accumulation)  # fmt: skip
        log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
        losses.append([entry["loss"] for entry in log if "loss" in entry])
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def _without_dropout(model: Path, folder: Path) -> Path:
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(
        model, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def evaluate_in(processes: int, task: str, model: Path, output_dir: Path, *words: str) -> None:
    """Evaluates a model in processes of their own."""
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        str(processes),
    ]
    script = [
        f"recipes/train_{MODULES[task]}.py",
        "--model_name_or_path",
        str(model),
        "--do_eval",
        "--use_cpu",
    ]
    command = [*launcher, *script, "--disable_tqdm", "true", "--output_dir", str(output_dir), *words]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert read(output_dir / "eval_results.json")["eval_world_size"] == processes


def assert_equal_runs(one: Path, two: Path) -> None:
    """Scores and predictions of an evaluation in one process and in two are the same."""
    results = [{**scores(folder), "eval_world_size": None} for folder in (one, two)]
    for result in results:
        del result["eval_loss"]  # Trainer's is a mean over batches, whose sizes differ
    assert results[0] == pytest.approx(results[1], abs=0.05)
    assert [row["guid"] for row in predictions(one)] == [row["guid"] for row in predictions(two)]


def test_two_processes_and_one_evaluate_the_same(finished: tuple[str, Path], tmp_path: Path) -> None:
    task, folder = finished
    for processes in (1, 2):
        words = ("--mini", "--max_eval_samples", "47", "--per_device_eval_batch_size", "4")
        evaluate_in(processes, task, folder, tmp_path / str(processes), *words)
    assert_equal_runs(tmp_path / "1", tmp_path / "2")
    examples = get_recipe(task).prepare(klue_datasets.load(task, "validation[:47]", mini=True))
    assert len(predictions(tmp_path / "2")) == examples.num_rows


@pytest.mark.parametrize("finished", ["ner", "re", "mrc"], indirect=True)
def test_two_processes_lose_and_repeat_nothing_of_1003_examples(
    finished: tuple[str, Path], shared: Path, tmp_path: Path
) -> None:
    task, folder = finished
    data = shared / "data/klue-v1.1-dev"
    if task != "ner":  # whose official dev set is the only one of the three that is here
        data = tmp_path / "data"
        make_dev_set(
            task, shared / "data/klue-small" / f"klue-{task}-v1.1", data / f"klue-{task}-v1.1", 1_003
        )
    words = ("--data_dir", str(data), "--max_eval_samples", "1003", "--max_seq_length", "384")
    for processes in (1, 2):
        evaluate_in(processes, task, folder, tmp_path / str(processes), *words)
    assert (
        len(predictions(tmp_path / "2")) == len({row["guid"] for row in predictions(tmp_path / "2")}) == 1_003
    )
    assert_equal_runs(tmp_path / "1", tmp_path / "2")


def make_dev_set(task: str, source: Path, target: Path, number: int) -> None:
    """Writes a dev set of so many real rows, one or several times each, with guids of their own."""
    files = [json.loads((source / f"klue-{task}-v1.1_{name}.json").read_text()) for name in ("dev", "train")]
    rows: list[dict] = []
    while len(rows) < number:
        for file in files:
            if task == "re":
                rows += [{**row, "guid": f"{row['guid']}-{len(rows) + at}"} for at, row in enumerate(file)]
                continue
            for article in file["data"]:
                for paragraph in article["paragraphs"]:
                    for question in paragraph["qas"]:
                        renamed = {**question, "guid": f"{question['guid']}-{len(rows)}"}
                        rows.append({**article, "paragraphs": [{**paragraph, "qas": [renamed]}]})
    target.mkdir(parents=True)
    content = rows[:number] if task == "re" else {"data": rows[:number]}
    (target / f"klue-{task}-v1.1_dev.json").write_text(json.dumps(content, ensure_ascii=False))


def test_evaluating_a_finished_run_keeps_what_its_card_says_of_training(tiny: Path, tmp_path: Path) -> None:
    run("nli", tiny, tmp_path, "--max_steps", "2", "--pooling", "pair")
    before = (tmp_path / "README.md").read_text()
    run("nli", tmp_path, tmp_path, "--do_eval")
    assert "# tiny on KLUE" in before
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
    results = training.run(get_recipe("nli"), parse(make_parser("nli", ""), "nli", words))
    assert (results["eval_data"], results["eval_data_is_official"]) == ("klue", False)


def test_real_dev_files_make_official_scores_unless_cut(shared: Path, tiny: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    run("sts", tiny, model, "--max_steps", "2")
    parser = make_parser("sts", "")
    words = ["--model_name_or_path", str(model), "--do_eval", "--use_cpu"]
    words += ["--data_dir", f"{shared}/data/klue-v1.1-dev", "--output_dir", str(tmp_path / "whole")]
    results = training.run(get_recipe("sts"), parse(parser, "sts", words))
    assert (results["eval_samples"], results["eval_data_is_official"]) == (519, True)
    card = ModelCard.load(tmp_path / "whole" / "README.md")
    assert card.data.datasets == ["klue/klue"]
    assert {result.dataset_type for result in card.data.eval_results} == {"klue/klue"}
    cut = [*words, "--output_dir", str(tmp_path / "cut"), "--max_eval_samples", "100"]
    assert training.run(get_recipe("sts"), parse(parser, "sts", cut))["eval_data_is_official"] is False
