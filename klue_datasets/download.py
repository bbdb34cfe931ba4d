"""Download the official raw files from a pinned commit, verify their hashes, and cache them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from pathlib import PurePosixPath
from typing import IO

from datasets import config
from datasets.utils import tqdm
from datasets.utils.file_utils import hash_url_to_filename
from filelock import FileLock
from huggingface_hub import constants
from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

from .raw_files import KlueDataError
from .tasks import DEFAULT_VERSION
from .tasks import SPLIT_FILE
from .tasks import TASKS
from .tasks import VERSION_COMMIT
from .tasks import VERSION_SUFFIX
from .tasks import Task

BASE_URL = "https://raw.githubusercontent.com/KLUE-benchmark/KLUE"
# Archives of version 1.0.0, with the names used by the loading script on the Hub.
ARCHIVE_URL = "http://klue-benchmark.com.s3.amazonaws.com"
FIRST_COMPETITION = 66
LISTS = ("ontology.json", "relation_list.json")  # further files in the folders of wos and re
MAX_RETRIES = 5
WAIT = 1.0  # seconds before the first retry; doubled for each further one


class KlueDownloadError(OSError):
    """An official file could not be downloaded, or differs from the published one."""


def git_blob_sha1(path: str | Path) -> str:
    """Compute git's hash of a file's content: the SHA-1 of ``blob <bytes>\\0`` and the content."""
    return _digest(path, hashlib.sha1(f"blob {os.path.getsize(path)}\0".encode(), usedforsecurity=False))


def sha256(path: str | Path) -> str:
    """Compute the SHA-256 of a file's content."""
    return _digest(path, hashlib.sha256())


def _digest(path: str | Path, digest: hashlib._Hash) -> str:
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def url(task: Task, split: str, version: str = DEFAULT_VERSION) -> str:
    """Return the URL of an official file; the environment variable KLUE_BASE_URL replaces the server."""
    base = os.environ.get("KLUE_BASE_URL", BASE_URL).rstrip("/")
    folder = f"klue_benchmark/{task.folder(version)}"
    return f"{base}/{VERSION_COMMIT[version]}/{folder}/{task.filename(split, version)}"


def archive_url(task: Task) -> str:
    """Return the URL of a task's v1 archive; the environment variable KLUE_BASE_URL replaces the server."""
    base = os.environ.get("KLUE_BASE_URL", ARCHIVE_URL).rstrip("/")
    number = FIRST_COMPETITION + list(TASKS).index(task.name)
    return f"{base}/app/Competitions/{number:06}/data/{task.folder('1.0.0')}.tar.gz"


def fetch(
    task: Task, version: str = DEFAULT_VERSION, cache_dir: str | Path | None = None
) -> dict[str, list[str]]:
    """Download the official files of a task, or find them in the Hugging Face datasets cache.

    Files with a known git blob SHA-1 are downloaded from the pinned commit. The other files of version 1.0.0
    are extracted from the published archive, whose SHA-256 is known.

    Args:
        task: The task's record.
        version: KLUE version, 1.1.0 or 1.0.0.
        cache_dir: Datasets cache for the files; by default the usual one.

    Returns:
        Split name -> list of its local file.

    Raises:
        KlueDownloadError: A file cannot be downloaded, or its hash is wrong or unknown.
    """
    downloads = _downloads(cache_dir)
    published = task.blobs.get(version, {})
    unknown = [split for split in SPLIT_FILE if split not in published]
    if unknown and version != "1.0.0":
        raise KlueDownloadError(
            f"{task.name}: no published hash of version {version} is known for {', '.join(unknown)}, "
            "so a download could not be checked. Name a folder of raw files with data_dir."
        )
    files = {}
    for split in SPLIT_FILE:
        if split in published:
            address = url(task, split, version)
            path = _cached(task, address, downloads, git_blob_sha1, "git blob SHA-1", published[split])
        else:
            path = _from_archive(task, task.filename(split, version), downloads)
        files[split] = [str(path)]
    return files


def official_splits(
    task: Task, files: Mapping[str, Sequence[str]], version: str = DEFAULT_VERSION
) -> set[str]:
    """Return the splits whose single file is identical to the one that KLUE published."""
    published = task.blobs.get(version, {})
    return {
        split
        for split, paths in files.items()
        if split in published and len(paths) == 1 and git_blob_sha1(paths[0]) == published[split]
    }


def unpack(archive: str | Path, cache_dir: str | Path | None = None) -> Path:
    """Extract KLUE's files from an archive into the datasets cache, in a folder named by content hash.

    Only files with the names of KLUE's files are extracted, to their paths in KLUE's layout, so that paths in
    the archive cannot lead elsewhere.

    Args:
        archive: A .zip or .tar file, compressed or not, of a KLUE checkout, its klue_benchmark folder or the
            folder of one task.
        cache_dir: Datasets cache; by default the usual one.

    Returns:
        A folder in the layout of klue_benchmark.

    Raises:
        KlueDataError: The file is not such an archive, is damaged, or contains a file twice.
    """
    downloads = _downloads(cache_dir)
    target = downloads / "extracted" / f"klue-{sha256(archive)}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if target.is_dir():
            return target
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            root = Path(temporary) / "root"
            root.mkdir()
            try:
                for name, content in _members(archive):
                    path = root / name
                    path.parent.mkdir(exist_ok=True)
                    with contextlib.closing(content), open(path, "xb") as file:
                        shutil.copyfileobj(content, file)
            except FileExistsError as error:
                raise KlueDataError(f"{archive}: holds {name} more than once; expected it once.") from error
            except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error) as error:
                # Tarfile's messages have a line per compression.
                reason = str(error).partition("\n")[0].rstrip(":")
                raise KlueDataError(
                    f"{archive}: not a readable archive ({reason}); expected a folder, a .zip or a .tar(.gz)."
                ) from error
            os.replace(root, target)
    return target


