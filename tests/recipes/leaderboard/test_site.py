"""Tests of the leaderboard: tables, ranks and pages."""

from __future__ import annotations

import csv
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import pytest
from made_up_records import made_up_models, made_up_record, records_with
from payloads import PAYLOADS

from klue_datasets.tasks import TASKS
from recipes.board import main
from recipes.engine.result_record import (
    Method,
    MetricScore,
    Record,
    ScoredData,
    ScoredModel,
    record_from,
)
from recipes.leaderboard.record_sources import Found, published_records
from recipes.leaderboard.site import pages
from recipes.leaderboard.standings import Cell, Standing, differ, standings

F1 = ("ynat", "macro_f1")


def table(*records: Record) -> Standing:
    [found] = standings([Found(record) for record in records])
    return found


def ranks(standing: Standing, column: tuple[str, str] = F1) -> dict[str, tuple[int, int]]:
    return {
        row.model: (row.cells[column].best_rank, row.cells[column].worst_rank)
        for row in standing.rows
        if column in row.cells
    }


def test_test_and_validation_and_other_data_never_share_a_table() -> None:
    other = ScoredData("mini", "validation", is_official=False, hash="a")
    found = standings([*map(Found, published_records()), Found(made_up_record(data=other))])
    assert [(one.title, one.is_official) for one in found] == [
        ("KLUE, validation split", True),
        ("KLUE, test split", True),
        ("mini (validation)", False),
    ]
    assert [len(one.rows) for one in found] == [10, 9, 1]


def test_models_within_noise_share_ranks() -> None:
    standing = table(
        made_up_record(name="a", score=90.0), made_up_record(name="b", score=89.5),
        made_up_record(name="c", score=80.0),
    )  # fmt: skip
    assert ranks(standing) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def test_seeds_are_one_row_with_a_wider_interval() -> None:
    def seed(number: int, score: float) -> Record:
        return made_up_record(score=score, method=Method("fine-tuned", preset="paper", seeds=[number]))

    [row] = table(seed(1, 80.0), seed(2, 84.0), seed(3, 82.0)).rows
    cell = row.cells[F1]
    assert (row.seeds, cell.mean) == (3, pytest.approx(82.0))
    assert cell.low is not None
    assert cell.high is not None
    assert cell.low < 81.0 < 83.0 < cell.high


def test_methods_and_revisions_of_a_model_are_rows_of_their_own() -> None:
    methods = [
        Method("fine-tuned", preset="paper", seeds=[1]),
        Method("fine-tuned", preset="tuned", seeds=[1]),
        Method("fine-tuned", preset="paper", changes=["use_lora=true"], seeds=[1]),
        Method("prompted", shots=5, prompt="2"),
    ]
    standing = table(*(made_up_record(method=method) for method in methods))
    assert sorted(row.method for row in standing.rows) == [
        "preset paper", "preset paper, use_lora=true", "preset tuned", "prompted, 5 shots, prompt 2",
    ]  # fmt: skip
    revised = made_up_record(model=ScoredModel("lab/model", revision="0123456789abcdef"))
    assert {row.model for row in table(made_up_record(), revised).rows} == {
        "lab/model",
        "lab/model @ 0123456",
    }


def test_versions_of_the_data_are_told_apart() -> None:
    data = ScoredData("KLUE", "validation", is_official=True, version="1.0.0")
    standing = table(made_up_record(name="a", score=90.0), made_up_record(name="b", score=80.0, data=data))
    assert ranks(standing) == {"a": (1, 1), "b": (1, 1)}
    both = table(made_up_record(score=90.0), made_up_record(score=80.0, data=data))
    assert sorted(row.cells[F1].mean for row in both.rows) == [80.0, 90.0]


def test_other_data_of_one_name_has_a_table_for_each_content() -> None:
    def record(seed: int, content: str, examples: int) -> Found:
        data = ScoredData("dev.csv", "validation", is_official=False, hash=content, examples=examples)
        return Found(made_up_record(data=data, method=Method("fine-tuned", preset="paper", seeds=[seed])))

    found = [record(1, "aa", 20), record(2, "aa", 20), record(1, "bb", 20), record(3, "aa", 5)]
    tables = standings(found)
    assert [table.title for table in tables] == [
        "dev.csv (validation)",
        "dev.csv (validation), other content 1",
        "dev.csv (validation), other content 2",
    ]
    assert [row.seeds for table in tables for row in table.rows] == [2, 1, 1]
    assert len({table.key for table in tables}) == 3


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (Cell(80, 79, 81), Cell(81, 80, 82), False),  # sqrt(2) is more than 1
        (Cell(80, 79, 81), Cell(81.5, 80.5, 82.5), True),
        (Cell(80, 79, 81), Cell(81, None, None), False),
        (Cell(80, 79, 81), Cell(81.5, None, None), True),
        (Cell(80, None, None), Cell(80.01, None, None), True),
        (Cell(80, None, None), Cell(80, None, None), False),
    ],
)
def test_scores_differ_where_their_intervals_say_so(one: Cell, two: Cell, expected: bool) -> None:
    assert differ(one, two) is differ(two, one) is expected


