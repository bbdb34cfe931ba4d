"""Upload the files of a folder to the Hub in one commit, with errors as single sentences.

``HfApi.upload_folder`` is not used, since with Xet storage it splits a large folder into several commits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.utils import HFValidationError, validate_repo_id  # type: ignore[attr-defined]

KINDS = ("model", "dataset", "space")
SECRET = re.compile(r"hf_\w+")
AGAIN = (
    "The repository now holds all of this upload or none of it, so the same command can safely be run again."
)
# HTTP status -> explanation for the user.
_MEANINGS = {
    400: "the Hub found the request wrong",
    401: "the Hub does not know who you are (401): log in with `hf auth login`, or set HF_TOKEN",
    402: "the Hub asks for a paid plan for this (402)",
    403: "your token may not write there (403): expected a token with write access to that namespace",
    404: "the Hub has no such repository, or does not show it to you (404)",
    409: "something else is changing the repository at this moment (409)",
    412: "someone else has changed the repository during the upload (412)",
    413: "the Hub found a file too large (413)",
}


class PublishError(OSError):
    """An upload failed; the message is one sentence."""


@dataclasses.dataclass(frozen=True)
class Upload:
    """Files of a folder, and the repository to upload them to.

    Attributes:
        repo_id: The repository, e.g. ``me/klue``.
        repo_type: One of KINDS.
        folder: Folder of the files.
        files: Paths of the files relative to the folder, with slashes.
        message: Commit message.
        sdk: SDK of a Space: ``gradio`` or ``static``.
        stale: Patterns of files from earlier uploads that are deleted.
    """

    repo_id: str
    repo_type: str
    folder: Path
    files: Sequence[str]
    message: str
    stale: Sequence[str] = ()
    sdk: str = "gradio"

    def __post_init__(self) -> None:
        validate_repo_id(self.repo_id)
        if self.repo_type not in KINDS:
            raise ValueError(f"repo_type is {self.repo_type!r}; expected one of {', '.join(KINDS)}.")

    def lines(self) -> list[str]:
        """Return one line per file: its path in the repository and its size."""
        return [f"{path}: {(self.folder / path).stat().st_size:,} bytes" for path in self.files]


def is_hub_id(name: str) -> bool:
    """Return whether a name has the form of a Hub repository id, unlike a path such as ../base."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def files_of(folder: Path) -> list[str]:
    """List the paths of all files below a folder, with forward slashes, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def send(upload: Upload, *, private: bool = False) -> str:
    """Create the repository if there is none, and upload all files in one commit.

    huggingface_hub finds the token: that of ``hf auth login``, or HF_TOKEN.

    Args:
        upload: The files and their repository.
        private: Whether a new repository is private; existing ones are unchanged.

    Returns:
        The URL of the commit, or a note that nothing has changed.

    Raises:
        PublishError: The Hub refuses the upload or cannot be reached, or tasks of an existing data set would
            be deleted.
    """
    api = HfApi()
    where: Any = {"repo_id": upload.repo_id, "repo_type": upload.repo_type}
    sdk = upload.sdk if upload.repo_type == "space" else None
    with hub_errors(upload.repo_id, AGAIN):
        api.create_repo(**where, private=private, exist_ok=True, space_sdk=sdk)
        before: Any = api.repo_info(**where)
        there = [file.rfilename for file in before.siblings or []]
        left_over = _left_over(there, upload)
        lost = _folders(left_over) - _folders(upload.files)
        if lost and upload.repo_type == "dataset":  # top-level folders are tasks
            names = ", ".join(sorted(lost))
            raise PublishError(
                f"{upload.repo_id} holds {names} too, which this upload would delete; expected an upload "
                "with all of them, or another repository."
            )
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationDelete(path_in_repo=path) for path in left_over
        ]
        operations += [
            CommitOperationAdd(path_in_repo=path, path_or_fileobj=upload.folder / path)
            for path in upload.files
        ]
        commit = api.create_commit(
            **where, operations=operations, commit_message=upload.message, parent_commit=before.sha
        )
    if commit.oid == before.sha:
        return f"{upload.repo_id} holds exactly these files already: nothing was sent."
    return f"Uploaded in one commit: {commit.commit_url}"


@contextlib.contextmanager
def hub_errors(repo_id: str, advice: str = "") -> Iterator[None]:
    """Convert any error of the Hub into a ``PublishError`` of one sentence.

    Args:
        repo_id: The requested repository.
        advice: What the user can do.
    """
    try:
        yield
    except PublishError:
        raise
    except Exception as error:
        # The errors are those of huggingface_hub, those of its HTTP library, which depends on the version,
        # and RuntimeErrors that wrap either. Any other error is a bug and re-raised.
        raise PublishError(f"{repo_id}: {_meaning(error)}. {advice}".rstrip()) from error


def _left_over(there: Sequence[str], upload: Upload) -> list[str]:
    new = set(upload.files)
    return [
        path
        for path in there
        if path not in new and any(fnmatch.fnmatchcase(path, pattern) for pattern in upload.stale)
    ]


def _folders(paths: Sequence[str]) -> set[str]:
    """Return the top-level folders of paths in a repository."""
    return {path.partition("/")[0] for path in paths if "/" in path}


def _meaning(error: Exception) -> str:
    """Describe a Hub error without a final full stop; re-raise any other error."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return _answer(response)
    for cause in _causes(error):
        module = type(cause).__module__.split(".")[0]
        name = type(cause).__name__
        if name == "OfflineModeIsEnabled":
            return "the Hub was not asked, since HF_HUB_OFFLINE is set: unset it"
        if name == "LocalTokenNotFoundError":
            return "no token was found: log in with `hf auth login`, or set HF_TOKEN"
        if module.startswith("httpx") or isinstance(cause, ConnectionError | TimeoutError):
            return f"the connection to the Hub failed ({name}: {_without_secrets(cause)})"
        if isinstance(cause, FileNotFoundError) and cause.filename:
            return f"{cause.filename} is gone; expected the folder not to change during the upload"
    if isinstance(error, ValueError | OSError | RuntimeError):
        return _without_secrets(error).rstrip(".")
    raise error


def _answer(response: Any) -> str:
    status = response.status_code
    if status == 429:
        seconds = response.headers.get("Retry-After", "")
        return "too many requests to the Hub (429): wait " + (
            f"{seconds} seconds" if seconds.isdigit() else "a while"
        )
    said = response.headers.get("X-Error-Message") or ""
    said = f"; it says: {_without_secrets(said)}" if said else ""
    if status >= 500:
        return f"the Hub failed ({status}){said}"
    return _MEANINGS.get(status, f"the Hub refused ({status})") + said


def _without_secrets(value: object) -> str:
    lines = [line.strip() for line in str(value).splitlines() if line.strip()]
    return SECRET.sub("hf_…", " ".join(lines)).rstrip(".")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
