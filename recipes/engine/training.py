"""One run of one recipe: data, model, Trainer, official scores, result files, card."""

from __future__ import annotations

import collections
import contextlib
import datetime
import inspect
import logging
import math
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
from torch.utils.data import SequentialSampler
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.integrations import get_available_reporting_integrations
from transformers.trainer import TRAINER_STATE_NAME, TRAINING_ARGS_NAME
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import IntervalStrategy

from hub_cards import __version__
from klue_datasets.tasks import get_task
from klue_metrics.functional import get_metric
from recipes.arguments import RecipeArguments, UsageError, fields_of, from_record, to_record
from recipes.engine.baselines import below_constant, constant_scores
from recipes.engine.card import Training, write_card
from recipes.engine.checkpoints import check_owner, find_checkpoint, locked, prepare_output_dir
from recipes.engine.command_line import make_parser, parse
from recipes.engine.data import HUB_DATASET, Data, load_data
from recipes.engine.energy import TrainingMeter
from recipes.engine.evaluation import (
    INDEX,
    Collator,
    EncodedSplit,
    Evaluator,
    encode_split,
    without_hidden_gold,
)
from recipes.engine.hardware import hardware, use_all_cores
from recipes.engine.modeling import load_model, save_beside_adapter, trainable_share
from recipes.engine.results import (
    ALL_RESULTS,
    ARGUMENTS,
    EVAL_DETAILS,
    EVAL_RESULTS,
    PICTURE,
    PREDICTIONS,
    TRAIN_RESULTS,
    read_json,
    shown,
    strict,
    write_json,
    write_json_lines,
)
from recipes.engine.schedule import EvaluateWithinEpochs, WarnOfAnotherSchedule
from recipes.engine.unreachable import model_errors
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import LoadedModel, Recipe
from recipes.tasks.shared.classification import balanced_loss

logger = logging.getLogger(__name__)
LOGGING_STEPS = 0.05  # share of the updates between two logs of the loss


class NotFiniteError(ValueError):
    """Training has left the finite numbers."""


