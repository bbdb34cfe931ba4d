"""Measure the computed tokens per real token with fixed, dynamic and length-grouped padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from klue_datasets import load
from recipes.engine.command_line import make_parser, parse
from recipes.engine.encoding import encode_split
from recipes.engine.modeling import load_model
from recipes.engine.training import make_trainer
from recipes.engine.training_arguments import make_training_arguments
from recipes.tasks import SCRIPTS, get_recipe


@pytest.mark.parametrize("task", SCRIPTS)
def test_tokens_per_real_token(task: str, shared: Path, tmp_path: Path) -> None:
    computed = {}
    for name, grouped in (("dynamic", "false"), ("grouped", "true")):
        words = [
            "--model_name_or_path",
            f"{shared}/models/e5-small-ko",
            "--do_train",
            "--group_by_length",
            grouped,
        ]
        arguments = parse(make_parser(task, ""), task, [*words, "--output_dir", str(tmp_path)])
        recipe = get_recipe(task)
        rows = recipe.prepare(load(task, "train", data_dir=shared / "data/klue-small"))
        loaded = load_model(recipe, arguments, {"train": rows})
        split = encode_split(recipe, rows, loaded)
        training = make_training_arguments(recipe, arguments, tmp_path)
        trainer = make_trainer(recipe, arguments, training, loaded, split, {})
        computed[name] = sum(batch["input_ids"].numel() for batch in trainer.get_train_dataloader())
    real = int(np.sum(split.features["length"]))
    computed["fixed"] = len(rows) * arguments.max_seq_length
    ratios = {name: round(tokens / real, 2) for name, tokens in computed.items()}
    print(f"\n{task}: tokens computed for each of {real:,} real ones: {ratios}")
    assert ratios["grouped"] < 1.1 or len(rows) < 2_000  # few rows leave little to group
    assert ratios["dynamic"] < 2.5
