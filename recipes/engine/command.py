"""What every recipe script does: read the command line, and only then import the heavy part and run."""

from __future__ import annotations

from collections.abc import Sequence

from recipes.engine.command_line import make_parser, parse


def main(task: str, description: str | None, argv: Sequence[str] | None = None) -> None:
    """Runs the recipe of a task.

    Args:
        task: Name of the task.
        description: The script's docstring, for ``--help``.
        argv: The words of the command line; None for those of this process.
    """
    parser = make_parser(task, description)
    arguments = parse(parser, task, argv)
    from recipes.engine.training import run
    from recipes.tasks import get_recipe

    run(get_recipe(task), arguments)
