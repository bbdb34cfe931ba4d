"""The model card of a run, and its scores in the two forms that the Hub reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, EvalResultEntry, ModelCardData, eval_result_entries_to_yaml

from hub_cards import render
from klue_datasets.tasks import CITATION, LICENSE, Task, get_task
from klue_metrics.functional import get_metric
from recipes.engine.arguments import RecipeArguments, as_settings
from recipes.engine.data import Data
from recipes.tasks import MODULES

HUB_DATASET = "klue/klue"


def write_card(
    task: str, output_dir: Path, arguments: RecipeArguments, data: Data, results: Mapping[str, Any]
) -> None:
    """Writes README.md, and .eval_results/klue.yaml where the run was evaluated.

    Args:
        task: Name of the task.
        output_dir: Folder of the model.
        arguments: What the run was told.
        data: What it was trained and evaluated on.
        results: What ``all_results.json`` will hold.
    """
    record, metric = get_task(task), get_metric(task)
    scores = {key: results[f"eval_{key}"] for key in metric.names if f"eval_{key}" in results}
    base_model = _base_model(arguments)
    metadata = ModelCardData(
        language="ko",
        base_model=base_model if data.is_official or "/" in base_model else None,
        datasets=[HUB_DATASET] if data.is_official else None,
        metrics=[_hub_metric(key) for key in scores] or None,
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
        script=MODULES[task],
        base_model=base_model,
        base_model_name=base_model.rsplit("/", 1)[-1],
        is_official=data.is_official,
        data_name=data.name,
        chosen_on_validation=results.get("best_checkpoint_metric") is not None,
        samples=f"{results.get('eval_samples', 0):,}",
        truncated=results.get("eval_truncated", 0),
        scores=[
            {"name": name, "score": _shown(scores[key]), "constant": _shown(results.get(f"constant_{key}"))}
            for key, name in metric.names.items()
            if key in scores
        ],
        usage=_usage(record, arguments),
        training=_training(results),
        settings=arguments,
        settings_yaml=yaml.safe_dump(_told(arguments), allow_unicode=True, sort_keys=False),
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
            dataset_name=f"KLUE {record.name}"
            if data.is_official
            else f"{data.name} (not KLUE's validation split)",
            dataset_config=record.name,
            dataset_split="validation",
            metric_type=key,
            metric_name=names[key],
            metric_value=score,
        )
        for key, score in scores.items()
        if math.isfinite(score)
    ]


def _write_eval_results(path: Path, record: Task, data: Data, scores: Mapping[str, float]) -> None:
    names = get_metric(record.name).names
    split = "validation split" if data.is_official else f"{data.name}; not KLUE's validation split"
    entries = [
        EvalResultEntry(
            dataset_id=HUB_DATASET if data.is_official else f"local/{_slug(data.name)}",
            task_id=record.name,
            value=score,
            notes=f"{names[key]} x 100, {split}",
        )
        for key, score in scores.items()
        if math.isfinite(score)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = eval_result_entries_to_yaml(entries)
    path.write_text(yaml.safe_dump(rows, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _usage(record: Task, arguments: RecipeArguments) -> str:
    """Lines that load the model and answer one question."""
    inputs = {
        "ynat": '"코스피 사흘 만에 반등…외국인 순매수"',
        "sts": '{"text": "방이 깨끗해요.", "text_pair": "방이 깔끔합니다."}, function_to_apply="none"',
        "nli": '{"text": "오늘은 하루 종일 비가 온다.", "text_pair": "오늘은 날씨가 맑다."}',
    }
    is_own_model = arguments.pooling in ("mean", "pair")
    if not arguments.use_lora:
        trusted = ", trust_remote_code=True" if is_own_model else ""
        lines = [
            "from transformers import pipeline\n",
            f'classify = pipeline("{record.card_task}", model="."{trusted})  # this folder, or its Hub id',
        ]
    elif not is_own_model:
        lines = [
            "from peft import PeftConfig, PeftModel",
            "from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer",
            "from transformers import pipeline\n",
            'folder = "."  # this one, or its Hub id',
            "base = AutoModelForSequenceClassification.from_pretrained(",
            "    PeftConfig.from_pretrained(folder).base_model_name_or_path,",
            "    config=AutoConfig.from_pretrained(folder),",
            ")",
            "model = PeftModel.from_pretrained(base, folder)",
            "tokenizer = AutoTokenizer.from_pretrained(folder)",
            f'classify = pipeline("{record.card_task}", model=model, tokenizer=tokenizer)',
        ]
    else:  # an adapter on a model that transformers does not have
        lines = [
            "from recipes.engine.modeling import load_trained",
            "from recipes.tasks import get_recipe",
            "from transformers import pipeline\n",
            f'loaded = load_trained(get_recipe("{record.name}"), ".")  # this folder',
            f'classify = pipeline("{record.card_task}", model=loaded.model, tokenizer=loaded.tokenizer)',
        ]
    return "\n".join([*lines, f"print(classify({inputs[record.name]}))"])


def _training(results: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "examples": "train_samples",
        "examples that lost their end": "train_truncated",
        "epochs": "epoch",
        "loss": "train_loss",
        "seconds": "train_runtime",
        "examples a second": "train_samples_per_second",
        "parameters": "parameters",
        "trained parameters": "trained_parameters",
        "processes": "world_size",
        "device": "device",
    }
    return {name: results[key] for name, key in shown.items() if key in results}


def _told(arguments: RecipeArguments) -> dict[str, Any]:
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
    return {
        name: value
        for name, value in as_settings(arguments).items()
        if name not in hidden and value is not None
    }


def _base_model(arguments: RecipeArguments) -> str:
    """A Hub id as it is; of a local folder only its name, since its path means nothing to others."""
    path = Path(arguments.model_name_or_path)
    return path.resolve().name if path.is_dir() else arguments.model_name_or_path


def _hub_metric(key: str) -> str:
    """What the Hub calls a metric key."""
    return {"macro_f1": "f1", "pearsonr": "pearsonr", "f1": "f1", "accuracy": "accuracy"}[key]


def _shown(score: float | None) -> str:
    return "undefined" if score is None or math.isnan(score) else f"{score:.2f}"


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")
