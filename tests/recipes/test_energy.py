"""Energy is what counters say, over their starting over, and nothing where they say nothing."""

from __future__ import annotations

import types
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from recipes.engine.energy import TrainingMeter

WATT_HOUR = 3_600_000_000  # in microjoules


def zone(folder: Path, number: int, name: str, used: int, limit: int = 10 * WATT_HOUR) -> Path:
    """A RAPL zone as Linux shows it."""
    path = folder / f"intel-rapl:{number}"
    path.mkdir()
    for file, value in (("name", name), ("energy_uj", used), ("max_energy_range_uj", limit)):
        (path / file).write_text(f"{value}\n", encoding="ascii")
    return path / "energy_uj"


def test_packages_are_added_up_also_where_they_start_over(tmp_path: Path) -> None:
    first = zone(tmp_path, 0, "package-0", 2 * WATT_HOUR)
    second = zone(tmp_path, 1, "package-1", 9 * WATT_HOUR)
    zone(tmp_path, 2, "psys", 0)  # holds the packages once more
    meter = TrainingMeter(tmp_path)
    meter.on_train_begin()
    for one, two in ((3, 9.5), (3.25, 0.25)):
        first.write_text(str(int(one * WATT_HOUR)), encoding="ascii")
        second.write_text(str(int(two * WATT_HOUR)), encoding="ascii")
        meter.on_step_end()
    meter.on_train_end()
    assert meter.report() == {
        "train_energy_wh": pytest.approx(1.25 + 1.25),
        "train_energy_of": "package-0, package-1",
    }


def test_no_counter_no_figure(tmp_path: Path) -> None:
    meter = TrainingMeter(tmp_path)
    meter.on_train_begin()
    meter.on_train_end()
    assert meter.report() == {}
    (zone(tmp_path, 0, "package-0", 1).parent / "energy_uj").unlink()
    assert TrainingMeter(tmp_path).report() == {}


def test_gpus_count_in_millijoules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is a stand-in: there is no GPU here. The second device has no counter."""
    used = {"GPU-a": 3_600_000}

    def energy(handle: str) -> int:
        if handle not in used:
            raise library.NVMLError
        return used[handle]

    library = types.ModuleType("pynvml")
    library.NVMLError = type("NVMLError", (Exception,), {})
    library.nvmlInit = lambda: None
    library.nvmlDeviceGetHandleByUUID = lambda identity: identity
    library.nvmlDeviceGetTotalEnergyConsumption = energy
    monkeypatch.setattr("recipes.engine.energy.pynvml", library)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    devices = [SimpleNamespace(uuid="a"), SimpleNamespace(uuid="b")]
    monkeypatch.setattr(torch.cuda, "get_device_properties", devices.__getitem__)
    meter = TrainingMeter(tmp_path)
    meter.on_train_begin()
    used["GPU-a"] += 1_800_000
    meter.on_train_end()
    assert meter.report() == {"train_energy_wh": pytest.approx(0.5), "train_energy_of": "GPU 0"}
