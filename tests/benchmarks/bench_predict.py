"""Compare speed and memory of prediction and transformers' pipeline at its best batch size.

One test runs the command with a tiny model on a million headlines, including its start; another runs
``load_pipeline`` with a real encoder on validation inputs of klue-small. Both use float32, the default of the
pipeline, and bfloat16.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import transformers
from runs import run

from klue_datasets import load
from recipes.engine.inference import load_pipeline

ROOT = Path(__file__).resolve().parents[2]
FEW, MANY = 100_000, 1_000_000
SAMPLE = 10_000  # lines for transformers
SIZES = (1, 8, 32, 128)
KINDS = {"ynat": "text-classification", "nli": "text-classification", "ner": "token-classification"}
INPUTS = 1_000  # of a real encoder


def predict(model: Path, source: Path, lines: int, *more: str) -> tuple[float, float]:
    """Seconds, and peak memory in GB."""
    target = source.with_suffix(".answers.jsonl")
    words = ["--task", "ynat", "--model", str(model), "--input", str(source), "--output", str(target), *more]
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "recipes.predict", *words], cwd=ROOT)
    peak = 0.0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        found = re.search(
            r"VmHWM:\s+(\d+) kB", status
        )  # the peak so far; there is none of a process that ended
        peak = float(found[1]) / 1e6 if found else peak
        time.sleep(0.1)
    seconds = time.perf_counter() - begin
    assert process.returncode == 0
    with target.open(encoding="utf-8") as file:
        assert sum(1 for _ in file) == lines
    return seconds, peak


@dataclasses.dataclass(frozen=True)
class Fastest:
    """Transformers' pipeline at its best batch size."""

    name: str
    rate: float  # lines a second
    size: int
    padding: float  # computed tokens per real token


def fastest(model: Path, texts: list[str], name: str) -> Fastest:
    """The best of several batch sizes, in a data type."""
    answer = transformers.pipeline("text-classification", model=str(model), device="cpu", dtype=name)
    rates = {}
    for size in SIZES:
        begin = time.perf_counter()
        for _ in answer((text for text in texts), batch_size=size, truncation=True):
            pass
        rates[size] = len(texts) / (time.perf_counter() - begin)
    best = max(rates, key=lambda size: rates[size])
    lengths = [len(ids) for ids in answer.tokenizer(texts)["input_ids"]]
    batches = [lengths[start : start + best] for start in range(0, len(lengths), best)]
    computed = sum(len(batch) * max(batch) for batch in batches)
    return Fastest(name, rates[best], best, computed / sum(lengths))


def inputs_of(task: str, rows: Any) -> tuple[list[Any], list[Any]]:
    """Inputs of a task for ``load_pipeline`` and for transformers' pipeline."""
    if task == "nli":
        pairs = list(zip(rows["premise"], rows["hypothesis"], strict=True))
        return pairs, [{"text": premise, "text_pair": hypothesis} for premise, hypothesis in pairs]
    texts = list(rows["title"]) if task == "ynat" else ["".join(tokens) for tokens in rows["tokens"]]
    texts = [text for text in texts if text.strip()][:INPUTS]
    return texts, texts


@pytest.mark.parametrize("task", KINDS)
def test_a_real_encoder(task: str, shared: Path, tmp_path: Path) -> None:
    run(task, shared / "models/e5-small-ko", tmp_path, "--max_steps", "1")
    ours, theirs = inputs_of(task, load(task, "validation", data_dir=shared / "data/klue-small"))
    rates: dict[str, float] = {}
    for name, bf16 in (("float32", False), ("bfloat16", True)):
        answer = load_pipeline(task, tmp_path, device="cpu", bf16=bf16)
        answer(ours[:64])
        begin = time.perf_counter()
        assert sum(1 for _ in answer.stream(ours)) == len(ours)
        rates[name] = len(ours) / (time.perf_counter() - begin)
    pipeline = transformers.pipeline(KINDS[task], model=str(tmp_path), device="cpu", dtype="float32")
    found = {}
    for size in SIZES:
        begin = time.perf_counter()
        assert len(pipeline(theirs, batch_size=size)) == len(theirs)
        found[size] = len(theirs) / (time.perf_counter() - begin)
    size = max(found, key=lambda size: found[size])
    print(f"\n{task}: transformers {found[size]:.1f} inputs/s in float32 at its best batch size, {size}")
    for name, rate in rates.items():
        print(f"  ours in {name}: {rate:.1f} inputs/s, {rate / found[size]:.2f} times as many")


def test_a_million_lines(shared: Path, tiny: Path, tmp_path: Path) -> None:
    run("ynat", tiny, tmp_path / "run")
    records = json.loads((shared / "data/klue-small/ynat-v1.1/ynat-v1.1_train.json").read_text("utf-8"))
    titles = [record["title"] for record in records]
    found = {}
    for number in (FEW, MANY):
        source = tmp_path / f"{number}.txt"
        source.write_text("".join(f"{title}\n" for title in islice(cycle(titles), number)), encoding="utf-8")
        found[number] = predict(tmp_path / "run", source, number)
        seconds, memory = found[number]
        print(f"\n{number:,} lines: {seconds:.0f} s, {number / seconds:,.0f} lines/s, peak {memory:.2f} GB")
    seconds, _ = predict(tmp_path / "run", tmp_path / f"{FEW}.txt", FEW, "--bf16")
    ours = {"float32": MANY / found[MANY][0], "bfloat16": FEW / seconds}
    texts = list(islice(cycle(titles), SAMPLE))
    for name in ours:
        other = fastest(tmp_path / "run", texts, name)
        print(
            f"transformers in {name}: {other.rate:,.0f} lines/s at batch size {other.size}, "
            f"{other.padding:.2f} tokens computed per real one"
        )
        for own, rate in ours.items():
            print(f"  ours in {own}: {rate:,.0f} lines/s, {rate / other.rate:.2f} times as many")
    assert found[MANY][1] < found[FEW][1] * 1.1
