"""Launchers for the jobs of a sweep: this machine, Slurm, Hugging Face Jobs, or printed commands.

Launchers get the jobs that have not finished. Processes that they start elsewhere run ``klue sweep work``,
which claims its job, so that jobs that are launched twice run once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import inspect
import json
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import huggingface_hub

from klue_datasets.hub import hub_errors
from recipes.engine.launching import Launcher
from recipes.sweeps.jobs import SWEEP, Job, Sweep, SweepError
from recipes.sweeps.running import run_side_by_side

LAUNCHES = "launches.jsonl"  # submitted jobs, in the folder of a sweep
MOUNT = "/sweep"  # mount point of the bucket in a Hugging Face Job
FLAVOR = "a10g-small"
PAYLOAD = frozenset({"script", "script_args", "name", "volumes", "secrets"})  # set for each Hugging Face Job
ENDED = ("COMPLETED", "CANCELED", "ERROR", "DELETED")  # stages of Hugging Face Jobs


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of launchers.

    Attributes:
        jobs: Number of jobs at once on this machine; None for one per GPU.
        verbose: Whether recipes print to the terminal instead of their logs.
        dry_run: Whether to print what would be submitted instead of submitting it.
        settings: Parameters of submitit's executor, or of ``run_uv_job``.
    """

    jobs: int | None = None
    verbose: bool = False
    dry_run: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Launch(Protocol):
    """Launch jobs; return a line for each job that is known to have failed."""

    def __call__(self, sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]: ...


