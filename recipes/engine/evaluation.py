"""Evaluate a model: decode its outputs, compute the official scores, write the result files."""

from __future__ import annotations

import datetime
import logging
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np

import klue_metrics
from hub_cards import __version__
from klue_datasets.tasks import get_task
from klue_metrics.predictions import GROUP_COLUMNS, cases_of, group_fields
from klue_metrics.scoring import score_cases
from recipes.arguments import RecipeArguments
from recipes.engine.baselines import constant_scores
from recipes.engine.checkpoints import is_own_folder, weights_hash
from recipes.engine.data import Data
from recipes.engine.encoding import Collator, EncodedSplit
from recipes.engine.hardware import hardware
from recipes.engine.results import (
    EVAL_DETAILS,
    EVAL_RESULTS,
    PICTURE,
    PREDICTIONS,
    write_json,
    write_json_lines,
)
from recipes.engine.trainer import RecipeTrainer
from recipes.tasks.protocol import Decoded, LoadedModel

logger = logging.getLogger(__name__)
ALONE = 11  # number of inputs for measuring latency
# Settings of the intervals in the results.
BOOTSTRAP: Mapping[str, Any] = {"resamples": 1000, "confidence": 0.95, "method": "percentile", "seed": 0}


class Evaluator:
    """Score model outputs on one encoded split with the official metric.

    Attributes:
        references: Gold labels of the examples; None if there are none.
    """

    def __init__(self, split: EncodedSplit, loaded: LoadedModel) -> None:
        self.split = split
        self.loaded = loaded
        is_labelled = set(split.recipe.gold) <= set(split.examples.column_names)
        self.references = split.recipe.references(split.examples) if is_labelled else None
        # In memory, so that processes and parallel runs do not share lock files.
        self.metric = klue_metrics.load(split.recipe.task, keep_in_memory=True)

    def decode(self, prediction: Any) -> Decoded:
        """Decode the outputs gathered by Trainer to predictions, in the order of the examples."""
        split = self.split
        outputs = split.in_order(prediction.predictions, prediction.label_ids)
        return split.recipe.decode(outputs, split.examples, split.features, self.loaded)

    def score(self, decoded: Decoded) -> dict[str, float]:
        """Compute the official scores of predictions."""
        scores: dict[str, float] = self.metric.compute(
            predictions=decoded.predictions, references=self.references, **decoded.metric_inputs
        )
        return scores

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """Compute scores in the form that Trainer expects."""
        decoded = self.decode(prediction)
        return {**self.score(decoded), **decoded.figures}

    def report(self, decoded: Decoded) -> dict[str, Any]:
        """Score final predictions, with the details for cards and reports.

        Returns:
            The result of ``klue_metrics.scoring.score_cases``, which ``klue_metrics score --json`` prints:
            scores with intervals, the number of right answers, breakdown and confusion matrix.
        """
        cases = cases_of(self.split.recipe.task, self.prediction_rows(decoded))
        return score_cases(self.split.recipe.task, cases, compute=self.metric.compute, **BOOTSTRAP)

    def prediction_rows(self, decoded: Decoded) -> list[dict[str, Any]]:
        """Return the rows of the predictions file: one per example, with its reference if known."""
        examples, task = self.split.examples, self.split.recipe.task
        known = {*GROUP_COLUMNS.get(task, ()), "guid"} & {*examples.column_names}
        columns = {column: list(examples[column]) for column in known}
        rows = []
        for index, prediction in enumerate(decoded.predictions):
            example = {column: values[index] for column, values in columns.items()}
            row: dict[str, Any] = {"guid": example["guid"]} if "guid" in example else {"index": index}
            row["prediction"] = prediction
            if self.references is not None:
                row["reference"] = self.references[index]
            if decoded.scores is not None:
                row["score"] = decoded.scores[index]
            if decoded.details is not None:
                row |= decoded.details[index]
            rows.append(row | group_fields(task, example))
        return rows


