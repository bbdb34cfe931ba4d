"""Tests of the report in Chromium: sorting, filters, search, pages, keyboard, widths and themes.

They need Playwright and Chromium, see CONTRIBUTING.md, and are skipped otherwise.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import make_run, make_runs, nli_answers
from runs import run

from recipes.reporting.page import build
from recipes.tasks import SCRIPTS

SCREENSHOTS = os.environ.get("KLUE_SCREENSHOTS")
LONG = 20_000  # milliseconds


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    build([make_runs(folder / "runs")], resamples=200).write(folder / "report")
    return folder / "report" / "index.html"


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light", offline=True)
    page = context.new_page()
    page.set_default_timeout(LONG)
    problems: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    yield page
    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    context.close()


def reach(page: Any, selector: str, times: int = 200) -> Any:
    """Press Tab until an element has the focus."""
    wanted = page.locator(selector).first
    for _ in range(times):
        if wanted.evaluate("element => element === document.activeElement"):
            return wanted
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


def open_task(page: Any, task: str) -> None:
    page.locator(f'header nav a[href="#{task}"]').click()
    page.wait_for_selector(f"#{task}:not([hidden])")


def models(page: Any, section: str = "#nli") -> list[str]:
    rows = page.locator(f"{section} .sortable tbody tr:visible th")
    return [text.strip() for text in rows.all_inner_texts()]


def status(page: Any, section: str = "nli") -> str:
    return page.locator(f"#{section} .pager [role=status]").inner_text()


def ids(page: Any) -> list[str]:
    return page.locator("#nli .answer .id").all_inner_texts()


def choose(page: Any, number: int, key: str, times: int = 1) -> None:
    """Move to a list of the error browser with Tab, and press a key."""
    page.locator("#nli .picks select").nth(number).focus()
    for _ in range(times):
        page.keyboard.press(key)


def test_tables_are_sorted_by_keyboard(page: Any) -> None:
    open_task(page, "nli")
    assert models(page) == ["a", "b"]
    reach(page, "#nli th:nth-child(2) button.sort")
    page.keyboard.press("Enter")
    heading = page.locator("#nli th:nth-child(2)").first
    assert heading.get_attribute("aria-sort") == "descending"
    assert models(page) == ["b", "a"]
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert models(page) == ["a", "b"]
    reach(page, "#nli th:nth-child(3) button.sort")
    page.keyboard.press("Enter")  # by seeds: a has two
    assert heading.get_attribute("aria-sort") is None
    assert models(page) == ["a", "b"]


def test_the_overview_sorts_what_is_missing_last(page: Any) -> None:
    headings = page.locator("#overview-table button.sort")
    column = headings.all_inner_texts().index("ROUGE-W")
    for _ in range(2):
        headings.nth(column).click()
        names = page.locator("#overview-table tbody th").all_inner_texts()
        assert names == ["a", "b"]


def test_models_are_filtered_by_keyboard(page: Any) -> None:
    reach(page, "#model-filter")
    page.keyboard.type("B")
    assert models(page, "#overview") == ["b"]
    assert page.locator("#model-count").inner_text() == "1 of 2 models"
    page.keyboard.press("Backspace")
    reach(page, "button.size[data-size=small]")
    page.keyboard.press("Enter")
    assert models(page, "#overview") == ["a"]
    assert page.locator("button.size[data-size=small]").get_attribute("aria-pressed") == "true"
    reach(page, "button.size[data-size=large]")
    page.keyboard.press("Space")
    assert models(page, "#overview") == ["b"]
    open_task(page, "nli")
    assert models(page) == ["b"]


def test_all_metrics_are_shown_on_demand(page: Any) -> None:
    further = page.locator("#overview-table th.further")
    assert further.count() > 0
    assert not further.first.is_visible()
    reach(page, "#all-metrics")
    page.keyboard.press("Space")
    assert further.first.is_visible()
    heads = page.locator("#overview-table thead tr").nth(1).locator("th").count()
    spans = page.locator("#overview-table th.group").evaluate_all(
        "cells => cells.reduce((sum, cell) => sum + cell.colSpan, 0)"
    )
    assert spans == heads


def test_answers_are_searched_and_paged_by_keyboard(page: Any) -> None:
    open_task(page, "nli")
    assert status(page) == "page 1 of 3, 30 of 60 examples"  # the wrong ones of the first run
    first = ids(page)
    assert len(first) == 10
    reach(page, "#nli .pager button:nth-child(2)")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert status(page).startswith("page 3 of 3")
    assert page.locator("#nli .pager button").nth(1).is_disabled()
    assert not set(first) & set(ids(page))
    page.locator("#nli .picks input").focus()
    page.keyboard.type("NLI-01")
    assert status(page) == "page 1 of 1, 5 of 60 examples"
    assert ids(page) == [f"nli-{number:03d}" for number in (10, 12, 14, 16, 18)]
    page.keyboard.type("x")
    assert status(page) == "0 of 60 examples"
    for _ in range(7):
        page.keyboard.press("Backspace")
    choose(page, 2, "Home")  # all
    assert status(page) == "page 1 of 6, 60 of 60 examples"
    choose(page, 3, "ArrowDown")  # the first label, of three
    assert status(page) == "page 1 of 2, 20 of 60 examples"


def test_two_runs_are_compared_by_keyboard(page: Any) -> None:
    open_task(page, "nli")
    assert page.locator("#nli .compared").inner_text() == ""
    choose(page, 1, "End")
    heads = page.locator("#nli .compared thead th")
    assert [text.split("\n") for text in heads.all_inner_texts()[1:3]] == [
        ["a", "first, mean of 2 seeds"],
        ["b", "second"],
    ]
    cells = page.locator("#nli .compared tbody tr").first.locator("th, td").all_inner_texts()
    assert cells[:3] == ["accuracy", "58.33", "85.00"]  # means over seeds
    assert cells[3].startswith("-26.67")
    note = page.locator("#nli .compared .note").inner_text()
    assert note.startswith("Means over 2 and 1 seeds; test over seeds and examples together.")
    assert "corrected for the 1 tests of this task" in note
    choose(page, 2, "b")  # both wrong
    both = [number for number in range(60) if number % 2 == 0 and number % 7 == 0]
    assert ids(page) == [f"nli-{number:03d}" for number in both]
    choose(page, 0, "End")
    assert "the same run" in page.locator("#nli .compared").inner_text()
    choose(page, 1, "Home")
    choose(page, 1, "ArrowDown")
    turned = page.locator("#nli .compared tbody tr").first.locator("th, td").all_inner_texts()
    assert turned[1:3] == ["85.00", "58.33"]
    assert [text.split("\n")[0] for text in heads.all_inner_texts()[1:3]] == ["b", "a"]
    assert turned[3].startswith("26.67")
    assert turned[4:] == cells[4:]
    choose(page, 0, "Home")
    choose(page, 1, "ArrowDown")
    assert "two seeds of one model" in page.locator("#nli .compared").inner_text()


def test_only_tests_over_seeds_are_marked(browser: Any, tmp_path: Path) -> None:
    for name, wrong_every in (("a", 2), ("b", 7)):
        for seed in (1, 2, 3):
            answers = nli_answers(60, wrong_every)
            settings = {"model_name_or_path": name, "seed": seed}
            make_run(tmp_path / "seeds" / f"{name}{seed}", "nli", *answers, settings=settings)
        make_run(tmp_path / "single" / name, "nli", *answers, settings=settings)
    for kind, marks in (("seeds", 2), ("single", 0)):
        build([tmp_path / kind], resamples=200).write(tmp_path / kind / "report")
        page = browser.new_page()
        page.goto((tmp_path / kind / "report" / "index.html").as_uri() + "#nli")
        page.locator("#nli .picks select").nth(1).select_option(
            label="b" if kind == "single" else "b, seed 1"
        )
        assert page.locator("#nli .compared .sure").count() == marks
        assert page.locator("#nli .compared tbody td").count() == 5
        note = page.locator("#nli .compared .note").inner_text()
        assert note.startswith("This test of single runs" if kind == "single" else "Means over 3 and 3 seeds")
        page.close()


def test_the_confusion_matrix_is_that_of_the_run(page: Any) -> None:
    open_task(page, "nli")
    matrix = page.locator("#nli .detail:visible .matrix tbody tr").first
    assert matrix.locator("td").all_inner_texts() == ["10", "10", "·"]
    page.locator("#nli .detail-run").focus()
    page.keyboard.press("End")
    assert matrix.locator("td").all_inner_texts() == ["17", "3", "·"]


def test_menus_show_long_names_in_full(browser: Any, tmp_path: Path) -> None:
    for name, rate in (("x", 1e-4), ("y", 1e-3)):
        settings = {"model_name_or_path": "e5-small-ko", "learning_rate": rate, "pooling": "mean", "seed": 1}
        for seed in (1, 2):
            make_run(
                tmp_path / f"{name}{seed}", "nli", *nli_answers(6, 2), settings=settings | {"seed": seed}
            )
    build([tmp_path], resamples=20).write(tmp_path / "report")
    for width in (390, 1280):
        page = browser.new_page(viewport={"width": width, "height": 844})
        page.goto((tmp_path / "report" / "index.html").as_uri() + "#nli")
        needed = page.evaluate(
            """() => Array.from(document.querySelectorAll("#nli .picks label.run select")).map((select) => {
                const text = document.createElement("span");
                text.style.font = getComputedStyle(select).font;
                text.style.position = "absolute";
                text.style.whiteSpace = "pre";
                text.textContent = "e5-small-ko (learning_rate 0.0001), seed 1";
                document.body.append(text);
                const needed = text.getBoundingClientRect().width;
                text.remove();
                return [select.options[1].textContent, needed <= select.clientWidth - 24];
            })"""
        )
        assert len(needed) == 2
        assert needed[0] == ["e5-small-ko (learning_rate 0.0001), seed 2", True]
        assert needed[1] == ["e5-small-ko (learning_rate 0.0001), seed 1", True]
        page.close()


def test_texts_are_shown_and_do_not_come_alive(page: Any) -> None:
    open_task(page, "mrc")
    assert page.evaluate("window.evil") is None
    shown = page.locator("#mrc .answer dd.no").all_inner_texts()
    assert any("</script><script>window.evil = 1</script>" in text for text in shown)
    assert page.locator(".answer script, .answer img").count() == 0


def test_the_theme_follows_the_system_and_the_button(browser: Any, report: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(report.as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    reach(page, "#theme")
    page.keyboard.press("Enter")
    light = page.evaluate(colour)
    page.keyboard.press("Enter")
    assert (light, page.evaluate(colour)) == ("rgb(255, 255, 255)", dark)
    assert dark != light
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off(browser: Any, report: Path, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(report.as_uri() + "#nli")
    page.locator("#nli .picks select").nth(1).select_option(index=3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Whatever reaches beyond the window lies in a box that scrolls and that the keyboard can enter.
    outside = page.evaluate(
        """width => Array.from(document.querySelectorAll("main *")).filter((element) => {
            const box = element.getBoundingClientRect();
            return box.width && box.right > width + 1 && !element.closest(".scroll[tabindex]");
        }).map((element) => element.outerHTML.slice(0, 80))""",
        width,
    )
    assert outside == []
    ticks = page.evaluate(
        """() => Array.from(document.querySelectorAll("svg.chart text")).filter((text) => {
            const [inner, outer] = [text, text.closest("svg")].map((part) => part.getBoundingClientRect());
            return inner.left < outer.left || inner.right > outer.right || inner.bottom > outer.bottom + 1;
        }).map((text) => text.textContent)"""
    )
    assert ticks == []
    focused = reach(page, "#theme")
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{width}-{scheme}.png", full_page=True)
    page.close()


def test_all_eight_tasks_fit_on_a_desktop(browser: Any, tmp_path: Path) -> None:
    """The table of all tasks fits into 1280 pixels."""
    tree = {"head": [2, 0], "deprel": ["NP_SBJ", "VP"]}
    span = {"guid": "mrc-000", "prediction_text": "서울"}
    gold_span = {"guid": "mrc-000", "answers": {"text": ["서울"], "answer_start": [0]}}
    relation, tags = "per:employee_of", ["B-LC", "I-LC"]
    for task, prediction, reference, more in (
        ("ynat", "경제", "경제", {}),
        ("nli", "neutral", "neutral", {}),
        ("ner", tags, tags, {"tokens": ["서", "울"]}),
        ("re", relation, relation, {}),
        ("dp", tree, tree, {}),
        ("mrc", span, gold_span, {}),
        ("wos", ["식당-지역-서울"], ["식당-지역-서울"], {"turn": 0}),
    ):
        make_run(tmp_path / "runs" / task, task, [prediction], [reference], settings={"seed": 1}, rows=[more])
    make_run(tmp_path / "runs" / "sts", "sts", [1.0, 4.0, 5.0], [1.0, 4.0, 5.0], settings={"seed": 1})
    build([tmp_path / "runs"], resamples=20).write(tmp_path / "report")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "report" / "index.html").as_uri())
    names = page.locator("#overview-table .group a").all_inner_texts()
    assert names == ["ynat", "sts", "nli", "ner", "re", "dp", "mrc", "wos"]
    widths = page.locator("#overview .scroll").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert widths[0] <= widths[1]
    page.close()


@pytest.fixture(scope="module")
def real(tiny: Path, made_once: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of short runs of all tasks on the mini corpus."""
    folders = [made_once(f"runs/{task}", functools.partial(run, task, tiny)) for task in SCRIPTS]
    target = tmp_path_factory.mktemp("real") / "report"
    build(folders, resamples=20).write(target)
    return target / "index.html"


