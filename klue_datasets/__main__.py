"""Command line of the data sets: ``python -m klue_datasets``."""

from __future__ import annotations

import argparse
from typing import Any

from klue_datasets.commands import RAW_FILES, Command, output_folder
from klue_datasets.tasks import ALIASES, DEFAULT_VERSION, TASKS, VERSION_SUFFIX

PROG = "python -m klue_datasets"


def make_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Build the parser; ``prog`` is the name of the command in messages."""
    parser = argparse.ArgumentParser(prog=prog, description="KLUE data sets.")
    commands = parser.add_subparsers(required=True, metavar="export|push|validate|stats")
    export = _add(
        commands,
        "export",
        "write the Hub folder: Parquet and card",
        "Write a folder that load_dataset reads: one Parquet file per split, and a card.",
    )
    export.set_defaults(run="klue_datasets.export:command", extra="publish")
    export.add_argument(
        "--output_dir",
        required=True,
        type=output_folder,
        metavar="DIR",
        help="Folder to write, such as hub/klue.",
    )
    add_view(export)
    push = _add(
        commands,
        "push",
        "upload the Hub folder",
        "Export to a temporary folder and upload it to the Hub in one commit.",
    )
    push.set_defaults(run="klue_datasets.push:command", extra="publish")
    add_repository(push)
    add_view(push)
    validate = _add(
        commands,
        "validate",
        "check raw files",
        "Count and check the rows of raw files, and compare the files with the published ones. The exit "
        "status is 1 if there is a defect that is not in the list of known ones.",
    )
    validate.set_defaults(run="klue_datasets.validation:command")
    stats = _add(commands, "stats", "count labels and lengths", "Print rows, label counts and lengths.")
    stats.add_argument("--json", action="store_true", dest="as_json", help="Print JSON, as in stats.json.")
    stats.set_defaults(run="klue_datasets.statistics:command")
    return parser


def _add(commands: Any, name: str, title: str, description: str) -> argparse.ArgumentParser:
    """Add a subcommand with the flags shared by all subcommands."""
    source_help = " Without --data_dir and --mini, the official files are downloaded and checked."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=title, description=description + source_help
    )
    add_source(parser)
    return parser


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the flags that select the data, which have the names of the arguments of ``load``."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data_dir", metavar="DIR", help=RAW_FILES)
    source.add_argument("--mini", action="store_true", help="Use the small synthetic corpus of this package.")
    parser.add_argument("--tasks", nargs="+", choices=[*TASKS, *ALIASES], help="Tasks (default: all).")
    parser.add_argument(
        "--version",
        choices=list(VERSION_SUFFIX),
        default=DEFAULT_VERSION,
        help="Version of KLUE (default: %(default)s).",
    )


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add the flag that selects the columns of an export."""
    parser.add_argument(
        "--hub_compatible",
        action="store_true",
        help="Keep exactly the rows and columns of klue/klue on the Hub.",
    )


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Add the flags of an upload."""
    parser.add_argument("--repo_id", required=True, metavar="NAME", help="Repository, such as me/klue.")
    parser.add_argument("--private", action="store_true", help="Make a new repository private.")
    parser.add_argument("--dry_run", action="store_true", help="Only list what would be uploaded.")


main = Command(make_parser)

if __name__ == "__main__":
    raise SystemExit(main())
