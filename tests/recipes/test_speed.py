"""Tests of the preset ``fast``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from runs import read, run

from recipes.arguments import RecipeArguments
from recipes.engine.command_line import make_parser, parse
from recipes.engine.settings_files import read_preset
from recipes.engine.speed import for_device
from recipes.tasks import SCRIPTS


def gpu(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None) -> None:
    """Make torch report two GPUs with a compute capability, or none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: capability is not None)
    cpu(monkeypatch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 if capability else 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr("os.cpu_count", lambda: 6)


def cpu(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    """Make torch report features of the CPU."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, **capabilities})


def fast(task: str, *words: str) -> RecipeArguments:
    return for_device(parse(make_parser(task, ""), task, ["--preset", "fast", *words]))


@pytest.mark.parametrize("task", SCRIPTS)
def test_fast_is_paper_with_what_the_device_offers(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = read_preset(task, "paper")
    assert read_preset(task, "fast") == paper | {"group_by_length": True, "fast": True}
    gpu(monkeypatch, (9, 0))
    found = fast(task)
    assert (found.bf16, found.trainer["tf32"], found.trainer["dataloader_num_workers"]) == (True, True, 3)
    assert found.learning_rate == paper["learning_rate"]
    gpu(monkeypatch, (7, 5))
    found = fast(task)
    assert (found.bf16, found.trainer["tf32"]) == (False, False)


def test_without_a_gpu_fast_uses_bf16_that_the_cpu_has(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, None)
    assert not fast("nli").bf16
    for name in ("avx512_bf16", "amx_bf16", "bf16"):
        cpu(monkeypatch, **{name: True})
        found = fast("nli")
        assert found.bf16
        assert found.trainer["use_cpu"]  # or transformers refuses bf16
        assert not fast("nli", "--fp16").bf16
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)  # of another maker
    assert not fast("nli").bf16
    assert fast("nli", "--use_cpu").bf16


@pytest.mark.parametrize("task", SCRIPTS)
def test_every_head_trains_in_bf16_on_a_cpu(
    task: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu(monkeypatch, avx512_bf16=True)
    results = run(task, tiny, tmp_path, "--set", "fast=true", "--max_steps", "3")
    assert read(tmp_path / "recipe_arguments.json")["bf16"]
    plain = run(task, tiny, tmp_path / "plain", "--max_steps", "3")
    assert results["train_loss"] != plain["train_loss"]
    assert results["train_loss"] == pytest.approx(plain["train_loss"], rel=0.05)


def test_what_the_user_says_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, (9, 0))
    assert not fast("nli", "--fp16").bf16
    found = fast("nli", "--tf32", "false", "--dataloader_num_workers", "1")
    assert (found.trainer["tf32"], found.trainer["dataloader_num_workers"]) == (False, 1)
    assert not fast("nli", "--use_cpu").bf16
    plain = parse(make_parser("nli", ""), "nli", [])
    assert for_device(plain) is plain
    gpu(monkeypatch, None)
    assert not fast("nli").bf16
    switched = for_device(parse(make_parser("nli", ""), "nli", ["--preset", "tuned", "--set", "fast=true"]))
    assert switched.fast
    assert switched.pooling == "pair"


def test_a_preset_may_begin_with_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.engine.settings_files.TASKS_DIR", tmp_path)
    folder = tmp_path / "nli/presets"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("learning_rate: 1.0e-4\nseed: 1\n")
    (folder / "b.yaml").write_text("base: a\nseed: 2\n")
    (folder / "c.yaml").write_text("base: b\nunknown: 2\n")
    assert read_preset("nli", "b") == {"learning_rate": 1e-4, "seed": 2}
    with pytest.raises(ValueError, match=r"c\.yaml: unknown key 'unknown'"):
        read_preset("nli", "c")