def model_outputs(trainer: RecipeTrainer, evaluator: Evaluator, prefix: str) -> Any:
    """Compute the model's outputs on a split, without scoring."""
    compute_metrics, trainer.compute_metrics = trainer.compute_metrics, None
    output = trainer.predict(evaluator.split.evaluation_inputs(), metric_key_prefix=prefix)
    trainer.compute_metrics = compute_metrics
    return output


def latency(trainer: RecipeTrainer, evaluator: Evaluator) -> float | None:
    """Return the median latency of a single input in milliseconds; None with several processes."""
    inputs = evaluator.split.evaluation_inputs()
    if trainer.args.world_size > 1 or not len(inputs):
        return None
    trainer.model.eval()
    collator = Collator(evaluator.split.recipe, evaluator.loaded)
    seconds = []
    for place in np.linspace(0, len(inputs) - 1, ALONE, dtype=int).tolist():
        batch = collator([inputs[place]])
        started = time.perf_counter()
        _, outputs, _ = trainer.prediction_step(trainer.model, batch, prediction_loss_only=False)
        for output in outputs if isinstance(outputs, tuple) else (outputs,):
            output.cpu()  # synchronises with the device
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 3)


def evaluate(
    trainer: RecipeTrainer,
    evaluator: Evaluator,
    data: Data,
    train: datasets.Dataset | None,
    output_dir: Path,
    arguments: RecipeArguments,
) -> dict[str, Any]:
    """Predict the validation split, score the predictions, and write the result files."""
    started = time.perf_counter()
    output = model_outputs(trainer, evaluator, "eval")
    seconds = time.perf_counter() - started
    decoded = evaluator.decode(output)
    split = evaluator.split
    constants = constant_scores(split.recipe, train, split.examples)
    report = evaluator.report(decoded)
    for note in report["notes"]:
        logger.warning(note)
    results = {
        **{f"eval_{key}": row["score"] for key, row in report["scores"].items()},
        **{f"eval_{key}": figure for key, figure in decoded.figures.items()},
        "eval_loss": output.metrics.get("eval_loss"),
        **{f"constant_{key}": score for key, score in constants.items()},
        "eval_samples": len(split.examples),
        "eval_truncated": split.truncated,
        "eval_windowed": split.windowed,
        "eval_max_seq_length": evaluator.loaded.max_length,
        "eval_world_size": trainer.args.world_size,
        "eval_seconds": round(seconds, 3),
        "eval_latency_ms": latency(trainer, evaluator),
        "eval_device": hardware(),
        "eval_data": data.name,
        "eval_data_is_official": data.is_official,
        "eval_date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        "klue_hub_version": __version__,
        "data_version": data.version,
        "data_revision": data.revision,
        "data_hash": data.hash,
        "validation_hash": data.validation_hash,
        "task_version": get_task(split.recipe.task).version,
    }
    if not (arguments.do_train or is_own_folder(arguments.model_name_or_path, output_dir)):
        results["eval_model"] = arguments.model_name_or_path
        results["eval_model_hash"] = weights_hash(arguments.model_name_or_path)
    if trainer.is_world_process_zero():
        write_json_lines(output_dir / PREDICTIONS, evaluator.prediction_rows(decoded))
        write_json(output_dir / EVAL_DETAILS, report)
        write_json(output_dir / EVAL_RESULTS, results)
        if decoded.picture:
            (output_dir / PICTURE).write_text(decoded.picture(), encoding="utf-8")
    return results


def predict(trainer: RecipeTrainer, evaluators: Mapping[str, Evaluator], output_dir: Path) -> None:
    """Write predictions for the test split, or for validation if there is no test split."""
    split = "test" if "test" in evaluators else "validation"
    evaluator = evaluators[split]
    decoded = evaluator.decode(model_outputs(trainer, evaluator, split))
    if trainer.is_world_process_zero():
        write_json_lines(output_dir / f"predictions_{split}.jsonl", evaluator.prediction_rows(decoded))
