"""The model card of a run, with scores in both of the formats that the Hub reads."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from hub_cards import published_tables, render
from klue_datasets.tasks import CITATION, HUB_DATASET, LICENSE, Task, get_task
from klue_metrics.functional import get_metric
from recipes.arguments import OWN_FILES, RecipeArguments, fields_of, is_expert
from recipes.engine.baselines import below_constant
from recipes.engine.card_details import details
from recipes.engine.checkpoints import is_own_folder, weights_hash
from recipes.engine.data import Data
from recipes.engine.eval_entries import merged_file, to_entries
from recipes.engine.published_range import range_sentences
from recipes.engine.result_record import record_of_run
from recipes.engine.results import (
    ARGUMENTS,
    EVAL_DETAILS,
    EVAL_ENTRIES,
    PICTURE,
    PREDICTIONS,
    TRAIN_RESULTS,
    read_json,
    shown,
)
from recipes.engine.settings_record import as_settings, from_record
from recipes.tasks import SCRIPTS
from recipes.tasks.protocol import Recipe
from recipes.tasks.shared.configuration_encoder import CONFIG_NAME

logger = logging.getLogger(__name__)
PIPELINES = ("text-classification", "token-classification")  # pipelines of transformers that load our models
TEXT_CLASSIFICATION = ("ynat", "sts", "nli")  # transformers' pipeline returns the complete answer


@dataclasses.dataclass(frozen=True)
class Training:
    """Record of a model's training.

    Attributes:
        arguments: The settings of its training run.
        results: The content of its ``train_results.json``.
    """

    arguments: RecipeArguments
    results: Mapping[str, Any]

    @property
    def base_model(self) -> str | None:
        """Hub id or name of the local folder, without its path, of the model that training started from."""
        return self.results.get("base_model")

    @property
    def hub_base_model(self) -> str | None:
        """Hub id of the base model; None if it is not known to be on the Hub."""
        return None if self.results.get("base_model_is_local", True) else self.base_model

    def chose_checkpoint_on(self, data: Data) -> bool:
        """Return whether training selected its checkpoint on the validation split of this data."""
        known = self.results.get("train_validation_hash")
        is_same = known is not None and known == data.validation_hash
        return is_same and self.results.get("best_checkpoint_metric") is not None

    def may_have_learned(self, data: Data, evaluation: RecipeArguments) -> bool:
        """Return whether an evaluation holds out training examples that training did not hold out."""
        known = self.results.get("train_data_hash")
        is_same = known is not None and known == (data.hash or data.revision)
        held_out = evaluation.held_out_fraction
        return is_same and held_out not in (None, self.arguments.held_out_fraction)


def write_card(
    recipe: Recipe,
    output_dir: Path,
    arguments: RecipeArguments,
    data: Data,
    results: Mapping[str, Any],
    training: Training | None,
    holds_model: bool,
) -> None:
    """Write README.md, and .eval_results/klue.yaml if the run was evaluated.

    The latter has no entries for data that is not official, since its leaderboards are for KLUE.

    Args:
        recipe: The task.
        output_dir: Folder of the card.
        arguments: The settings of the run.
        data: The data of the evaluation.
        results: The content of ``all_results.json``.
        training: Record of the training; None if there is none.
        holds_model: Whether the folder also holds the model.
    """
    scored = _scored(recipe, output_dir, data, results) if _scores(recipe.task, results) else {}
    text = render(
        "model.md",
        metadata=_metadata(recipe, arguments, data, results, training),
        task=get_task(recipe.task),
        script=SCRIPTS[recipe.task],
        model=_model_name(arguments, recipe.task, training),
        training=training,
        is_adapter=_is_adapter(training),
        holds_model=holds_model,
        chosen_on_validation=training is not None and training.chose_checkpoint_on(data),
        may_have_learned=training is not None and training.may_have_learned(data, arguments),
        data=data,
        usage=_usage(recipe, training, output_dir) if holds_model else None,
        figures=_figures(training.results) if training else {},
        settings=_settings(training.arguments, recipe.task) if training else "",
        data_license=LICENSE,
        citation=CITATION,
        **scored,
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / "README.md").write_text(text, encoding="utf-8")
    if scored:
        entries = output_dir / EVAL_ENTRIES
        entries.parent.mkdir(exist_ok=True)
        entries.write_text(merged_file("", to_entries(record_of_run(output_dir, results))), encoding="utf-8")


def _scores(task: str, results: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the scores of an evaluation by key; empty without an evaluation."""
    keys = get_metric(task).names
    return {key: results[f"eval_{key}"] for key in keys if f"eval_{key}" in results}


