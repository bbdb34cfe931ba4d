"""Hardware of a run: a description for the model card, and the number of cores used."""

from __future__ import annotations

import logging
import os
import platform
from pathlib import Path

import torch

logger = logging.getLogger(__name__)
THREADS = "OMP_NUM_THREADS"


def hardware() -> str:
    """Describe the GPUs of this process and their memory use, or the processor and its cores."""
    if torch.cuda.is_available():
        used = torch.cuda.max_memory_allocated() / 2**30
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}, {used:.1f} GiB used at most"
    return f"{_processor()}, {os.cpu_count()} cores"


def use_all_cores() -> None:
    """Use all cores available to this process, unless the user has set OMP_NUM_THREADS.

    This is for single processes on a CPU, for which ``accelerate launch`` sets the variable to 1.
    """
    if user_threads() is not None:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores != torch.get_num_threads():
        torch.set_num_threads(cores)
        logger.info("Computing on %d CPU cores (set %s to change that).", cores, THREADS)


def user_threads() -> str | None:
    """Return the user's OMP_NUM_THREADS; None if unset or set by ``accelerate launch``.

    The environment of the user is that of the launcher, the parent process, on systems that show it.
    """
    value = os.environ.get(THREADS)
    if value != "1" or "ACCELERATE_MIXED_PRECISION" not in os.environ:  # the launcher sets both
        return value
    launcher = Path(f"/proc/{os.getppid()}")
    try:
        environment = (launcher / "environ").read_bytes().split(b"\0")
        command = (launcher / "cmdline").read_bytes()
    except OSError:
        return None
    is_users = b"num_cpu_threads_per_process" in command or any(
        entry.startswith(f"{THREADS}=".encode()) for entry in environment
    )
    return value if is_users else None


def _processor() -> str:
    """Return the name of the processor."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "CPU"
