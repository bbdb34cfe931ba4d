"""Helpers for the tests of publishing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from hub_server import HubServer

TOKEN = "hf_" + "a" * 34  # of the right form, and of nobody
QUICK = ["--mini", "--max_train_samples", "32", "--max_eval_samples", "20", "--max_steps", "2", "--use_cpu"]
QUICK += ["--disable_tqdm", "true", "--per_device_train_batch_size", "16"]
QUICK += ["--evaluations_per_epoch", "1"]

Fresh = Callable[..., "subprocess.CompletedProcess[str]"]


def commits(hub: HubServer, kind: str, name: str) -> int:
    """Return the number of commits of a repository after the first, which is empty."""
    return len(hub.store.repos[kind, name].commits) - 1
