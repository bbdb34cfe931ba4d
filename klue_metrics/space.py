"""Web page for the Space of a metric, which scores a predictions file or compares two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio

from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from klue_metrics.prediction_files import cell_of
from klue_metrics.predictions import Source
from klue_metrics.scoring import compare, score, verdict

SUFFIXES = [".jsonl", ".json", ".csv", ".tsv", ".txt", ".gz"]
SCORES = ["metric", "score", "low", "high"]
COMPARISON = ["metric", "first", "second", "difference", "low", "high", "p"]
INTERVALS = {"confidence": 0.95, "method": "percentile", "seed": 0}
Tables = tuple[str, list[list[Any]], Any, list[list[Any]], str]


def evaluate_files(
    task: str, predictions: str | None, others: str | None, references: str | None, resamples: float = 1000
) -> Tables:
    """Score a file, and compare it with another if given.

    Args:
        task: Name of the task.
        predictions: Path of the file; None if none was given.
        others: Path of a second file, with other predictions for the same examples.
        references: Path of a file with the references; None to use those in the predictions file.
        resamples: Number of bootstrap resamples.

    Returns:
        A summary; rows of scores; the breakdown as a table; rows of the comparison; and its verdict.

    Raises:
        gradio.Error: There is no file, or a file cannot be scored.
    """
    if predictions is None:
        raise gradio.Error("There is no file; expected a file of predictions.")
    source = Source(references=references)
    options: dict[str, Any] = {**INTERVALS, "resamples": int(resamples)}
    try:
        report = score(task, predictions, source, **options)
        against = None
        if others is not None:
            against = compare(task, predictions, others, source=source, **options)
    except (ValueError, OSError) as error:
        # Gradio gives the path of its local copy.
        raise gradio.Error(_without_folders(str(error), predictions, others, references)) from error
    names = METRICS[task].names
    scores = [
        [names[key], *(_rounded(row[name]) for name in SCORES[1:])] for key, row in report["scores"].items()
    ]
    summary = [
        f"{report['examples']:,} examples, {report['right']:,} of them entirely right.",
        *report["notes"],
    ]
    if against is None:
        return "\n\n".join(summary), scores, _breakdown(report), [], ""
    compared = [
        [names[key], *(_rounded(row[name]) for name in COMPARISON[1:-1]), _rounded(row["p_value"], 4)]
        for key, row in against["scores"].items()
    ]
    summary += against.get("notes", [])
    return (
        "\n\n".join(summary),
        scores,
        _breakdown(report),
        compared,
        verdict(against, "The first", "the second"),
    )


def _without_folders(text: str, *paths: str | None) -> str:
    for path in filter(None, paths):
        text = text.replace(str(path), Path(str(path)).name)
    return text


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or value != value else round(float(value), digits)


def _breakdown(report: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a breakdown to headers and rows."""
    groups: Mapping[str, Mapping[str, Any]] = next(
        (value for key, value in report.items() if key.startswith("by_")), {}
    )
    columns = list(dict.fromkeys(name for row in groups.values() for name in row if name != "predicted_as"))
    rows = [[group, *(_rounded(row.get(name)) for name in columns)] for group, row in groups.items()]
    return {"headers": ["group", *columns], "data": rows}


def make_page(task: str | None = None, module: str = "klue_metric") -> gradio.Blocks:
    """Build the page of a task's metric.

    Args:
        task: Name of the task; None to let the user choose.
        module: Name or folder for ``evaluate.load``.
    """
    names = list(METRICS) if task is None else [task]
    title = "KLUE metrics" if task is None else f"KLUE {TASKS[task].title} ({task})"
    with gradio.Blocks(title=title) as page:
        call = f'evaluate.load("{module}", "{names[0]}")' if task is None else f'evaluate.load("{module}")'
        gradio.Markdown(
            f"# {title}\n\nThe official metrics of KLUE, times 100, with 95 % bootstrap intervals. "
            f"In Python: `{call}`."
        )
        choice = gradio.Dropdown(names, value=names[0], label="Task", visible=task is None)
        form = gradio.Markdown(_form(names[0]))
        choice.change(_form, choice, form)
        with gradio.Row():
            first = gradio.File(label="Predictions", file_types=SUFFIXES)
            second = gradio.File(label="Other predictions, to compare with (optional)", file_types=SUFFIXES)
            gold = gradio.File(label="References (optional: those in the file)", file_types=SUFFIXES)
        button = gradio.Button("Score", variant="primary")
        summary = gradio.Markdown()
        scores = gradio.Dataframe(headers=SCORES, label="Scores", interactive=False)
        sentence = gradio.Textbox(label="Verdict", interactive=False)
        compared = gradio.Dataframe(headers=COMPARISON, label="Comparison", interactive=False)
        breakdown = gradio.Dataframe(label="Breakdown", interactive=False)
        button.click(
            evaluate_files,
            [choice, first, second, gold],
            [summary, scores, breakdown, compared, sentence],
            api_name="score",
        )
    return page


def _form(task: str) -> str:
    """Describe the format of predictions files."""
    return (
        'A line of a .jsonl file is `{"guid": …, "prediction": …, "reference": …}`; '
        f".json, .csv, .tsv and .txt work too. A prediction of {task}: `{cell_of(task)}`."
    )


def launch(task: str | None = None, module: str = "klue_metric", **options: Any) -> Any:
    """Start the page; takes the arguments of ``make_page`` and options of ``gradio.Blocks.launch``."""
    return make_page(task, module).launch(**{"show_error": True, **options})
