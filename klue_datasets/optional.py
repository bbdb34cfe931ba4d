"""End commands without a traceback when a package is missing or their output pipe is closed."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

PROJECT = "klue-hub"
BROKEN_PIPE = 128 + 13  # the status that a shell gives to a process that SIGPIPE has ended
OURS = ("hub_cards", "klue_datasets", "klue_metrics", "recipes")


@contextlib.contextmanager
def needs(extra: str | None = None) -> Iterator[None]:
    """Ends the process with a sentence where a package cannot be imported; a decorator of ``main`` functions.

    It also ends the process silently when the reader of standard output has gone, as in ``... | head``.

    Args:
        extra: The extra of pyproject.toml that installs everything that is used here; None where a plain
            installation does.

    Raises:
        SystemExit: A package is missing; a sentence on standard error says which and how to install it, the
            status is 1. Or standard output was closed by its reader; the status is 141, as in a shell.
    """
    try:
        with quiet_pipe():
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


class _Output:
    """Standard output that ends the process when its reader has gone.

    Elsewhere a broken pipe is an OSError, which commands would print as an error of theirs.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> None:
        self._try(self.stream.write, text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def _try(self, call: Callable[..., Any], *words: str) -> None:
        try:
            call(*words)
        except BrokenPipeError:
            with open(os.devnull, "w") as nothing:  # for what is still buffered, which Python writes at exit
                os.dup2(nothing.fileno(), self.stream.fileno())
            raise SystemExit(BROKEN_PIPE) from None


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """Ends the process without a message when the reader of standard output has gone, as ``head`` does.

    Raises:
        SystemExit: With status 141, as a shell reports a process that SIGPIPE has ended.
    """
    output = cast(TextIO, _Output(sys.stdout))
    with contextlib.redirect_stdout(output):
        try:
            yield
        finally:
            output.flush()


def missing_package(error: BaseException | None) -> str | None:
    """The package of others whose absence is behind an error; None where something else is."""
    while error is not None:  # transformers raises errors of its own, caused by the one that has the name
        if isinstance(error, ModuleNotFoundError) and error.name:
            quoted = re.search(r"'([\w-]+)", error.name)  # importlib.metadata puts a sentence there
            package = quoted[1] if quoted else error.name.split(".")[0]
            return None if package in OURS else package
        error = error.__cause__
    return None
