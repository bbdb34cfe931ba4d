"""Somebody with a fresh checkout, a shell and a Hub, who does what the README says."""

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
    """Runs commands in a checkout of its own, behind which stands a Hub in a thread.

    The checkout is a copy, so nothing is written into the tree; PYTHONPATH names it, as an editable install
    would. ``.venv/bin`` holds this environment's ``python``, ``accelerate`` and ``klue``; they start with
    the libraries imported already (see ``warm_python``). ``klue_benchmark`` holds the mini corpus in KLUE's
    layout. The Hub has it as ``klue/klue``, beside tiny random models ``klue/roberta-base`` and
    ``klue/bert-base``.

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
        """Runs a command line in a shell, in the checkout; returns what it printed, expects the status 0."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command], cwd=self.checkout / cwd, env=self.environment,
            capture_output=True, text=True, check=False, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{command}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    def close(self) -> None:
        """Ends the servers behind the commands."""
        for server in self.servers:
            server.close()

    def lines_of(self, target: str) -> list[str]:
        """The command lines behind a target of make, where everything is installed."""
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
    """A random RoBERTa with one token type and a WordPiece tokenizer, as KLUE's has them."""
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
