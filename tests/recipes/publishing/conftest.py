"""A Hub in a thread, and runs to publish."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from checkout import ROOT
from hub_server import HubServer
from publishing import QUICK, TOKEN, Fresh

from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[HubServer]:
    """Start a Hub for all tests of a file; each repository belongs to one test."""
    with HubServer({TOKEN: ["me", "klue"], "hf_reader": ["reader"]}) as server:
        yield server


@pytest.fixture
def hub(shared_hub: HubServer) -> Iterator[HubServer]:
    shared_hub.faults.clear()
    shared_hub.requests.clear()
    yield shared_hub
    shared_hub.faults.clear()


@pytest.fixture
def fresh(hub: HubServer, tmp_path: Path) -> Fresh:
    """Run Python with the Hub and empty caches in an empty folder; expect status 0."""

    def run(*words: str | Path, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        home = tmp_path / "home"
        shutil.rmtree(home, ignore_errors=True)
        (home / "empty").mkdir(parents=True)
        caches = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = caches | {
            **hub.client(home, token),
            "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)]),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=home / "empty", env=environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert token not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def here(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make this process use the Hub without waiting between attempts; return the omitted seconds."""
    waited: list[float] = []
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", hub.url)
    monkeypatch.setattr("transformers.utils.hub._hf_api", None)  # has the endpoint of its first use
    files = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return waited


@pytest.fixture(scope="module")
def model(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the folder of a short run of a task."""
    made: dict[tuple[str, ...], Path] = {}

    def make(task: str, *words: str) -> Path:
        key = (task, *words)
        if key not in made:
            folder = made[key] = tmp_path_factory.mktemp("runs") / f"{task}-{len(made)}"
            given = ("--model_name_or_path", str(tiny), "--output_dir", str(folder), *QUICK, *words)
            story.run(task, parse(make_parser(task, ""), task, given))
        return made[key]

    return make


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Write a folder with all files of a finished run that publishing needs."""
    folder = tmp_path / "run"
    (folder / ".eval_results").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlanguage: ko\n---\n\n# A model\n")
    (folder / "config.json").write_text("{}")
    (folder / "all_results.json").write_text('{"eval_accuracy": 50.0}')
    (folder / ".eval_results" / "klue.yaml").write_text("- value: 50.0\n")
    (folder / "model.safetensors").write_bytes(str(tmp_path).encode().ljust(1_000))  # known to no Hub
    return folder
