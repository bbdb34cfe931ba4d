"""Command line of the metrics: ``python -m klue_metrics``. It needs no model.

python -m klue_metrics score --task ner --predictions out/predictions_validation.jsonl --data_dir D
python -m klue_metrics compare --task ner a.jsonl b.jsonl
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from klue_datasets.commands import Command, output_folder
from klue_datasets.tasks import ALIASES, TASKS
from klue_metrics import scoring
from klue_metrics.export_modules import export
from klue_metrics.functional import METRICS
from klue_metrics.prediction_files import LABELLED, cell_of
from klue_metrics.predictions import Source

PROG = "python -m klue_metrics"


def make_parser(prog: str = PROG) -> argparse.ArgumentParser:
    """Build the parser. ``prog`` is the name that the user typed."""
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
        "--predictions",
        required=True,
        metavar="FILE",
        help="see below",
    )
    score.add_argument(
        "--by",
        metavar="NAME",
        help=f"the breakdown: {breakdowns}, or none",
    )
    compare = commands.add_parser(
        "compare",
        help="compare two predictions files",
        description="Print the differences between two predictions files (first minus second), with "
        "intervals and the p-values of the paired bootstrap test.",
        epilog=_forms(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("first", help="a predictions file")
    compare.add_argument("second", help="another, of the same examples")
    for command, run in ((score, _score), (compare, _compare)):
        command.set_defaults(run=run)
        _add_common(command)
    modules = commands.add_parser(
        "export",
        help="write the metric folders for the Hub",
        description="Write one self-contained folder per metric, that evaluate.load takes.",
    )
    modules.set_defaults(run=_export)
    modules.add_argument(
        "--output_dir", required=True, type=output_folder, metavar="DIR", help="e.g. hub/metrics"
    )
    modules.add_argument(
        "--namespace",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="whose Spaces they become; what cards and apps load them from (default: klue)",
    )
    return parser


def _forms() -> str:
    """Describe the format of predictions files, for --help."""
    examples = [f"  {task:<5} {cell_of(task)}" for task in TASKS]
    return "\n".join(
        [
            "Files of predictions, by the ending of their name (optionally with .gz):",
            '  .jsonl  per line {"guid": ..., "prediction": ..., "reference": ...} or with "index"',
            "  .json   a list of such objects, or of predictions in the order of the references",
            "  .csv, .tsv  columns of the same names; without guid and index, in the order of the references",
            f"  .txt    a prediction per line, in that order ({', '.join(LABELLED)})",
            "A prediction of each task; in a table, lists and objects are JSON:",
            *examples,
        ]
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", required=True, choices=[*TASKS, *ALIASES])
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--references",
        metavar="FILE",
        help="references in a file like that of the predictions (default: those in it)",
    )
    source.add_argument("--data_dir", metavar="DIR", help="raw KLUE files: the klue_benchmark folder")
    source.add_argument("--mini", action="store_true", help="the mini corpus of klue_datasets")
    source.add_argument("--dataset_name", metavar="NAME", help="a Hub id or an exported folder")
    parser.add_argument(
        "--prediction_key",
        default="prediction",
        metavar="NAME",
        help="field or column that holds the prediction (default: %(default)s)",
    )
    parser.add_argument("--split", default="validation", help="of the data (default: %(default)s)")
    parser.add_argument(
        "--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (default: %(default)s)"
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="default: %(default)s")
    parser.add_argument("--method", choices=["percentile", "bca"], default="percentile", help="of intervals")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: %(default)s)")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")


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


main = Command("", make_parser)


if __name__ == "__main__":
    raise SystemExit(main())