class RecipeTrainer(Trainer):
    """Trainer for recipes: predicts as the recipe does, in the order it was given.

    Args:
        recipe: The task.
        head: Names of the head's modules.
        head_learning_rate: Their peak learning rate; None for that of the rest.
        **kwargs: As for Trainer.
    """

    def __init__(
        self, *, recipe: Recipe, head: Sequence[str], head_learning_rate: float | None, **kwargs: Any
    ) -> None:
        self.recipe = recipe
        self.head = head
        self.head_learning_rate = head_learning_rate
        super().__init__(**kwargs)
        # Trainer takes any model whose forward has **kwargs for one that divides its loss by the number of
        # items, and then averages neither over accumulated steps nor over processes. Ours do not divide.
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Trainer's optimizer, with the head in parameter groups of its own where it has its own rate."""
        if self.optimizer is not None or self.head_learning_rate is None:
            return super().create_optimizer(model)
        optimizer = super().create_optimizer(model)
        is_head = {
            id(parameter): any(f".{module}." in f".{name}" for module in self.head)
            for name, parameter in (self.model if model is None else model).named_parameters()
        }
        for group in list(optimizer.param_groups):
            head = [parameter for parameter in group["params"] if is_head[id(parameter)]]
            group["params"] = [parameter for parameter in group["params"] if not is_head[id(parameter)]]
            optimizer.add_param_group({**group, "params": head, "lr": self.head_learning_rate})
        return optimizer

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[torch.Tensor | None, Any, torch.Tensor]:
        """What the recipe keeps of a batch, and in place of labels which features it is of.

        Outputs are reduced here, on the device and with the inputs at hand; ``preprocess_logits_for_metrics``
        would see them only when they have been padded for all processes.
        """
        inputs = self._prepare_inputs(inputs)
        index = inputs.pop(INDEX)
        # Trainer wraps forward alone in autocast: generate, and forward under an adapter, would be outside.
        with torch.no_grad(), self.compute_loss_context_manager(), self.accelerator.autocast():
            loss, outputs = self.recipe.predict(model, inputs)
        return None if loss is None else loss.detach().mean(), outputs, index

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Stops at a loss that is not finite, which Trainer would leave out of the average that it logs."""
        loss = super().training_step(*args, **kwargs)
        if not math.isfinite(loss):  # Trainer asks the device the same, so this costs no synchronisation
            raise self._diverged(f"the loss is {float(loss)}", self.state.global_step + 1)
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Stops before an update with a gradient that is not finite: it would make the weights NaN."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        # Float16 has a gradient scaler, which skips such updates and lowers its scale.
        if not self.args.fp16 and not math.isfinite(norm):
            raise self._diverged(f"the gradient's norm is {float(norm)}", self.state.global_step + 1)
        return norm

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Saves the model without the pickle of Trainer's arguments, which may hold secrets."""
        super()._save(output_dir, state_dict)
        (Path(output_dir or self.args.output_dir) / TRAINING_ARGS_NAME).unlink(missing_ok=True)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.check_weights()
        super()._save_checkpoint(*args, **kwargs)

    def check_weights(self) -> None:
        """Makes sure that weights can be saved: an update with a finite gradient can make them infinite.

        Raises:
            NotFiniteError: A trained weight is infinite or NaN.
        """
        for name, weight in self.model.named_parameters():
            if weight.requires_grad and not bool(torch.isfinite(weight.detach()).all()):
                raise self._diverged(f"{name} has values that are not finite", self.state.global_step)

    def _diverged(self, what: str, step: int) -> NotFiniteError:
        return NotFiniteError(
            f"{self.recipe.task}: {what} at step {step}, so training has diverged; expected a lower "
            "--learning_rate, a warm-up (--warmup_ratio), or other data. Checkpoints saved before this step "
            "are kept."
        )

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler):
            # Trainer groups by the examples of one process. Grouped by all examples of an update, the order
            # is the same for any number of processes, and their batches are of like length.
            sampler.batch_size *= self.args.world_size
        return sampler

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        # transformers 5 applies length grouping, which shuffles, to evaluation too.
        return SequentialSampler(eval_dataset) if self.args.world_size <= 1 else None


