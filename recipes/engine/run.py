"""One run of a recipe, from the data to the model card. Read this file from top to bottom."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

import transformers
from transformers import TrainingArguments

from recipes.arguments import RecipeArguments
from recipes.engine.baselines import log_scores
from recipes.engine.card import training_record, write_card_of_run
from recipes.engine.checkpoints import check_owner, find_checkpoint, is_own_folder, locked, prepare_output_dir
from recipes.engine.data import load_data, prepare_splits, training_examples
from recipes.engine.encoding import encode_split, warn_of_long_examples
from recipes.engine.evaluation import Evaluator, evaluate, predict
from recipes.engine.hardware import use_all_cores
from recipes.engine.modeling import load_model, save_model
from recipes.engine.result_record import write_record
from recipes.engine.results import ALL_RESULTS, ARGUMENTS, TRAIN_RESULTS, earlier_results, strict, write_json
from recipes.engine.settings_record import to_record
from recipes.engine.speed import for_device, set_attention
from recipes.engine.training import check_learning_rates, make_trainer, train, tune
from recipes.engine.training_arguments import make_training_arguments
from recipes.engine.unreachable import model_errors
from recipes.tasks import get_recipe


def run(task: str, arguments: RecipeArguments) -> dict[str, Any]:
    """Train, evaluate and predict according to the settings, and write all results to ``output_dir``.

    Args:
        task: Name of the task.
        arguments: The settings of the run.

    Returns:
        The content of ``all_results.json``.

    Raises:
        ValueError: Data, model and settings do not match, in which case nothing is written; or training
            diverged, in which case no results are written.
    """
    # Settings: everything is validated before data or model are loaded.
    arguments = for_device(arguments)
    output_dir = Path(arguments.output_dir or f"out/{task}")
    with model_errors(arguments.model_name_or_path):
        recipe = get_recipe(task, arguments)
    checkpoint = find_checkpoint(output_dir, arguments.resume_from_checkpoint)
    check_learning_rates(checkpoint, arguments)
    if not arguments.do_train:
        check_owner(output_dir, arguments.model_name_or_path)
    training_arguments = make_training_arguments(recipe, arguments, output_dir)
    prepare_process(training_arguments)

    # Data and model.
    with training_arguments.main_process_first(desc="loading data"):
        data = load_data(task, arguments)
        splits = prepare_splits(recipe, arguments, data)
    with model_errors(arguments.model_name_or_path):
        loaded = load_model(recipe, arguments, splits)
    set_attention(loaded.model, arguments)

    with locked(output_dir) if training_arguments.should_save else contextlib.nullcontext():
        if training_arguments.should_save and arguments.do_train:
            prepare_output_dir(output_dir, resume=bool(checkpoint), overwrite=arguments.overwrite_output_dir)

        # Encoding.
        with training_arguments.main_process_first(desc="tokenising"):
            encoded = {
                name: encode_split(recipe, split, loaded, num_proc=arguments.preprocessing_num_workers)
                for name, split in splits.items()
            }
        for name, split in encoded.items():
            warn_of_long_examples(name, split, loaded.max_length)
        evaluators = {name: Evaluator(split, loaded) for name, split in encoded.items() if name != "train"}

        # Training.
        trainer = make_trainer(
            recipe, arguments, training_arguments, loaded, encoded.get("train"), evaluators
        )
        results: dict[str, Any] = {}
        if arguments.do_train:
            results |= train(trainer, encoded["train"], checkpoint) | training_record(arguments, data)
            results |= tune(trainer, recipe.tuning(arguments), evaluators)
            save_model(trainer, output_dir)
            if trainer.is_world_process_zero():
                write_json(output_dir / TRAIN_RESULTS, results)
                write_json(output_dir / ARGUMENTS, to_record(arguments))
        elif is_own_folder(arguments.model_name_or_path, output_dir):
            results |= earlier_results(output_dir)

        # Evaluation and predictions.
        if arguments.do_eval:
            known = training_examples(recipe, data, splits)
            results |= evaluate(trainer, evaluators["validation"], data, known, output_dir, arguments)
        if arguments.do_predict:
            predict(trainer, evaluators, output_dir)

        # Results and card.
        if trainer.is_world_process_zero():
            write_json(output_dir / ALL_RESULTS, results)
            if arguments.do_eval:
                write_record(output_dir)
            write_card_of_run(recipe, output_dir, arguments, data, results)
            log_scores(task, results if arguments.do_eval else {}, output_dir)
    return dict(strict(results))


def prepare_process(training_arguments: TrainingArguments) -> None:
    """Set up logging, threads and random seeds."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in ("httpx", "httpcore", "datasets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if training_arguments.device.type == "cpu" and training_arguments.world_size == 1:
        use_all_cores()
    transformers.set_seed(training_arguments.seed)
