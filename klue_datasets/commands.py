"""Helpers for command lines that start quickly and report errors in one sentence.

Flags are parsed before large libraries are imported. Invalid input, missing packages and closed pipes do not
lead to a traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import math
import os
import pkgutil
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, cast

from klue_datasets.messages import in_range

PROJECT = "klue-hub"
BROKEN_PIPE = 128 + 13  # exit status that shells report for SIGPIPE
OURS = ("hub_cards", "klue_datasets", "klue_metrics", "recipes")
RAW_FILES = (
    "KLUE's raw files: a checkout of KLUE, its klue_benchmark folder, the folder of one task, or a .zip or "
    ".tar.gz of one of these."
)  # help of --data_dir
LARGEST_SEED = 2**32 - 1  # largest seed that NumPy accepts


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line: a parser, and the function that runs the command.

    A function given by name is imported after the flags have been parsed, so that ``--help`` and invalid
    flags do not wait for large libraries.

    Attributes:
        make_parser: Function that builds the parser.
        run: The function, or ``module:function`` to import it when needed. It takes the parsed arguments and
            returns the exit status, or None for 0. OSError and ValueError are printed as messages.
            Subcommands can set their own function with ``set_defaults(run=...)``.
        extra: The extra of pyproject.toml that it needs, see ``needs``; subcommands can set their own.
        passes_on: Whether unknown flags are kept as the attribute ``passed_on`` of the arguments.
    """

    make_parser: Callable[..., argparse.ArgumentParser]
    run: str | Callable[[argparse.Namespace], int | None] = ""
    extra: str | None = None
    passes_on: bool = False

    def __call__(self, argv: Sequence[str] | None = None, **options: Any) -> int:
        """Run the command; return the exit status.

        Args:
            argv: The command-line arguments; None for those of this process.
            **options: Options of ``make_parser``.

        Raises:
            SystemExit: The flags are wrong (status 2), a package is missing (1), or standard output was
                closed (141).
        """
        with quiet_pipe():
            parser = self.make_parser(**options)
            arguments, rest = parser.parse_known_args(argv)
            if self.passes_on:
                arguments.passed_on = rest
            elif rest:
                parser.error(f"unrecognized arguments: {' '.join(rest)}")
            settings = vars(arguments)
            target, extra = settings.pop("run", self.run), settings.pop("extra", self.extra)
            with needs(extra):
                with without_collection():
                    run = pkgutil.resolve_name(target) if isinstance(target, str) else target
                try:
                    return int(run(arguments) or 0)
                except (OSError, ValueError) as error:  # messages for the user
                    print(f"{parser.prog}: {error}", file=sys.stderr)
                    return 1


def repeated(words: Sequence[str]) -> str:
    """Return the command line that starts this program again, with other arguments.

    Args:
        words: The arguments.
    """
    program = sys.argv[0]
    if os.path.isfile(program):  # otherwise a command, such as "klue train ner"
        launcher = "accelerate launch" if "ACCELERATE_MIXED_PRECISION" in os.environ else "python"
        program = f"{launcher} {shlex.quote(program)}"
    return f"{program} {shlex.join(words)}"


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Import modules without garbage collections, and keep what they hold out of later ones.

    Importing torch and transformers creates hundreds of thousands of objects that live as long as the
    process. Collections would traverse all of them, during the imports and whenever Trainer collects;
    tests/benchmarks/bench_startup.py measures the effect. Use it in commands only, not in library code.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def needs(extra: str | None = None) -> Iterator[None]:
    """Exit with a one-sentence message if a package cannot be imported.

    It also exits silently when the reader of standard output closes the pipe, as in ``... | head``.

    Args:
        extra: The extra of pyproject.toml that installs the packages used; None if they are part of a plain
            installation.

    Raises:
        SystemExit: A package is missing (status 1; a message names it and how to install it), or the reader
            of standard output closed it (status 141, as in a shell).
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


def number_from(
    least: float,
    most: float = math.inf,
    kind: type[int] | type[float] = int,
    *,
    is_open: bool = False,
) -> Callable[[str], float]:
    """Return a function for ``type=`` of argparse that reads a number within a range.

    Args:
        least: The smallest number.
        most: The largest number.
        kind: Type of the number.
        is_open: Whether the number must be larger than ``least``.
    """

    def read(text: str) -> float:
        value = kind(text)
        if not (least <= value <= most and value < math.inf) or (is_open and value == least):
            expected = in_range(least, most, is_open=is_open)
            raise argparse.ArgumentTypeError(f"{text} is out of range; expected {expected}")
        return value

    read.__name__ = kind.__name__  # argparse names it in messages
    return read


class PathError(argparse.ArgumentTypeError, ValueError):
    """A path on the command line that cannot be read or written; the message is one sentence."""


def input_file(text: str) -> Path:
    """Return the path of a file or pipe to read, for ``type=`` of argparse.

    Raises:
        PathError: There is no such file.
    """
    path = Path(text)
    if path.is_dir():
        raise PathError(f"{path} is a folder; expected a file")
    if not path.exists():
        raise PathError(f"there is no file {path}")
    return path


def output_folder(text: str) -> Path:
    """Return the path of a folder to write, for ``type=`` of argparse.

    Raises:
        PathError: A file is in its place.
    """
    path = Path(text)
    existing = next((part for part in (path, *path.parents) if part.exists()), path)
    if existing.is_file():
        raise PathError(f"{existing} is a file; expected a folder, or a path where nothing exists")
    return path


def output_file(text: str) -> Path:
    """Return the path of a file to write, for ``type=`` of argparse.

    Raises:
        PathError: A folder or a device is in its place, or a file in that of its folder.
    """
    path = Path(text)
    if path.exists() and not path.is_file():  # writing would replace a device by a file
        raise PathError(
            f"{path} is {'a folder' if path.is_dir() else 'a device'}; expected the path of a file"
        )
    output_folder(str(path.parent))
    return path


class _Output:
    """Standard output that exits quietly when its reader has closed the pipe.

    By default a broken pipe raises OSError, which commands would print as an error.
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
            with open(os.devnull, "w") as nothing:  # Python writes buffered output at exit
                os.dup2(nothing.fileno(), self.stream.fileno())
            raise SystemExit(BROKEN_PIPE) from None


@contextlib.contextmanager
def quiet_pipe() -> Iterator[None]:
    """Exit without a message when the reader of standard output closes the pipe, as ``head`` does.

    Raises:
        SystemExit: With status 141, as in a shell for a process ended by SIGPIPE.
    """
    output = cast(TextIO, _Output(sys.stdout))
    with contextlib.redirect_stdout(output):
        try:
            yield
        finally:
            output.flush()


def missing_package(error: BaseException | None) -> str | None:
    """Return the third-party package whose absence caused an error, or None."""
    while error is not None:  # transformers wraps the error with the name
        if isinstance(error, ModuleNotFoundError) and error.name:
            quoted = re.search(r"'([\w-]+)", error.name)  # importlib.metadata stores a sentence as the name
            package = quoted[1] if quoted else error.name.split(".")[0]
            return None if package in OURS else package
        error = error.__cause__
    return None
