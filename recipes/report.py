"""Write one report on any number of finished runs: Markdown, CSV, JSON and a web page.

    python -m recipes.report out/ --output report/
    python -m recipes.report out/demo ../shared/runs --output report/ --max_rows 2000

Runs are found in any layout: every folder with an all_results.json is one. Runs that differ in their seed
alone are one line, with mean and standard deviation. The page, index.html, is one file that needs neither a
network nor a server: open it in a browser.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_folder


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="where to look for runs")
    parser.add_argument(
        "--output", type=output_folder, default=Path("report"), metavar="DIR", help="where (default: report)"
    )
    parser.add_argument(
        "--resamples", type=_positive, default=1000, metavar="N", help="of the bootstrap (default: 1000)"
    )
    parser.add_argument(
        "--max_runs",
        type=_positive,
        default=6,
        metavar="N",
        help="how many runs a task are shown and compared one by one; the tables have all (default: 6)",
    )
    parser.add_argument(
        "--max_rows",
        type=_positive,
        default=1000,
        metavar="N",
        help="how many examples a task are in the page, wrong answers first (default: 1000)",
    )
    return parser


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is too small; expected at least 1")
    return number


main = Command("", make_parser, "recipes.reporting.page:command", extra="report")


if __name__ == "__main__":
    raise SystemExit(main())
