"""The model card of a run, and its scores in the two forms that the Hub reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml

from hub_cards import published_tables, render
from klue_datasets.tasks import CITATION, LICENSE, Task, get_task
from klue_metrics.functional import get_metric
from recipes.engine.arguments import OWN_FILES, RecipeArguments, as_settings
from recipes.engine.card_details import details
from recipes.engine.data import Data
from recipes.engine.results import EVAL_DETAILS, PICTURE, PREDICTIONS, read_json
from recipes.tasks import MODULES
from recipes.tasks.protocol import Recipe

HUB_DATASET = "klue/klue"
TEXT_CLASSIFICATION = ("ynat", "sts", "nli")  # transformers' own pipeline gives the whole answer


def write_card(
    recipe: Recipe, output_dir: Path, arguments: RecipeArguments, data: Data, results: Mapping[str, Any]
) -> None:
    """Writes README.md, and .eval_results/klue.yaml where the run was evaluated.

    Args:
        recipe: The task.
        output_dir: Folder of the model.
        arguments: What the run was told.
        data: What it was trained and evaluated on.
        results: What ``all_results.json`` will hold.
    """
    record, metric = get_task(recipe.task), get_metric(recipe.task)
    scores = {key: results[f"eval_{key}"] for key in metric.names if f"eval_{key}" in results}
    base_model = _base_model(arguments)
    predictions = output_dir / PREDICTIONS
    report = read_json(output_dir / EVAL_DETAILS)
    told = details(recipe.task, report, predictions, data.splits.get("validation")) if scores else None
    metadata = ModelCardData(
        language="ko",
        base_model=base_model if data.is_official or "/" in base_model else None,
        datasets=[HUB_DATASET] if data.is_official else None,
        metrics=_hub_metrics(scores) or None,
        library_name="peft" if arguments.use_lora else "transformers",
        pipeline_tag=record.card_task,
        tags=["klue", "korean", record.name],
        model_name=output_dir.resolve().name,
        eval_results=_model_index(record, data, scores) or None,
    )
    text = render(
        "model.md",
        metadata=metadata.to_yaml(),
        task=record,
        script=MODULES[recipe.task],
        base_model=base_model,
        base_model_name=base_model.rsplit("/", 1)[-1],
        is_official=data.is_official,
        is_comparable=data.is_comparable,
        data_version=data.version,
        data_revision=data.revision,
        data_name=data.name,
        chosen_on_validation=results.get("best_checkpoint_metric") is not None,
        samples=f"{results.get('eval_samples', 0):,}",
        truncated=results.get("eval_truncated", 0),
        windowed=results.get("eval_windowed", 0),
        scores=[
            {
                "name": name,
                "score": _shown(scores[key]),
                "interval": told.intervals.get(key, "–") if told else "–",
                "constant": _shown(results.get(f"constant_{key}")),
            }
            for key, name in metric.names.items()
            if key in scores
        ],
        details=told,
        published=published_tables(recipe.task, metric.names, "test", "dev"),
        usage=_usage(recipe, arguments),
        picture=PICTURE if scores and (output_dir / PICTURE).is_file() else None,
        training=_training(results),
        settings=arguments,
        settings_yaml=yaml.safe_dump(_told(arguments, recipe.task), allow_unicode=True, sort_keys=False),
        data_license=LICENSE,
        citation=CITATION,
    )
    output_dir.mkdir(parents=True, exist_ok=True)
    (output_dir / "README.md").write_text(text, encoding="utf-8")
    if scores:
        _write_eval_results(output_dir / ".eval_results" / "klue.yaml", record, data, scores)


def _model_index(record: Task, data: Data, scores: Mapping[str, float]) -> list[EvalResult]:
    names = get_metric(record.name).names
    return [
        EvalResult(
            task_type=record.card_task,
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
        if math.isfinite(score)
    ]


def _write_eval_results(path: Path, record: Task, data: Data, scores: Mapping[str, float]) -> None:
    names = get_metric(record.name).names
    split = (
        f"validation split of KLUE {data.version}"
        if data.is_official
        else f"{data.name}; {_not_official(data)}"
    )
    entries = [
        EvalResultEntry(
            dataset_id=HUB_DATASET if data.is_official else f"local/{_slug(data.name)}",
            task_id=record.name,
            value=score,
            dataset_revision=data.revision,
            notes=f"{names[key]} x 100, {split}",
        )
        for key, score in scores.items()
        if math.isfinite(score)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = eval_result_entries_to_yaml(entries)
    path.write_text(yaml.safe_dump(rows, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _not_official(data: Data) -> str:
    return (
        "not KLUE's validation split" if data.is_comparable else "not compared with KLUE's validation split"
    )


def _usage(recipe: Recipe, arguments: RecipeArguments) -> str:
    """Lines that load the model and answer one question: transformers alone where it can, else ours."""
    record = get_task(recipe.task)
    sample = json.dumps(recipe.sample, ensure_ascii=False)
    if recipe.pipeline_task and not arguments.use_lora:
        named = f'pipeline("{recipe.pipeline_task}", model=".", trust_remote_code=True)'
        return "\n".join(
            [
                "from transformers import pipeline\n",
                f"answer = {named}  # this folder, or its Hub id",
                f"print(answer({sample}))",
            ]
        )
    is_plain = recipe.task in TEXT_CLASSIFICATION and not arguments.use_lora
    if not is_plain:
        return "\n".join(
            [
                "from recipes.predict import load_pipeline\n",
                f'answer = load_pipeline("{record.name}", ".")  # this folder',
                f"print(answer({sample}))",
            ]
        )
    texts = [recipe.sample] if isinstance(recipe.sample, str) else list(recipe.sample.values())
    names = ("text", "text_pair")
    shown = json.dumps(
        texts[0] if len(texts) == 1 else dict(zip(names, texts, strict=True)), ensure_ascii=False
    )
    as_it_is = ', function_to_apply="none"' if recipe.task == "sts" else ""
    trusted = ", trust_remote_code=True" if arguments.pooling in ("mean", "pair") else ""
    return "\n".join(
        [
            "from transformers import pipeline\n",
            f'classify = pipeline("{record.card_task}", model="."{trusted})  # this folder, or its Hub id',
            f"print(classify({shown}{as_it_is}))",
        ]
    )


def _training(results: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "examples": "train_samples",
        "examples that lost a part": "train_truncated",
        "examples in several windows": "train_windowed",
        "epochs": "epoch",
        "loss": "train_loss",
        "seconds": "train_runtime",
        "energy in Wh": "train_energy_wh",
        "energy of": "train_energy_of",
        "examples a second": "train_samples_per_second",
        "parameters": "parameters",
        "trained parameters": "trained_parameters",
        "processes": "world_size",
        "device": "device",
    }
    return {name: results[key] for name, key in shown.items() if key in results}


def _told(arguments: RecipeArguments, task: str) -> dict[str, Any]:
    """The settings that change scores: not where files lie."""
    places = {
        "output_dir",
        "overwrite_output_dir",
        "resume_from_checkpoint",
        "do_train",
        "do_eval",
        "do_predict",
    }
    hidden = places | {"preprocessing_num_workers", "model_name_or_path", "tokenizer_name", "data_dir"}
    hidden |= set(OWN_FILES.values())
    return {
        name: value
        for name, value in as_settings(arguments, task).items()
        if name not in hidden and value is not None
    }


def _base_model(arguments: RecipeArguments) -> str:
    """A Hub id as it is; of a local folder only its name, since its path means nothing to others."""
    path = Path(arguments.model_name_or_path)
    return path.resolve().name if path.is_dir() else arguments.model_name_or_path


def _hub_metrics(keys: Iterable[str]) -> list[str]:
    """What the Hub calls the metrics that it knows, without repetitions."""
    names = {"accuracy": "accuracy", "pearsonr": "pearsonr", "exact_match": "exact_match", "f1": "f1"}
    found = (names.get(key, "f1" if key.endswith("_f1") else None) for key in keys)
    return list(dict.fromkeys(name for name in found if name))


def _shown(score: float | None) -> str:
    return "undefined" if score is None or math.isnan(score) else f"{score:.2f}"


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