def _members(archive: str | Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield KLUE's files in an archive: their path in klue_benchmark, and their content."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir() and (name := _place(info.filename)):
                    yield name, zipped.open(info)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isreg() and (name := _place(member.name)) and (content := tar.extractfile(member)):
                yield name, content


def _place(member: str) -> str | None:
    """Return the path in klue_benchmark of a file in an archive; None if it is not one of KLUE's files."""
    path = PurePosixPath(member)
    for task in TASKS.values():
        for version in VERSION_SUFFIX:
            folder = task.folder(version)
            official = {task.filename(split, version) for split in SPLIT_FILE}
            if path.name in official or (path.name in LISTS and path.parent.name == folder):
                return f"{folder}/{path.name}"
    return None


def _downloads(cache_dir: str | Path | None) -> Path:
    return Path(Path(cache_dir).expanduser() / "downloads" if cache_dir else config.DOWNLOADED_DATASETS_PATH)


def _cached(
    task: Task, address: str, downloads: Path, hash_of: Callable[[Path], str], kind: str, expected: str
) -> Path:
    """Return a verified copy of a file from the cache, downloading it if necessary."""
    downloads.mkdir(parents=True, exist_ok=True)
    path = downloads / hash_url_to_filename(address)
    with FileLock(f"{path}.lock"):
        if path.is_file() and hash_of(path) == expected:
            return path
        partial = path.with_name(f"{path.name}.incomplete")
        was_begun = partial.is_file()
        _download(task, address, partial)
        if was_begun and hash_of(partial) != expected:  # the partial file may belong to another file
            partial.unlink()
            _download(task, address, partial)
        found = hash_of(partial)
        if found != expected:
            partial.unlink()
            raise KlueDownloadError(
                f"{address}: {kind} is {found}; expected {expected}. The copy was deleted."
            )
        path.with_name(f"{path.name}.json").write_text(json.dumps({"url": address, "etag": None}))
        os.replace(partial, path)
    return path


def _download(task: Task, address: str, partial: Path) -> None:
    """Download to ``partial``, resume after its existing bytes, and retry transient errors.

    http_get of huggingface_hub loses up to 10 MB, more than most of these files, when a connection breaks.
    """
    cause: Exception | None = None
    reason, failures, most = "HF_HUB_OFFLINE is set", 0, 0
    while failures < MAX_RETRIES and not config.HF_HUB_OFFLINE:
        try:
            status = _receive(address, partial)
        except Exception as error:  # OSError, or an error of httpx, which depends on the version
            cause, status = error, 0
        if status in (200, 206):
            return
        reason = f"HTTP status {status}" if status else f"{type(cause).__name__}: {cause}"
        if status == 416:  # the partial file is longer than the one on the server
            partial.unlink()
        elif status not in (0, 408, 429) and status < 500:
            break
        size = partial.stat().st_size if partial.exists() else 0
        failures = 0 if size > most else failures + 1  # progress resets the count of failures
        most = max(most, size)
        if failures < MAX_RETRIES:
            time.sleep(WAIT * 2**failures)
    raise KlueDownloadError(
        f"{task.name}: could not download {address} ({reason}), and no earlier download is in "
        f"{partial.parent}. Without a network, name a folder of raw files with data_dir; "
        "KLUE_BASE_URL names a mirror."
    ) from cause


def _receive(address: str, partial: Path) -> int:
    """Request the missing bytes of ``partial`` and append them; return the HTTP status."""
    there = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # otherwise ranges count compressed bytes
    if there:
        headers["Range"] = f"bytes={there}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    session = get_session()
    with session.stream("GET", address, headers=headers, timeout=timeout, follow_redirects=True) as response:
        if response.status_code not in (200, 206):
            return int(response.status_code)
        if response.status_code == 200:  # the whole file: first attempt, or no support for ranges
            there = 0
        length = int(response.headers.get("Content-Length", 0))
        name, total = address.rsplit("/", 1)[-1], there + length if length else None
        bar = tqdm(desc=name, initial=there, total=total, unit="B", unit_scale=True)
        with bar, open(partial, "ab" if there else "wb") as file:
            for block in response.iter_bytes():
                file.write(block)
                bar.update(len(block))
        return int(response.status_code)


def _from_archive(task: Task, name: str, downloads: Path) -> Path:
    """Extract one raw file from the v1 archive, next to the archive."""
    address = archive_url(task)
    archive = _cached(task, address, downloads, sha256, "SHA-256", task.archive_sha256)
    # The folder is named by the archive's hash, so its content comes from the right archive.
    folder = downloads / "extracted" / task.archive_sha256
    target = folder / name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.{os.getpid()}.incomplete"
    try:
        with tarfile.open(archive) as tar:
            members = [member for member in tar if member.isreg() and Path(member.name).name == name]
            if len(members) != 1:
                raise KlueDownloadError(f"{address}: holds {len(members)} files called {name}; expected one.")
            source = tar.extractfile(members[0])
            assert source is not None
            with source, open(partial, "wb") as file:
                shutil.copyfileobj(source, file)
        os.replace(partial, target)
    except (tarfile.TarError, EOFError) as error:
        raise KlueDownloadError(f"{address}: not a readable tar archive ({error}).") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    return target
