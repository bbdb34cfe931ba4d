"""Build a leaderboard from records of results, as a static site that needs no server and no network.

    python -m recipes.board out/ --output site/
    python -m recipes.board results/team.jsonl out/runs --output site/ --title "KLUE at our lab"
    python -m recipes.board --from_hub klue/klue --output site/

Results come from files of records (.jsonl, see recipes.records), from folders with runs, and from a benchmark
on the Hub. KLUE's published scores are included. Open index.html in a browser, or publish the folder with
recipes.publish board.
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
    parser.add_argument(
        "results", nargs="*", type=Path, metavar="RESULTS", help="Files of records, or folders with runs."
    )
    parser.add_argument(
        "--output",
        type=output_folder,
        default=Path("site"),
        metavar="DIR",
        help="Output folder (default: site).",
    )
    parser.add_argument("--title", default="KLUE leaderboard", metavar="TEXT", help="Title of the pages.")
    parser.add_argument("--no_published", action="store_true", help="Leave out KLUE's published scores.")
    parser.add_argument("--from_hub", metavar="DATASET", help="Add the results of a benchmark on the Hub.")
    parser.add_argument(
        "--resamples",
        type=number_from(1),
        default=1000,
        metavar="N",
        help="Number of resamples of the paired tests (default: 1000).",
    )
    return parser


main = Command(make_parser, "recipes.leaderboard.site:command", extra="report")


if __name__ == "__main__":
    raise SystemExit(main())
