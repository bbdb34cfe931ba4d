"""Measure the speed of dependency parsing: batching, pooling, decoding, and words per second."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from parsing_oracles import naive_batch, naive_eisner, naive_pool
from transformers import AutoConfig, AutoTokenizer
from transformers.utils import logging

import klue_datasets
from klue_datasets.tasks import DP_POS_TAGS, DP_RELATIONS
from recipes.arguments import RecipeArguments
from recipes.tasks import get_recipe
from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.modeling_dependency_parsing import DependencyParser, pool_words
from recipes.tasks.dp.parsing_decoding import available_decoders, best_relations, decode_heads
from recipes.tasks.dp.parsing_words import ParserCollator

BATCH = 64
FILLS = {
    "input_ids": 0,
    "first_subwords": -1,
    "last_subwords": -1,
    "pos_ids": 45,
    "heads": -100,
    "relations": -100,
}


def seconds(function: Callable[[], Any], times: int = 3) -> float:
    """The fastest of some runs."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - started)
    return best


@pytest.fixture(scope="module")
def features(shared: Path) -> list[dict[str, Any]]:
    """The first real sentences, encoded."""
    rows = klue_datasets.load("dp", "validation[:512]", data_dir=shared / "data/klue-v1.1-dev")
    path = shared / "models/e5-small-ko"
    tokenizer, config = AutoTokenizer.from_pretrained(path), AutoConfig.from_pretrained(path)
    recipe = get_recipe("dp")
    recipe.configure(config, tokenizer, RecipeArguments(do_train=True), {})
    columns = recipe.encode(rows[:], tokenizer, config, 256)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_batching_and_pooling(features: list[dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    batches = [features[start : start + BATCH] for start in range(0, len(features), BATCH)]
    collate = ParserCollator(0, 45)

    def ours() -> list[torch.Tensor]:
        made = []
        for rows in batches:
            batch = collate(rows)
            hidden = vectors[: len(rows), : batch["input_ids"].shape[1]]
            made.append(pool_words(hidden.unsqueeze(0), batch["first_subwords"], batch["last_subwords"])[0])
        return made

    def loops() -> list[torch.Tensor]:
        made = []
        for rows in batches:
            batch = naive_batch(rows, FILLS)
            hidden = vectors[: len(rows), : batch["input_ids"].shape[1]]
            made.append(naive_pool(hidden, batch["first_subwords"], batch["last_subwords"]))
        return made

    vectors = torch.randn(BATCH, 256, 384)
    assert all(torch.equal(a, b) for a, b in zip(ours(), loops(), strict=True))
    fast, slow = seconds(ours), seconds(loops, times=1)
    words = sum(len(feature["heads"]) for feature in features)
    print(f"\nbatching and pooling, {words:,} words: {1000 * fast:.0f} ms; word by word {1000 * slow:.0f} ms "
          f"({slow / fast:.0f} times)")  # fmt: skip
    assert slow / fast > 10


def test_decoders(features: list[dict[str, Any]]) -> None:
    torch.set_num_threads(1)
    lengths = torch.tensor([len(feature["heads"]) for feature in features[:BATCH]])
    longest = int(lengths.max())
    scores = torch.randn(BATCH, longest, longest + 1, generator=torch.Generator().manual_seed(0))
    times = {
        decoder: seconds(lambda d=decoder: decode_heads(scores, lengths, d))
        for decoder in available_decoders()
    }
    rows = [row[:n, : n + 1].tolist() for row, n in zip(scores, lengths.tolist(), strict=True)]
    started = time.perf_counter()
    expected = [naive_eisner(row) for row in rows]
    slow = time.perf_counter() - started
    found = decode_heads(scores, lengths, "projective").tolist()
    assert [heads[: len(tree)] for heads, tree in zip(found, expected, strict=True)] == expected
    words = int(lengths.sum())
    shown = ", ".join(f"{decoder} {words / spent:,.0f}" for decoder, spent in times.items())
    print(f"\nwords decoded a second, {BATCH} sentences of up to {longest} words at once: {shown}; Eisner in "
          f"Python {words / slow:,.0f} ({slow / times['projective']:.0f} times slower)")  # fmt: skip
    assert slow / times["projective"] > 2


def test_words_a_second(features: list[dict[str, Any]], shared: Path) -> None:
    """Both heads on the same encoder, and alone: batches of 16 in training, of 64 in inference."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()  # every weight of the heads is new, and would be listed
    path = shared / "models/e5-small-ko"
    collate = ParserCollator(0, 45)
    for head in ("klue", "biaffine"):
        config = AutoConfig.from_pretrained(path)
        ParserSettings(head=head, pos_tags=DP_POS_TAGS).write(config, DP_RELATIONS)
        model = DependencyParser.from_pretrained(path, config=config)
        parameters = sum(parameter.numel() for parameter in model.parser.parameters())
        rates = {}
        for name, rows in (("training", features[:16]), ("inference", features[:BATCH])):
            batch = collate(rows)
            words = int((batch["first_subwords"] >= 0).sum())
            model.train(name == "training")
            rates[name] = words / seconds(functools.partial(step, model, batch), times=2)
            rates[f"{name} without the encoder"] = words / seconds(functools.partial(head_step, model, batch))
        print(f"\n{head}, {parameters / 1e6:.1f} M parameters on {config.hidden_size} wide, words a second: "
              + ", ".join(f"{rate:,.0f} in {name}" for name, rate in rates.items()))  # fmt: skip
        assert all(rate > 0 for rate in rates.values())


def step(model: Any, batch: dict[str, torch.Tensor]) -> None:
    """Forward and backward in training; forward and the head-final trees otherwise."""
    with torch.set_grad_enabled(model.training):
        output = model(**batch)
    if model.training:
        output.loss.backward()
        model.zero_grad()
        return
    heads = decode_heads(output.arc_scores, (batch["first_subwords"] >= 0).sum(dim=1), "head_final")
    best_relations(output.arc_scores, output.relation_scores, heads)


def head_step(model: Any, batch: dict[str, torch.Tensor]) -> None:
    """The same with the head alone."""
    lengths = (batch["first_subwords"] >= 0).sum(dim=1)
    vectors = torch.zeros(1, len(lengths), 1 + int(lengths.max()), 2 * model.config.hidden_size)
    heads = batch["heads"] if model.training else None
    with torch.set_grad_enabled(model.training):
        arcs, relations = model.parser(vectors, lengths, batch["pos_ids"], heads)
        if model.training:
            (arcs.sum() + relations.sum()).backward()
            model.zero_grad()
