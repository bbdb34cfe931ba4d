"""Card templates, the function that renders them, and KLUE's published scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__version__ = "0.1.0"  # version of the whole project
PROJECT_URL = "https://github.com/klue-hub/klue-hub"
TEMPLATES = Path(__file__).parent / "templates"
PUBLISHED = Path(__file__).parent / "published_scores.yaml"


def render(template: str, *, folder: Path = TEMPLATES, **values: Any) -> str:
    """Render a template.

    Args:
        template: File name of the template.
        folder: Folder of the template; templates that it includes may also be in hub_cards/templates.
        **values: Values of the template's variables; a variable without a value is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(["html"], default=False),  # the other templates are Markdown
    )
    return environment.get_template(template).render(project_url=PROJECT_URL, **values)


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """Published scores of one task from one source.

    Attributes:
        title: Title of the table, with the split and the authors.
        split: ``test``, ``dev``, or ``not stated`` if the source does not say.
        source: Link to the source, or its name.
        header: Names of the columns: the first column, then each score, with the split if it is known.
        rows: Rows of the table: a name, then the scores with two decimals.
        notes: Sentences about single rows.
    """

    title: str
    split: str
    source: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def published_tables(task: str, score_names: Mapping[str, str], *names: str) -> list[PublishedTable]:
    """Return the published scores of a task, one table per block of published_scores.yaml.

    Args:
        task: Name of the task.
        score_names: Key of a score -> its name in tables.
        *names: Names of blocks, such as ``test`` and ``dev``; by default all blocks.
    """
    tables = []
    for name, block in read_published().items():
        rows = {row: tasks[task] for row, tasks in block["rows"].items() if task in tasks}
        if not rows or (names and name not in names):
            continue
        split = block["split"]
        suffix = f" ({split})" if split in ("test", "dev") else ""
        keys = list(next(iter(rows.values())))
        notes = [note for note in block.get("notes", []) if note["task"] == task]
        tables.append(
            PublishedTable(
                title=block["title"],
                split=split,
                source=block["source"],
                header=[block["first_column"], *(f"{score_names.get(key, key)}{suffix}" for key in keys)],
                rows=[[row, *(f"{scores[key]:.2f}" for key in keys)] for row, scores in rows.items()],
                notes=[f"{', '.join(note['rows'])}: {note['text']}" for note in notes],
            )
        )
    return tables


def read_published() -> dict[str, Any]:
    """Read published_scores.yaml: its blocks by name."""
    import yaml

    blocks: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text("utf-8"))
    return blocks