def _scored(recipe: Recipe, output_dir: Path, data: Data, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables of the template's section on results."""
    names, report = get_metric(recipe.task).names, read_json(output_dir / EVAL_DETAILS)
    found = details(recipe.task, report, output_dir / PREDICTIONS, data.splits.get("validation"))
    return {
        "scores": [
            {
                "name": names[key],
                "score": shown(score),
                "interval": found.intervals.get(key, "–"),
                "constant": shown(results.get(f"constant_{key}")),
            }
            for key, score in _scores(recipe.task, results).items()
        ],
        "details": found,
        "samples": f"{results.get('eval_samples', 0):,}",
        "truncated": results.get("eval_truncated", 0),
        "windowed": results.get("eval_windowed", 0),
        "max_seq_length": results.get("eval_max_seq_length"),
        "below_constant": below_constant(recipe.task, results),
        "in_range": range_sentences(recipe.task, results, report),
        "published": published_tables(recipe.task, names, "test", "dev"),
        "picture": PICTURE if (output_dir / PICTURE).is_file() else None,
    }


def _metadata(
    recipe: Recipe,
    arguments: RecipeArguments,
    data: Data,
    results: Mapping[str, Any],
    training: Training | None,
) -> str:
    """Return the YAML header of the card."""
    record, scores = get_task(recipe.task), _scores(recipe.task, results)
    has_pipeline = record.card_task in PIPELINES and not recipe.pipeline_task
    pipeline_tag = record.card_task if has_pipeline else None
    defined = {key: score for key, score in scores.items() if score is not None and math.isfinite(score)}
    metadata: str = ModelCardData(
        language="ko",
        base_model=training.hub_base_model if training else None,
        datasets=[HUB_DATASET] if training and training.results.get("train_data") == HUB_DATASET else None,
        metrics=_hub_metrics(scores) or None,
        library_name="peft" if _is_adapter(training) else "transformers",
        pipeline_tag=pipeline_tag,
        tags=["klue", "korean", record.name],
        model_name=_model_name(arguments, recipe.task, training),
        eval_results=_model_index(record, pipeline_tag or _slug(record.title), data, defined) or None,
    ).to_yaml()
    return metadata


def _is_adapter(training: Training | None) -> bool:
    return training is not None and training.arguments.use_lora


def _model_index(record: Task, task_type: str, data: Data, scores: Mapping[str, float]) -> list[EvalResult]:
    names = get_metric(record.name).names
    return [
        EvalResult(
            task_type=task_type,
            task_name=record.title,
            dataset_type=HUB_DATASET if data.is_official else _slug(data.name),
            dataset_name=f"KLUE {record.name} {data.version}"
            if data.is_official
            else f"{data.name} ({_not_official(data)})",
            dataset_config=record.name,
            dataset_split="validation",
            dataset_revision=data.revision,
            metric_type=key,
            metric_name=names[key],
            metric_value=score,
        )
        for key, score in scores.items()
    ]


def _not_official(data: Data) -> str:
    return (
        "not KLUE's validation split" if data.is_comparable else "not compared with KLUE's validation split"
    )


def _usage(recipe: Recipe, training: Training | None, output_dir: Path) -> str:
    """Generate code that loads the model and runs it on one input, with transformers alone if possible."""
    record, is_adapter = get_task(recipe.task), _is_adapter(training)
    sample = recipe.raw_input.sample
    shown = json.dumps(sample, ensure_ascii=False)
    if recipe.pipeline_task and not is_adapter:
        named = f'pipeline("{recipe.pipeline_task}", model=".", trust_remote_code=True)'
        return "\n".join(
            [
                "from transformers import pipeline\n",
                f"answer = {named}  # this folder, or its Hub id",
                f"print(answer({shown}))",
            ]
        )
    if recipe.task not in TEXT_CLASSIFICATION or is_adapter:
        return "\n".join(
            [
                "from recipes.predict import load_pipeline\n",
                f'answer = load_pipeline("{record.name}", ".")  # this folder',
                f"print(answer({shown}))",
            ]
        )
    texts = [sample] if isinstance(sample, str) else list(sample.values())
    names = ("text", "text_pair")
    shown = json.dumps(
        texts[0] if len(texts) == 1 else dict(zip(names, texts, strict=True)), ensure_ascii=False
    )
    as_it_is = ', function_to_apply="none"' if recipe.task == "sts" else ""
    has_code = "auto_map" in read_json(output_dir / CONFIG_NAME)
    trusted = ", trust_remote_code=True" if has_code else ""
    return "\n".join(
        [
            "from transformers import pipeline\n",
            f'classify = pipeline("{record.card_task}", model="."{trusted})  # this folder, or its Hub id',
            f"print(classify({shown}{as_it_is}))",
        ]
    )


def _figures(results: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "data": "train_data",
        "examples": "train_samples",
        "truncated examples": "train_truncated",
        "examples read in several windows": "train_windowed",
        "epochs": "epoch",
        "loss": "train_loss",
        "seconds": "train_runtime",
        "examples a second": "train_samples_per_second",
        "parameters": "parameters",
        "trained parameters": "trained_parameters",
        "processes": "world_size",
        "device": "device",
    }
    return {name: results[key] for name, key in names.items() if key in results}


def _settings(arguments: RecipeArguments, task: str) -> str:
    """Format the settings that affect scores as YAML, without paths."""
    hidden = {
        *(
            "output_dir",
            "overwrite_output_dir",
            "resume_from_checkpoint",
            "do_train",
            "do_eval",
            "do_predict",
        ),
        *("preprocessing_num_workers", "model_name_or_path", "tokenizer_name", "data_dir"),
    }
    if arguments.data_dir or arguments.mini or arguments.own_files or Path(arguments.dataset_name).exists():
        hidden |= {"dataset_name", "dataset_revision"}
    hidden |= set(OWN_FILES.values())
    settings = {
        name: value
        for name, value in as_settings(arguments, task).items()
        if name not in hidden and value is not None
    }
    return str(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))


