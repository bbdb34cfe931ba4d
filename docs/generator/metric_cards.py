"""Generate cards, apps and first lines of the metric modules from records and definitions.

Scores, inputs and errors in a card are those in the docstring of ``klue_metrics.functional.<task>.compute``,
and the example is that of the evaluate module. ``metrics/<task>.md`` adds an introduction, details that go
beyond the docstring, and limitations.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

from docs.generator.readme_tables import as_markdown, result_keys
from hub_cards import published_tables, render
from klue_datasets.tasks import CITATION, DP_RELATIONS, TASKS, Task
from klue_metrics.functional import METRICS, Metric

PROSE = Path(__file__).parent / "metrics"
TEMPLATES = Path(__file__).parent / "templates"
APP = """\
from klue_metrics.space import launch

launch({task}, "{name}")
"""
ALL = "klue_metric"


def card(task: str, module: str) -> str:
    """Generate the card of a task's metric.

    Args:
        task: Name of the task.
        module: Text of the evaluate module, whose docstring contains the example.
    """
    record, metric = TASKS[task], METRICS[task]
    parts = docstring_parts(inspect.getdoc(metric.compute) or "")
    intro, details, limitations = _prose(task)
    breakdowns = [item for item in parts["Returns"] if item.startswith("With `by")]
    return render(
        "metric.md",
        folder=TEMPLATES,
        record=record,
        metric=metric,
        scores=_joined(list(metric.names.values())),
        intro=intro,
        definition=[item for item in parts["Returns"] if item not in breakdowns],
        details=details,
        limitations=limitations,
        example=_example(module, f'klue_metrics.load("{task}")'),
        inputs=parts["Args"],
        labels=_labels(record, metric),
        keys=result_keys(task),
        breakdowns=breakdowns,
        errors=parts["Raises"],
        published=published_tables(task, METRICS[task].names),
        citation=CITATION,
    )


def card_of_all(module: str) -> str:
    """Generate the card of ``klue_metric`` from its module."""
    rows = [
        [f"`{name}`", record.title.lower(), result_keys(name), f"klue_{name}"]
        for name, record in TASKS.items()
    ]
    table = as_markdown(["config", "task", "result keys (times 100)", "card"], rows)
    example = _example(module, 'evaluate.load(klue_metrics.path(), "nli")', "import evaluate, klue_metrics")
    return render("metrics.md", folder=TEMPLATES, table=table, example=example, citation=CITATION)


def app(name: str) -> str:
    """Generate the app of a metric's Space; with that of ``klue_metric``, users choose the task."""
    task = "None" if name == ALL else f'"{name.removeprefix("klue_")}"'
    return APP.format(task=task, name=name)


def with_first_line(task: str, module: str) -> str:
    """Replace the first line of an evaluate module by one from the task's record."""
    plural = "metrics" if len(METRICS[task].names) > 1 else "metric"
    title = TASKS[task].title.lower()
    line = f'"""The official {plural} of KLUE {title} ({task}) as an evaluate module.\n'
    return line + module.split("\n", 1)[1]


def recipe_with_head(task: str, script: str) -> str:
    """Replace the beginning of a recipe's docstring, shown by --help, by one from the task's record.

    Args:
        task: Name of the task.
        script: Text of the script, which is kept from the first command on.
    """
    record, metric = TASKS[task], METRICS[task]
    names = list(metric.names.values())
    chooses = "which also chooses" if len(names) == 1 else f"of which {metric.names[metric.primary]} chooses"
    scored = textwrap.fill(f"Scored by {_joined(names)}, {chooses} the checkpoint.", 110)
    head = f"Fine-tune an encoder on KLUE {record.title.lower()} ({task}): {record.summary}."
    commands = script.index("accelerate launch ")
    return f'"""{head}\n\n{scored}\n\n{script[commands:]}'


def docstring_sections(docstring: str) -> dict[str, str]:
    """Find the sections of a Google-style docstring: title -> text, without its indentation."""
    found = re.findall(r"^(\w+):\n((?:    .*\n?|\n)+)", docstring, flags=re.MULTILINE)
    return {title: textwrap.dedent(body).strip() for title, body in found}


def docstring_parts(docstring: str) -> dict[str, list[str]]:
    """Parse the sections of a Google-style docstring into lists of Markdown items.

    Items of Args and Raises are a name and its description. Items of Returns begin at a line that starts with
    the key of a score or with ``With``; lines before the first of these are ignored.
    """
    parts: dict[str, list[str]] = {}
    for title, body in docstring_sections(docstring).items():
        begins = r"``(?!by_)\w+``|With " if title == "Returns" else r"\w+: "
        items: list[list[str]] = []
        for line in body.splitlines():
            if re.match(begins, line):
                items.append([])
            if items and line:
                items[-1].append(line.strip())
        parts[title] = [_as_markdown(" ".join(item), title) for item in items]
    return parts


def _as_markdown(item: str, title: str) -> str:
    item = item.replace("``", "`")
    if title == "Args":
        name, text = item.split(": ", 1)
        return f"`{name}`: {text[0].lower()}{text[1:]}"
    if title == "Raises":
        text = item.removeprefix("ValueError: ")
        return text[0].lower() + text[1:]
    return item


def _prose(task: str) -> tuple[str, str | None, str]:
    """Return introduction, optional details and limitations of a metric."""
    text = (PROSE / f"{task}.md").read_text(encoding="utf-8")
    intro, *rest = re.split(r"^## (Details|Limitations)$", text, flags=re.MULTILINE)
    sections = {title: body.strip() for title, body in zip(rest[::2], rest[1::2], strict=True)}
    return intro.strip(), sections.get("Details"), sections["Limitations"]


def _example(module: str, load: str, imports: str = "import klue_metrics") -> str:
    """Return the example in a module's docstring, with another way to load the metric."""
    lines = (ast.get_docstring(ast.parse(module)) or "").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(">>> metric = "))
    return "\n".join([f">>> {imports}", f">>> metric = {load}", *lines[start + 1 :]])


def _labels(record: Task, metric: Metric) -> str | None:
    """List the label names of a task in the order of their ids."""
    if record.name == "dp":
        return f"Relations: {', '.join(DP_RELATIONS)}."
    if metric.types["references"] in ("int64", ["int64"]):
        return f"Names, in the order of their Hub ids: {', '.join(record.labels)}."
    return None


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
