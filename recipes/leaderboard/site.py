"""A leaderboard as a static site, which needs neither a server nor a network.

Tables are HTML; a script of a few kilobytes sorts and filters them and draws the plot as SVG. There is no
charting library, which would be many times larger.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hub_cards import PROJECT_URL, __version__, render
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes.leaderboard.record_sources import Found, find_records, published_records, records_from_hub
from recipes.leaderboard.standings import COLUMNS, Cell, ModelRow, Standing, standings

TEMPLATES = Path(__file__).parent / "templates"
INDEX, RECORDS, TABLE = "index.html", "results.jsonl", "results.csv"
STATIC = ("board.css", "board.js")
SIZES = ("all", "small", "base", "large")
AXES = {"parameters": "parameters", "latency": "ms per example"}


def write_site(found: Sequence[Found], output_dir: Path, *, title: str, resamples: int = 1000) -> list[Path]:
    """Write the pages of a leaderboard; they replace an earlier version only when all are complete.

    Args:
        found: The records.
        output_dir: Output folder.
        title: Heading of the pages.
        resamples: Number of bootstrap resamples for comparing models by their predictions.

    Returns:
        The files, ``index.html`` first.

    Raises:
        FileExistsError: The folder contains something other than a leaderboard.
    """
    if output_dir.exists() and (not output_dir.is_dir() or _is_other(output_dir)):
        raise FileExistsError(
            f"{output_dir} exists and holds no leaderboard; expected a new folder, an empty one, or an "
            "earlier leaderboard."
        )
    files = pages(found, title=title, resamples=resamples)
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output_dir.parent, prefix=f".{output_dir.name}.") as work:
        new = Path(work) / "new"
        for name, text in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(text, encoding="utf-8")
        if output_dir.exists():
            shutil.rmtree(output_dir)
        new.rename(output_dir)
    return [output_dir / name for name in files]


def _is_other(folder: Path) -> bool:
    return any(folder.iterdir()) and not all((folder / name).is_file() for name in (INDEX, *STATIC))


def pages(found: Sequence[Found], *, title: str, resamples: int = 1000) -> dict[str, str]:
    """Generate the files of a leaderboard by name; arguments as in ``write_site``."""
    tables = standings(found, resamples)
    links = _links(tables)
    shared = {"title": title, "version": __version__, "columns": _columns(), "links": links, "shown": shown}
    files = {
        INDEX: _page(
            "index.html",
            **shared,
            tables=tables,
            sizes=SIZES,
            axes=AXES,
            kinds=sorted({row.kind for table in tables for row in table.rows}),
        )
    }
    files |= {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in STATIC}
    for task, record in TASKS.items():
        names = {key: METRICS[task].names[key] for key in record.leaderboards}
        files[f"tasks/{task}.html"] = _page(
            "task.html", **shared, task=record, names=names, tables=_of_task(tables, task)
        )
    for model, link in links.items():
        own = [(table, row) for table in tables for row in table.rows if row.model == model]
        files[link] = _page("model.html", **shared, model=model, own=own, facts=_facts, is_link=is_link)
    rows = [one.record.to_json() for one in found]
    files[RECORDS] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    files[TABLE] = _csv(tables)
    return files


def _page(template: str, **values: Any) -> str:
    return render(template, folder=TEMPLATES, **values)


def _columns() -> list[dict[str, str]]:
    """Return the official metrics for the headings."""
    return [
        {
            "task": task,
            "key": key,
            "id": TASKS[task].leaderboards[key],
            "name": METRICS[task].names[key],
            "title": TASKS[task].title,
        }
        for task, key in COLUMNS
    ]


def _links(tables: Sequence[Standing]) -> dict[str, str]:
    """Map models to file names of their pages, in ASCII, with a number in case of collisions."""
    links: dict[str, str] = {}
    for model in sorted({row.model for table in tables for row in table.rows}):
        plain = unicodedata.normalize("NFKD", model).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "model"
        number, name = 1, slug
        while f"models/{name}.html" in links.values():
            number += 1
            name = f"{slug}-{number}"
        links[model] = f"models/{name}.html"
    return links


def _of_task(tables: Sequence[Standing], task: str) -> list[tuple[Standing, list[ModelRow]]]:
    """Return the rows of each table that have a score in a task, sorted by the primary metric."""
    found = []
    for table in tables:
        rows = [row for row in table.rows if any(column[0] == task for column in row.cells)]
        first = next(key for name, key in COLUMNS if name == task)
        rows.sort(key=lambda row: -row.cells[task, first].mean if (task, first) in row.cells else 1000)
        if rows:
            found.append((table, rows))
    return found


def shown(cell: Cell | None) -> str:
    """Format a score with its interval."""
    if cell is None:
        return "–"
    if cell.low is None or cell.high is None:
        return f"{cell.mean:.2f}"
    return f"{cell.mean:.2f} [{cell.low:.2f}, {cell.high:.2f}]"


def is_link(text: str | None) -> bool:
    """Return whether a text is a safe link for a page."""
    return text is not None and re.fullmatch(r"https?://[^\s\"'<>]+", text) is not None


def _facts(row: ModelRow) -> list[tuple[str, str]]:
    """Return the facts about a row other than scores."""
    first = row.records[0]
    seeds = sorted({seed for record in row.records for seed in record.method.seeds})
    devices = sorted({record.speed.device for record in row.records if record.speed.device})
    dates = sorted({record.date for record in row.records if record.date})
    facts = {
        "method": row.method,
        "size": row.size,
        "parameters": f"{row.parameters:,}" if row.parameters else "",
        "seeds": ", ".join(map(str, seeds)),
        "latency": f"{row.latency:.2f} ms per example" if row.latency is not None else "",
        "device": ", ".join(devices),
        "date": dates[-1] if dates else "",
        "klue-hub": first.package or "",
        "source": first.method.source or "",
    }
    return [(name, value) for name, value in facts.items() if value]


def _csv(tables: Sequence[Standing]) -> str:
    """Format one line per score as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["data", "official", "model", "method", "parameters", "task", "metric", "score", "low", "high",
         "best_rank", "worst_rank"]
    )  # fmt: skip
    for table in tables:
        for row in table.rows:
            for (task, key), cell in row.cells.items():
                values: list[Any] = [
                    table.title, table.is_official, row.model, row.method, row.parameters, task, key,
                    cell.mean, cell.low, cell.high, cell.best_rank, cell.worst_rank,
                ]  # fmt: skip
                writer.writerow([_plain(value) for value in values])
    return text.getvalue()


def _plain(value: Any) -> Any:
    """Escape values that spreadsheets would interpret as formulas."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def space_card(repo_id: str) -> str:
    """Generate README.md for a static Space with the site."""
    settings = {
        "title": repo_id.split("/")[-1],
        "sdk": "static",
        "app_file": INDEX,
        "tags": ["leaderboard", "klue"],
    }
    metadata = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    return f"---\n{metadata}---\n\nA leaderboard of KLUE, made with [klue-hub]({PROJECT_URL}).\n"


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.board``, and write the site.

    Raises:
        ValueError: There are no results.
    """
    found = [] if arguments.no_published else [Found(record) for record in published_records()]
    if arguments.from_hub:
        found += [Found(record) for record in records_from_hub(arguments.from_hub)]
    found += find_records(arguments.results)
    if not found:
        raise ValueError("there are no results; expected files of records, or folders with runs.")
    files = write_site(found, arguments.output, title=arguments.title, resamples=max(arguments.resamples, 1))
    total = sum(path.stat().st_size for path in files)
    print(f"{files[0]} ({files[0].stat().st_size:,} bytes; {len(files)} files, {total:,} bytes)")
