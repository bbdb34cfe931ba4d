"""What a run ran on, in words for a card."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch


def hardware() -> str:
    """The GPUs of this process and the memory that it has used of them, or the processor and its cores."""
    if torch.cuda.is_available():
        used = torch.cuda.max_memory_allocated() / 2**30
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}, {used:.1f} GiB used at most"
    return f"{_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    """The processor's name: Linux knows it better than Python does."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "CPU"
