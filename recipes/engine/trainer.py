"""transformers' Trainer, adapted to the recipes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from transformers import Trainer
from transformers.trainer import TRAINING_ARGS_NAME
from transformers.trainer_pt_utils import LengthGroupedSampler

from recipes.engine.encoding import INDEX
from recipes.engine.freezing import layer_lists
from recipes.engine.token_batches import TokenBatchSampler
from recipes.tasks.protocol import Recipe

EVALUATION = 4  # factor by which evaluation batches of short examples may grow


class NotFiniteError(ValueError):
    """A loss, a gradient or a weight is not finite."""


class RecipeTrainer(Trainer):
    """A Trainer that predicts with the methods of a recipe and tracks the order of features.

    Args:
        recipe: The task.
        head: Names of the modules of the head.
        head_learning_rate: Peak learning rate of the head; by default that of the other weights.
        tokens_per_batch: Maximum number of tokens of a training batch; None for a fixed batch size.
        tokens_per_eval_batch: Maximum number of tokens of an evaluation batch in a single process, with at
            most ``EVALUATION`` times the batch size; None for a fixed batch size.
        **kwargs: Further arguments of Trainer.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        head: Sequence[str],
        head_learning_rate: float | None,
        tokens_per_batch: int | None = None,
        tokens_per_eval_batch: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.recipe = recipe
        self.head = head
        self.head_learning_rate = head_learning_rate
        self.tokens_per_batch = tokens_per_batch
        self.tokens_per_eval_batch = tokens_per_eval_batch
        super().__init__(**kwargs)
        if self.args.world_size > 1:  # Accelerate gathers batches of equal size only
            self.tokens_per_eval_batch = None
        # Trainer assumes that models with **kwargs in forward divide the loss by the number of items,
        # and then does not average over accumulated steps and processes. Our models do not divide.
        self.model_accepts_loss_kwargs = False
        self._shard_by_layer()

    def _shard_by_layer(self) -> None:
        """Make FSDP shard the model by layer if the configuration does not name the layer class.

        By default Accelerate shards the modules that transformers does not split between devices. For BERT
        and similar models these include the embeddings, which Accelerate then tries to shard twice.
        """
        plugin = getattr(self.accelerator.state, "fsdp_plugin", None)
        total = getattr(self.model.config, "num_hidden_layers", None)
        if plugin is None or plugin.transformer_cls_names_to_wrap is not None or total is None:
            return
        layers = [layer for found in layer_lists(self.model, total).values() for layer in found]
        plugin.transformer_cls_names_to_wrap = sorted({type(layer).__name__ for layer in layers}) or None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Create Trainer's optimizer, with parameter groups for a head that has its own learning rate."""
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
        """Return the recipe's outputs for a batch and, instead of labels, the indices of its features.

        The outputs are reduced on the device, with access to the inputs. ``preprocess_logits_for_metrics`` is
        called only after outputs have been padded across processes.
        """
        inputs = self._prepare_inputs(inputs)
        index = inputs.pop(INDEX)
        # Trainer's autocast covers forward only, not generate or the forward of an adapter.
        with torch.no_grad(), self.compute_loss_context_manager(), self.accelerator.autocast():
            loss, outputs = self.recipe.predict(model, inputs)
        if loss is not None:
            loss = loss.detach().mean()
            if self.tokens_per_eval_batch is not None:  # Trainer weights all batches equally
                loss = loss.expand(len(index))
        return loss, outputs, index

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Raise NotFiniteError for a loss that is not finite, which Trainer would leave out of the mean."""
        loss = super().training_step(*args, **kwargs)
        if not math.isfinite(loss):  # no extra synchronisation, since Trainer checks this as well
            raise self._diverged(f"the loss is {float(loss)}", self.state.global_step + 1)
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Raise NotFiniteError before an update with a gradient that is not finite."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        # With float16, the gradient scaler skips such updates and reduces its scale.
        if not self.args.fp16 and not math.isfinite(norm):
            raise self._diverged(f"the gradient's norm is {float(norm)}", self.state.global_step + 1)
        return norm

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Save the model without the pickled TrainingArguments, which may contain secrets."""
        super()._save(output_dir, state_dict)
        (Path(output_dir or self.args.output_dir) / TRAINING_ARGS_NAME).unlink(missing_ok=True)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.check_weights()
        super()._save_checkpoint(*args, **kwargs)

    def check_weights(self) -> None:
        """Raise NotFiniteError if a trained weight is infinite or NaN, even after finite gradients.

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
        if self.tokens_per_batch is not None:
            return TokenBatchSampler(
                (self.train_dataset if train_dataset is None else train_dataset)["length"],
                self.tokens_per_batch,
                seed=self.args.seed if self.args.data_seed is None else self.args.data_seed,
                rank=self.args.process_index,
                world_size=self.args.world_size,
            )
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler):
            # Trainer groups within each process. Grouping across processes makes the order independent of
            # their number, and the lengths of their batches similar.
            sampler.batch_size *= self.args.world_size
        return sampler

    def _run_epoch(self, **kwargs: Any) -> None:
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(**kwargs)
        else:  # transformers would train one more update after the last one
            self.control.should_training_stop = True

    def _get_eval_sampler(self, eval_dataset: Any) -> Any:
        if self.tokens_per_eval_batch is not None:
            return TokenBatchSampler(
                eval_dataset["length"],
                self.tokens_per_eval_batch,
                most=EVALUATION * self.args.eval_batch_size,
                shuffle=False,
            )
        # transformers 5 groups by length, and thus shuffles, in evaluation as well.
        return SequentialSampler(eval_dataset) if self.args.world_size <= 1 else None
