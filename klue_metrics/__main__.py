"""Command line of the metrics: ``python -m klue_metrics``. It needs no model.

python -m klue_metrics score --task ner --predictions out/predictions_validation.jsonl --data_dir D
python -m klue_metrics compare --task ner a.jsonl b.jsonl
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from klue_datasets.commands import LARGEST_SEED, RAW_FILES, Command, number_from, output_folder
from klue_datasets.tasks import ALIASES, TASKS
from klue_metrics import scoring
from klue_metrics.export_modules import export
from klue_metrics.functional import METRICS
from klue_metrics.prediction_files import LABELLED, cell_of
from klue_metrics.predictions import Source

PROG = "python -m klue_metrics"


def make_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Build the parser; ``prog`` is the name of the command in messages."""
    parser = argparse.ArgumentParser(prog=prog, description="The official KLUE metrics.")
    commands = parser.add_subparsers(required=True, metavar="score|compare|export")
    breakdowns = ", ".join(f"{' or '.join(metric.breakdowns)} ({task})" for task, metric in METRICS.items())
    score = commands.add_parser(
        "score",
        help="score a predictions file",
        description="Print the official scores of a predictions file, with intervals and a breakdown.",
        epilog=_forms(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    score.add_argument(
        "--predictions", required=True, metavar="FILE", help="Predictions file; its formats are listed below."
    )
    score.add_argument("--by", metavar="NAME", help=f"Breakdown: {breakdowns}, or none.")
    compare = commands.add_parser(
        "compare",
        help="compare two predictions files",
        description="Print the differences between two predictions files (first minus second), with "
        "intervals and the p-values of the paired bootstrap test.",
        epilog=_forms(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("first", help="Predictions file.")
    compare.add_argument("second", help="Predictions file for the same examples.")
    for command, run in ((score, _score), (compare, _compare)):
        command.set_defaults(run=run)
        _add_common(command)
    modules = commands.add_parser(
        "export",
        help="write the metric folders for the Hub",
        description="Write one self-contained folder per metric for evaluate.load.",
    )
    modules.set_defaults(run=_export)
    modules.add_argument(
        "--output_dir", required=True, type=output_folder, metavar="DIR", help="Folder to write."
    )
    modules.add_argument(
        "--namespace",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="Owner of the Spaces that cards and apps load the metrics from (default: klue).",
    )
    return parser


def _forms() -> str:
    """Describe the format of predictions files, for --help."""
    examples = [f"  {task:<5} {cell_of(task)}" for task in TASKS]
    return "\n".join(
        [
            "Formats of predictions files, by file extension (optionally with .gz):",
            '  .jsonl  {"guid": ..., "prediction": ..., "reference": ...} per line, or "index" for "guid"',
            "  .json   a list of such objects, or of predictions in the order of the references",
            "  .csv, .tsv  columns of the same names; without guid and index, in the order of the references",
            f"  .txt    one prediction per line, in that order ({', '.join(LABELLED)})",
            "A prediction for each task; in tables, lists and objects are JSON:",
            *examples,
        ]
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", required=True, choices=[*TASKS, *ALIASES], help="Name of the task.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--references",
        metavar="FILE",
        help="File of references, in one of the same formats (default: those in the predictions file).",
    )
    source.add_argument("--data_dir", metavar="DIR", help=RAW_FILES)
    source.add_argument("--mini", action="store_true", help="Take the references from the mini corpus.")
    source.add_argument(
        "--dataset_name",
        metavar="NAME",
        help="Data set on the Hub, or a folder written by `klue data export`.",
    )
    parser.add_argument(
        "--prediction_key",
        default="prediction",
        metavar="NAME",
        help="Field or column that holds the prediction (default: %(default)s).",
    )
    parser.add_argument(
        "--split",
        default="validation",
        metavar="NAME",
        help="Split of the references (default: %(default)s).",
    )
    parser.add_argument(
        "--resamples",
        type=number_from(0),
        default=1000,
        metavar="N",
        help="Number of bootstrap resamples; 0 for no intervals (default: %(default)s).",
    )
    parser.add_argument(
        "--confidence",
        type=number_from(0, 1, float),
        default=0.95,
        metavar="P",
        help="Confidence level of the intervals (default: %(default)s).",
    )
    parser.add_argument(
        "--method",
        choices=["percentile", "bca"],
        default="percentile",
        help="Bootstrap intervals: percentile, or bias-corrected and accelerated (default: %(default)s).",
    )
    parser.add_argument(
        "--seed",
        type=number_from(0, LARGEST_SEED),
        default=0,
        metavar="N",
        help="Random seed of the bootstrap (default: %(default)s).",
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="Print JSON.")


def _score(arguments: argparse.Namespace) -> None:
    settings, source, as_json = _settings(arguments)
    report = scoring.score(path=settings.pop("predictions"), source=source, **settings)
    print(scoring.to_json(report) if as_json else scoring.format_scores(report))


def _compare(arguments: argparse.Namespace) -> None:
    settings, source, as_json = _settings(arguments)
    report = scoring.compare(source=source, **settings)
    if as_json:
        print(scoring.to_json(report))
    else:
        print(scoring.format_comparison(report, arguments.first, arguments.second))


def _settings(arguments: argparse.Namespace) -> tuple[dict[str, Any], Source, bool]:
    """Split the flags of ``score`` and ``compare`` into settings, references, and whether to print JSON."""
    settings = dict(vars(arguments))
    as_json = settings.pop("as_json")
    source = {field.name: settings.pop(field.name) for field in dataclasses.fields(Source)}
    return settings, Source(**source), as_json


def _export(arguments: argparse.Namespace) -> None:
    print("\n".join(map(str, export(**vars(arguments)))))


main = Command(make_parser)


if __name__ == "__main__":
    raise SystemExit(main())
