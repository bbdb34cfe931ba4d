"""Fixtures and hooks for all tests: no network, separate caches, and real data next to the checkout."""

from __future__ import annotations

import gc
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from warm_python import WarmPython

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_NETWORK = Path(__file__).resolve().parent / "no_network"

# Before anything of Hugging Face is imported: its caches go to a folder that ends with the session, in this
# process and in those that tests start; and no process leaves this machine.
_cache = tempfile.TemporaryDirectory(prefix="klue-tests-")
os.environ |= {
    "HF_HOME": _cache.name,
    "HF_DATASETS_CACHE": f"{_cache.name}/datasets",
    "HF_EVALUATE_CACHE": f"{_cache.name}/evaluate",
    "HF_METRICS_CACHE": f"{_cache.name}/metrics",
    "HF_MODULES_CACHE": f"{_cache.name}/modules",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(NO_NETWORK),
}
runpy.run_path(str(NO_NETWORK / "sitecustomize.py"))
pytest.register_assert_rewrite("readme_checks")  # a helper that asserts says what it saw, as a test does

# The files that take longest. They run first, so that no worker begins one of them when the others are done.
LONG = (
    *("test_processes.py", "test_readme_commands.py", "test_trainer_fields.py", "test_arrival.py"),
    *("test_run_all.py", "test_recipe.py", "test_text_models.py", "test_resuming.py", "test_training.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests of the slowest files first."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collections, which Trainer triggers often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with real KLUE data and a real encoder."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no real KLUE data: {SHARED}/data does not exist")
    return SHARED


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Create a folder by name, once for all tests and processes."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"

    def folder_of(name: str, make: Callable[[Path], object]) -> Path:
        folder = root / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                make(folder)
        return folder

    return folder_of


@pytest.fixture(scope="session")
def tiny(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Return the folder of a tiny random BERT and its tokenizer, which tests must not change."""
    from recipes.pretraining.tiny_encoder import make_tiny_model

    return made_once("tiny", make_tiny_model)


@pytest.fixture(scope="session")
def warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """Start Python processes in which large libraries have been imported before."""
    server = WarmPython(tmp_path_factory.mktemp("warm"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def python(warm_python: WarmPython) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python with arguments, by default in the checkout; raise an error if the status is not 0."""

    def run(*words: str | Path, cwd: Path = ROOT, check: bool = True) -> subprocess.CompletedProcess[str]:
        return warm_python.start(*words, cwd=cwd).finished(check=check)

    return run


@pytest.fixture(scope="session")
def cold_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python in a new process, for tests of imports and start-up time."""

    def run(*words: str | Path, cwd: Path = ROOT, check: bool = True) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [sys.executable, *map(str, words)]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=280)
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    return run


@pytest.fixture(scope="session")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer, trained on the mini corpus."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    from recipes.pretraining.tiny_encoder import mini_texts

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=3_000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(mini_texts(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        cls_token="<s>", sep_token="</s>", model_max_length=512,
    )  # fmt: skip


@pytest.fixture(params=["wordpiece", "byte-level", "sentencepiece"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerBase:
    """A tokenizer of each family; the last is that of a real encoder."""
    from transformers import AutoTokenizer

    if request.param == "byte-level":
        return request.getfixturevalue("byte_level")
    if request.param == "wordpiece":
        return AutoTokenizer.from_pretrained(request.getfixturevalue("tiny"))
    return AutoTokenizer.from_pretrained(request.getfixturevalue("shared") / "models/e5-small-ko")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium; tests are skipped if it or Playwright is missing, see CONTRIBUTING.md."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = os.environ.get("KLUE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(
            f"there is no Chromium: none of {', '.join(BROWSERS)} is there, and KLUE_CHROMIUM names none"
        )
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()
