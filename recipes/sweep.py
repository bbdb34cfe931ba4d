"""Run many recipes: models x tasks x seeds x settings, on this machine or on a cluster.

    klue sweep run --model_name_or_path klue/roberta-base --tasks ynat nli --seed 42 43 --output_dir out/sweep
    klue sweep run --config sweep.yaml --launcher slurm --option slurm_partition=gpu gpus_per_node=1
    klue sweep status out/sweep
    klue sweep collect out/sweep

``--grid learning_rate=3e-5,5e-5`` compares settings: models are trained on nine tenths of the training data
and scored on the rest. With the best settings of each model and task, they are then trained on all of it and
scored on the validation split. Each job is claimed by the process that runs it, so that a job that is
launched twice runs once. A job whose process has ended resumes from its last checkpoint when it is launched
again.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.commands import input_file, needs, number_from, output_folder, repeated
from klue_datasets.tasks import get_task
from recipes.engine.command_line import INTERRUPTED
from recipes.engine.settings_files import read_mapping, read_pairs
from recipes.run_all import add_plan_flags
from recipes.sweeps import launchers
from recipes.sweeps.jobs import (
    FINAL,
    SEARCH,
    SWEEP,
    Job,
    Sweep,
    SweepError,
    check_settings,
    grid_of,
    named_by_content,
    words_of,
)
from recipes.sweeps.result_tables import table
from recipes.sweeps.search import HELD_OUT, final_jobs, search_table
from recipes.tasks import SCRIPTS

# Key in a YAML file -> its flag and its default.
LISTS: dict[str, tuple[str, list[Any]]] = {
    "models": ("model_name_or_path", ["klue/roberta-base"]),
    "tasks": ("tasks", list(SCRIPTS)),
    "seeds": ("seed", [42]),
}
KEYS = (*LISTS, "grid", "flags")
TO_RUN = ("waiting", "interrupted")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="add jobs to a sweep and launch unfinished ones", allow_abbrev=False,
        description="Other flags are passed to every recipe.",
    )  # fmt: skip
    add_plan_flags(run)
    run.set_defaults(model_name_or_path=None, tasks=None, seed=None)  # they may be in a YAML file
    run.add_argument(
        "--config",
        type=input_file,
        metavar="YAML",
        help=f"File with the keys {', '.join(KEYS)}; flags override it.",
    )
    run.add_argument(
        "--grid", nargs="+", default=[], metavar="NAME=V1,V2", help="Settings to choose on held-out data."
    )
    run.add_argument(
        "--output_dir",
        type=output_folder,
        default=Path("out/sweep"),
        metavar="DIR",
        help="Folder of the sweep (default: out/sweep).",
    )
    _add_launch_flags(run)
    retry = commands.add_parser("retry", help="launch failed and unfinished jobs again")
    _add_launch_flags(retry)
    work = commands.add_parser("work", help="run one job here")
    work.add_argument("--job", required=True, metavar="NAME", help="Name of the job.")
    work.add_argument("--verbose", action="store_true", help="Print to the terminal instead of a log.")
    collect = commands.add_parser("collect", help="print the results; after a search, add the final runs")
    collect.add_argument("--bucket", metavar="ID", help="Bucket of hf-jobs to fetch the results from.")
    others = [
        commands.add_parser("status", help="list the jobs and their states"),
        commands.add_parser("cancel", help="cancel the jobs that were submitted to a cluster"),
    ]
    for command in (retry, work, collect, *others):
        command.add_argument("folder", type=Path, help="Folder of the sweep.")
    return parser


def _add_launch_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("launching")
    group.add_argument(
        "--launcher",
        choices=launchers.LAUNCHERS,
        default="local",
        help="Where jobs run (default: local, on this machine).",
    )
    group.add_argument(
        "--jobs",
        type=number_from(1),
        metavar="N",
        help="Number of jobs at once with --launcher local (default: one per GPU, or 1 without any).",
    )
    group.add_argument(
        "--verbose", action="store_true", help="Print to the terminal instead of logs (--launcher local)."
    )
    group.add_argument(
        "--option", nargs="+", default=[], metavar="KEY=VALUE",
        help="Parameters of submitit's executor; for hf-jobs, bucket=ID and arguments of run_uv_job.",
    )  # fmt: skip
    group.add_argument("--dry_run", action="store_true", help="Show what would be launched.")


@needs("train")
def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 1 for an error or a failed job, 130 if interrupted, otherwise 0.
    """
    parser = make_parser()
    arguments, passed_on = parser.parse_known_args(argv)
    try:
        if passed_on and arguments.command != "run":
            raise SweepError(f"{arguments.command} does not know {passed_on[0]}.")
        return _COMMANDS[arguments.command](arguments, passed_on)
    except KeyboardInterrupt:
        command = repeated(sys.argv[1:] if argv is None else argv)
        print(f"\nInterrupted. To continue: {command}", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace, passed_on: Sequence[str]) -> int:
    sweep = Sweep(arguments.output_dir)
    if (arguments.output_dir / SWEEP).is_file():
        sweep = Sweep.read(arguments.output_dir)
    options = _options(arguments)
    jobs = planned(arguments, passed_on)
    if options.dry_run:
        return _report(launchers.LAUNCHERS[arguments.launcher](sweep, jobs, options))
    sweep.add(jobs)
    return _launch(sweep, arguments.launcher, options, TO_RUN)


