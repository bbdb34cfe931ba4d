"""What every recipe script does: read the command line, and only then import the heavy part and run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from klue_datasets.optional import needs
from recipes.arguments import UsageError
from recipes.engine.command_line import make_parser, parse

INTERRUPTED = 130  # the status of a process that Ctrl-C has ended


@needs("train")
def main(task: str, description: str | None, argv: Sequence[str] | None = None) -> None:
    """Runs the recipe of a task.

    Args:
        task: Name of the task.
        description: The script's docstring, for ``--help``.
        argv: The words of the command line; None for those of this process.

    Raises:
        SystemExit: The flags make no sense (status 2), the run failed (1) or was interrupted (130); standard
            error says why.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser(task, description)
    arguments = parse(parser, task, words)
    try:
        from recipes.engine.run import run

        run(task, arguments)
    except KeyboardInterrupt:
        again = words if "--resume_from_checkpoint" in words else [*words, "--resume_from_checkpoint"]
        command = shlex.join([parser.prog, *(again if arguments.do_train else words)])
        print(f"Interrupted. To continue: {command}", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except UsageError as error:
        parser.error(str(error))
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