def run(task: str, arguments: RecipeArguments) -> dict[str, Any]:
    """Trains, evaluates and predicts as the arguments say, and writes everything into their ``output_dir``.

    Args:
        task: Name of the task.
        arguments: What to do.

    Returns:
        All results: what ``all_results.json`` holds.

    Raises:
        ValueError: Data, model and arguments do not go together, and nothing was written; or training
            diverged, and no results were written.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in ("httpx", "httpcore", "datasets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with model_errors(arguments.model_name_or_path):
        recipe = get_recipe(task, arguments)
    output_dir = Path(arguments.output_dir or f"out/{recipe.task}")
    checkpoint = find_checkpoint(output_dir, arguments.resume_from_checkpoint)
    if not arguments.do_train:
        check_owner(output_dir, arguments.model_name_or_path)
    training_arguments = make_training_arguments(recipe, arguments, output_dir)
    if training_arguments.device.type == "cpu" and training_arguments.world_size == 1:
        use_all_cores()
    transformers.set_seed(training_arguments.seed)
    with training_arguments.main_process_first(desc="loading data"):
        data = load_data(recipe.task, arguments)
        splits = _prepared_splits(recipe, arguments, data)
    if recipe.tuning_split(arguments) == "held_out" and "train" in splits:
        splits["train"], splits["held_out"] = recipe.hold_out(splits["train"])
    with model_errors(arguments.model_name_or_path):
        loaded = load_model(recipe, arguments, splits)
    with locked(output_dir) if training_arguments.should_save else contextlib.nullcontext():
        if training_arguments.should_save and arguments.do_train:
            prepare_output_dir(
                output_dir, resume=checkpoint is not None, overwrite=arguments.overwrite_output_dir
            )
        with training_arguments.main_process_first(desc="tokenising"):
            encoded = {
                name: encode_split(recipe, split, loaded, num_proc=arguments.preprocessing_num_workers)
                for name, split in splits.items()
            }
        for name, split in encoded.items():
            _warn_of_long_examples(name, split, loaded.max_length)
        evaluators = {name: Evaluator(split, loaded) for name, split in encoded.items() if name != "train"}
        trainer = make_trainer(
            recipe, arguments, training_arguments, loaded, encoded.get("train"), evaluators
        )
        results: dict[str, Any] = {}
        if arguments.do_train:
            results |= _train(trainer, encoded["train"], checkpoint)
            results |= _training_record(arguments, data)
            results |= _tune(trainer, evaluators.get(recipe.tuning_split(arguments) or ""))
            if trainer.is_world_process_zero():
                write_json(output_dir / TRAIN_RESULTS, results)
                save_beside_adapter(trainer.accelerator.unwrap_model(trainer.model), output_dir)
            trainer.save_model()
            if trainer.is_world_process_zero():
                recipe.save_code(output_dir)
                write_json(output_dir / ARGUMENTS, to_record(arguments))
        elif _is_own_folder(arguments, output_dir):  # the model's own training
            results |= read_json(output_dir / TRAIN_RESULTS)
        if arguments.do_eval:
            train = splits.get("train")
            if train is None and "train" in data.splits:
                train = recipe.prepare(data.splits["train"])
            results |= _evaluate(trainer, evaluators["validation"], data, train, output_dir, arguments)
        if arguments.do_predict:
            _predict(trainer, evaluators, output_dir)
        if trainer.is_world_process_zero():
            write_json(output_dir / ALL_RESULTS, results)
            _write_card(recipe, output_dir, arguments, data, results)
            _report(recipe.task, results, output_dir)
    return dict(strict(results))


def _is_own_folder(arguments: RecipeArguments, output_dir: Path) -> bool:
    return Path(arguments.model_name_or_path).resolve() == output_dir.resolve()


def _write_card(
    recipe: Recipe, output_dir: Path, arguments: RecipeArguments, data: Data, results: dict[str, Any]
) -> None:
    """Writes the model card. The run is finished by now, so a card that fails is a warning."""
    try:
        training = _training_of(arguments, results)
        holds_model = arguments.do_train or _is_own_folder(arguments, output_dir)
        write_card(recipe, output_dir, arguments, data, results, training, holds_model)
    except Exception as error:  # whatever it is, the results stand
        command = _evaluation_command(recipe.task, arguments, output_dir)
        logger.warning(
            "The results are written, but the model card is not (%s: %s). To write it again: %s",
            type(error).__name__, error, command,
        )  # fmt: skip


def _evaluation_command(task: str, arguments: RecipeArguments, output_dir: Path) -> str:
    """The command that evaluates the model of a run again as the run did, and writes its card."""
    defaults = parse(make_parser(task, None), task, [])
    words = ["--model_name_or_path", str(output_dir), "--output_dir", str(output_dir), "--do_eval"]
    elsewhere = {
        "model_name_or_path", "model_revision", "tokenizer_name", "output_dir", "overwrite_output_dir",
        "resume_from_checkpoint", "do_train", "do_eval", "do_predict",
    }  # fmt: skip
    for name in fields_of(task):
        value = getattr(arguments, name)
        if name not in elsewhere and value is not None and value != getattr(defaults, name):
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return f"python recipes/train_{SCRIPTS[task]}.py {shlex.join(words)}"


def make_training_arguments(
    recipe: Recipe, arguments: RecipeArguments, output_dir: Path
) -> TrainingArguments:
    """What Trainer is told. This is the one place that knows how transformers spells things today.

    Raises:
        UsageError: Settings do not go together, or not with this machine and what is installed on it.
    """
    extra = dict(arguments.trainer)
    evaluates = arguments.do_train and arguments.do_eval
    strategy = arguments.eval_strategy if evaluates else "no"
    if strategy == "epoch" and "save_steps" in extra and "save_strategy" not in extra:
        strategy = "steps"  # a checkpoint is saved where there is an evaluation to compare it by
    save_strategy = extra.pop("save_strategy", None)
    if save_strategy is None:
        save_strategy = "steps" if "save_steps" in extra else "epoch" if strategy == "no" else strategy
    # As in transformers, where evaluations are as frequent as logs unless something says otherwise.
    steps = arguments.eval_steps or extra.get("save_steps") or extra.get("logging_steps") or LOGGING_STEPS
    best = extra.get("metric_for_best_model") or get_metric(recipe.task).headline
    _check_best_metric(recipe, best)
    _check_trackers(extra.get("report_to"))
    values: dict[str, Any] = {
        "output_dir": str(output_dir),
        "do_train": arguments.do_train,
        "do_eval": arguments.do_eval,
        "do_predict": arguments.do_predict,
        "learning_rate": arguments.learning_rate,
        "num_train_epochs": arguments.num_train_epochs,
        "max_steps": arguments.max_steps,
        "per_device_train_batch_size": arguments.per_device_train_batch_size,
        "per_device_eval_batch_size": arguments.per_device_eval_batch_size,
        "gradient_accumulation_steps": arguments.gradient_accumulation_steps,
        "warmup_steps": arguments.warmup_ratio,  # below 1 it is a share of the updates
        "weight_decay": arguments.weight_decay,
        "train_sampling_strategy": "group_by_length" if arguments.group_by_length else "random",
        "bf16": arguments.bf16,
        "fp16": arguments.fp16,
        "seed": arguments.seed,
        "eval_strategy": strategy,
        "eval_steps": steps if strategy == "steps" else None,
        "save_strategy": save_strategy,
        "save_steps": steps,
        "save_total_limit": 1,
        "load_best_model_at_end": strategy != "no" and save_strategy in (strategy, "best"),
        "metric_for_best_model": best,
        "greater_is_better": not best.endswith("loss"),
        "restore_callback_states_from_checkpoint": True,  # or early stopping would count anew after a resume
        "logging_steps": LOGGING_STEPS,
        "dataloader_pin_memory": torch.cuda.is_available(),
        "remove_unused_columns": False,  # features hold only what the collator and the model read
    } | extra
    known = inspect.signature(TrainingArguments).parameters
    missing = sorted(set(values) - set(known))
    if missing:
        raise ValueError(
            f"transformers {transformers.__version__} has no training argument {', '.join(missing)}."
        )
    try:
        made = TrainingArguments(**values)
        device = made.device.type
    except ValueError as error:  # such as --bf16 on a GPU that does not have it
        raise UsageError(f"transformers refuses these settings: {error}") from error
    if made.fp16 and device == "cpu":
        raise UsageError(
            "--fp16 was given on a CPU, which cannot train in float16; expected --bf16, or neither."
        )
    return made


def _check_best_metric(recipe: Recipe, name: str) -> None:
    """UsageError where no evaluation of the task gives the metric that is to choose the checkpoint."""
    known = [*get_metric(recipe.task).names, *(["loss"] if recipe.evaluates_loss else [])]
    if name.removeprefix("eval_") not in known:
        raise UsageError(f"metric_for_best_model is {name!r}; expected one of {', '.join(known)}.")


def _check_trackers(report_to: str | Sequence[str] | None) -> None:
    """UsageError where a tracker is not installed."""
    names = [report_to] if isinstance(report_to, str) else report_to or []
    installed = get_available_reporting_integrations()
    if missing := sorted({*names} - {"all", "none", *installed}):
        raise UsageError(
            f"--report_to names {', '.join(missing)}, which is not installed or not known to transformers; "
            f"expected none, all, or one of those installed ({', '.join(installed) or 'there is none'})."
        )


def make_trainer(
    recipe: Recipe,
    arguments: RecipeArguments,
    training_arguments: TrainingArguments,
    loaded: LoadedModel,
    train: EncodedSplit | None,
    evaluators: dict[str, Evaluator],
) -> RecipeTrainer:
    """The Trainer of a run; batches are padded to their longest example."""
    callbacks: list[TrainerCallback] = []
    if arguments.evaluations_per_epoch > 1 and training_arguments.eval_strategy == IntervalStrategy.EPOCH:
        callbacks.append(EvaluateWithinEpochs(arguments.evaluations_per_epoch))
    if arguments.early_stopping_patience is not None and arguments.do_train:
        if training_arguments.load_best_model_at_end:
            callbacks.append(EarlyStoppingCallback(arguments.early_stopping_patience))
        else:
            logger.warning("Early stopping is off, since no checkpoint is chosen by evaluations.")
    evaluator = evaluators.get("validation")
    half = arguments.bf16 or arguments.fp16
    return RecipeTrainer(
        recipe=recipe,
        head=loaded.head,
        head_learning_rate=arguments.head_learning_rate,
        model=loaded.model,
        args=training_arguments,
        train_dataset=train.training_inputs(loaded.config, training_arguments.seed) if train else None,
        eval_dataset=evaluator.split.evaluation_inputs() if evaluator else None,
        data_collator=Collator(recipe, loaded, pad_to_multiple_of=8 if half else None),
        processing_class=loaded.tokenizer,
        compute_metrics=evaluator.compute_metrics if evaluator else None,
        compute_loss_func=balanced_loss(list(train.features["labels"]), loaded.config.num_labels)
        if train and arguments.class_weights
        else None,
        callbacks=callbacks,
    )


def _train(trainer: RecipeTrainer, split: EncodedSplit, checkpoint: str | None) -> dict[str, Any]:
    trainer.add_callback(TrainingMeter())
    if checkpoint is not None:
        trainer.add_callback(WarnOfAnotherSchedule(read_json(Path(checkpoint) / TRAINER_STATE_NAME)))
    metrics = trainer.train(resume_from_checkpoint=checkpoint).metrics
    trainer.check_weights()
    meter = next(  # a resumed run has put another one in its place
        callback for callback in trainer.callback_handler.callbacks if isinstance(callback, TrainingMeter)
    )
    metrics["train_runtime"] += meter.earlier_seconds  # rates are those of this process
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
        **meter.report(),
    }


def _tune(trainer: RecipeTrainer, evaluator: Evaluator | None) -> dict[str, Any]:
    """Lets the recipe choose what training does not, on the split that it asked for."""
    if evaluator is None:
        return {}
    output = _outputs(trainer, evaluator, "tune")
    split = evaluator.split
    outputs = split.in_order(output.predictions, output.label_ids)
    return trainer.recipe.tune(outputs, split.examples, split.features, evaluator.loaded)


def _training_record(arguments: RecipeArguments, data: Data) -> dict[str, Any]:
    """What a card says of a training run beside its settings: from which model it started, on which data."""
    path = Path(arguments.model_name_or_path)
    return {
        "base_model": path.resolve().name if path.is_dir() else arguments.model_name_or_path,
        "base_model_is_local": path.is_dir(),
        "train_data": HUB_DATASET if data.version else data.name,
        "train_data_hash": data.hash or data.revision,
    }


def _training_of(arguments: RecipeArguments, results: dict[str, Any]) -> Training | None:
    """How the model of a run was trained: in this run, or as the model's folder says; None if it does not."""
    if arguments.do_train:
        return Training(arguments, results)
    folder = Path(arguments.model_name_or_path)
    record, trained = read_json(folder / ARGUMENTS), read_json(folder / TRAIN_RESULTS)
    return Training(from_record(record, folder / ARGUMENTS), trained) if record and trained else None


