"""Tests of batches with a maximum number of tokens."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate.data_loader import prepare_data_loader
from runs import predictions, read, run, scores
from torch.utils.data import DataLoader

from recipes.arguments import UsageError
from recipes.engine.command_line import make_parser, parse
from recipes.engine.run import make_trainer as original
from recipes.engine.token_batches import TokenBatchSampler, batch_sizes

RANDOM = np.random.default_rng(0)
LENGTHS = {
    "short": RANDOM.integers(5, 30, 1_000),
    "mixed": RANDOM.geometric(0.02, 501) + 3,
    "equal": np.full(64, 16),
    "few": np.array([7, 300, 9]),
    "one": np.array([12]),
}


@pytest.mark.parametrize("world_size", [1, 2, 5])
@pytest.mark.parametrize("name", LENGTHS)
def test_batches_hold_every_example_once_and_no_more_tokens(name: str, world_size: int) -> None:
    lengths, tokens, most = LENGTHS[name], 256, 20
    ranks = [
        TokenBatchSampler(lengths, tokens, most=most, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    batches = [list(rank) for rank in ranks]
    assert {len(found) for found in batches} == {len(rank) for rank in ranks} == {len(ranks[0])}
    together = [*itertools.chain.from_iterable(batches)]
    for batch in together:
        assert 1 <= len(batch) <= most
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens
    seen = np.bincount(np.concatenate(together), minlength=len(lengths))
    assert seen.min() >= 1
    if len(lengths) >= world_size:
        assert seen.max() == 1
    # No two batches of the same length would fit into one, but for the last, or what processes made of them.
    fewest = sum(lengths) / tokens
    assert len(together) <= max(2 * fewest, len(lengths) / most) + 1 + world_size


def test_steps_of_all_processes_take_batches_of_similar_length() -> None:
    lengths = LENGTHS["mixed"]
    ranks = [list(TokenBatchSampler(lengths, 512, rank=rank, world_size=4)) for rank in range(4)]
    shares = []
    for step in zip(*ranks, strict=True):
        longest = [lengths[batch].max() for batch in step]
        shares.append(min(longest) / max(longest))
    assert np.median(shares) > 0.7


def test_epochs_differ_and_seeds_repeat_them() -> None:
    def epochs(seed: int) -> list[list[list[int]]]:
        sampler = TokenBatchSampler(LENGTHS["short"], 256, seed=seed)
        found = []
        for epoch in range(3):
            sampler.set_epoch(epoch)
            found.append(list(sampler))
            assert len(found[-1]) == len(sampler)
        return found

    first = epochs(1)
    assert first == epochs(1)
    assert first != epochs(2)
    assert first[0] != first[1] != first[2]
    longest = [max(LENGTHS["short"][index] for index in batch) for batch in first[0]]
    assert longest != sorted(longest, reverse=True)
    assert longest != sorted(longest)
    # Which examples are together changes, too, not the order of batches alone.
    assert {frozenset(batch) for batch in first[0]} != {frozenset(batch) for batch in first[1]}


def test_epochs_reach_the_sampler_behind_accelerate() -> None:
    """Accelerate wraps the sampler for several processes, and Trainer unwraps it."""
    sampler = TokenBatchSampler(LENGTHS["short"], 256, rank=1, world_size=2)
    loader = prepare_data_loader(
        DataLoader(range(1_000), batch_sampler=sampler, collate_fn=list), num_processes=2, process_index=1
    )
    loader.batch_sampler.num_processes, loader.batch_sampler.process_index = 1, 0  # as Trainer does
    assert len(loader) == len(sampler)
    first = list(loader)
    assert first == list(sampler)
    loader.set_epoch(1)
    assert sampler.epoch == 1
    assert sorted(map(sorted, loader)) != sorted(map(sorted, first))


def test_evaluation_takes_the_longest_first() -> None:
    batches = list(TokenBatchSampler([3, 9, 5, 9], 18, shuffle=False))
    assert batches == [[1, 3], [2, 0]]


@pytest.mark.parametrize("lengths", [[], [0, 0]])
def test_nothing_and_empty_examples(lengths: list[int]) -> None:
    assert sum(batch_sizes(np.array(lengths, dtype=int), 10)) == len(lengths)


def test_training_by_tokens_is_resumed_where_it_stopped(tiny: Path, tmp_path: Path) -> None:
    words = ("--set", "tokens_per_batch=96", "--save_steps", "4", "--save_total_limit", "5")
    words += ("--eval_strategy", "steps", "--eval_steps", "4", "--do_train", "--logging_steps", "1")
    run("ynat", tiny, tmp_path / "whole", *words, "--max_train_samples", "40")
    (tmp_path / "resumed").mkdir()
    checkpoint = tmp_path / "whole/checkpoint-4"
    words += ("--resume_from_checkpoint", str(checkpoint))
    run("ynat", tiny, tmp_path / "resumed", *words, "--max_train_samples", "40")
    logs = [
        [row["loss"] for row in read(tmp_path / name / "trainer_state.json")["log_history"] if "loss" in row]
        for name in ("whole", "resumed")
    ]
    assert len(logs[0]) == 10
    assert logs[0] == logs[1]


def test_fast_evaluates_short_inputs_in_larger_batches(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Predictions and loss are the same, with fewer batches of at most as many tokens."""
    sizes: dict[str, list[int]] = {}

    def make_trainer(recipe: Any, arguments: Any, *more: Any) -> Any:
        trainer = original(recipe, arguments, *more)
        step, found = trainer.prediction_step, sizes.setdefault(str(arguments.fast), [])

        def prediction_step(model: Any, inputs: Any, *others: Any, **options: Any) -> Any:
            if len(inputs["input_ids"]) > 1:  # the latency is measured with one input
                found.append(inputs["input_ids"].numel())
            return step(model, inputs, *others, **options)

        trainer.prediction_step = prediction_step
        return trainer

    monkeypatch.setattr("torch.cpu.get_capabilities", dict)  # no bf16, which rounds other batches otherwise
    run("ynat", tiny, tmp_path / "trained", "--do_train", "--max_steps", "2")
    monkeypatch.setattr("recipes.engine.run.make_trainer", make_trainer)
    folders = []
    for fast in ("False", "True"):
        folders.append(tmp_path / fast)
        words = ("--do_eval", "--set", f"fast={fast}", "--per_device_eval_batch_size", "4")
        run("ynat", tmp_path / "trained", folders[-1], *words, "--max_seq_length", "64")
    assert [row["prediction"] for row in predictions(folders[0])] == [
        row["prediction"] for row in predictions(folders[1])
    ]
    results = [
        {name: value for name, value in scores(folder).items() if isinstance(value, float)}
        for folder in folders
    ]
    assert results[0] == pytest.approx(results[1], rel=1e-5)
    assert max(sizes["True"]) <= 4 * 64
    assert 1 < len(sizes["True"]) < len(sizes["False"]) / 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "tokens_per_batch=0"], "tokens_per_batch is 0; expected 1 or more"),
        (
            ["--set", "tokens_per_batch=64", "--auto_find_batch_size"],
            "tokens_per_batch and auto_find_batch_size",
        ),
        (["--set", "tokens_per_batch=64", "--train_sampling_strategy", "sequential"], "expected one of them"),
    ],
)
def test_settings_that_do_not_go_together(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(make_parser("nli", ""), "nli", words)
