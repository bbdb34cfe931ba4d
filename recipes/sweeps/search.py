"""Choose settings by scores on held-out training examples, and report the cost of the search."""

from __future__ import annotations

import dataclasses
import math
import shlex
import statistics
from collections.abc import Sequence

from klue_metrics.functional import METRICS
from recipes.sweeps.jobs import FINAL, SEARCH, Job, Sweep, named_by_content, words_of

HELD_OUT = ("--set", "held_out_fraction=0.1")
Settings = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Trial:
    """Settings of a search for a model and a task.

    Attributes:
        model: The model.
        task: Name of the task.
        flags: The flags that do not belong to the search. Trials with other flags are not compared.
        settings: The settings.
        jobs: Its runs, which differ in the seed.
    """

    model: str
    task: str
    flags: tuple[str, ...]
    settings: Settings
    jobs: tuple[Job, ...]

    @property
    def score(self) -> float:
        """Mean of the primary metric over the runs; minus infinity if one is undefined."""
        key = f"eval_{METRICS[self.task].primary}"
        scores = [job.results.get(key) for job in self.jobs]
        return statistics.fmean(-math.inf if score is None else score for score in scores)


def trials(jobs: Sequence[Job]) -> list[Trial]:
    """Group the runs of a search by model, task, flags and settings."""
    groups: dict[tuple[str, str, tuple[str, ...], Settings], list[Job]] = {}
    for job in jobs:
        if job.stage == SEARCH:
            groups.setdefault((job.model, job.task, _flags(job), job.settings), []).append(job)
    return [Trial(*key, tuple(found)) for key, found in groups.items()]


def _flags(job: Job) -> tuple[str, ...]:
    """Return the words of a run of a search that precede those of its settings."""
    return job.words[: -len([*words_of(job.settings, job.task), *HELD_OUT])]


def chosen(jobs: Sequence[Job]) -> list[Trial]:
    """Return the best trial, the first of equal ones, of each finished search: a model, a task and flags."""
    best: dict[tuple[str, str, tuple[str, ...]], Trial] = {}
    searching = [job for job in jobs if job.stage == SEARCH]
    unfinished = {(job.model, job.task, _flags(job)) for job in searching if not job.results}
    for trial in trials(jobs):
        key = (trial.model, trial.task, trial.flags)
        if key not in unfinished and (key not in best or trial.score > best[key].score):
            best[key] = trial
    return list(best.values())


def final_jobs(sweep: Sweep) -> list[Job]:
    """Return the runs with the chosen settings, on the whole training and validation splits."""
    jobs = []
    for trial in chosen(sweep.jobs):
        for job in trial.jobs:
            words = job.words[: -len(HELD_OUT)]
            final = dataclasses.replace(job, folder=sweep.folder, words=words, stage=FINAL)
            jobs.append(named_by_content(final))
    return jobs


def search_table(jobs: Sequence[Job]) -> str:
    """Return the trials as a Markdown table, and a sentence on the cost of the search."""
    found, best = trials(jobs), chosen(jobs)
    has_searches = len({trial.flags for trial in found}) > 1
    lines = ["| model | task | settings | metric on held-out training data | mean | seeds | |"]
    lines.append("|---|---|---|---|---|---|---|")
    for trial in found:
        settings = ", ".join(f"{name} {value}" for name, value in trial.settings)
        settings += f" ({shlex.join(trial.flags) or 'no other flags'})" if has_searches else ""
        name = METRICS[trial.task].names[METRICS[trial.task].primary]
        is_finished = all(job.results for job in trial.jobs)
        score = f"{trial.score:.2f}" if is_finished else "not finished"
        mark = "chosen" if trial in best else ""
        lines.append(
            f"| {trial.model} | {trial.task} | {settings} | {name} | {score} | {len(trial.jobs)} | {mark} |"
        )
    finished = [job.results for trial in found for job in trial.jobs if job.results]
    seconds = sum(results.get("train_runtime") or 0.0 for results in finished)
    lines += ["", f"The search spent {len(finished)} runs and {seconds:.0f} s of training."]
    return "\n".join(lines)
