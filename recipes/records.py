"""Manage result records: JSON lines from which leaderboards are made.

    python -m recipes.records add out/ner out/nli --to results/team.jsonl
    python -m recipes.records list results/ --task ner
    python -m recipes.records validate results/team.jsonl

``add`` adds the records of finished runs to a file, where they replace records of the same model, method and
data. ``list`` shows one line per record. ``validate`` checks files and names invalid lines.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import Command, output_file
from klue_datasets.tasks import ALIASES, TASKS, get_task
from klue_metrics.scoring import format_table
from recipes.engine.result_record import RecordError, read_records, unique
from recipes.engine.results import shown, write_json_lines
from recipes.leaderboard.record_sources import find_records


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="add|list|validate")
    add = commands.add_parser("add", help="add the records of runs to a file")
    add.add_argument(
        "--to", required=True, type=output_file, metavar="FILE", help="File of records (.jsonl)."
    )
    show = commands.add_parser("list", help="show records")
    show.add_argument("--task", choices=[*TASKS, *ALIASES], help="Show the records of one task.")
    show.add_argument("--json", action="store_true", help="Print JSON lines.")
    validate = commands.add_parser("validate", help="check files of records")
    for command, run in ((add, _add), (show, _list), (validate, _validate)):
        command.set_defaults(run=run)
        command.add_argument(
            "sources", nargs="+", type=Path, metavar="RESULTS", help="Files of records, or folders with runs."
        )
    return parser


def _add(arguments: argparse.Namespace) -> None:
    if arguments.to.suffix != ".jsonl":
        raise ValueError(f"--to is {arguments.to}; expected a file that ends in .jsonl.")
    old = list(read_records(arguments.to)) if arguments.to.is_file() else []
    # The predictions file remains in the folder of the run.
    new = [
        one.record if one.predictions is None else dataclasses.replace(one.record, predictions=None)
        for one in find_records(arguments.sources)
    ]
    records = unique([*old, *new])
    write_json_lines(arguments.to, [record.to_json() for record in records])
    print(f"{arguments.to}: {len(records)} records, {len(records) - len(unique(old))} more than before")


def _list(arguments: argparse.Namespace) -> None:
    task = get_task(arguments.task).name if arguments.task else None
    records = [one.record for one in find_records(arguments.sources) if task in (None, one.record.task)]
    if arguments.json:
        for record in records:
            print(json.dumps(record.to_json(), ensure_ascii=False))
        return
    lines = [["id", "task", "data", "model", "method", "scores"]]
    for record in records:
        data = f"KLUE {record.data.version or ''}".strip() if record.data.is_official else record.data.name
        method = [record.method.preset or record.method.kind, *record.method.changes]
        seeds = [f"seed {' '.join(map(str, record.method.seeds))}"] if record.method.seeds else []
        scores = ", ".join(f"{key} {shown(row.score)}" for key, row in record.scores.items())
        lines.append(
            [
                *(record.id, record.task, f"{data}, {record.data.split}", record.model.name),
                *(", ".join([*method, *seeds]), scores),
            ]
        )
    print(format_table(lines, left=range(6)))


def _validate(arguments: argparse.Namespace) -> int:
    wrong: list[RecordError] = []
    for source in arguments.sources:
        print(f"{source}: {len(find_records([source], wrong))} records")
    for error in wrong:
        print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
    return int(bool(wrong))


main = Command(make_parser)


if __name__ == "__main__":
    raise SystemExit(main())