def _outputs(trainer: RecipeTrainer, evaluator: Evaluator, prefix: str) -> Any:
    """The model's outputs on a split, without Trainer scoring them too."""
    compute_metrics, trainer.compute_metrics = trainer.compute_metrics, None
    output = trainer.predict(evaluator.split.evaluation_inputs(), metric_key_prefix=prefix)
    trainer.compute_metrics = compute_metrics
    return output


def _evaluate(
    trainer: RecipeTrainer,
    evaluator: Evaluator,
    data: Data,
    train: datasets.Dataset | None,
    output_dir: Path,
    arguments: RecipeArguments,
) -> dict[str, Any]:
    """Final predictions on the validation split, their scores and everything that is read from them."""
    started = time.perf_counter()
    output = _outputs(trainer, evaluator, "eval")
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
        "eval_data": data.name,
        "eval_data_is_official": data.is_official,
        "eval_date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        "klue_hub_version": __version__,
        "data_version": data.version,
        "data_revision": data.revision,
        "data_hash": data.hash,
        "task_version": get_task(split.recipe.task).version,
    }
    if not (arguments.do_train or _is_own_folder(arguments, output_dir)):
        results["eval_model"] = arguments.model_name_or_path
    if trainer.is_world_process_zero():
        write_json_lines(output_dir / PREDICTIONS, evaluator.prediction_rows(decoded))
        write_json(output_dir / EVAL_DETAILS, report)
        write_json(output_dir / EVAL_RESULTS, results)
        if picture := split.recipe.picture(decoded, split.examples):
            (output_dir / PICTURE).write_text(picture, encoding="utf-8")
    return results


