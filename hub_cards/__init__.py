"""Cards for the Hub and the report: templates, and what renders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"
PUBLISHED = Path(__file__).parent / "published_scores.yaml"


def render(template: str, **values: Any) -> str:
    """Fills a template of this folder.

    Args:
        template: File name below hub_cards/templates.
        **values: What the template names; a name that it needs and does not get is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(["html"], default=False),  # the others are Markdown
    )
    return environment.get_template(template).render(**values)


def published_scores(task: str) -> dict[str, dict[str, float]]:
    """The paper's scores of one task: model -> result key -> score on KLUE's private test set, times 100."""
    import yaml

    models: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(PUBLISHED.read_text("utf-8"))["models"]
    return {model: scores[task] for model, scores in models.items()}


def published_rows(task: str) -> tuple[list[str], list[list[str]]]:
    """The same as a table: names of the scores, and for each model its name and its scores."""
    from klue_metrics.functional import get_metric

    scores, names = published_scores(task), get_metric(task).names
    keys = list(next(iter(scores.values())))
    rows = [[model, *(f"{by_key[key]:.2f}" for key in keys)] for model, by_key in scores.items()]
    return [names[key] for key in keys], rows
