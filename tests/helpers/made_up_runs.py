"""Small artificial folders of finished runs, whose scores match their predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from klue_metrics import scoring
from klue_metrics.functional import METRICS
from klue_metrics.predictions import Source
from recipes.engine.evaluation import BOOTSTRAP
from recipes.engine.results import strict, write_json, write_json_lines

EVIL = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 2'> & \"quoted\""


def make_run(
    folder: Path,
    task: str,
    predictions: Sequence[Any],
    references: Sequence[Any],
    *,
    settings: Mapping[str, Any] | None = None,
    rows: Sequence[Mapping[str, Any]] | None = None,
    details: bool = True,
    **results: Any,
) -> Path:
    """Write the files of a run.

    Args:
        folder: Where.
        task: Name of the task.
        predictions: As the metric takes them.
        references: Likewise.
        settings: Beside model, seed and the like; None for no recipe_arguments.json.
        rows: Further fields of each line of the predictions file.
        details: Whether there is an eval_details.json, which folders of earlier versions lack.
        **results: In place of those made up.
    """
    further = rows or [{}] * len(predictions)
    extra = {"tokens": [row["tokens"] for row in further]} if task == "ner" else {}
    scores = METRICS[task].compute(predictions, references, **extra)
    constants = dict.fromkeys(METRICS[task].names, 10.0)
    write_json(
        folder / "all_results.json",
        {
            **{f"eval_{key}": scores.get(key) for key in METRICS[task].names},
            **{f"constant_{key}": value for key, value in constants.items()},
            "eval_samples": len(predictions),
            "eval_seconds": 0.5,
            "eval_data": "made up",
            "eval_data_is_official": False,
            "parameters": 30_000_000,
            "train_samples_per_second": 100.0,
            **results,
        },
    )
    if settings is not None:
        write_json(folder / "recipe_arguments.json", {"model_name_or_path": "models/a", **settings})
    history = [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "loss": 2.0 / epoch,
            f"eval_{METRICS[task].primary}": 10.0 * epoch,
        }
        for epoch in (1, 2, 3)
    ]
    write_json(folder / "trainer_state.json", {"log_history": history})
    lines = [
        {"guid": f"{task}-{index:03d}", "prediction": prediction, "reference": reference, **more}
        for index, (prediction, reference, more) in enumerate(
            zip(predictions, references, further, strict=True)
        )
    ]
    write_json_lines(folder / "predictions_validation.jsonl", lines)
    if details:
        report = scoring.score(task, str(folder / "predictions_validation.jsonl"), Source(), **BOOTSTRAP)
        write_json(folder / "eval_details.json", report)
    return folder


def nli_answers(count: int, wrong_every: int) -> tuple[list[str], list[str]]:
    """Return predictions, of which one in a given number is wrong, and references."""
    labels = ("entailment", "neutral", "contradiction")
    references = [labels[index % 3] for index in range(count)]
    predictions = [
        labels[(index + 1) % 3] if index % wrong_every == 0 else labels[index % 3] for index in range(count)
    ]
    return predictions, references


def make_runs(top: Path) -> Path:
    """Write runs of two models on nli, and runs on mrc and ner with texts that try to run scripts."""
    for name, seed, wrong_every in (("a", 1, 2), ("a", 2, 3), ("b", 1, 7)):
        answers = nli_answers(60, wrong_every)
        size = {"parameters": 340_000_000} if name == "b" else {}
        settings = {"model_name_or_path": f"models/{name}", "seed": seed, "output_dir": f"{name}{seed}"}
        make_run(top / name / "nli" / f"seed-{seed}", "nli", *answers, settings=settings, **size)
    questions = [f"mrc-{index:03d}" for index in range(4)]
    make_run(
        top / "a" / "mrc" / "seed-1",
        "mrc",
        [
            {"guid": name, "prediction_text": text}
            for name, text in zip(questions, [EVIL, "b", "", "d"], strict=True)
        ],
        [{"guid": name, "answers": {"text": ["b"], "answer_start": [0]}} for name in questions],
        settings={"seed": 1},
    )
    tokens = [list("서울 <b>시</b>"), list(EVIL)]
    make_run(
        top / "a" / "ner" / "seed-1",
        "ner",
        [["B-LC", "I-LC", *["O"] * (len(row) - 2)] for row in tokens],
        [["B-LC", "I-LC", *["O"] * (len(tokens[0]) - 2)], ["O"] * len(tokens[1])],
        rows=[{"tokens": row} for row in tokens],
        settings={"seed": 1},
    )
    return top


def embedded(html: str, section: str) -> Any:
    """Return the answers embedded in a section of the page."""
    begin = html.index(f'id="answers-{section}">') + len(f'id="answers-{section}">')
    return json.loads(html[begin : html.index("</script>", begin)])


def results_of(folder: Path) -> dict[str, Any]:
    """Return the content of all_results.json of an artificial run."""
    return strict(json.loads((folder / "all_results.json").read_text(encoding="utf-8")))
