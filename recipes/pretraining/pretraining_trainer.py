"""Trainer for pre-training, which sums losses over held-out data and saves one or two models."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerControl
from transformers.trainer import TRAINING_ARGS_NAME

from recipes.pretraining.masking import PretrainingCollator
from recipes.pretraining.objectives import Objective


class PretrainingTrainer(Trainer):
    """Train an ``Objective``.

    Args:
        eval_collator: Collator for the held-out blocks.
        **options: Arguments of ``Trainer``.
    """

    model: Objective

    def __init__(self, *, eval_collator: PretrainingCollator, **options: Any) -> None:
        super().__init__(**options)
        self.eval_collator = eval_collator

    def evaluate(self, *unused: Any, **options: Any) -> dict[str, float]:
        """Score the held-out blocks; losses are means over labels rather than over batches."""
        self._memory_tracker.start()
        self.model.eval()
        total: torch.Tensor | None = None
        with torch.no_grad():
            for batch in self.held_out_batches():
                with self.compute_loss_context_manager():
                    sums = self.model(**self._prepare_inputs(batch))["sums"].double()
                total = sums if total is None else total + sums
        self.model.train()
        assert total is not None
        scores = {f"eval_{name}": value for name, value in self.model.report(total.cpu()).items()}
        scores["eval_perplexity"] = math.exp(min(scores["eval_loss"], 700.0))
        self.log(dict(scores))
        handler = self.callback_handler
        self.control: TrainerControl = handler.on_evaluate(self.args, self.state, self.control, dict(scores))
        return scores

    def held_out_batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches of the held-out blocks, which are few, so that each process reads all of them."""
        yield from torch.utils.data.DataLoader(
            self.eval_dataset,
            batch_size=self.args.per_device_eval_batch_size,
            collate_fn=self.eval_collator,
        )

    def held_out_labels(self) -> Iterator[torch.Tensor]:
        """Yield the labels of the held-out blocks."""
        for batch in self.held_out_batches():
            yield batch["labels"]

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        self.processing_class.save_pretrained(folder)
        torch.save(self.args, folder / TRAINING_ARGS_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.model.load(Path(resume_from_checkpoint))
