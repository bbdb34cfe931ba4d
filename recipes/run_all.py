"""Fine-tune on every task in one go: models x tasks x seeds, then one table.

    python recipes/run_all.py --model_name_or_path klue/roberta-base klue/bert-base --seed 42 43
    python recipes/run_all.py --mini --model_name_or_path out/tiny --preset demo --output_dir out/demo

Each run is ``accelerate launch recipes/train_<task>.py`` in its own folder, <model>/<task>/seed-<seed>; on a
CPU, runs are forks of one process, which saves imports. A run that has finished with the same settings is not
repeated; one that was interrupted continues from its last checkpoint. What a run prints is in run.log in its
folder. All other flags are passed to every recipe.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import re
import shlex
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from hub_cards import __version__
from klue_datasets.optional import needs
from klue_datasets.tasks import ALIASES, get_task
from klue_metrics.functional import METRICS
from recipes.arguments import DATA_SOURCES, PLACES, settings_of, to_record
from recipes.engine.command_line import INTERRUPTED
from recipes.engine.command_line import make_parser as make_recipe_parser
from recipes.engine.command_line import parse as parse_recipe
from recipes.engine.launching import Launcher
from recipes.engine.results import ALL_RESULTS, ARGUMENTS, read_json, strict
from recipes.engine.results import shown as shown_score
from recipes.reporting import collect
from recipes.tasks import SCRIPTS

LOG = "run.log"  # in a run's folder: what it printed
BAR = re.compile(rb"(\d+)/(\d+) \[[^<\]]*<[^\]]*(?:it/s|s/it)\]")  # of Trainer in a log: updates, of how many


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One model, one task, one seed, and where its results lie."""

    model: str
    task: str
    seed: int
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        """Results of the run; empty until it has finished."""
        return read_json(self.folder / ALL_RESULTS)


def make_parser() -> argparse.ArgumentParser:
    """The flags of this script alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--model_name_or_path", nargs="+", default=["klue/roberta-base"], metavar="MODEL", help="checkpoints"
    )
    aliases = [alias for alias, task in ALIASES.items() if task in SCRIPTS]
    parser.add_argument("--tasks", nargs="+", choices=[*SCRIPTS, *aliases], help="which tasks (default: all)")
    parser.add_argument("--seed", nargs="+", type=int, default=[42], metavar="N", help="seeds (default: 42)")
    parser.add_argument("--output_dir", default="out/all", metavar="DIR", help="where (default: out/all)")
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="runs at once, which share the cores (default: 1)",
    )
    parser.add_argument("--verbose", action="store_true", help="show what runs print, in place of their logs")
    parser.add_argument(
        "--rerun", action="store_true", help="replace finished runs that have other settings than these"
    )
    return parser


@needs("train")
def main(argv: Sequence[str] | None = None) -> int:
    """Run what is not finished and print the table.

    Returns:
        The exit status: 1 if a run failed or a finished one has other settings, 130 if interrupted, else 0.
    """
    arguments, passed_on = make_parser().parse_known_args(argv)
    if importlib.util.find_spec("accelerate") is None:  # or every run would say so
        raise ModuleNotFoundError("accelerate starts the recipes", name="accelerate")
    tasks = [get_task(task).name for task in arguments.tasks or SCRIPTS]
    runs = plan(arguments.model_name_or_path, tasks, arguments.seed, Path(arguments.output_dir))
    try:
        others = {run: differences(run, passed_on) for run in runs}
    except (OSError, ValueError) as error:
        print(f"run_all: {error}", file=sys.stderr)
        return 1
    if any(others.values()) and not arguments.rerun:
        print("Finished runs differ from what was asked for:", file=sys.stderr)
        print(*(f"  {text}" for told in others.values() for text in told), sep="\n", file=sys.stderr)
        print("Expected another --output_dir, or --rerun to replace these runs.", file=sys.stderr)
        return 1
    failed: list[str] = []
    waiting = []
    for number, run in enumerate(runs, start=1):
        title = f"[{number}/{len(runs)}] {run.model} {run.task} seed {run.seed}"
        if run.results and not others[run]:
            print(f"{title}: finished before, in {run.folder}", flush=True)
        else:
            waiting.append((title, run))
    try:
        if waiting:
            launcher = Launcher(arguments.jobs, arguments.verbose)
            launcher.run_all(_execute(launcher, *one, passed_on, failed) for one in waiting)
    except KeyboardInterrupt:
        words = shlex.join(sys.argv[1:] if argv is None else argv)
        print(f"\nInterrupted. To continue: python recipes/run_all.py {words}", file=sys.stderr)
        return INTERRUPTED
    print(f"\n{table(runs)}")
    for title in failed:
        print(f"failed: {title}", file=sys.stderr)
    return 1 if failed else 0


def _execute(
    launcher: Launcher, title: str, run: PlannedRun, passed_on: Sequence[str], failed: list[str]
) -> Iterator[None]:
    """Start a run and wait for it; say when it begins, and in the end its scores or why it failed.

    On a terminal a bar shows its updates and the remaining time.
    """
    script, words, log = f"train_{SCRIPTS[run.task]}.py", recipe_words(run, passed_on), run.folder / LOG
    shown = shlex.join([script, *words]) if launcher.verbose else f"started; its log is {log}"
    _say(f"{title}: {shown}")
    begin = time.monotonic()
    job = launcher.start(script, run.task, words, log)
    with tqdm(desc=title, unit="update", leave=False, disable=launcher.verbose or None) as bar:
        while (status := job.status()) is None:
            if not bar.disable:
                bar.n, bar.total = updates(log)
                bar.refresh()
            yield
    seconds = f"{time.monotonic() - begin:.0f} s"
    if not status:
        scores = [
            f"{name} {shown_score(run.results[f'eval_{key}'])}"
            for key, name in METRICS[run.task].names.items()
        ]
        _say(f"{title}: finished in {seconds}: {', '.join(scores)}")
    else:
        reason = "" if launcher.verbose else f": {last_message(log)}"
        failed.append(f"{title}{reason}")
        _say(f"{title}: failed after {seconds}")


def _say(text: str) -> None:
    """Print a line above the bars."""
    tqdm.write(text)
    sys.stdout.flush()


def updates(log: Path) -> tuple[int, int]:
    """Read a run's number of updates so far and in all from its log; zeros before the first.

    Evaluations have bars too, which are shorter.
    """
    bars = [(int(total), int(done)) for done, total in BAR.findall(log.read_bytes())]
    total, done = max(bars, default=(0, 0))
    return done, total


def last_message(log: Path) -> str:
    """Return the recipe's last message, which precedes the launcher's traceback."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if "subprocess.CalledProcessError" in text:
        text = text[: text.rindex("Traceback (most recent call last)")]
    lines = text.split("\n")
    return next((line.rpartition("\r")[2] for line in reversed(lines) if line.strip()), "no message")


