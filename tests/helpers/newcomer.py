"""Run the commands of the README in a fresh checkout with a shell and a Hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from checkout import copy_checkout
from hub_server import HubServer
from warm_python import WarmPython, write_commands

from klue_datasets.export import export
from recipes.pretraining.tiny_encoder import CONFIG

TOKEN = "hf_" + "n" * 34  # of the right form, and of nobody
TIMEOUT = 280


class Newcomer:
    """Runs commands in a copy of the checkout, with a Hub in a thread.

    PYTHONPATH contains the copy, as in an editable installation. ``.venv/bin`` has ``python``, ``accelerate``
    and ``klue`` of this environment, which start with imported libraries (see ``warm_python``).
    ``klue_benchmark`` is the mini corpus in KLUE's layout. The Hub has it as ``klue/klue``, and tiny random
    models ``klue/roberta-base`` and ``klue/bert-base``.

    Args:
        folder: An empty folder for all of it.
        hub: The server.
        tiny: A tiny BERT and its tokenizer.
    """

    def __init__(self, folder: Path, hub: HubServer, tiny: Path) -> None:
        self.hub = hub
        self.checkout = copy_checkout(folder / "klue-hub")
        benchmark = self.checkout / "klue_benchmark"
        for raw in (self.checkout / "klue_datasets" / "mini").glob("*-v1.1"):
            shutil.copytree(raw, benchmark / raw.name)
        export(folder / "klue", data_dir=benchmark)
        hub.store.put("dataset", "klue/klue", folder / "klue")
        hub.store.put("model", "klue/bert-base", tiny)
        hub.store.put("model", "klue/roberta-base", _tiny_roberta(folder / "roberta", tiny))
        ours = ("HF_", "PYTHONPATH", "LC_", "LANG", "MAKE", "MFLAGS")  # we may be run by make
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.environment |= {
            **hub.client(folder / "home", TOKEN),
            "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(self.checkout)]),
            "PATH": os.pathsep.join(
                [str(self.checkout / ".venv/bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "LANG": "C.UTF-8",
        }
        settings = ({}, {"HF_HUB_OFFLINE": "1"})
        for name in ("online", "offline"):
            (folder / name).mkdir()
        self.servers = [
            WarmPython(folder / name, {**self.environment, **more})
            for name, more in zip(("online", "offline"), settings, strict=True)
        ]
        write_commands(self.checkout / ".venv/bin", *self.servers, names=("klue", "accelerate"))
        self.done: dict[str, str] = {}

    def run(self, command: str, *, cwd: str = ".") -> str:
        """Run a command line in a shell in the checkout; return its output, and expect status 0."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], cwd=self.checkout / cwd, env=self.environment,
            capture_output=True, text=True, check=False, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{command}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    def close(self) -> None:
        """Stop the servers used by the commands."""
        for server in self.servers:
            server.close()

    def lines_of(self, target: str) -> list[str]:
        """Return the commands of a target of make, without those of the installation."""
        return self.run(f"make -n -o .venv/.installed -o .venv/.installed-dev {target}").splitlines()

    def json(self, path: str) -> Any:
        """A file of the checkout, as JSON."""
        return json.loads((self.checkout / path).read_text(encoding="utf-8"))

    def lines(self, path: str) -> list[str]:
        """The lines of a file of the checkout."""
        return (self.checkout / path).read_text(encoding="utf-8").splitlines()

    def files(self, folder: str) -> set[str]:
        """The names in a folder of the checkout."""
        return {path.name for path in (self.checkout / folder).iterdir()}


def _tiny_roberta(folder: Path, tiny: Path) -> Path:
    """Write a random RoBERTa with one token type and a WordPiece tokenizer, like KLUE-RoBERTa."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    vocabulary = json.loads((tiny / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    settings = CONFIG | {"max_position_embeddings": 514}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = RobertaModel(
            RobertaConfig(vocab_size=vocabulary, pad_token_id=0, type_vocab_size=1, **settings)
        )
    model.save_pretrained(folder)
    for path in tiny.glob("tokenizer*"):
        shutil.copy(path, folder)
    return folder
