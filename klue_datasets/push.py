"""Upload of an export to the Hub in one commit: ``python -m klue_datasets push``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from klue_datasets.export import export
from klue_datasets.hub import Upload, files_of, send
from klue_datasets.tasks import DEFAULT_VERSION

# Files of earlier uploads that are deleted in the same commit.
STALE = ("*.parquet",)


def push(
    *,
    repo_id: str,
    private: bool = False,
    dry_run: bool = False,
    tasks: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    hub_compatible: bool = False,
    cache_dir: str | Path | None = None,
) -> list[str]:
    """Export to a temporary folder and upload it; the repository then holds exactly these tasks.

    Args:
        repo_id: The dataset repository, such as ``me/klue``; created if it does not exist.
        private: Whether a new repository is private; existing ones are unchanged.
        dry_run: Whether to describe the upload only.
        tasks: See ``export``.
        data_dir: See ``export``.
        mini: See ``export``.
        version: See ``export``.
        hub_compatible: See ``export``.
        cache_dir: See ``export``.

    Returns:
        Text that lists the files with their sizes, and the target of the upload.

    Raises:
        ValueError: ``repo_id`` is not a valid repository id.
        PublishError: The Hub refuses the upload or cannot be reached, or the repository holds other tasks.
        KlueDataError, KlueDownloadError, FileNotFoundError: As for ``export``.
    """
    validate_repo_id(repo_id)
    with tempfile.TemporaryDirectory(prefix="klue-push-") as temporary:
        folder = Path(temporary) / "klue"
        rows = export(
            folder,
            tasks=tasks,
            data_dir=data_dir,
            mini=mini,
            version=version,
            hub_compatible=hub_compatible,
            cache_dir=cache_dir,
            repo_id=repo_id,
        )
        upload = folder_upload(folder, repo_id, f"KLUE {version}: {', '.join(rows)}")
        if dry_run:
            return [
                *upload.lines(),
                f"Nothing was sent; without --dry_run this becomes one commit to {repo_id}.",
            ]
        return [*upload.lines(), send(upload, private=private)]


def folder_upload(folder: Path, repo_id: str, message: str) -> Upload:
    """Describe the upload of an exported folder; the repository will hold exactly its tasks."""
    return Upload(repo_id, "dataset", folder, files_of(folder), message, STALE)


def command(arguments: argparse.Namespace) -> None:
    """Run ``python -m klue_datasets push``, and print what was uploaded."""
    for line in push(**vars(arguments)):
        print(line)
