"""The official raw files, pinned to a commit, checked by git blob hash, kept in the normal cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from .tasks import DEFAULT_VERSION
from .tasks import SPLIT_FILE
from .tasks import VERSION_COMMIT
from .tasks import Task

BASE_URL = "https://raw.githubusercontent.com/KLUE-benchmark/KLUE"
MAX_RETRIES = 5


class KlueDownloadError(OSError):
    """An official file that could not be had, or is not the published one."""


def git_blob_sha1(path: str | Path) -> str:
    """The hash by which git names a file's content: SHA-1 of ``blob <bytes>\\0`` and the content."""
    digest = hashlib.sha1(f"blob {os.path.getsize(path)}\0".encode(), usedforsecurity=False)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def url(task: Task, split: str, version: str = DEFAULT_VERSION) -> str:
    """Where an official file lies; KLUE_BASE_URL in the environment replaces the server."""
    base = os.environ.get("KLUE_BASE_URL", BASE_URL).rstrip("/")
    folder = f"klue_benchmark/{task.folder(version)}"
    return f"{base}/{VERSION_COMMIT[version]}/{folder}/{task.filename(split, version)}"


def fetch(
    task: Task, version: str = DEFAULT_VERSION, cache_dir: str | Path | None = None
) -> dict[str, list[str]]:
    """Downloads the official files of a task, or finds them in the Hugging Face datasets cache.

    Args:
        task: The task's record.
        version: 1.1.0 or 1.0.0.
        cache_dir: The datasets cache to keep them in; None for the usual one.

    Returns:
        Split name -> its one local file.

    Raises:
        KlueDownloadError: A file cannot be downloaded, or its hash is not the published one, or unknown.
    """
    import datasets
    from datasets.utils.file_utils import cached_path

    downloads = (
        Path(cache_dir).expanduser() / "downloads" if cache_dir else datasets.config.DOWNLOADED_DATASETS_PATH
    )
    config = datasets.DownloadConfig(cache_dir=str(downloads), max_retries=MAX_RETRIES, use_etag=False)
    published = task.blobs.get(version, {})
    unknown = [split for split in SPLIT_FILE if split not in published]
    if unknown:
        raise KlueDownloadError(
            f"{task.name}: no published hash of version {version} is known for {', '.join(unknown)}, "
            "so a download could not be checked. Name a folder of raw files with data_dir."
        )
    files = {}
    for split, expected in published.items():
        address = url(task, split, version)
        try:
            path = cached_path(address, download_config=config)
        except (OSError, ValueError) as error:
            raise KlueDownloadError(
                f"{task.name}: could not download {address} ({type(error).__name__}). "
                "Without a network, name a folder of raw files with data_dir."
            ) from error
        found = git_blob_sha1(path)
        if found != expected:
            os.remove(path)  # or the bad copy would be found again
            raise KlueDownloadError(
                f"{address}: git blob SHA-1 is {found}; expected {expected}. The copy was deleted."
            )
        files[split] = [str(path)]
    return files


def official_splits(
    task: Task, files: Mapping[str, Sequence[str]], version: str = DEFAULT_VERSION
) -> set[str]:
    """The splits whose single file is, byte for byte, the one that KLUE published."""
    published = task.blobs.get(version, {})
    return {
        split
        for split, paths in files.items()
        if split in published and len(paths) == 1 and git_blob_sha1(paths[0]) == published[split]
    }
