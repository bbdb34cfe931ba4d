"""Write one report on any number of finished runs: Markdown, CSV, JSON and a web page.

    python -m recipes.report out/ --output report/
    python -m recipes.report out/demo ../shared/runs --output report/ --max_rows 2000

Every folder with an all_results.json is a run, at any depth. Runs that differ only in their seed share a line
with their mean and standard deviation. The page, index.html, is a single file that needs neither a network
nor a server; open it in a browser.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, number_from, output_folder


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="Folders with runs.")
    parser.add_argument(
        "--output",
        type=output_folder,
        default=Path("report"),
        metavar="DIR",
        help="Output folder (default: report).",
    )
    parser.add_argument(
        "--resamples",
        type=number_from(1),
        default=1000,
        metavar="N",
        help="Number of bootstrap resamples (default: 1000).",
    )
    parser.add_argument(
        "--max_runs",
        type=number_from(1),
        default=6,
        metavar="N",
        help="Number of runs per task that the page shows and compares; tables have all runs (default: 6).",
    )
    parser.add_argument(
        "--max_rows",
        type=number_from(1),
        default=1000,
        metavar="N",
        help="Number of examples per task in the page, wrong answers first (default: 1000).",
    )
    return parser


main = Command(make_parser, "recipes.reporting.page:command", extra="report")


if __name__ == "__main__":
    raise SystemExit(main())