def test_predictions_decide_where_both_models_have_them(tmp_path: Path) -> None:
    """B has the errors of A and others on 5 %, a difference for the paired test but not by intervals."""
    labels = list(TASKS["ynat"].labels)
    gold = [labels[index % 7] for index in range(700)]
    answers = {
        "a": [labels[(index + (index % 10 == 0)) % 7] for index in range(700)],
        "b": [labels[(index + (index % 10 == 0 or index % 21 == 3)) % 7] for index in range(700)],
    }
    found = []
    for name, predicted in answers.items():
        path = tmp_path / name / "predictions_validation.jsonl"
        path.parent.mkdir()
        rows = zip(predicted, gold, strict=True)
        path.write_text(
            "".join(
                json.dumps({"guid": f"g{index}", "prediction": one, "reference": two}) + "\n"
                for index, (one, two) in enumerate(rows)
            )
        )
        score = 100 * sum(one == two for one, two in zip(predicted, gold, strict=True)) / 700
        wide = {"macro_f1": MetricScore(score, score - 5, score + 5)}
        found.append(Found(made_up_record(name=name, scores=wide), path))
    [by_test] = standings(found)
    assert (by_test.tests, ranks(by_test)) == (1, {"a": (1, 1), "b": (2, 2)})
    [by_interval] = standings([Found(one.record) for one in found])
    assert (by_interval.tests, ranks(by_interval)) == (0, {"a": (1, 2), "b": (1, 2)})


def test_a_board_of_a_hundred_models_is_small_and_complete() -> None:
    records = [*published_records(), *made_up_models(100)]
    files = pages([Found(record) for record in records], title="KLUE leaderboard")
    size = sum(len(files[name].encode()) for name in ("index.html", "board.css", "board.js"))
    print(f"\nindex.html, board.css and board.js with 110 and 9 models: {size:,} bytes")
    assert size < 300_000
    assert {f"tasks/{task}.html" for task in TASKS} <= set(files)
    assert len([name for name in files if name.startswith("models/")]) == 100 + 10
    again = [record_from(json.loads(line), "here") for line in files["results.jsonl"].splitlines()]
    assert again == records
    rows = list(csv.DictReader(files["results.csv"].splitlines()))
    assert len(rows) == 14 * (100 + 10 + 9)
    for name, text in files.items():
        if name.endswith(".html"):
            for link in re.findall(r'(?:href|src)="([^"#]+)"', text):
                target = (Path("/") / name).parent / link
                assert link.startswith("https://") or str(target.resolve())[1:] in files, (name, link)


def test_the_command_writes_a_site_and_replaces_its_own_alone(
    finished: tuple[str, Path], tmp_path: Path, capsys: Any
) -> None:
    _, folder = finished
    for _ in range(2):
        assert main([str(folder), "--output", str(tmp_path / "site"), "--title", "Ours"]) == 0
    text = (tmp_path / "site" / "index.html").read_text()
    assert "<h1>Ours</h1>" in text
    assert "these are not KLUE scores" in text
    assert folder.as_posix() not in text
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("work of years")
    assert main([str(folder), "--output", str(tmp_path / "other")]) == 1
    assert "holds no leaderboard" in capsys.readouterr().err
    assert (tmp_path / "other" / "thesis.tex").read_text() == "work of years"
    assert main([str(tmp_path / "none"), "--output", str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()


class Strict(html.parser.HTMLParser):
    """Collects what could run: script elements, event handlers, and links with code."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "iframe", "img", "object", "embed", "base", "meta", "link", "style"):
            self.alive.append(f"{tag} {sorted(given.items())}")
        self.alive += [f"{tag} {name}" for name in given if name.startswith("on")]
        self.alive += [
            f"{tag} {value}"
            for name, value in given.items()
            if name in ("href", "src", "action") and value and re.match(r"\s*[a-zA-Z]+:", value)
        ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_do_not_come_alive(payload: str) -> None:
    """No text field of a record adds anything to a page that could run."""
    harmless = pages([Found(record) for record in records_with("text")], title="text")
    files = pages([Found(record) for record in records_with(payload)], title=payload)
    expected = {alive for text in harmless.values() for alive in alive_in(text)}
    assert len(expected) > 2  # the script and the style sheet of the pages
    for name, text in files.items():
        assert ".." not in name
        assert not name.startswith("/")
        if name.endswith(".html"):
            assert set(alive_in(text)) <= expected, name
    for row in csv.reader(files["results.csv"].splitlines()):
        assert not any(field[:1] in "=+@" for field in row if field)


def alive_in(text: str) -> list[str]:
    parser = Strict()
    parser.feed(text)
    return parser.alive