def differences(run: PlannedRun, passed_on: Sequence[str]) -> list[str]:
    """List how a finished run differs from the requested one: settings, data, version of this package.

    Args:
        run: The run.
        passed_on: The flags for its recipe.

    Returns:
        One sentence for each difference; none where the run is not finished.

    Raises:
        SystemExit: The recipe would refuse the flags; a sentence on standard error says why.
        FileNotFoundError: The data is not there.
    """
    results = run.results
    if not results:
        return []
    from recipes.engine.data import source_hash  # takes a second to import

    words = recipe_words(run, passed_on)
    wanted = parse_recipe(make_recipe_parser(run.task, None), run.task, words)
    data = source_hash(run.task, wanted)
    package = {"klue-hub": __version__, "data_hash": data}
    asked = settings_of(strict(to_record(wanted))) | package
    found = settings_of(read_json(run.folder / ARGUMENTS))
    found |= {"klue-hub": results.get("klue_hub_version"), "data_hash": results.get("data_hash")}
    # Files with the same content are the same data, wherever they lie.
    ignored = PLACES | DATA_SOURCES if data and data == found["data_hash"] else PLACES
    return [
        f"{run.folder}: {name} was {found.get(name)!r}, now {asked.get(name)!r}"
        for name in sorted({*asked, *found} - ignored)
        if found.get(name) != asked.get(name)
    ]


def plan(
    models: Sequence[str], tasks: Sequence[str], seeds: Sequence[int], output_dir: Path
) -> list[PlannedRun]:
    """The runs of all models, tasks and seeds, in that order.

    Raises:
        SystemExit: Two models would share a folder.
    """
    names = [Path(model).name for model in models]
    if len(set(names)) < len(names):
        raise SystemExit(f"Models share a name: {', '.join(models)}; expected different last parts.")
    return [
        PlannedRun(model, task, seed, output_dir / name / task / f"seed-{seed}")
        for model, name in zip(models, names, strict=True)
        for task in tasks
        for seed in seeds
    ]


def recipe_words(run: PlannedRun, passed_on: Sequence[str]) -> list[str]:
    """The command line of a run's recipe; one that was interrupted continues."""
    is_interrupted = not run.results and any(run.folder.glob("checkpoint-*"))
    return [
        *("--model_name_or_path", run.model, "--output_dir", str(run.folder), "--seed", str(run.seed)),
        *("--do_train", "--do_eval"),
        *(("--resume_from_checkpoint", "last") if is_interrupted else ()),
        *passed_on,
    ]


def table(runs: Sequence[PlannedRun]) -> str:
    """The runs as a Markdown table, grouped as the report groups them; those that did not finish say so."""
    cells: dict[tuple[str, str], list[collect.Run]] = {}
    for run in runs:
        found = cells.setdefault((run.model, run.task), [])
        if run.results:
            read = collect.read_run(run.folder, str(run.folder))
            found.append(dataclasses.replace(read, model=run.model))
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for (model, task), found in cells.items():
        boards = collect.make_boards(found)
        if not boards:
            groups[model, task] = []
        for board in boards:
            data = f" on {board.data}, {board.samples} examples" if len(boards) > 1 else ""
            for group in board.groups:
                groups[group.label + data, task] = [run.results for run in group.runs]
    return score_table(groups)


def score_table(groups: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> str:
    """Results as a Markdown table: means over seeds, and those of the constant baseline beside them.

    Args:
        groups: Model and task -> what each run's ``all_results.json`` holds; empty where it did not finish.
    """
    lines = [
        "| model | task | metric | score | constant baseline | seeds | data |",
        "|---|---|---|---|---|---|---|",
    ]
    for (model, task), results in groups.items():
        finished = [result for result in results if result]
        for key, name in METRICS[task].names.items():
            if not finished:
                lines.append(f"| {model} | {task} | {name} | did not finish | | 0 | |")
                continue
            score = _mean([result[f"eval_{key}"] for result in finished])
            constant = _mean([result[f"constant_{key}"] for result in finished])
            data = finished[0]["eval_data"]
            lines.append(f"| {model} | {task} | {name} | {score} | {constant} | {len(finished)} | {data} |")
    return "\n".join(lines)


def _mean(scores: Sequence[float | None]) -> str:
    """Mean, and standard deviation where there are several; null is a score that is not defined."""
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return "undefined"
    spread = statistics.stdev(known) if len(known) > 1 else 0.0
    return f"{statistics.fmean(known):.2f}" + (f" ± {spread:.2f}" if spread else "")


if __name__ == "__main__":
    raise SystemExit(main())
