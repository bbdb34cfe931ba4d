"""Tests that texts of records, runs and predictions do not run as code in leaderboard and report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from made_up_records import records_with
from made_up_runs import make_run, nli_answers
from payloads import PAYLOADS

from recipes.leaderboard.record_sources import Found, find_records
from recipes.leaderboard.site import write_site
from recipes.reporting.page import build


def opened(browser: Any, *addresses: str) -> list[str]:
    """Open pages and move over their elements; return the pages on which a script ran."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    alive = []
    for address in addresses:
        page.goto(address)
        page.evaluate(
            """() => document.querySelectorAll("main *").forEach((element) => {
                if (element.closest("a, button")) return;
                for (const name of ["mouseover", "focus", "click"]) element.dispatchEvent(new Event(name));
            })"""
        )
        if page.evaluate("window.evil") is not None or not page.url.startswith("file:"):
            alive.append(address)
    context.close()
    return alive


def test_there_are_many_payloads() -> None:
    assert len(set(PAYLOADS)) >= 60


def test_records_on_the_leaderboard(browser: Any, tmp_path: Path) -> None:
    records = [record for payload in PAYLOADS for record in records_with(payload)]
    files = write_site([Found(record) for record in records], tmp_path / "site", title=PAYLOADS[0])
    pages = [path for path in files if path.suffix == ".html"]
    models = [path for path in pages if path.parent.name == "models"]
    assert len(models) > 60
    assert opened(browser, *(path.as_uri() for path in pages if path not in models)) == []
    assert opened(browser, *(path.as_uri() for path in models)) == []


def test_run_folders_and_predictions(browser: Any, tmp_path: Path) -> None:
    """In all texts of settings, results and predictions, in the report and the leaderboard."""
    for index, payload in enumerate(PAYLOADS):
        folder = tmp_path / "runs" / f"run-{index}"
        settings = {
            "model_name_or_path": payload,
            "seed": 1,
            "pooling": payload,
            "lora_target_modules": [payload],
        }
        texts = {"eval_data": payload, "eval_date": payload, "device": payload, "klue_hub_version": payload,
                 "data_version": payload, "data_hash": payload, "task_version": payload}  # fmt: skip
        make_run(folder, "nli", *nli_answers(6, 2), settings=settings, **texts)
        answers = folder / "predictions_validation.jsonl"
        rows = [json.loads(line) for line in answers.read_text().splitlines()]
        rows[0]["guid"] = payload
        answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
        make_run(
            tmp_path / "answers" / str(index), "mrc",
            [{"guid": payload, "prediction_text": payload}, {"guid": "b", "prediction_text": "x"}],
            [{"guid": payload, "answers": {"text": ["y"], "answer_start": [0]}},
             {"guid": "b", "answers": {"text": [payload], "answer_start": [0]}}],
            settings={"seed": 1},
        )  # fmt: skip
    build([tmp_path / "runs"], resamples=10).write(tmp_path / "report")
    build([tmp_path / "answers"], resamples=10).write(tmp_path / "report-answers")
    found = find_records([tmp_path / "runs", tmp_path / "answers"])
    assert len(found) > 60
    write_site(found, tmp_path / "site", title="KLUE", resamples=10)
    pages = [
        *(f"{(tmp_path / name / 'index.html').as_uri()}{anchor}" for name, anchor in (
            ("report", ""), ("report", "#nli"), ("report-answers", "#mrc"), ("site", ""),
        )),
        *(path.as_uri() for path in sorted((tmp_path / "site" / "tasks").iterdir())),
    ]  # fmt: skip
    assert opened(browser, *pages) == []


def test_a_page_that_runs_them_is_found(browser: Any, tmp_path: Path) -> None:
    """The test can fail."""
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><main>{PAYLOADS[1]}</main>")
    assert opened(browser, page.as_uri()) == [page.as_uri()]
