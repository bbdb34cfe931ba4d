"""Tests of invalid input for pre-training: one-sentence errors, and no files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.ablation import main as ablation
from recipes.corpus import main as corpus
from recipes.pretrain import main as pretrain
from recipes.pseudonymise import main as pseudonymise
from recipes.tokenizer import main as tokenizer

Main = Callable[..., int]
BAD: dict[str, tuple[str, bytes | None, str]] = {
    "missing": ("a.txt", None, "There is no "),
    "extension": ("a.xyz", b"text", "holds no corpus; expected files that end in .txt"),
    "empty": ("a.txt", b"", "no (document|text)"),
    "column": ("a.jsonl", b'{"other": "a"}\n', r"columns other; expected 'text'"),
    "number": ("a.jsonl", b'{"text": 3}\n' * 20, "(text is 3|type int64); expected a text"),
    "bytes": ("a.txt", b"a\xff\xfe\n", "cannot be read.*codec can't decode byte 0xff"),
    "surrogate": ("a.jsonl", b'{"text": "\\ud800"}\n', "cannot be read.*surrogate"),
    "json": ("a.jsonl", b'{"text": \n', "cannot be read.*JSON parse error"),
}
SMALL = (
    "--size",
    "tiny",
    "--max_steps",
    "1",
    "--global_batch_size",
    "1",
    "--per_device_train_batch_size",
    "1",
)


@pytest.fixture(scope="module")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    (folder / "a.txt").write_text("서울은 대한민국의 수도이다.\n", encoding="utf-8")
    words = ["--corpus", str(folder / "a.txt"), "--vocab_size", "60", "--output_dir", str(folder / "made")]
    assert tokenizer(["train", *words]) == 0
    return folder / "made"


def refused(main: Main, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the error message of a command without the name of the program."""
    capsys.readouterr()
    assert main(words) == 1
    return capsys.readouterr().err.splitlines()[-1].partition(": ")[2]


@pytest.mark.parametrize("name", BAD)
def test_a_corpus_that_cannot_be_read_is_a_sentence(
    name: str, tiny_tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, content, sentence = BAD[name]
    path, output = tmp_path / file, tmp_path / "output"
    if content is not None:
        path.write_bytes(content)
    for main, words in (
        (corpus, ["build", "--source", f"news={path}"]),
        (tokenizer, ["train", "--corpus", str(path)]),
        (pretrain, ["--tokenizer", str(tiny_tokenizer), "--corpus", str(path), *SMALL]),
    ):
        assert re.search(sentence, refused(main, [*words, "--output_dir", str(output)], capsys)), main
        assert not output.exists()


def test_settings_that_do_not_go_together_are_sentences(
    tiny_tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (text := tmp_path / "a.txt").write_text("서울은 대한민국의 수도이다.\n" * 20, encoding="utf-8")
    (tmp_path / "key.jsonl").write_text("no key\n", encoding="utf-8")
    (tmp_path / "lone.jsonl").write_text('{"text": "\\ud800"}\n', encoding="utf-8")
    start = ["--output_dir", "o", "--corpus", str(text), "--tokenizer", str(tiny_tokenizer), *SMALL]
    ablate = ["--output_dir", "o", "--corpus", str(text), "--pretrain_steps", "1", "--tasks", "nli", "--mini"]
    rates = ["--factor", "mlm_probability", "--values", "0.1"]
    cases: list[tuple[Main, list[str], str]] = [
        (corpus, ["build", "--output_dir", "o"], "There is no corpus"),
        (
            corpus,
            ["build", "--output_dir", "o", "--source", "n=a.txt", "--minimum_of", "n=x"],
            "expected the name of",
        ),
        (
            corpus,
            ["build", "--output_dir", "o", "--source", "n=a.txt", "--minimum_of", "m=3"],
            "expected the name of",
        ),
        (tokenizer, ["train", "--output_dir", "o"], "There is no corpus"),
        (
            tokenizer,
            ["train", "--output_dir", "o", "--corpus", "a.txt", "--dataset_name", "a/b"],
            "expected one of them",
        ),
        (tokenizer, ["stats", "nowhere", "--mini"], "there is no folder nowhere"),
        (
            tokenizer,
            ["stats", str(tiny_tokenizer), "--mini", "--split", "dev"],
            "The data has no split 'dev'",
        ),
        (pretrain, [*start, "--tokenizer", "nowhere"], "there is no folder nowhere"),
        (pretrain, [*start, "--from", "nowhere"], "there is no folder nowhere"),
        (pretrain, [*start, "--from", str(tiny_tokenizer)], "expected one of bert, roberta, modernbert"),
        (pretrain, [*start, "--arch", "distilroberta", "--teacher", "nowhere"], "there is no folder nowhere"),
        (pretrain, [*start, "--arch", "bert", "--teacher", "x"], "expected --arch distilroberta"),
        (pretrain, [*start, "--arch", "bert", "--generator_size", "0.5"], "expected --arch electra"),
        (pseudonymise, ["lone.jsonl"], "lone.jsonl:1 is not a JSON object with a Unicode text"),
        (pseudonymise, ["a.txt", "--restore", "key.jsonl"], "key.jsonl:1 is not a line that --key writes"),
        (pseudonymise, ["a.txt", "--key", "k.jsonl", "--output", "k.jsonl"], "expected two files"),
        (ablation, [*ablate, *rates, "2"], "mlm_probability is '2'; expected a number above 0 and below 1"),
        (ablation, [*ablate, *rates, "x"], "mlm_probability is 'x'"),
        (
            ablation,
            [*ablate, "--factor", "masking", "--values", "static", "x"],
            "expected one of dynamic, static",
        ),
        (ablation, [*ablate, *rates, "0.2", "--no_such_flag"], "unknown argument --no_such_flag"),
        (ablation, [*ablate[:-1], *rates, "0.2", "--data_dir", "nowhere"], "no raw KLUE file"),
    ]
    for main, words, sentence in cases:
        assert sentence in refused(main, words, capsys), words
        assert not Path("o").exists(), words
