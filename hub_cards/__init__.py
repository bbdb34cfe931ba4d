"""Cards for the Hub and the report: templates, and what renders them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


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
