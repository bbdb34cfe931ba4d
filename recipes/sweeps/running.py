"""Run several jobs at once on this machine, with messages and progress bars."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Collection, Iterator, Sequence

from tqdm import tqdm

from klue_metrics.functional import METRICS
from recipes.engine.launching import Launcher
from recipes.engine.results import shown, write_json
from recipes.sweeps.jobs import FAILED, LOG, Job, claim, last_message, updates
from recipes.tasks import SCRIPTS


def run_side_by_side(jobs: Sequence[Job], launcher: Launcher, replaced: Collection[Job] = ()) -> list[str]:
    """Run unfinished jobs, as many at once as the launcher allows.

    Args:
        jobs: The jobs.
        launcher: Launcher of the recipes.
        replaced: Finished jobs to run again.

    Returns:
        A line for each failed job, with its title and the last message of the recipe.
    """
    failed: list[str] = []
    titles = [
        (f"[{number}/{len(jobs)}] {job.model} {job.task} seed {job.seed}", job)
        for number, job in enumerate(jobs, start=1)
    ]
    waiting = []
    for title, job in titles:
        if job.results and job not in replaced:
            say(f"{title}: finished before, in {job.folder}")
        else:
            waiting.append((title, job, job in replaced))
    launcher.run_all(_execute(launcher, *one, failed) for one in waiting)
    return failed


def _execute(launcher: Launcher, title: str, job: Job, is_again: bool, failed: list[str]) -> Iterator[None]:
    """Run a job and wait for it; print its start, and its scores or the reason of its failure.

    On a terminal, a progress bar shows its updates and the remaining time.
    """
    with claim(job) as is_mine:
        if not is_mine:
            say(f"{title}: another process is running it")
            return
        if job.results and not is_again:
            say(f"{title}: another process has finished it, in {job.folder}")
            return
        (job.folder / FAILED).unlink(missing_ok=True)
        script, words, log = f"train_{SCRIPTS[job.task]}.py", job.recipe_words(), job.folder / LOG
        details = shlex.join([script, *words]) if launcher.verbose else f"started; its log is {log}"
        say(f"{title}: {details}")
        begin = time.monotonic()
        process = launcher.start(script, job.task, words, log)
        with tqdm(desc=title, unit="update", leave=False, disable=launcher.verbose or None) as bar:
            while (status := process.status()) is None:
                if not bar.disable:
                    bar.n, bar.total = updates(log)
                    bar.refresh()
                yield
        seconds = f"{time.monotonic() - begin:.0f} s"
        if status:
            reason = "" if launcher.verbose else last_message(log)
            if status > 0:  # it was not killed by a signal, so it would fail again
                write_json(job.folder / FAILED, {"status": status, "message": reason})
            failed.append(title + (f": {reason}" if reason else ""))
            say(f"{title}: failed after {seconds}")
        else:
            names = METRICS[job.task].names
            scores = [f"{name} {shown(job.results[f'eval_{key}'])}" for key, name in names.items()]
            say(f"{title}: finished in {seconds}: {', '.join(scores)}")


def say(text: str) -> None:
    """Print a line above the progress bars."""
    tqdm.write(text)
    sys.stdout.flush()
