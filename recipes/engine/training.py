"""Training: the Trainer of a run, its callbacks, and tuning after training."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainerCallback, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import IntervalStrategy

from recipes.arguments import RecipeArguments
from recipes.engine.encoding import Collator, EncodedSplit
from recipes.engine.evaluation import Evaluator, model_outputs
from recipes.engine.hardware import hardware
from recipes.engine.modeling import trainable_share
from recipes.engine.results import read_json
from recipes.engine.schedule import (
    EvaluateWithinEpochs,
    LogAtCheckpoints,
    TrainingTimer,
    WarnOfAnotherSchedule,
    mean_loss,
)
from recipes.engine.trainer import RecipeTrainer
from recipes.tasks.protocol import LoadedModel, Recipe, Tuning
from recipes.tasks.shared.classification import balanced_loss

logger = logging.getLogger(__name__)


def make_trainer(
    recipe: Recipe,
    arguments: RecipeArguments,
    training_arguments: TrainingArguments,
    loaded: LoadedModel,
    train: EncodedSplit | None,
    evaluators: dict[str, Evaluator],
) -> RecipeTrainer:
    """Create the Trainer of a run; batches are padded to their longest example."""
    callbacks: list[TrainerCallback] = []
    if arguments.evaluations_per_epoch > 1 and training_arguments.eval_strategy == IntervalStrategy.EPOCH:
        callbacks.append(EvaluateWithinEpochs(arguments.evaluations_per_epoch))
    if arguments.early_stopping_patience is not None and arguments.do_train:
        if training_arguments.load_best_model_at_end:
            callbacks.append(EarlyStoppingCallback(arguments.early_stopping_patience))
        else:
            logger.warning("Early stopping is off, since no checkpoint is chosen by evaluations.")
    evaluator = evaluators.get("validation")
    half_on_gpu = (arguments.bf16 or arguments.fp16) and training_arguments.device.type != "cpu"
    return RecipeTrainer(
        recipe=recipe,
        head=loaded.head,
        head_learning_rate=arguments.head_learning_rate,
        tokens_per_batch=arguments.tokens_per_batch,
        # At most as many tokens as a batch of inputs of maximum length.
        tokens_per_eval_batch=arguments.per_device_eval_batch_size * loaded.max_length
        if arguments.fast
        else None,
        model=loaded.model,
        args=training_arguments,
        train_dataset=train.training_inputs(loaded.config, training_arguments.seed) if train else None,
        eval_dataset=evaluator.split.evaluation_inputs() if evaluator else None,
        data_collator=Collator(recipe, loaded, pad_to_multiple_of=8 if half_on_gpu else None),
        processing_class=loaded.tokenizer,
        compute_metrics=evaluator.compute_metrics if evaluator else None,
        compute_loss_func=balanced_loss(list(train.features["labels"]), loaded.config.num_labels)
        if train and arguments.class_weights
        else None,
        callbacks=callbacks,
    )


def check_learning_rates(checkpoint: str | None, arguments: RecipeArguments) -> None:
    """Raise ValueError if a checkpoint was trained with other learning rates, with which it would go on."""
    file = Path(checkpoint or "") / "scheduler.pt"
    if checkpoint is None or not file.is_file():
        return
    known = set(torch.load(file, weights_only=True).get("base_lrs", ()))
    if wrong := known - {arguments.learning_rate, arguments.head_learning_rate}:
        raise ValueError(
            f"{checkpoint} was trained with the learning rate {min(wrong):g}, but learning_rate is "
            f"{arguments.learning_rate:g} and head_learning_rate {arguments.head_learning_rate}; expected "
            "those of the checkpoint to resume, or a new run from its weights: "
            f"--model_name_or_path {checkpoint}."
        )


def train(trainer: RecipeTrainer, split: EncodedSplit, checkpoint: str | None) -> dict[str, Any]:
    """Train a model; return statistics of the training.

    Args:
        trainer: The Trainer of the run, whose model is trained in place.
        split: The training split.
        checkpoint: Folder of the checkpoint to resume from; None to start from the beginning.

    Raises:
        NotFiniteError: Training diverged.
    """
    trainer.add_callback(TrainingTimer())
    trainer.add_callback(LogAtCheckpoints())
    start = 0
    if checkpoint is not None:
        saved = read_json(Path(checkpoint) / TRAINER_STATE_NAME)
        start = saved["global_step"]
        trainer.add_callback(WarnOfAnotherSchedule(saved))
    metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics
    trainer.check_weights()
    timer = next(  # in a resumed run, the callback has been replaced
        callback for callback in trainer.callback_handler.callbacks if isinstance(callback, TrainingTimer)
    )
    state = trainer.state
    if timer.earlier_seconds:  # transformers divides all examples and updates by the seconds of this process
        total = metrics["train_runtime"] + timer.earlier_seconds
        for name in ("train_samples_per_second", "train_steps_per_second"):
            rate = metrics.pop(name)
            if start < state.global_step:  # otherwise there was nothing left to train
                metrics[name] = round(rate * metrics["train_runtime"] / total, 3)
        metrics["train_runtime"] = total
    metrics["train_loss"] = mean_loss(state.log_history, start, state.global_step, metrics["train_loss"])
    is_best = trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint is not None
    trained, parameters = trainable_share(trainer.model)
    if trainer.is_world_process_zero():
        trainer.state.save_to_json(str(Path(trainer.args.output_dir) / "trainer_state.json"))
    return {
        **metrics,
        "train_samples": len(split.examples),
        "train_truncated": split.truncated,
        "train_windowed": split.windowed,
        "parameters": parameters,
        "trained_parameters": trained,
        "best_checkpoint_metric": trainer.state.best_metric if is_best else None,
        "best_checkpoint_step": trainer.state.best_global_step if is_best else None,
        "world_size": trainer.args.world_size,
        "device": hardware(),
    }


def tune(
    trainer: RecipeTrainer, tuning: Tuning | None, evaluators: Mapping[str, Evaluator]
) -> dict[str, Any]:
    """Choose a setting that is not trained on its split; return results to report."""
    if tuning is None:
        return {}
    evaluator = evaluators[tuning.split]
    output = model_outputs(trainer, evaluator, "tune")
    split = evaluator.split
    outputs = split.in_order(output.predictions, output.label_ids)
    return tuning.choose(outputs, split.examples, split.features, evaluator.loaded)
