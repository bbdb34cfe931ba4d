"""The jobs of a sweep: models x tasks x seeds x settings, each in its own folder."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from filelock import FileLock, Timeout

from hub_cards import __version__
from recipes.arguments import UsageError, fields_of, is_expert
from recipes.engine.command_line import make_parser, parse
from recipes.engine.results import ALL_RESULTS, ARGUMENTS, read_json, strict, write_json
from recipes.engine.settings_record import BY_DEVICE, DATA_SOURCES, PLACES, settings_of, to_record

LOG = "run.log"  # output of the recipe, in the folder of a job
FAILED = "failed.json"  # last message of a failed recipe
CLAIM = ".claim.lock"  # lock of the process that runs the job
SWEEP = "sweep.json"
SCHEMA_VERSION = 1
SOURCE_HASH = "recipes.engine.data:source_hash"  # imported when needed, since it takes a second
SEARCH, FINAL = "search", "final"
PER_JOB = ("--model_name_or_path", "--output_dir", "--seed")  # flags that are set for each job


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a recipe.

    Attributes:
        model: Checkpoint to start from.
        task: Name of the task.
        seed: Random seed.
        folder: Output folder of the run.
        words: Further flags of the recipe.
        settings: Settings that differ between the jobs of a search.
        stage: ``search`` for runs that choose settings and are scored on held-out training examples,
            ``final`` for all others.
    """

    model: str
    task: str
    seed: int
    folder: Path
    words: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    stage: str = FINAL

    @property
    def results(self) -> dict[str, Any]:
        """Results of the run; empty until it has finished."""
        return read_json(self.folder / ALL_RESULTS)

    @property
    def state(self) -> str:
        """``finished``, ``running``, ``failed``, ``interrupted`` (with a checkpoint) or ``waiting``."""
        if self.results:
            return "finished"
        if not self.folder.is_dir():
            return "waiting"
        with claim(self, wait=0) as is_mine:
            if not is_mine:
                return "running"
        if (self.folder / FAILED).is_file():
            return "failed"
        return "interrupted" if any(self.folder.glob("checkpoint-*")) else "waiting"

    def recipe_words(self) -> list[str]:
        """Return the command line of the recipe, which resumes interrupted runs."""
        is_interrupted = not self.results and any(self.folder.glob("checkpoint-*"))
        return [
            *("--model_name_or_path", self.model, "--output_dir", str(self.folder), "--seed", str(self.seed)),
            *("--do_train", "--do_eval"),
            *(("--resume_from_checkpoint", "last") if is_interrupted else ()),
            *self.words,
        ]


def check_settings(jobs: Iterable[Job]) -> None:
    """Check the settings of jobs before any of them starts.

    Raises:
        UsageError: A recipe does not accept the settings of a job.
    """
    for task, seed, words in dict.fromkeys((job.task, job.seed, job.words) for job in jobs):
        try:
            if given := [word for word in words if word.partition("=")[0] in PER_JOB]:
                raise UsageError(f"{given[0]} is among the flags of all jobs, but each job has its own.")
            parse(make_parser(task, None), task, ["--seed", str(seed), *words])
        except UsageError as error:
            raise UsageError(f"{task}: {error}") from error


