"""Callbacks for the schedule of a run: evaluations, log entries, time, checks of resumed runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState
from transformers.trainer_utils import IntervalStrategy

logger = logging.getLogger(__name__)


class EvaluateWithinEpochs(TrainerCallback):
    """Evaluate and save several times per epoch, at equal distances.

    KLUE-baseline evaluates four times per epoch (``val_check_interval`` 0.25).

    Args:
        times: Number of evaluations per epoch, including the one at its end; at most one per update.
    """

    def __init__(self, times: int) -> None:
        self.times = times
        self.done = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the parts of epochs that a resumed run has completed."""
        self.done = self._parts(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Request an evaluation and a checkpoint at the end of each part of an epoch."""
        parts = self._parts(state)
        if parts > self.done and parts % self.times:
            control.should_evaluate = control.should_save = True
        self.done = parts

    def _parts(self, state: TrainerState) -> int:
        return int((state.epoch or 0.0) * self.times + 1e-6)


class TrainingTimer(TrainerCallback, ExportableState):
    """Measure the training time, which for resumed runs includes the time before the checkpoint.

    Attributes:
        earlier_seconds: Training time in seconds before the checkpoint of a resumed run.
    """

    def __init__(self) -> None:
        self.earlier_seconds = 0.0
        self._started = time.perf_counter()

    def state(self) -> dict[str, Any]:
        """Return the state to save with a checkpoint."""
        seconds = self.earlier_seconds + time.perf_counter() - self._started
        return {"args": {}, "attributes": {"earlier_seconds": seconds}}

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._started = time.perf_counter()


class LogAtCheckpoints(TrainerCallback):
    """Log the training loss before each checkpoint, so that the checkpoint's log includes it."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Request a log entry; runs after the callbacks that request evaluations and checkpoints."""
        if args.logging_strategy != IntervalStrategy.NO and (control.should_evaluate or control.should_save):
            control.should_log = True

    on_epoch_end = on_step_end


def mean_loss(history: Sequence[Mapping[str, Any]], start: int, end: int, resumed: float) -> float:
    """Compute the mean training loss over all updates of a resumed run.

    Args:
        history: ``log_history`` of the trainer's state.
        start: Number of updates at the checkpoint from which the run was resumed.
        end: Number of updates at the end.
        resumed: Mean loss of the updates after the checkpoint, as reported by Trainer.

    Returns:
        The mean; ``resumed`` if the log does not reach the checkpoint.
    """
    total, logged = 0.0, 0
    for entry in history:
        if "loss" in entry and entry["step"] <= start:
            total += entry["loss"] * (entry["step"] - logged)
            logged = entry["step"]
    return (total + resumed * (end - start)) / end if logged == start and end else resumed


class WarnOfAnotherSchedule(TrainerCallback):
    """Warn if number of updates or batch size of a resumed run differ from its checkpoint.

    Args:
        saved: Trainer state of the checkpoint.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self.saved = saved

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Compare the schedules when the number of updates is known."""
        before = (self.saved.get("max_steps"), self.saved.get("train_batch_size"))
        now = (state.max_steps, args.train_batch_size)
        if before != now:
            logger.warning(
                "The checkpoint is from a run of %s updates with batches of %s; this run has %s with batches "
                "of %s. The learning rate follows the new schedule from update %d on, and the results will "
                "differ from those of an uninterrupted run.", *before, *now, state.global_step,
            )  # fmt: skip
