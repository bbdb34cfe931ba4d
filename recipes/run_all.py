"""Fine-tune models on all tasks with several seeds, and print a table.

    python recipes/run_all.py --model_name_or_path klue/roberta-base klue/bert-base --seed 42 43
    python recipes/run_all.py --mini --model_name_or_path out/tiny --preset demo --output_dir out/demo

Each run is ``accelerate launch recipes/train_<task>.py`` in its own folder, <model>/<task>/seed-<seed>; on a
CPU, runs are forks of one process, which saves imports. A run that has finished with the same settings is not
repeated; an interrupted run continues from its last checkpoint. The output of a run is in run.log in its
folder. Other flags are passed to every recipe. ``klue sweep`` also compares settings and uses clusters.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import LARGEST_SEED, needs, number_from, output_folder, repeated
from klue_datasets.tasks import ALIASES, get_task
from recipes.engine.command_line import INTERRUPTED
from recipes.engine.launching import Launcher
from recipes.sweeps.jobs import Job, check_settings, differences
from recipes.sweeps.result_tables import table
from recipes.sweeps.running import run_side_by_side
from recipes.tasks import SCRIPTS


def make_parser() -> argparse.ArgumentParser:
    """Build the parser for the flags of this script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add_plan_flags(parser)
    parser.add_argument(
        "--output_dir",
        type=output_folder,
        default="out/all",
        metavar="DIR",
        help="Output folder (default: out/all).",
    )
    parser.add_argument(
        "--jobs",
        type=number_from(1),
        default=1,
        metavar="N",
        help="Number of runs at once, which share the cores (default: 1).",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="Print the output of the runs instead of writing logs."
    )
    parser.add_argument(
        "--rerun", action="store_true", help="Replace finished runs that have other settings."
    )
    return parser


def add_plan_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that select models, tasks and seeds."""
    parser.add_argument(
        "--model_name_or_path", nargs="+", default=["klue/roberta-base"], metavar="MODEL", help="Checkpoints."
    )
    aliases = [alias for alias, task in ALIASES.items() if task in SCRIPTS]
    parser.add_argument("--tasks", nargs="+", choices=[*SCRIPTS, *aliases], help="Tasks (default: all).")
    parser.add_argument(
        "--seed",
        nargs="+",
        type=number_from(0, LARGEST_SEED),
        default=[42],
        metavar="N",
        help="Random seeds (default: 42).",
    )


@needs("train")
def main(argv: Sequence[str] | None = None) -> int:
    """Run unfinished runs and print the table.

    Returns:
        The exit status: 1 if a run failed or a finished one has other settings, 130 if interrupted, else 0.
    """
    parser = make_parser()
    arguments, passed_on = parser.parse_known_args(argv)
    if importlib.util.find_spec("accelerate") is None:  # checked once, since otherwise all runs report it
        raise ModuleNotFoundError("accelerate starts the recipes", name="accelerate")
    folder, tasks = Path(arguments.output_dir), arguments.tasks or list(SCRIPTS)
    jobs = plan(arguments.model_name_or_path, tasks, arguments.seed, folder, passed_on)
    try:
        check_settings(jobs)
        others = {job: differences(job) for job in jobs}
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    if any(others.values()) and not arguments.rerun:
        print("Finished runs differ from the requested ones:", file=sys.stderr)
        print(*(f"  {text}" for texts in others.values() for text in texts), sep="\n", file=sys.stderr)
        print("Expected another --output_dir, or --rerun to replace these runs.", file=sys.stderr)
        return 1
    try:
        replaced = {job for job, texts in others.items() if texts}
        failed = run_side_by_side(jobs, Launcher(arguments.jobs, arguments.verbose), replaced)
    except KeyboardInterrupt:
        command = repeated(sys.argv[1:] if argv is None else argv)
        print(f"\nInterrupted. To continue: {command}", file=sys.stderr)
        return INTERRUPTED
    print(f"\n{table(jobs)}")
    for title in failed:
        print(f"failed: {title}", file=sys.stderr)
    return 1 if failed else 0


def plan(
    models: Sequence[str],
    tasks: Sequence[str],
    seeds: Sequence[int],
    output_dir: Path,
    words: Sequence[str] = (),
) -> list[Job]:
    """Return the runs of all models, tasks and seeds, in that order, each once.

    Raises:
        SystemExit: Two models would share a folder.
    """
    names = [Path(model).name for model in models]
    if len(set(names)) < len(names):
        raise SystemExit(
            f"Models share a name: {', '.join(models)}; expected names that differ in their last part."
        )
    return [
        Job(model, task, seed, output_dir / name / task / f"seed-{seed}", tuple(words))
        for model, name in zip(models, names, strict=True)
        for task in dict.fromkeys(get_task(task).name for task in tasks)
        for seed in dict.fromkeys(seeds)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
