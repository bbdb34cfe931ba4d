"""Tests of the Accelerate configurations, one of which runs here with gloo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from runs import read

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "recipes/configs/accelerate").glob("*.yaml"))
assert [path.stem for path in CONFIGS] == ["ddp", "deepspeed_zero2", "fsdp2", "multi_node", "single_gpu"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_a_configuration_is_valid_and_documented(path: Path) -> None:
    config = load_config_from_file(str(path))
    assert isinstance(config, ClusterConfig)
    assert config.mixed_precision == "bf16"
    assert config.num_machines == (2 if path.stem == "multi_node" else 1)
    name = path.relative_to(ROOT).as_posix()
    assert f"--config_file {name}" in path.read_text(encoding="utf-8")
    assert name in README


def test_two_processes_by_the_configuration_for_several_gpus(tiny: Path, tmp_path: Path) -> None:
    """It uses bf16, as recorded in the folder of the run."""
    launch = ["accelerate.commands.launch", "--config_file", "recipes/configs/accelerate/ddp.yaml"]
    words = ["--mini", "--preset", "demo", "--max_steps", "1", "--max_eval_samples", "4", "--use_cpu"]
    places = ["--model_name_or_path", str(tiny), "--output_dir", str(tmp_path / "out")]
    command = [sys.executable, "-m", *launch, "--num_processes", "2", "recipes/train_tc.py", *words, *places]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "out/all_results.json")["eval_world_size"] == 2
    assert read(tmp_path / "out/recipe_arguments.json")["bf16"] is True
