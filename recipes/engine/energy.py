"""Measure the duration of training, and the energy of processors and GPUs that have counters.

Counters only, no estimates: RAPL's of processor packages, which Linux shows to root alone, and those of
NVIDIA's GPUs since Volta. They count everything that runs on the device, other people's work included.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

try:
    import pynvml  # of nvidia-ml-py
except ImportError:
    pynvml = None

POWERCAP = Path("/sys/class/powercap")
MICROJOULES, MILLIJOULES = 3.6e9, 3.6e6  # per watt-hour


@dataclasses.dataclass
class Counter:
    """An energy counter of a device.

    Attributes:
        read: Returns watt-hours since an arbitrary point in time.
        limit: Value at which the counter wraps around, in watt-hours.
    """

    read: Callable[[], float]
    limit: float = math.inf


class TrainingMeter(TrainerCallback, ExportableState):
    """Measure seconds and energy of training.

    Checkpoints hold the sums, so that a resumed run goes on counting from its checkpoint. Energy counters are
    read at every step, since a processor's starts over within the hour.

    Args:
        powercap: Linux's folder of RAPL counters.

    Attributes:
        earlier_seconds: Training time before the checkpoint that this process resumed from.
        earlier_energy: Energy before that checkpoint, in watt-hours by device.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self.counters = {**_processors(powercap), **_gpus()}
        self.used = dict.fromkeys(self.counters, 0.0)
        self.earlier_seconds = 0.0
        self.earlier_energy: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._started = self._ended = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far, earlier processes included."""
        return self.earlier_seconds + self._ended - self._started

    @property
    def energy(self) -> dict[str, float]:
        """Watt-hours so far by device, earlier processes included."""
        devices = {*self.used, *self.earlier_energy}
        return {
            name: self.used.get(name, 0.0) + self.earlier_energy.get(name, 0.0) for name in sorted(devices)
        }

    def state(self) -> dict[str, Any]:
        """Return the state to save with a checkpoint."""
        self._ended = time.perf_counter()
        return {
            "args": {},
            "attributes": {"earlier_seconds": self.seconds, "earlier_energy": self.energy},
        }

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock and read the counters for the first time."""
        self._started = self._ended = time.perf_counter()
        self._last = {name: counter.read() for name, counter in self.counters.items()}

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Add what was used since the last time."""
        self._ended = time.perf_counter()
        for name, counter in self.counters.items():
            now = counter.read()
            self.used[name] += (now - self._last[name]) % counter.limit
            self._last[name] = now

    on_train_end = on_step_end

    def report(self) -> dict[str, Any]:
        """Return ``train_energy_wh`` and ``train_energy_of``, the devices; empty without counters."""
        if not self.energy:
            return {}
        return {"train_energy_wh": sum(self.energy.values()), "train_energy_of": ", ".join(self.energy)}


def _processors(powercap: Path) -> dict[str, Counter]:
    """Return readable counters of processor packages, by name."""
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
    """Read a small file; return None if it does not exist or must not be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, PermissionError):
        return None


def _gpus() -> dict[str, Counter]:
    """Return counters of the visible GPUs, by name; needs nvidia-ml-py."""
    if not torch.cuda.is_available() or pynvml is None:
        return {}
    pynvml.nvmlInit()
    counters = {}
    for index in range(torch.cuda.device_count()):
        identity = f"GPU-{torch.cuda.get_device_properties(index).uuid}"
        try:
            read = _NvmlCounter(pynvml, pynvml.nvmlDeviceGetHandleByUUID(identity))
            read()
        except pynvml.NVMLError:  # GPUs older than Volta and MIG devices have no counter
            continue
        counters[f"GPU {index}"] = Counter(read)
    return counters


@dataclasses.dataclass
class _NvmlCounter:
    library: Any
    handle: Any

    def __call__(self) -> float:
        return float(self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / MILLIJOULES
