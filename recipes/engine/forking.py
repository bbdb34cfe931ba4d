"""Run recipes in forks of this process, which has imported the libraries before."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import torch
from accelerate.commands.config.config_args import default_config_file
from tqdm import tqdm

import recipes.engine.run  # noqa: F401  (what a fork is spared)
from recipes.engine.command_line import main
from recipes.engine.hardware import THREADS


def can_fork() -> bool:
    """Return whether Accelerate would start a single CPU process without further configuration."""
    is_configured = Path(default_config_file).is_file()
    return hasattr(os, "fork") and not torch.accelerator.is_available() and not is_configured


def visible_devices() -> list[str]:
    """Return the CUDA devices that this process may use, in the format of CUDA_VISIBLE_DEVICES."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(index) for index in range(torch.cuda.device_count())]


def fork(
    script: str, task: str, words: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
) -> tuple[int, Callable[[], int | None]]:
    """Run a recipe in a fork; return its process id and a function for its status (None if running)."""
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(script, task, words, environment, output)
    )
    process.start()
    assert process.pid is not None
    return process.pid, lambda: process.exitcode


def _run(
    script: str, task: str, words: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None
) -> None:
    os.setsid()
    tqdm.set_lock(threading.RLock())  # the original file offset is shared with the parent and other forks
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if output is not None:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.update(environment)
    if environment.get(THREADS, "").isdecimal():
        torch.set_num_threads(int(environment[THREADS]))
    sys.argv = [script, *words]
    main(task, None, words)
