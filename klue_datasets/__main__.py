"""``python -m klue_datasets``: KLUE data from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from klue_datasets.tasks import ALIASES, DEFAULT_VERSION, TASKS, VERSION_SUFFIX


def make_parser() -> argparse.ArgumentParser:
    """The command line of this package."""
    parser = argparse.ArgumentParser(prog="python -m klue_datasets", description="KLUE data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser(
        "export",
        help="write the Hub folder: Parquet and card",
        description="Write a folder that load_dataset reads: one Parquet file a split, and a card. "
        "Without --data_dir and --mini, the official files are downloaded and checked.",
    )
    export.add_argument("--output_dir", required=True, metavar="DIR", help="the folder, e.g. hub/klue")
    source = export.add_mutually_exclusive_group()
    source.add_argument("--data_dir", metavar="DIR", help="raw KLUE files: the klue_benchmark folder")
    source.add_argument("--mini", action="store_true", help="the small synthetic corpus of this package")
    export.add_argument("--tasks", nargs="+", choices=[*TASKS, *ALIASES], help="which tasks (default: all)")
    export.add_argument("--version", choices=list(VERSION_SUFFIX), default=DEFAULT_VERSION)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parser = make_parser()
    arguments = vars(parser.parse_args(argv))
    arguments.pop("command")
    from klue_datasets.export import export

    try:
        rows = export(**arguments)
    except (OSError, ValueError) as error:  # sentences that say what was wrong; anything else is a bug
        parser.exit(1, f"{error}\n")
    for task, splits in rows.items():
        print(f"{task}: " + ", ".join(f"{count:,} {split}" for split, count in splits.items()))
    print(f"Written to {arguments['output_dir']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