def _predict(trainer: RecipeTrainer, evaluators: dict[str, Evaluator], output_dir: Path) -> None:
    split = "test" if "test" in evaluators else "validation"
    evaluator = evaluators[split]
    decoded = evaluator.decode(_outputs(trainer, evaluator, split))
    if trainer.is_world_process_zero():
        write_json_lines(output_dir / f"predictions_{split}.jsonl", evaluator.prediction_rows(decoded))


def _prepared_splits(recipe: Recipe, arguments: RecipeArguments, data: Data) -> dict[str, datasets.Dataset]:
    """The splits that the run needs, one row an example; without gold columns where the gold is hidden.

    Raises:
        ValueError: The gold of a split that is to be trained or scored on is hidden.
    """
    splits = {}
    for name in _needed_splits(recipe, arguments, data):
        splits[name] = without_hidden_gold(recipe, name, recipe.prepare(data.splits[name]))
    scored = ["train"] if "train" in splits else []
    if arguments.do_eval or (arguments.do_train and recipe.tuning_split(arguments) == "validation"):
        scored.append("validation")
    for name in scored:
        missing = set(recipe.gold) - set(splits[name].column_names)
        if missing:
            raise ValueError(
                f"{recipe.task}: the {name} split of {data.name} has no gold ({', '.join(sorted(missing))}); "
                "expected it to train and to evaluate. --do_predict alone needs none."
            )
    if recipe.scored_by_guid and "validation" in scored:
        counts = collections.Counter(splits["validation"]["guid"])
        if repeated := [guid for guid, count in counts.items() if count > 1]:
            raise ValueError(
                f"{recipe.task}: the validation split of {data.name} has {repeated[0]} more than once "
                f"(repeated guids: {len(repeated)}); expected each once: the metric finds references by guid."
            )
    return splits


