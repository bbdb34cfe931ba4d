"""Tests of the page of a metric's Space, started from its own files as on the Hub."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from klue_metrics.export_modules import export
from klue_metrics.predictions import Source
from klue_metrics.scoring import score

GOLD = ["경제", "사회", "정치", "세계"] * 10


@pytest.fixture(scope="module")
def evaluate_files() -> Callable[..., Any]:
    """Import on first use, so that only one process of the tests imports gradio."""
    from klue_metrics.space import evaluate_files

    return evaluate_files


def write(path: Path, answers: list[str], more: str = "") -> Path:
    rows = [
        {"guid": f"{more}{index}", "prediction": answer, "reference": gold}
        for index, (answer, gold) in enumerate(zip(answers, GOLD, strict=True))
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Write predictions of which half are right, and predictions that are all right."""
    wrong = [gold if index % 2 else "스포츠" for index, gold in enumerate(GOLD)]
    return write(tmp_path / "first.jsonl", wrong), write(tmp_path / "second.jsonl", GOLD)


def test_scores_are_those_of_the_command(
    files: tuple[Path, Path], evaluate_files: Callable[..., Any]
) -> None:
    first, second = map(str, files)
    summary, scores, breakdown, compared, sentence = evaluate_files("ynat", first, second, None, 200)
    report = score("ynat", first, Source(), resamples=200, confidence=0.95, method="percentile", seed=0)
    row = report["scores"]["macro_f1"]
    assert scores == [["macro F1", *(round(row[name], 2) for name in ("score", "low", "high"))]]
    assert summary.startswith("40 examples, 20 of them entirely right.")
    assert breakdown["headers"][0] == "group"
    assert {line[0] for line in breakdown["data"]} >= set(GOLD)
    assert compared[0][:3] == ["macro F1", round(row["score"], 2), 100.0]
    assert sentence.startswith("the second is better than The first on macro F1 by")


def test_one_file_is_enough(files: tuple[Path, Path], evaluate_files: Callable[..., Any]) -> None:
    *_, compared, sentence = evaluate_files("ynat", str(files[0]), None, None, 100)
    assert (compared, sentence) == ([], "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "bad.jsonl is empty"),
        ('{"guid": "a", "prediction": "날씨", "reference": "경제"}\n', "날씨"),
        ("{", "expected a JSON object"),
    ],
)
def test_files_that_cannot_be_scored_are_named_without_folders(
    text: str, said: str, tmp_path: Path, evaluate_files: Callable[..., Any]
) -> None:
    import gradio

    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(gradio.Error) as error:
        evaluate_files("ynat", str(path), None, None)
    assert said in error.value.message
    assert str(tmp_path) not in error.value.message
    with pytest.raises(gradio.Error, match="There is no file"):
        evaluate_files("ynat", None, None, None)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the Space of klue_metric without this project; return its address."""
    [folder] = export(tmp_path_factory.mktemp("space"), ["klue_metric"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        **{"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"},
    }
    check = (
        "import sys, runpy; sys.path.insert(0, '')\n"
        "sys.modules.update(dict.fromkeys(['klue_metrics', 'klue_datasets', 'recipes']))\n"  # not importable
        "runpy.run_path('app.py', run_name='__main__')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", check], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"the app ended with {process.returncode}:\n{process.stderr.read()}")
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the app did not answer within a minute")


def test_the_space_scores_uploaded_files(
    space: str, files: tuple[Path, Path], evaluate_files: Callable[..., Any]
) -> None:
    from gradio_client import Client, handle_file

    client = Client(space, verbose=False)
    first, second = map(handle_file, map(str, files))
    summary, scores, _, compared, sentence = client.predict("ynat", first, second, None, api_name="/score")
    expected = evaluate_files("ynat", *map(str, files), None)
    assert summary == expected[0]
    assert scores["data"] == expected[1]
    assert compared["data"] == expected[3]
    assert sentence == expected[4]


def upload(page: Any, path: Path) -> None:
    """Choose the first file, repeatedly if the page has not finished loading."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    for attempt in range(6):
        page.locator("input[type=file]").first.set_input_files(str(path))
        with contextlib.suppress(PlaywrightTimeout) if attempt < 5 else contextlib.nullcontext():
            page.get_by_text(path.name).first.wait_for(timeout=5_000)
            return


def test_the_page_in_a_browser(space: str, files: tuple[Path, Path], browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(space)
    evil = write(tmp_path / "evil.jsonl", GOLD, more="<img src=x onerror=window.evil=1>")
    for path, expected in ((files[0], "20 of them entirely right"), (evil, "40 of them entirely right")):
        page.reload()
        upload(page, path)
        page.get_by_role("button", name="Score").click()
        page.get_by_text(expected).wait_for()
    page.locator("span:visible", has_text="macro F1").first.wait_for()
    assert page.evaluate("window.evil") is None
    page.close()
