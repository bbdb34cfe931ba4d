"""Tests of corpora: stages, resumed builds and memory."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recipes.corpus import main
from recipes.pretraining import corpus_building
from recipes.pretraining.corpora import COUNTS, REMOVED, open_corpus, texts_of
from recipes.pretraining.corpus_building import CorpusArguments, build_corpus
from recipes.pretraining.pseudonyms import Pseudonymiser
from recipes.pretraining.stages import (
    Benchmark,
    Document,
    ExactDuplicates,
    Korean,
    Length,
    NearDuplicates,
    Normalise,
    Pseudonyms,
    SentenceSplitter,
    Stage,
)

LONG = "서울시는 올해 하반기부터 시내 모든 버스 정류장에 실시간 도착 안내 단말기를 설치한다고 밝혔다."


def out(stage: Stage, *texts: str, source: str = "a") -> list[str]:
    documents = [Document(text, source, str(number)) for number, text in enumerate(texts)]
    return [made.text for document in documents for made in stage(document)]


def test_texts_are_normalised() -> None:
    decomposed = "한글"
    assert out(Normalise(), f"  {decomposed}\u200b  \u3000 둘\r\n\n\n셋\x00 ", " \n ") == ["한글 둘\n셋"]


def test_what_is_no_korean_prose_is_dropped() -> None:
    kept = out(
        Korean(),
        LONG,
        "This is English only.",
        "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ 가나다",
        "★☆★☆ 가 ★☆★☆★☆",
        "2024 가나다",
    )
    assert kept == [LONG, "2024 가나다"]


def test_sentences_are_split_and_numbered() -> None:
    made = list(SentenceSplitter()(Document("밥을 먹었다. 그리고 학교에 갔다!", "a", "7")))
    assert [(one.text, one.id) for one in made] == [("밥을 먹었다.", "7.0"), ("그리고 학교에 갔다!", "7.1")]


def test_lengths_go_by_source() -> None:
    stage = Length(3, {"cc100": 10})
    assert out(stage, "가나", "가나다") == ["가나다"]
    assert out(stage, "가나다", "가" * 10, source="cc100") == ["가" * 10]


def test_duplicates_are_dropped_whatever_their_blanks() -> None:
    stage = ExactDuplicates(sqlite3.connect(":memory:"))
    assert out(stage, "가나 다", "가 나다", "ABC", "abc", "라") == ["가나 다", "ABC", "라"]


def test_near_duplicates_are_dropped_and_others_are_not() -> None:
    stage = NearDuplicates(sqlite3.connect(":memory:"))
    text = " ".join(f"{LONG} {number}번째 문단이다." for number in range(5))
    other = "어제 저녁에 친구와 함께 본 영화는 기대보다 훨씬 재미있었고 음악도 아름다웠다. " * 3
    found = out(stage, text, text.replace("4번째", "마지막"), other, "짧다", "짧다")
    assert found == [text, other, "짧다", "짧다"]


def test_sentences_of_a_benchmark_are_removed_and_listed() -> None:
    removed: list[dict[str, Any]] = []
    other = "그는 내일 아침 일찍 부산으로 떠날 예정이라고 말했다."
    stage = Benchmark([LONG, "너무 짧다"], 0.8, removed.append)
    assert out(stage, f"{other} {LONG}", LONG.replace("올해", "내년"), other, "너무 짧다") == [
        other, other, "너무 짧다",
    ]  # fmt: skip
    assert [(row["id"], row["benchmark"]) for row in removed] == [("0", LONG), ("1", LONG)]
    assert 0.8 <= removed[1]["score"] < 1
    with pytest.raises(ValueError, match="benchmark has no text"):
        Benchmark(["짧다"], 0.8, removed.append)


def test_personal_data_is_replaced() -> None:
    stage = Pseudonyms(Pseudonymiser())
    [changed, same] = out(stage, "전화 010-1234-5678", LONG)
    assert changed != "전화 010-1234-5678"
    assert same == LONG


def write_texts(path: Path, count: int) -> None:
    lines = [f"{LONG} {number}번 문서에는 {number * 7}개의 낱말이 있다." for number in range(count)]
    path.write_text("\n".join([*lines, "English only", ""]), encoding="utf-8")


def arguments(folder: Path, **others: Any) -> CorpusArguments:
    given: dict[str, Any] = {
        "sources": {"a": [str(folder / "a.txt")]}, "shard": 10, "skip": ("sentences", "near_duplicates"),
    }  # fmt: skip
    return CorpusArguments(str(folder / "out"), **given | others)


def contents(folder: Path) -> dict[str, Any]:
    shards = sorted(folder.glob("part-*.parquet"))
    texts = [text for shard in shards for text in pq.read_table(shard)["text"].to_pylist()]
    return {"shards": len(shards), "texts": texts, "counts": json.loads((folder / COUNTS).read_text())}


def test_an_interrupted_build_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
        write_texts(tmp_path / name / "a.txt", 45)
    build_corpus(arguments(tmp_path / "whole"))
    expected = contents(tmp_path / "whole" / "out")
    assert expected["shards"] == 5
    assert len(expected["texts"]) == 45
    assert expected["counts"]["korean"]["documents_in"] == 46
    original = corpus_building._write_removed
    calls = iter(range(10))

    def interrupted(*given: Any) -> None:
        if next(calls) == 2:  # the shard is written, its hashes are not yet
            raise KeyboardInterrupt
        original(*given)

    monkeypatch.setattr(corpus_building, "_write_removed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(arguments(tmp_path / "parts"))
    assert not (tmp_path / "parts" / "out" / COUNTS).exists()
    build_corpus(arguments(tmp_path / "parts"))
    assert contents(tmp_path / "parts" / "out") == expected
    build_corpus(arguments(tmp_path / "parts"))
    assert contents(tmp_path / "parts" / "out") == expected
    with pytest.raises(ValueError, match=r"holds a corpus with different settings \(minimum"):
        build_corpus(arguments(tmp_path / "parts", minimum=99))


def test_the_command_builds_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "a.txt", 12)
    words = ["build", "--source", f"a={tmp_path / 'a.txt'}", "--output_dir", str(tmp_path / "out")]
    assert main([*words, "--skip", "near_duplicates"]) == 0
    said = capsys.readouterr()
    assert "exact_duplicates" in said.out
    assert "Sentences of KLUE were not removed: there is no --benchmark." in said.err
    assert (tmp_path / "out" / REMOVED).read_text() == ""
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| korean | 13 | 12 |" in card
    assert len(list(texts_of(open_corpus([str(tmp_path / "out")])))) == 12
    for wrong, message in (
        (["build", "--output_dir", "x"], "There is no corpus"),
        (["build", "--source", "a", "--output_dir", "x"], "--source a: expected NAME=VALUE"),
        (["build", "--source", f"a={tmp_path}/no", "--output_dir", "x"], "expected a file or a folder"),
        ([*words[:3], "--text_column", "body", "--output_dir", "x"], "expected 'body' among them"),
        ([*words[:3], "--benchmark", str(tmp_path), "--output_dir", "x"], "There is no data set of KLUE"),
    ):
        assert main(wrong) == 1
        assert message in capsys.readouterr().err
    assert not Path("x").exists()


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    script = """
import resource, sys
from recipes.pretraining.corpus_building import CorpusArguments, build_corpus
skip = ("sentences", "near_duplicates", "pseudonyms")
build_corpus(CorpusArguments(sys.argv[2], {"a": [sys.argv[1]]}, skip=skip, shard=1000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    peaks = []
    for count in (2_000, 20_000):
        write_texts(tmp_path / "a.txt", count)
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "a.txt"), str(tmp_path / str(count))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks.append(float(done.stdout))
    print(f"\n{peaks[0]:.0f} MB at 2,000 documents, {peaks[1]:.0f} MB at 20,000")
    assert peaks[1] < peaks[0] + 20
