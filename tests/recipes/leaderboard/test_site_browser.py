"""Tests of the leaderboard in Chromium: sorting, filters, links, keyboard, plot, widths and themes."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_records import made_up_models, made_up_record
from made_up_runs import make_runs
from runs import run

from recipes.engine.result_record import ScoredModel
from recipes.leaderboard.record_sources import Found, find_records, published_records
from recipes.leaderboard.site import write_site
from recipes.tasks import SCRIPTS

SCREENSHOTS = os.environ.get("KLUE_SCREENSHOTS")
EVIL = '"><img src=x onerror=window.evil=1><script>window.evil=1</script>'


@pytest.fixture(scope="module")
def site(tiny: Path, made_once: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a site with published scores, runs of all tasks, and 41 artificial models."""
    folder = tmp_path_factory.mktemp("site")
    real = [made_once(f"runs/{task}", functools.partial(run, task, tiny)) for task in SCRIPTS]
    records = [*published_records(), *made_up_models(40), made_up_record(model=ScoredModel(EVIL))]
    found = [*map(Found, records), *find_records([make_runs(folder / "runs"), *real])]
    write_site(found, folder / "site", title="KLUE leaderboard", resamples=50)
    return folder / "site" / "index.html"


@pytest.fixture
def page(browser: Any, site: Path) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, offline=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(site.as_uri())
    yield page
    assert problems == []
    assert page.evaluate("window.evil") is None
    context.close()


def shown(page: Any, cell: str = "th") -> list[str]:
    return page.locator(f"section.board:visible tbody tr:visible {cell}").all_inner_texts()


def test_models_are_sorted_by_any_metric_and_the_link_keeps_it(page: Any, site: Path) -> None:
    scores = [float(text) for text in shown(page, "td.sorted")]
    assert scores == sorted(scores, reverse=True)
    page.locator("section.board:visible [data-sort=re_auprc]").click()
    assert page.url.endswith("#sort=re_auprc&score=re_auprc")
    best = shown(page)[0]
    again = page.context.new_page()
    again.goto(page.url)
    assert shown(again)[0] == best
    page.locator("section.board:visible [data-sort=re_auprc]").click()
    assert page.locator("th[aria-sort=ascending]:visible").count() == 1
    texts = shown(page, "td.sorted")
    known = [float(text) for text in texts if text]
    assert known == sorted(known)
    assert texts[len(known) :] == [""] * (len(texts) - len(known)) != []  # models without a score are last
    assert shown(page)[len(known) - 1] == best


def test_filters_and_tabs(page: Any) -> None:
    page.locator("button[data-size=small]").click()
    assert shown(page)
    assert all("small" in name.lower() for name in shown(page))
    page.locator("button[data-size=all]").click()
    page.locator("#kind").select_option("published")
    assert len(shown(page)) == 10
    page.locator("#filter").fill("roberta")
    assert len(shown(page)) == 3
    assert page.locator("#count").inner_text().startswith("3 of ")
    page.goto(page.url.split("#")[0] + "#board=test")
    page.wait_for_function("!document.getElementById('board-1').checkVisibility()")
    assert page.locator("section.board:visible h2").inner_text() == "KLUE, test split"
    assert len(shown(page)) == 9


def test_what_an_address_cannot_mean_is_ignored(page: Any, site: Path) -> None:
    page.goto(site.as_uri() + "#board=none&size=huge&sort=<script>&dir=up&kind=x&axis=y")
    assert len(shown(page)) > 40


def test_everything_is_reached_by_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.dataset.sort || document.activeElement.id || ''")
        )
    assert {"board", "kind", "filter", "model", "ynat", "wos_slot_f1"} <= set(reached)
    page.locator("section.board:visible [data-sort=nli]").focus()
    page.keyboard.press("Enter")
    assert "sort=nli" in page.url


def test_the_plot_joins_the_models_that_none_beats(page: Any) -> None:
    points = page.locator("#plot circle").count()
    best = page.locator("#plot circle.best").count()
    assert 1 < best < points
    page.locator("#axis").select_option("latency")
    assert "are omitted" in page.locator("#plot-note").inner_text()
    page.locator("#filter").fill("no such model")
    assert page.locator("#plot circle").count() == 0
    assert "nothing to draw" in page.locator("#plot-note").inner_text()


def test_pages_of_models_and_tasks_are_linked(page: Any) -> None:
    page.locator("section.board:visible tbody th a").first.click()
    assert page.locator("tbody tr").count() == 14
    page.locator("nav a", has_text="mrc").click()
    assert "(mrc)" in page.locator("h1").inner_text()
    page.locator(".home a").click()
    assert page.locator("#board").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_fit_and_are_painted_at_once(browser: Any, site: Path, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    for path in (site, site.parent / "tasks/nli.html", next((site.parent / "models").iterdir())):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if SCREENSHOTS:
            page.screenshot(path=f"{SCREENSHOTS}/board-{path.stem}-{width}-{scheme}.png", full_page=True)
    page.goto(site.as_uri())
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    print(f"\n{scheme}, {width} px: first paint after {paint:.0f} ms")
    assert paint < 2_000
    context.close()
