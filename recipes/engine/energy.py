"""The energy that this machine's processors and GPUs use in training, where they count it.

Counters only, no estimates: RAPL's of processor packages, which Linux shows to root alone, and those of
NVIDIA's GPUs since Volta. They count everything that runs on the device, other people's work included.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

POWERCAP = Path("/sys/class/powercap")
MICROJOULES, MILLIJOULES = 3.6e9, 3.6e6  # of a watt-hour


@dataclasses.dataclass
class Counter:
    """A device's counter of the energy that it has used.

    Attributes:
        read: Gives watt-hours since some time or other.
        limit: Where it starts over, in watt-hours.
    """

    read: Callable[[], float]
    limit: float = math.inf


class EnergyMeter(TrainerCallback):
    """Adds up counters over training; at every step, since a processor's starts over within the hour.

    Args:
        powercap: Linux's folder of RAPL counters.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self.counters = {**_processors(powercap), **_gpus()}
        self.used = dict.fromkeys(self.counters, 0.0)
        self._last: dict[str, float] = {}

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Reads the counters for the first time."""
        self._last = {name: counter.read() for name, counter in self.counters.items()}

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Adds what was used since the last time."""
        for name, counter in self.counters.items():
            now = counter.read()
            self.used[name] += (now - self._last[name]) % counter.limit
            self._last[name] = now

    on_train_end = on_step_end

    def report(self) -> dict[str, Any]:
        """``train_energy_wh``, and ``train_energy_of``, the devices; empty where none counts."""
        if not self.used:
            return {}
        return {"train_energy_wh": sum(self.used.values()), "train_energy_of": ", ".join(self.used)}


def _processors(powercap: Path) -> dict[str, Counter]:
    """Counters of the processor packages that we may read, by name."""
    counters = {}
    for zone in sorted(powercap.glob("intel-rapl:*")):
        name, limit, used = (_text(zone / file) for file in ("name", "max_energy_range_uj", "energy_uj"))
        if name and limit and used and name.startswith("package"):
            counters[name] = Counter(_RaplFile(zone / "energy_uj"), float(limit) / MICROJOULES)
    return counters


@dataclasses.dataclass
class _RaplFile:
    path: Path

    def __call__(self) -> float:
        return float(self.path.read_text(encoding="ascii")) / MICROJOULES


def _text(path: Path) -> str | None:
    """A small file's text; None where there is none, or not for us."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, PermissionError):
        return None


def _gpus() -> dict[str, Counter]:
    """Counters of the GPUs that this process sees, by name; needs nvidia-ml-py."""
    if not torch.cuda.is_available() or importlib.util.find_spec("pynvml") is None:
        return {}
    import pynvml

    pynvml.nvmlInit()
    counters = {}
    for index in range(torch.cuda.device_count()):
        identity = f"GPU-{torch.cuda.get_device_properties(index).uuid}"
        try:
            read = _NvmlCounter(pynvml, pynvml.nvmlDeviceGetHandleByUUID(identity))
            read()
        except pynvml.NVMLError:  # older than Volta, or a part of a GPU
            continue
        counters[f"GPU {index}"] = Counter(read)
    return counters


@dataclasses.dataclass
class _NvmlCounter:
    library: Any
    handle: Any

    def __call__(self) -> float:
        return float(self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / MILLIJOULES
