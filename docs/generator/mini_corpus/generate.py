"""Writes the mini corpus to disk, or checks that the files on disk are what the generators make.

python -m docs.generator.mini_corpus.generate            # write into klue_datasets/mini
python -m docs.generator.mini_corpus.generate --check    # exit 1 and name the files whose bytes differ
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from docs.generator.mini_corpus import dp, mrc, ner, nli, re, sts, wos, ynat
from klue_datasets.commands import needs
from klue_datasets.loading import MINI_DIR

# Each task module offers `files()`, the text of its raw files by path. To add a task, add its function.
GENERATORS: tuple[Callable[[], dict[str, str]], ...] = (
    ynat.files,
    sts.files,
    nli.files,
    ner.files,
    re.files,
    dp.files,
    mrc.files,
    wos.files,
)


def corpus_files() -> dict[str, bytes]:
    """Return the bytes of every file of the mini corpus by its path below the output folder."""
    texts = {path: text for generate in GENERATORS for path, text in generate().items()}
    return {path: text.encode("utf-8") for path, text in texts.items()}


def write_corpus(output_dir: Path) -> None:
    """Write every file of the mini corpus below `output_dir`."""
    for path, content in corpus_files().items():
        target = output_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def differing_files(output_dir: Path) -> list[str]:
    """Return the paths whose file below `output_dir` is missing or has other bytes than generated."""
    return [path for path, content in corpus_files().items() if not _holds(output_dir / path, content)]


def _holds(target: Path, content: bytes) -> bool:
    """Return whether the file exists with exactly this content."""
    return target.is_file() and target.read_bytes() == content


def make_parser() -> argparse.ArgumentParser:
    """Return the command line parser."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.generator.mini_corpus.generate", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--output_dir", type=Path, default=MINI_DIR, help="folder of the raw files")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    return parser


@needs()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    if not options.check:
        write_corpus(options.output_dir)
        return 0
    differing = differing_files(options.output_dir)
    for path in differing:
        print(f"{options.output_dir / path} differs from what the generators make", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