@contextlib.contextmanager
def claim(job: Job, wait: float = 1.0) -> Iterator[bool]:
    """Claim a job, so that no other process runs it; the claim ends with the process.

    Args:
        job: The job, whose folder is created.
        wait: Number of seconds to wait for another process, which may only check the claim.

    Yields:
        True if the job is now claimed, False if another process has claimed it.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(job.folder / CLAIM)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def named_by_content(job: Job) -> Job:
    """Return a job whose folder is named after a hash of its content."""
    content = json.dumps([job.model, job.task, job.seed, job.words, job.settings, job.stage])
    digest = hashlib.sha1(content.encode()).hexdigest()[:8]
    return dataclasses.replace(
        job, folder=job.folder / f"{job.task}-{Path(job.model).name}-seed{job.seed}-{digest}"
    )


def grid_of(lists: Mapping[str, Sequence[str]]) -> list[tuple[tuple[str, str], ...]]:
    """Return all combinations of the values of some settings."""
    return [tuple(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def words_of(settings: Iterable[tuple[str, str]], task: str) -> list[str]:
    """Return settings as flags of a recipe, or with ``--set`` if they have no flag."""
    words: list[str] = []
    for name, value in settings:
        field = fields_of(task).get(name)
        words += ["--set", f"{name}={value}"] if field and is_expert(field) else [f"--{name}", value]
    return words


def differences(job: Job) -> list[str]:
    """List the differences between a finished run and the requested one: settings, data and version.

    Returns:
        One sentence per difference; none if the run has not finished.

    Raises:
        UsageError: The recipe does not accept the flags.
        FileNotFoundError: The data does not exist.
    """
    results = job.results
    if not results:
        return []
    wanted = parse(make_parser(job.task, None), job.task, job.recipe_words())
    data = resolve_name(SOURCE_HASH)(job.task, wanted)
    asked = settings_of(strict(to_record(wanted))) | {"klue-hub": __version__, "data_hash": data}
    found = settings_of(read_json(job.folder / ARGUMENTS))
    found |= {"klue-hub": results.get("klue_hub_version"), "data_hash": results.get("data_hash")}
    # Files with the same content are the same data, in any folder.
    ignored = PLACES | DATA_SOURCES if data and data == found["data_hash"] else PLACES
    if wanted.fast:
        ignored |= BY_DEVICE
    return [
        f"{job.folder}: {name} was {found.get(name)!r}, now {asked.get(name)!r}"
        for name in sorted({*asked, *found} - ignored)
        if found.get(name) != asked.get(name)
    ]


class SweepError(ValueError):
    """A sweep that cannot be read or run; the message is the reason."""


@dataclasses.dataclass
class Sweep:
    """A folder with a list of jobs.

    Attributes:
        folder: The folder.
        jobs: Its jobs, each in a subfolder.
    """

    folder: Path
    jobs: list[Job] = dataclasses.field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Sweep:
        """Read the list of jobs of a folder.

        Raises:
            SweepError: The folder has no list of jobs, or one of another version.
        """
        path = folder / SWEEP
        if not path.is_file():
            raise SweepError(f"There is no {path}; expected a folder that `klue sweep run` has written.")
        values = read_json(path)
        if values.get("schema_version") != SCHEMA_VERSION:
            found = values.get("schema_version")
            raise SweepError(f"{path} has schema version {found}; expected {SCHEMA_VERSION}.")
        jobs = []
        for row in values["jobs"]:
            settings = tuple((name, value) for name, value in row.pop("settings"))
            place = {"folder": folder / row.pop("folder"), "words": tuple(row.pop("words"))}
            jobs.append(Job(**row, **place, settings=settings))
        return cls(folder, jobs)

    def add(self, jobs: Iterable[Job]) -> None:
        """Add new jobs, and write the list."""
        known = {job.folder for job in self.jobs}
        self.jobs += [job for job in jobs if job.folder not in known]
        rows = [{**dataclasses.asdict(job), "folder": job.folder.name} for job in self.jobs]
        write_json(self.folder / SWEEP, {"schema_version": SCHEMA_VERSION, "jobs": rows})

    def job(self, name: str) -> Job:
        """Return a job by the name of its folder.

        Raises:
            SweepError: There is no such job.
        """
        for job in self.jobs:
            if job.folder.name == name:
                return job
        raise SweepError(f"{self.folder} has no job {name!r}; `klue sweep status` lists its jobs.")


def last_message(log: Path) -> str:
    """Return the last message of the recipe, which precedes the traceback of the launcher."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if "subprocess.CalledProcessError" in text:
        text = text[: text.rindex("Traceback (most recent call last)")]
    lines = text.split("\n")
    return next((line.rpartition("\r")[2] for line in reversed(lines) if line.strip()), "no message")


_BAR = re.compile(rb"(\d+)/(\d+) \[[^<\]]*<[^\]]*(?:it/s|s/it)\]")  # progress bar of Trainer


def updates(log: Path) -> tuple[int, int]:
    """Read the numbers of completed and of all updates from the log of a run; zeros before the first.

    The progress bars of evaluations, which are shorter, are ignored.
    """
    bars = [(int(total), int(done)) for done, total in _BAR.findall(log.read_bytes())]
    total, done = max(bars, default=(0, 0))
    return done, total