def _model_name(arguments: RecipeArguments, task: str, training: Training | None) -> str:
    """Return the model's name for the card: that of its base model or, if unknown, its own."""
    if training and training.base_model:
        return f"{training.base_model.rsplit('/', 1)[-1]}-klue-{get_task(task).name}"
    path = Path(arguments.model_name_or_path)
    return path.resolve().name if path.is_dir() else arguments.model_name_or_path.rsplit("/", 1)[-1]


def _hub_metrics(keys: Iterable[str]) -> list[str]:
    """Return the distinct Hub names of the metrics that the Hub knows."""
    names = {"accuracy": "accuracy", "pearsonr": "pearsonr", "exact_match": "exact_match", "f1": "f1"}
    found = (names.get(key, "f1" if key.endswith("_f1") else None) for key in keys)
    return list(dict.fromkeys(name for name in found if name))


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def write_card_of_run(
    recipe: Recipe, output_dir: Path, arguments: RecipeArguments, data: Data, results: dict[str, Any]
) -> None:
    """Write the model card; errors are logged as warnings, since the run has finished.

    Predictions alone do not change the card of their model.
    """
    if not (arguments.do_train or arguments.do_eval) and is_own_folder(
        arguments.model_name_or_path, output_dir
    ):
        return
    try:
        training = _training_of(arguments, results)
        holds_model = arguments.do_train or is_own_folder(arguments.model_name_or_path, output_dir)
        write_card(recipe, output_dir, arguments, data, results, training, holds_model)
    except Exception as error:  # any error, since the results are complete without the card
        command = _evaluation_command(recipe.task, arguments, output_dir)
        logger.warning(
            "The results are written, but the model card is not (%s: %s). To write it again: %s",
            type(error).__name__, error, command,
        )  # fmt: skip


def _evaluation_command(task: str, arguments: RecipeArguments, output_dir: Path) -> str:
    """Build the command that repeats the evaluation of a run and writes its card."""
    words = ["--model_name_or_path", str(output_dir), "--output_dir", str(output_dir), "--do_eval"]
    elsewhere = {
        "model_name_or_path", "model_revision", "tokenizer_name", "output_dir", "overwrite_output_dir",
        "resume_from_checkpoint", "do_train", "do_eval", "do_predict",
    }  # fmt: skip
    of_evaluation = {
        "bf16",
        "fp16",
        "per_device_eval_batch_size",
    }  # the other fields of training do not matter
    settings = []
    for name, field in fields_of(task).items():
        value = getattr(arguments, name)
        of_training = field.metadata["group"] == "training" and name not in of_evaluation
        if name in elsewhere or of_training or value in (None, field.default):
            continue
        if is_expert(field):
            settings.append(f"{name}={json.dumps(value)}")
        else:
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    if settings:
        words += ["--set", *settings]
    return f"klue train {task} {shlex.join(words)}"


def training_record(arguments: RecipeArguments, data: Data) -> dict[str, Any]:
    """Return the facts about training that are not settings: base model and data."""
    path, own = Path(arguments.model_name_or_path), Path(arguments.train_file or "").name
    return {
        "base_model": path.resolve().name if path.is_dir() else arguments.model_name_or_path,
        "base_model_is_local": path.is_dir(),
        "base_model_hash": weights_hash(arguments.model_name_or_path),
        "train_data": HUB_DATASET if data.version else own or data.name,
        "train_data_hash": data.hash or data.revision,
        "train_validation_hash": data.validation_hash,
    }


def _training_of(arguments: RecipeArguments, results: dict[str, Any]) -> Training | None:
    """Return the record of the training, from this run or the model's folder; None if unknown."""
    if arguments.do_train:
        return Training(arguments, results)
    folder = Path(arguments.model_name_or_path)
    record, trained = read_json(folder / ARGUMENTS), read_json(folder / TRAIN_RESULTS)
    return Training(from_record(record, folder / ARGUMENTS), trained) if record and trained else None