def test_one_task_is_shown_at_a_time_and_the_address_names_it(page: Any) -> None:
    visible = "main > section:visible"
    assert page.locator(visible).evaluate_all("all => all.map((one) => one.id)") == ["overview"]
    assert page.locator(".answer").count() == 0  # answers are read when their task is opened
    open_task(page, "nli")
    assert page.url.endswith("#nli")
    assert page.locator(visible).evaluate_all("all => all.map((one) => one.id)") == ["nli"]
    assert page.locator("header nav a[aria-current]").inner_text().startswith("nli")
    assert page.locator("#nli .answer").count() == 10
    page.go_back()
    page.wait_for_selector("#overview:not([hidden])")
    assert page.locator("#nli .answer").count() == 10  # and stay


def test_wrong_answers_are_drawn(browser: Any, real: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    drawn = {
        "ner": ".text mark", "re": ".text mark.subject", "dp": ".drawn svg.tree path.wrong",
        "mrc": ".text mark.gold", "wos": "dd.no del",
    }  # fmt: skip
    for task, selector in drawn.items():
        page.goto(f"{real.as_uri()}#{task}")
        page.locator(f"#{task} .picks select").nth(2).select_option("wrong")
        assert page.locator(f"#{task} .answer {selector}").count() > 0, task
        for width in (390, 1280):  # a tree is often wider than the page
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, task
        if SCREENSHOTS:
            page.screenshot(path=Path(SCREENSHOTS) / f"drawn-{task}.png", full_page=True)
    for task in ("ynat", "nli", "re"):
        page.goto(f"{real.as_uri()}#{task}")
        assert page.locator(f"#{task} figcaption", has_text="ECE").count() == 1
    assert problems == []
    page.close()


def test_entities_are_right_wrong_or_missing(browser: Any, tmp_path: Path) -> None:
    tokens = list("김하나는 서울에 산다.")
    gold = ["B-PS", "I-PS", "I-PS", "O", "O", "B-LC", "I-LC", "O", "O", "O", "O", "O"]
    answer = ["B-PS", "I-PS", "I-PS", "O", "O", "O", "O", "O", "O", "B-DT", "O", "O"]
    make_run(tmp_path / "run", "ner", [answer], [gold], settings={"seed": 1}, rows=[{"tokens": tokens}])
    build([tmp_path], resamples=10).write(tmp_path / "report")
    page = browser.new_page()
    page.goto((tmp_path / "report" / "index.html").as_uri() + "#ner")
    marks = page.locator("#ner dd .drawn mark")
    assert [(mark.get_attribute("class"), mark.inner_text()) for mark in marks.all()] == [
        ("right", "김하나PS"), ("missing", "서울LC"), ("wrong", "산DT"),
    ]  # fmt: skip
    assert page.locator("#ner .text mark").all_inner_texts() == ["김하나PS", "서울LC"]
    page.close()


def test_tables_are_there_as_text(page: Any) -> None:
    open_task(page, "nli")
    for name, start in (("Markdown", "| model |"), ("LaTeX", "\\begin{table}")):
        button = page.locator(f"#nli button[data-copy=nli-{name}]")
        button.press("Enter")
        text = page.locator(f"#nli-{name}")
        assert text.is_visible()
        assert text.input_value().startswith(start)
        assert "60 examples" in text.input_value()
        button.press("Enter")
        assert not text.is_visible()


def test_two_runs_are_compared_by_length(browser: Any, tmp_path: Path) -> None:
    """The second run is wrong only on long sentences."""
    sentences = [list("가" * (5 + index)) for index in range(80)]
    gold = [["B-PS", *["O"] * (len(tokens) - 1)] for tokens in sentences]
    for name, wrong_from in (("first", 80), ("second", 60)):
        answers = [["O"] * len(tags) if index >= wrong_from else tags for index, tags in enumerate(gold)]
        make_run(
            tmp_path / name, "ner", answers, gold, settings={"model_name_or_path": name, "seed": 1},
            rows=[{"tokens": tokens} for tokens in sentences],
        )  # fmt: skip
    build([tmp_path], resamples=20).write(tmp_path / "report")
    page = browser.new_page()
    page.goto((tmp_path / "report" / "index.html").as_uri() + "#ner")
    page.locator("#ner .picks select").nth(1).select_option(label="second")
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator("#ner .slices tbody tr").all()]
    assert [row[1:4] for row in rows] == [["20", "0", "0"]] * 3 + [["20", "20", "0"]]
    assert page.locator("#ner .slices .sure").count() == 1
    assert float(rows[-1][4]) == pytest.approx(4 * 2 * 0.5**20, abs=1e-4)
    assert [row[4] for row in rows[:3]] == ["1.0000"] * 3
    page.close()