def _needed_splits(recipe: Recipe, arguments: RecipeArguments, data: Data) -> list[str]:
    tunes = arguments.do_train and recipe.tuning_split(arguments) == "validation"
    needed = {
        "train": arguments.do_train,
        "validation": arguments.do_eval or tunes or (arguments.do_predict and "test" not in data.splits),
        "test": arguments.do_predict and "test" in data.splits,
    }
    return [name for name, is_needed in needed.items() if is_needed]


def _warn_of_long_examples(name: str, split: EncodedSplit, max_length: int) -> None:
    for number, happens in (
        (split.truncated, "lose a part"),
        (split.windowed, "are read in overlapping windows"),
    ):
        if number:
            logger.warning(
                "%s: %d of %d %s examples are longer than %d tokens and %s.",
                split.recipe.task, number, len(split.examples), name, max_length, happens,
            )  # fmt: skip


def _report(task: str, results: dict[str, Any], output_dir: Path) -> None:
    for key, name in get_metric(task).names.items():
        if f"eval_{key}" in results:
            scores = [shown(results[f"{side}_{key}"]) for side in ("eval", "constant")]
            logger.info("%s %s: %s (constant baseline: %s)", task, name, *scores)
    logger.info("Everything is in %s", output_dir)
    if note := below_constant(task, results):
        logger.warning("%s: %s", task, note)
