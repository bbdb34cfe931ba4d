"""Publish a trained model, the data set or the metrics on the Hub, each in one commit.

    python -m recipes.publish model --folder out/ner --repo_id me/klue-ner --dry_run
    python -m recipes.publish dataset --folder hub/klue --repo_id me/klue
    python -m recipes.publish dataset --data_dir klue_benchmark --repo_id me/klue --private
    python -m recipes.publish metrics --repo_id me
    python -m recipes.publish board --folder site --repo_id me/klue-board
    python -m recipes.publish scores --results out/roberta --repo_id klue/roberta-base

With --dry_run it only says what would go where, and shows the card. Files that hold secrets, runs without
results, files that are too large and adapters for a local base model are refused. Log in with
``hf auth login`` before, or set HF_TOKEN.

``scores`` opens a pull request that adds official results to a model's repository, whoever owns it; the
leaderboards of the data set show them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.__main__ import add_source, add_view
from klue_datasets.commands import Command
from klue_datasets.tasks import HUB_DATASET
from recipes.publishing.publishable import DEFAULT_LIMIT_MB


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="model|dataset|metrics|board|scores")
    model = kinds.add_parser("model", help="a run's output folder", description="Publish a trained model.")
    model.add_argument("--folder", required=True, metavar="DIR", help="a run's output folder")
    dataset = kinds.add_parser(
        "dataset",
        help="the data set",
        description="Publish KLUE's data: an exported folder, or a new export.",
    )
    dataset.add_argument("--folder", metavar="DIR", help="what klue_datasets export wrote; none: export now")
    add_source(dataset)
    add_view(dataset)
    metrics = kinds.add_parser(
        "metrics",
        help="the metrics, as Spaces",
        description="Publish metric modules as Spaces: me/klue_ynat is one, me all nine of that owner.",
    )
    board = kinds.add_parser(
        "board",
        help="a leaderboard, as a static Space",
        description="Publish what recipes.board has written.",
    )
    board.add_argument("--folder", default="site", metavar="DIR", help="its folder (default: site)")
    scores = kinds.add_parser(
        "scores",
        help="results, as a pull request to a model",
        description="Propose official results to the repository of a model.",
    )
    scores.add_argument(
        "--results", required=True, nargs="+", type=Path, metavar="RESULTS", help="files of records, and runs"
    )
    scores.add_argument(
        "--dataset_id", default=HUB_DATASET, metavar="NAME", help="whose leaderboards (default: %(default)s)"
    )
    for command in (model, dataset, metrics, board, scores):
        command.add_argument("--repo_id", required=True, metavar="NAME", help="where, e.g. me/klue-ner")
        command.add_argument("--private", action="store_true", help="where it is new, make it private")
        command.add_argument("--dry_run", action="store_true", help="only say what would go where")
        command.add_argument(
            "--max_file_mb", type=int, default=DEFAULT_LIMIT_MB, metavar="N",
            help="refuse files above N MB (default: %(default)s)",
        )  # fmt: skip
    return parser


main = Command("publish", make_parser, "recipes.publishing.uploads:command", extra="publish")


if __name__ == "__main__":
    raise SystemExit(main())
