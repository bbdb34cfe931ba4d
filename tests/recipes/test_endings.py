"""Tests of learned ends of entities and answers inside subword tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertConfig

import klue_datasets
from recipes.engine.command_line import make_parser, parse
from recipes.engine.settings_files import presets
from recipes.subwords.endings import learn_tails, tail_length
from recipes.tasks import get_recipe

KEY = {"ner": "entity_tails", "mrc": "answer_tails"}  # where a model's configuration keeps them


def test_where_entities_end_inside_subwords_is_learned() -> None:
    tails = learn_tails(
        [
            ("명의", 1),
            ("년의", 1),
            ("주의", 0),
            ("주의", 0),
            ("년에", 1),
            ("까지", 2),
            ("월까지", 2),
            ("서울", 0),
        ]
    )
    expected = {"명의": 1, "주의": 0, "개에": 1, "일까지": 2, "의": 0, "서울": 0, "": 0}
    assert {subword: tail_length(subword, tails) for subword in expected} == expected
    assert "서울" not in tails  # what no entry says is 0
    assert "월까지" not in tails  # a shorter ending says the same


@pytest.mark.parametrize("task", KEY)
def test_the_flag_and_the_presets_decide_whether_endings_are_learned(task: str, tiny: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    train = klue_datasets.load(task, "train[:200]", mini=True)

    def tails(words: list[str], splits: dict[str, Any], **saved: Any) -> dict[str, int]:
        config = BertConfig(**saved)
        arguments = parse(make_parser(task, ""), task, words)
        get_recipe(task).configure(config, tokenizer, arguments, splits)
        found: dict[str, int] = getattr(config, KEY[task])
        return found

    learned = {preset: tails(["--preset", preset], {"train": train}) for preset in presets(task)}
    assert set(learned) >= {"demo", "paper", "paper-large"}
    off = {preset for preset, endings in learned.items() if not endings}
    assert off == {"fast", "paper", "paper-large"}
    assert tails(["--preset", "demo", "--set", "entity_endings=false"], {"train": train}) == {}
    assert tails(["--set", "entity_endings=true"], {"train": train}) == learned["demo"]
    # A saved model keeps what it was trained with, whatever the arguments of an evaluation say.
    for words in ([], ["--set", "entity_endings=false"], ["--preset", "demo"]):
        assert tails(words, {}, **{KEY[task]: {"의": 1}}) == {"의": 1}
        assert tails(words, {}, **{KEY[task]: {}}) == {}
