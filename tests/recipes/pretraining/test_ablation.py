"""Tests of an ablation in a few steps, and of its repetition."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from recipes.ablation import main
from recipes.pretraining.ablating import AblationArguments, table_rows
from recipes.pretraining.tiny_encoder import mini_texts


def test_an_ablation_ends_in_a_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    texts = [text.replace("\n", " ") for text in mini_texts() if text.count(" ") > 2][:400]
    (tmp_path / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    words = ["--factor", "mask_unit", "--values", "word", "token", "random", "--corpus"]
    words += [str(tmp_path / "corpus.txt"), "--vocab_size", "2000", "--size", "tiny", "--pretrain_steps", "2"]
    words += ["--pretrain_batch", "4", "--pretrain_length", "64", "--held_out", "40", "--tasks", "tc"]
    words += [
        "--seed",
        "1",
        "2",
        "--mini",
        "--max_steps",
        "2",
        "--use_cpu",
        "--output_dir",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    table = capfd.readouterr().out
    folder = tmp_path / "out"
    made = json.loads((folder / "ablation.json").read_text())
    assert made["factor"] == "mask_unit"
    assert [row["value"] for row in made["rows"]] == ["word", "token", "random"]
    assert made["rows"][0]["difference"] is None
    assert made["left_out"] == []
    for row in made["rows"][1:]:
        assert row["difference"] == pytest.approx(row["mean"] - made["rows"][0]["mean"])
        assert 0 < row["p"] <= 1
    assert "| ynat | macro F1 | token |" in table
    assert set(made["pretraining"]["word"]) == {"eval_loss", "unigram_loss", "train_tokens"}
    assert made["pretraining"]["random"] == {}
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    assert len(before) >= 9
    assert main(words) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")} == before


def test_scores_that_are_undefined_are_said_to_be(tmp_path: Path) -> None:
    """AUPRC is undefined if a relation does not occur."""
    given = {field.name: "" for field in dataclasses.fields(AblationArguments)}
    arguments = AblationArguments(**given | {"values": ("none", "mecab"), "tasks": ["re"]})
    undefined, score = {"mean": None, "low": None, "high": None}, {"mean": 7.0, "low": 6.0, "high": 8.0}
    test = {"difference": None, "p_value": None}
    board = {
        "task": "re",
        "rows": [
            {"model": f"{name} model", "runs": [f"{name}/re/seed-1"],
             "scores": {"micro_f1": score, "auprc": undefined}}
            for name in arguments.values
        ],
        "comparisons": [
            {"first": "mecab model", "second": "none model",
             "scores": {"micro_f1": {"difference": 2.0, "p_value": 0.04}, "auprc": test}}
        ],
    }  # fmt: skip
    found = table_rows(arguments, [board, {**board, "task": "ynat"}])
    rows = {(row["metric"], row["value"]): row for row in found}
    assert {row["task"] for row in found} == {"re"}
    assert (rows["micro F1", "mecab"]["difference"], rows["micro F1", "mecab"]["p"]) == (2.0, 0.04)
    assert (rows["AUPRC", "mecab"]["difference"], rows["AUPRC", "mecab"]["mean"]) == (None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["word"], "expected at least two different values"),
        (["random", "word"], "expected a value for it to be"),
    ],
)
def test_values_that_cannot_be_compared_are_refused(
    values: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--factor", "mask_unit", "--values", *values, "--corpus", "x.txt", "--pretrain_steps", "2"]
    assert main([*words, "--tasks", "tc", "--output_dir", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