def planned(arguments: argparse.Namespace, passed_on: Sequence[str]) -> list[Job]:
    """Return the jobs defined by the flags and the YAML file.

    Raises:
        SweepError: The file or a grid is invalid.
        UsageError: A recipe does not accept the settings of a job.
    """
    values = _read_config(arguments.config) if arguments.config else {}
    lists = {
        key: getattr(arguments, flag) or values.get(key) or default for key, (flag, default) in LISTS.items()
    }
    grid = {name: [str(value) for value in found] for name, found in values.get("grid", {}).items()}
    for word in arguments.grid:
        name, is_given, options = word.partition("=")
        if not name or not is_given or not all(options.split(",")):
            raise SweepError(f"--grid is {word!r}; expected NAME=V1,V2, such as learning_rate=3e-5,5e-5.")
        grid[name] = options.split(",")
    flags = [word for name, value in values.get("flags", {}).items() for word in _flag(name, value)]
    jobs = []
    for model in lists["models"]:
        for task in [get_task(name).name for name in lists["tasks"]]:
            for settings in grid_of(grid):
                words = [*flags, *passed_on, *words_of(settings, task), *(HELD_OUT if settings else ())]
                stage = SEARCH if settings else FINAL
                for seed in lists["seeds"]:
                    job = Job(model, task, seed, arguments.output_dir, tuple(words), settings, stage)
                    jobs.append(named_by_content(job))
    check_settings(jobs)
    return list({job.folder: job for job in jobs}.values())  # a task may be given by name and alias


def _read_config(path: Path) -> dict[str, Any]:
    values = read_mapping(path)
    if unknown := sorted({*values} - {*KEYS}):
        raise SweepError(f"{path} has the key {unknown[0]}; expected some of {', '.join(KEYS)}.")
    for name in ("grid", "flags"):
        if not isinstance(values.get(name, {}), dict):
            raise SweepError(f"{path}: {name} is {values[name]!r}; expected a mapping.")
    lists = {name: values[name] for name in LISTS if name in values} | values.get("grid", {})
    for name, value in lists.items():
        if not isinstance(value, list) or not value:
            raise SweepError(f"{path}: {name} is {value!r}; expected a list.")
        if None in value or (name == "models" and not all(isinstance(model, str) for model in value)):
            expected = "a list of folders or Hub ids" if name == "models" else "no empty value"
            raise SweepError(f"{path}: {name} is {value!r}; expected {expected}.")
    for name, value in values.get("flags", {}).items():
        if value is None:
            raise SweepError(f"{path}: the flag {name} has no value; expected one.")
    return values


def _flag(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    return [f"--{name}", *map(str, value if isinstance(value, list) else [value])]


def _options(arguments: argparse.Namespace) -> launchers.Options:
    settings = read_pairs(arguments.option, "--option")
    launchers.check_options(arguments.launcher, settings)
    return launchers.Options(arguments.jobs, arguments.verbose, arguments.dry_run, settings)


def _launch(sweep: Sweep, launcher: str, options: launchers.Options, states: Sequence[str]) -> int:
    """Launch the jobs in some states and, after a completed search, the runs with the chosen settings."""
    while waiting := [job for job in sweep.jobs if job.state in states]:
        failed = launchers.LAUNCHERS[launcher](sweep, waiting, options)
        if failed or launcher != "local" or options.dry_run:
            return _report(failed)
        sweep.add(final_jobs(sweep))
    print(f"\n{_tables(sweep)}")
    return _report(job.folder.name for job in sweep.jobs if job.state == "failed")


def _report(failed: Iterable[str]) -> int:
    lines = [f"failed: {title}" for title in failed]
    print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
    return 1 if lines else 0


def _retry(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    sweep = Sweep.read(arguments.folder)
    return _launch(sweep, arguments.launcher, _options(arguments), (*TO_RUN, "failed"))


def _work(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    options = launchers.Options(verbose=arguments.verbose)
    launchers.work(Sweep.read(arguments.folder), arguments.job, options)
    return 0


def _status(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    jobs = Sweep.read(arguments.folder).jobs
    states = [job.state for job in jobs]
    for job, state in zip(jobs, states, strict=True):
        settings = "".join(f" {name}={value}" for name, value in job.settings)
        print(f"{state:<11} {job.folder.name}{settings}")
    print(", ".join(f"{number} {state}" for state, number in Counter(states).items()))
    return 0


def _cancel(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    lines = launchers.cancel(Sweep.read(arguments.folder))
    print("\n".join(lines) or "There are no submitted jobs to cancel.")
    return 0


def _collect(arguments: argparse.Namespace, _: Sequence[str]) -> int:
    sweep = Sweep.read(arguments.folder)
    if arguments.bucket:
        launchers.fetch(sweep, arguments.bucket)
    before = len(sweep.jobs)
    sweep.add(final_jobs(sweep))
    print(_tables(sweep))
    if added := len(sweep.jobs) - before:
        print(f"\n{added} runs with the chosen settings were added: klue sweep retry {sweep.folder}")
    return 0


def _tables(sweep: Sweep) -> str:
    parts = [search_table(sweep.jobs)] if any(job.stage == SEARCH for job in sweep.jobs) else []
    if final := [job for job in sweep.jobs if job.stage == FINAL]:
        parts.append(table(final))
    return "\n\n".join(parts)


_COMMANDS = {
    "run": _run,
    "retry": _retry,
    "work": _work,
    "status": _status,
    "cancel": _cancel,
    "collect": _collect,
}


if __name__ == "__main__":
    raise SystemExit(main())