def local(sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    """Run jobs on this machine, and wait for them."""
    if options.dry_run:
        return printed(sweep, jobs, options)
    return run_side_by_side(jobs, Launcher(options.jobs, options.verbose))


def printed(sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    """Print a command per job, for GNU parallel, Ray, SkyPilot, or other machines with the same folder."""
    for job in jobs:
        print(shlex.join(_work(sweep.folder, job)))
    return []


def slurm(sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    """Submit jobs to Slurm as an array; jobs that are preempted or run out of time are requeued."""
    return _submit("slurm", sweep, jobs, options)


def submitit_local(sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    """Start a process per job with submitit without waiting for it, for trials."""
    return _submit("local", sweep, jobs, options)


def hf_jobs(sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    """Run jobs on Hugging Face Jobs.

    The list of jobs is copied to the bucket in the setting ``bucket``, which is created if it does not exist.

    Raises:
        PublishError: The Hub refuses the request or cannot be reached.
    """
    settings = dict(options.settings)
    bucket = settings.pop("bucket")
    dependencies = shlex.split(str(settings.pop("dependencies", "klue-hub[train]")))
    settings.setdefault("flavor", FLAVOR)
    with hub_errors(bucket):
        if not options.dry_run:
            huggingface_hub.HfApi().create_bucket(bucket, private=True, exist_ok=True)
            listed = (sweep.folder / SWEEP, f"{sweep.folder.name}/{SWEEP}")
            huggingface_hub.HfApi().batch_bucket_files(bucket, add=[listed])
        _start_hf_jobs(sweep, jobs, options, bucket, {"dependencies": dependencies, **settings})
    return []


def _start_hf_jobs(
    sweep: Sweep, jobs: Sequence[Job], options: Options, bucket: str, settings: Mapping[str, Any]
) -> None:
    """Start the jobs that are not running, or print the requests."""
    submitted = {launch["job"]: launch["id"] for launch in _launches(sweep)}
    for job in jobs:
        if job.folder.name in submitted and not options.dry_run:
            stage = huggingface_hub.inspect_job(job_id=submitted[job.folder.name]).status.stage
            if stage not in ENDED:
                print(f"{job.folder.name}: job {submitted[job.folder.name]} is {stage.lower()}")
                continue
        program, *words = _work(Path(MOUNT, sweep.folder.name), job)
        payload: dict[str, Any] = {
            "script": program,
            "script_args": words,
            "name": job.folder.name,
            **settings,
        }
        if options.dry_run:
            print(json.dumps({**payload, "volumes": {MOUNT: bucket}}, ensure_ascii=False))
            continue
        volumes = [huggingface_hub.Volume(type="bucket", source=bucket, mount_path=MOUNT)]
        started = huggingface_hub.run_uv_job(**payload, volumes=volumes, secrets=_token())
        _record(sweep, job, "hf-jobs", started.id)
        print(f"{job.folder.name}: submitted as {started.id}")


LAUNCHERS: dict[str, Launch] = {
    "local": local,
    "slurm": slurm,
    "submitit-local": submitit_local,
    "hf-jobs": hf_jobs,
    "print": printed,
}


def check_options(launcher: str, settings: Mapping[str, Any]) -> None:
    """Check the settings of a launcher before anything is written.

    Raises:
        SweepError: A setting is unknown, invalid or missing.
    """
    if launcher in ("slurm", "submitit-local"):
        with tempfile.TemporaryDirectory() as folder:
            _executor(launcher.removeprefix("submitit-"), Path(folder), settings)
        return
    known = set()
    if launcher == "hf-jobs":
        known = {"bucket", *inspect.signature(huggingface_hub.run_uv_job).parameters} - PAYLOAD
        if not settings.get("bucket"):
            raise SweepError("hf-jobs needs a bucket for the results: --option bucket=me/klue-sweep.")
    if unknown := sorted(settings.keys() - known):
        wanted = f"expected some of {', '.join(sorted(known))}" if known else "it has no settings"
        raise SweepError(f"--option {unknown[0]} is not a setting of --launcher {launcher}; {wanted}.")


def cancel(sweep: Sweep) -> list[str]:
    """Cancel submitted jobs that have not finished.

    Returns:
        A line per job with its name and the system on which it was cancelled.

    Raises:
        SweepError: Slurm refuses the request.
        PublishError: The Hub refuses the request or cannot be reached.
    """
    cancelled = []
    for launch in _launches(sweep):
        job = sweep.job(launch["job"])
        if job.results:
            continue
        if launch["launcher"] == "hf-jobs":
            with hub_errors(f"job {launch['id']}"):
                huggingface_hub.cancel_job(job_id=launch["id"])
        else:
            submitit = _submitit()
            kind = submitit.SlurmJob if launch["launcher"] == "slurm" else submitit.LocalJob
            with submitit_errors(launch["launcher"]):
                kind(folder=sweep.folder / "submitit", job_id=launch["id"]).cancel()
        cancelled.append(f"{job.folder.name}: cancelled {launch['launcher']} job {launch['id']}")
    (sweep.folder / LAUNCHES).unlink(missing_ok=True)
    return cancelled


def fetch(sweep: Sweep, bucket: str) -> None:
    """Copy the folders of a sweep from a bucket, without checkpoints and weights.

    Raises:
        PublishError: The Hub does not have the bucket, or cannot be reached.
    """
    with hub_errors(bucket):
        huggingface_hub.HfApi().sync_bucket(
            f"hf://buckets/{bucket}/{sweep.folder.name}",
            str(sweep.folder),
            include=["*.json", "*.jsonl", "*.md", "*.svg", "*.log"],
        )


class Work:
    """A job for submitit, which is requeued after preemption."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def __call__(self) -> None:
        """Run the job.

        Raises:
            SweepError: The job failed; the reason is in its log.
        """
        work(Sweep.read(self.folder), self.name)

    def checkpoint(self) -> Any:
        """Return the job to run after preemption, which is the same one, since runs resume."""
        return _submitit().helpers.DelayedSubmission(self)


def work(sweep: Sweep, name: str, options: Options | None = None) -> None:
    """Run one job of a sweep, unless another process runs it.

    Raises:
        SweepError: The job failed; the reason is in its log.
    """
    failed = local(sweep, [sweep.job(name)], options or Options())
    if failed:
        raise SweepError(failed[0])


def _work(folder: Path, job: Job) -> list[str]:
    """Return the command that runs a job of the sweep in a folder."""
    return ["klue", "sweep", "work", str(folder), "--job", job.folder.name]


def _submit(cluster: str, sweep: Sweep, jobs: Sequence[Job], options: Options) -> list[str]:
    settings = {"name": f"klue-{sweep.folder.name}", "timeout_min": 24 * 60, **options.settings}
    if options.dry_run:
        submission = {"cluster": cluster, **settings, "jobs": [job.folder.name for job in jobs]}
        print(json.dumps(submission, ensure_ascii=False))
        return []
    executor = _executor(cluster, sweep.folder / "submitit", settings)
    with submitit_errors(cluster), executor.batch():
        submitted = [executor.submit(Work(sweep.folder.resolve(), job.folder.name)) for job in jobs]
    for job, one in zip(jobs, submitted, strict=True):
        _record(sweep, job, cluster, one.job_id)
        print(f"{job.folder.name}: submitted as {one.job_id}")
    return []


def _executor(cluster: str, folder: Path, settings: Mapping[str, Any]) -> Any:
    """Create submitit's executor, which creates the folder.

    Raises:
        SweepError: The machine does not belong to such a cluster, or a setting is unknown.
    """
    submitit = _submitit()
    with submitit_errors(cluster):
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
    with submitit_errors("--option"):
        executor.update_parameters(**settings)
    return executor


@contextlib.contextmanager
def submitit_errors(subject: str) -> Iterator[None]:
    """Convert errors of submitit and Slurm to ``SweepError``.

    Args:
        subject: Beginning of the message.
    """
    try:
        yield
    # For wrong parameters, submitit raises NameError, TypeError or AssertionError.
    except (NameError, TypeError, AssertionError, RuntimeError, subprocess.CalledProcessError) as error:
        raise SweepError(f"{subject}: {str(error).strip().splitlines()[0]}") from error


def _submitit() -> Any:
    """Import submitit, which only some launchers need.

    Raises:
        SweepError: The package is not installed.
    """
    if importlib.util.find_spec("submitit") is None:
        command = "pip install 'klue-hub[slurm]'"
        raise SweepError(f"This launcher needs the package submitit; install it with: {command}")
    return importlib.import_module("submitit")


def _record(sweep: Sweep, job: Job, launcher: str, identifier: str) -> None:
    row = {"job": job.folder.name, "launcher": launcher, "id": identifier}
    with (sweep.folder / LAUNCHES).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _launches(sweep: Sweep) -> list[dict[str, str]]:
    path = sweep.folder / LAUNCHES
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def _token() -> dict[str, str]:
    """Return the user's token as a secret of the job, so that it can read private models."""
    token = huggingface_hub.get_token()
    return {"HF_TOKEN": token} if token else {}
