"""Compare the speed of training with alternatives, with the same weights, rows and optimizer.

The alternatives are trained for one epoch:

* ``fixed``: a plain loop that pads every input to the maximum length, as KLUE-baseline does;
* ``dynamic``: transformers' Trainer that pads to the longest input of each batch, as its examples do;
* ``grouped``: the recipe with ``--group_by_length``, as in the presets ``tuned`` and ``fast``.

Rows and real tokens per second, memory, and ratios to ``fixed`` and ``dynamic`` are printed, with the ratios
of computed tokens as upper bounds. The rows are those of klue-small. ``dynamic`` and ``grouped`` read rows
with ``TOKENS`` tokens in total, since grouping needs many rows. ``fixed`` takes the same time for each row,
so it reads only the first of them.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from klue_datasets import load
from recipes.engine.command_line import make_parser, parse
from recipes.engine.encoding import Collator, encode_split
from recipes.engine.modeling import load_model
from recipes.engine.training import make_trainer
from recipes.engine.training_arguments import make_training_arguments
from recipes.tasks import SCRIPTS, get_recipe

TOKENS = 30_000  # real tokens that dynamic and grouped read
FIXED = 16_384  # tokens that fixed computes, padding included
WAYS = ("fixed", "dynamic", "grouped")
BATCH = 8
IGNORED = -100


def measured(way: str, task: str, shared: Path, folder: Path, answers: Any) -> None:
    """Train for one epoch with one of the alternatives; put seconds, tokens and memory into a queue."""
    words = ["--model_name_or_path", f"{shared}/models/e5-small-ko", "--do_train", "--use_cpu"]
    words += ["--group_by_length", str(way == "grouped"), "--per_device_train_batch_size", str(BATCH)]
    words += ["--num_train_epochs", "1", "--eval_strategy", "no", "--save_strategy", "no"]
    words += ["--disable_tqdm", "true", "--output_dir", str(folder)]
    arguments = parse(make_parser(task, ""), task, words)
    length = arguments.max_seq_length or 512
    recipe = get_recipe(task)
    rows = recipe.prepare(load(task, "train", data_dir=shared / "data/klue-small"))
    loaded = load_model(recipe, arguments, {"train": rows})
    features = encode_split(recipe, rows, loaded).features
    tokens = np.cumsum(np.bincount(features["example"], weights=features["length"]))
    count = FIXED // length if way == "fixed" else int(np.searchsorted(tokens, TOKENS))
    rows = rows.select(range(min(count, len(rows))))
    split = encode_split(recipe, rows, loaded)
    training = make_training_arguments(recipe, arguments, folder)
    trainer = make_trainer(recipe, arguments, training, loaded, split, {})
    computed = 0
    if way == "fixed":
        inputs = split.training_inputs(loaded.config, training.seed).remove_columns("length")
        collator = Collator(recipe, loaded)
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0)).tolist()
        optimizer = torch.optim.AdamW(loaded.model.parameters(), lr=arguments.learning_rate)
        loaded.model.train()
        begin = time.perf_counter()
        for start in range(0, len(order), BATCH):
            batch = padded(collator([inputs[row] for row in order[start : start + BATCH]]), length)
            computed += batch["input_ids"].numel()
            loaded.model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(loaded.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        seconds = time.perf_counter() - begin
    else:
        computed = sum(batch["input_ids"].numel() for batch in trainer.get_train_dataloader())
        begin = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    real = int(np.sum(split.features["length"]))
    answers.put({"seconds": seconds, "computed": computed, "rows": len(rows), "real": real, "GiB": peak})


def padded(batch: dict[str, Any], length: int) -> dict[str, Any]:
    """Pad the inputs and labels of a batch to a length."""
    longest = batch["input_ids"].shape[1]
    return {
        name: functional.pad(value, (0, length - longest), value=IGNORED if name == "labels" else 0)
        if value.ndim == 2 and value.shape[1] == longest
        else value
        for name, value in batch.items()
    }


@pytest.mark.parametrize("task", SCRIPTS)
def test_rows_a_second_beside_the_alternatives(task: str, shared: Path, tmp_path: Path) -> None:
    found = {}
    context = multiprocessing.get_context("spawn")
    for way in WAYS:
        answers = context.Queue()
        process = context.Process(target=measured, args=(way, task, shared, tmp_path / way, answers))
        process.start()
        found[way] = answers.get(timeout=600)
        process.join()
    speed = {way: row["rows"] / row["seconds"] for way, row in found.items()}
    cost = {way: row["computed"] / row["rows"] for way, row in found.items()}
    for way, row in found.items():
        ratios = [
            f"{speed[way] / speed[other]:.2f} times {other} (computed tokens: {cost[other] / cost[way]:.2f})"
            for other in WAYS[: WAYS.index(way)]
        ]
        print(
            f"{task} {way}: {row['rows']} rows, {row['real'] / row['rows']:.0f} tokens each; "
            f"{speed[way]:.2f} rows/s, {row['real'] / row['seconds']:.0f} tokens/s, {row['GiB']:.2f} GiB; "
            + ", ".join(ratios)
        )
    assert found["grouped"]["computed"] <= found["dynamic"]["computed"]
