"""Publish a trained model, the data set or the metrics on the Hub, each in one commit.

    python -m recipes.publish model --folder out/ner --repo_id me/klue-ner --dry_run
    python -m recipes.publish dataset --folder hub/klue --repo_id me/klue
    python -m recipes.publish dataset --data_dir klue_benchmark --repo_id me/klue --private
    python -m recipes.publish metrics --repo_id me
    python -m recipes.publish board --folder site --repo_id me/klue-board
    python -m recipes.publish scores --results out/roberta --repo_id klue/roberta-base

--dry_run lists the files of each upload and shows its card. Files that hold secrets, runs without results,
files that are too large and adapters for a local base model are refused. First log in with ``hf auth login``,
or set HF_TOKEN.

``scores`` opens a pull request that adds official results to the repository of any model, so that the
leaderboard of the data set shows them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.__main__ import add_repository, add_source, add_view
from klue_datasets.commands import Command, number_from
from klue_datasets.tasks import HUB_DATASET
from recipes.publishing.publishable import DEFAULT_LIMIT_MB


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="model|dataset|metrics|board|scores")
    model = kinds.add_parser("model", help="publish a trained model", description="Publish a trained model.")
    model.add_argument("--folder", required=True, metavar="DIR", help="Output folder of a run.")
    dataset = kinds.add_parser(
        "dataset",
        help="publish the data set",
        description="Publish KLUE's data: an exported folder, or a new export.",
    )
    dataset.add_argument(
        "--folder", metavar="DIR", help="Folder written by `klue data export` (default: a new export)."
    )
    add_source(dataset)
    add_view(dataset)
    metrics = kinds.add_parser(
        "metrics",
        help="publish the metrics as Spaces",
        description="Publish metric modules as Spaces: one with --repo_id me/klue_ynat, all nine with me.",
    )
    board = kinds.add_parser(
        "board",
        help="publish a leaderboard as a static Space",
        description="Publish a leaderboard written by `klue board`.",
    )
    board.add_argument(
        "--folder", default="site", metavar="DIR", help="Folder of the leaderboard (default: site)."
    )
    scores = kinds.add_parser(
        "scores",
        help="propose results to a model's repository",
        description="Open a pull request that adds official results to the repository of a model.",
    )
    scores.add_argument(
        "--results",
        required=True,
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="Files of records, or folders with runs.",
    )
    scores.add_argument(
        "--dataset_id",
        default=HUB_DATASET,
        metavar="NAME",
        help="Data set whose leaderboard shows the results (default: %(default)s).",
    )
    for command in (model, dataset, metrics, board, scores):
        add_repository(command)
        command.add_argument(
            "--max_file_mb",
            type=number_from(1),
            default=DEFAULT_LIMIT_MB,
            metavar="N",
            help="Largest size of a file in MB (default: %(default)s).",
        )
    return parser


main = Command(make_parser, "recipes.publishing.uploads:command", extra="publish")


if __name__ == "__main__":
    raise SystemExit(main())
