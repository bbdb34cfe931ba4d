"""One sentence in place of a traceback where a package is missing that only a part of this project needs."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator

PROJECT = "klue-hub"
OURS = ("hub_cards", "klue_datasets", "klue_metrics", "recipes")


@contextlib.contextmanager
def needs(extra: str | None = None) -> Iterator[None]:
    """Ends the process with a sentence where a package cannot be imported; a decorator of ``main`` functions.

    Args:
        extra: The extra of pyproject.toml that installs everything that is used here; None where a plain
            installation does.

    Raises:
        SystemExit: A package is missing; a sentence on standard error says which and how to install it, the
            status is 1.
    """
    try:
        yield
    except ImportError as error:
        package = missing_package(error)
        if package is None:
            raise
        name = f"{PROJECT}[{extra}]" if extra else PROJECT
        command = f"pip install '{name}'" if extra else f"pip install {name}"
        folder, program = os.path.split(sys.argv[0])
        program = os.path.basename(folder) if program == "__main__.py" else program
        print(f"{program}: This needs the package {package}; install it with: {command}", file=sys.stderr)
        raise SystemExit(1) from None


def missing_package(error: BaseException | None) -> str | None:
    """The package of others whose absence is behind an error; None where something else is."""
    while error is not None:  # transformers raises errors of its own, caused by the one that has the name
        if isinstance(error, ModuleNotFoundError) and error.name:
            quoted = re.search(r"'([\w-]+)", error.name)  # importlib.metadata puts a sentence there
            package = quoted[1] if quoted else error.name.split(".")[0]
            return None if package in OURS else package
        error = error.__cause__
    return None
