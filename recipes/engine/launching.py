"""Launch several runs at once, each with its own log; they end together with this process."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from klue_datasets.commands import without_collection

GRACE = 20.0  # seconds between SIGTERM and SIGKILL
TICK = 0.1  # seconds between polls
RECIPES_DIR = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Process:
    """The process of a run: its id, a function for its exit status (None while it runs), and its GPU."""

    pid: int
    status: Callable[[], int | None]
    device: str | None = None  # its own GPU


class Launcher:
    """Start recipes, several at once.

    On a CPU without a configuration of Accelerate, recipes run in forks of this process, which saves the time
    for imports; otherwise they are started with ``accelerate launch``.

    Args:
        jobs: Number of runs at once; None for one per GPU. The cores are divided between runs by
            OMP_NUM_THREADS. If there are several GPUs, each run gets one of them.
        verbose: Whether recipes write to standard output and error instead of their logs.
        forks: Whether recipes run in forks; None to detect it.
    """

    def __init__(self, jobs: int | None = 1, verbose: bool = False, forks: bool | None = None) -> None:
        self._jobs = jobs
        self.verbose = verbose
        self._forks = forks
        self._running: list[Process] = []

    @functools.cached_property
    def jobs(self) -> int:
        """Number of runs at once."""
        return max(len(self._devices), 1) if self._jobs is None else self._jobs

    @functools.cached_property
    def _devices(self) -> list[str]:
        found: list[str] = importlib.import_module("recipes.engine.forking").visible_devices()
        return found

    def _free_device(self) -> str | None:
        """Return the GPU with the fewest runs; None if GPUs are not assigned to runs."""
        if self.jobs == 1 or len(self._devices) < 2:
            return None
        used = Counter(process.device for process in self._running if process.status() is None)
        return min(self._devices, key=lambda device: used[device])

    @functools.cached_property
    def _fork(self) -> Callable[..., tuple[int, Callable[[], int | None]]] | None:
        with without_collection():
            forking = importlib.import_module("recipes.engine.forking")  # imports large libraries
        is_fork = forking.can_fork() if self._forks is None else self._forks
        return forking.fork if is_fork else None

    def run_all(self, runs: Iterable[Iterator[None]]) -> None:
        """Advance generators that start recipes, up to ``jobs`` at once, in order.

        Before Ctrl-C, SIGTERM or SIGHUP ends this process, the recipes are ended.
        """
        waiting = iter(runs)
        active: list[Iterator[None]] = []
        with _exit_at(signal.SIGTERM, signal.SIGHUP):
            try:
                while active := [*active, *itertools.islice(waiting, self.jobs - len(active))]:
                    active = [run for run in active if next(run, self) is not self]
                    self._running = [one for one in self._running if one.status() is None]
                    time.sleep(TICK)
            except BaseException:
                self._end()
                raise

    def start(self, script: str, task: str, words: Sequence[str], log: Path) -> Process:
        """Start a recipe.

        The recipe is in a session of its own, so that Ctrl-C reaches this process only; otherwise the recipe
        and its children would print tracebacks.

        Args:
            script: File name of the recipe in ``recipes/``.
            task: Name of the task.
            words: The arguments of the recipe.
            log: File for its output.
        """
        environment = {}
        if self.jobs > 1:
            environment["OMP_NUM_THREADS"] = str(max(len(os.sched_getaffinity(0)) // self.jobs, 1))
        environment |= os.environ
        if (device := self._free_device()) is not None:
            environment["CUDA_VISIBLE_DEVICES"] = device
        with contextlib.ExitStack() as stack:
            output = None
            if not self.verbose:
                log.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(log.open("wb"))
            process: Process
            if self._fork:
                process = Process(*self._fork(script, task, words, environment, output), device)
            else:
                streams: dict[str, Any] = {"stdout": output, "stderr": output}
                command = launch_command(script, words)
                started = subprocess.Popen(command, env=environment, start_new_session=True, **streams)
                process = Process(started.pid, started.poll, device)
        self._running.append(process)
        return process

    def _end(self) -> None:
        for process in self._running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in self._running:
            # Child processes of the recipe may still be writing after it has ended.
            while process.status() is None or _signal(process, 0):
                if time.monotonic() > deadline:
                    _signal(process, signal.SIGKILL)
                    break
                time.sleep(0.02)


def launch_command(script: str, words: Sequence[str]) -> list[str]:
    """Build the command that starts a recipe with Accelerate."""
    return [sys.executable, "-m", "accelerate.commands.launch", str(RECIPES_DIR / script), *words]


def _signal(process: Process, number: int) -> bool:
    """Send a signal to a recipe and its children; return whether any of them exists."""
    for send in (os.killpg, os.kill):  # it may not yet have its own group
        with contextlib.suppress(ProcessLookupError):
            send(process.pid, number)
            return True
    return False


@contextlib.contextmanager
def _exit_at(*signals: signal.Signals) -> Iterator[None]:
    """Convert fatal signals to SystemExit, unless they are ignored (nohup)."""
    handled = [one for one in signals if signal.getsignal(one) is signal.SIG_DFL]
    for one in handled:
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for one in handled:
            signal.signal(one, signal.SIG_DFL)
