"""Compare the speed of training on a CPU by memory allocation and attention implementation.

Each setting trains in its own process: e5-small-ko, with its dropout, on 16 inputs of 512 tokens. The script
prints the seconds per update, the peak memory, and the ratio to the default of PyTorch and transformers in
the same precision. Run as a script, this file is such a process.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BATCH, TOKENS, UPDATES = 16, 512, 2
# Precision, freed memory, attention; the first of each precision is what the others are compared with.
SETTINGS = (
    ("float32", "returned", "sdpa"),
    ("float32", "kept", "sdpa"),
    ("bf16", "returned", "sdpa"),
    ("bf16", "returned", "eager"),
    ("bf16", "kept", "sdpa"),
    ("bf16", "kept", "eager"),
)
# Variables that make glibc keep freed memory.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}


def test_updates_by_allocation_and_attention(
    shared: Path, cold_python: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shared / "models/e5-small-ko"
    usual: dict[str, float] = {}
    for precision, memory, attention in SETTINGS:
        for name, value in KEPT.items():
            monkeypatch.delenv(name, raising=False)
            if memory == "kept":
                monkeypatch.setenv(name, value)
        done = cold_python(__file__, model, precision, attention)
        found = json.loads(done.stdout.splitlines()[-1])
        ratio = usual.setdefault(precision, found["seconds"]) / found["seconds"]
        print(
            f"\n{precision}, freed memory {memory}, {attention}: {found['seconds']:.1f} s per update "
            f"({ratio:.2f} times as fast), peak {found['gigabytes']:.1f} GB",
            end="",
        )


def train(model: str, precision: str, attention: str) -> dict[str, float]:
    """Train on random tokens; return the median time of an update, and the peak memory."""
    import torch
    from transformers import AutoModelForQuestionAnswering

    torch.manual_seed(0)
    network = AutoModelForQuestionAnswering.from_pretrained(model, attn_implementation=attention).train()
    optimizer = torch.optim.AdamW(network.parameters())
    ids = torch.randint(5, network.config.vocab_size, (BATCH, TOKENS))
    spans = torch.zeros(BATCH, dtype=torch.long)
    seconds = []
    for _ in range(UPDATES + 1):
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = network(input_ids=ids, start_positions=spans, end_positions=spans).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": statistics.median(seconds[1:]), "gigabytes": peak / 1e9}  # the first warms up


if __name__ == "__main__":
    print(json.dumps(train(*sys.argv[1:])))
