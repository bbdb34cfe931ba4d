"""When a run is evaluated: several times an epoch, as KLUE's baseline is (``val_check_interval`` 0.25)."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class EvaluateWithinEpochs(TrainerCallback):
    """Evaluates and saves at equal distances within each epoch; Trainer itself does so at its end.

    Args:
        times: Evaluations in every epoch, the one at its end included. An epoch with fewer updates is
            evaluated after each of them.
    """

    def __init__(self, times: int) -> None:
        self.times = times
        self.done = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Counts the parts of epochs that an earlier leg of a resumed run has done."""
        self.done = self._parts(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Asks for an evaluation and a checkpoint where a part of an epoch has ended, but not the epoch."""
        parts = self._parts(state)
        if parts > self.done and parts % self.times:
            control.should_evaluate = control.should_save = True
        self.done = parts

    def _parts(self, state: TrainerState) -> int:
        return int((state.epoch or 0.0) * self.times + 1e-6)
