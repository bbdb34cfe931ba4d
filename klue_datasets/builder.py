"""Base class of the dataset builders: finds the files of each split, and caches by file content."""

from __future__ import annotations

import abc
import contextlib
import gc
import hashlib
import os
import warnings
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import ClassVar

import datasets
import pyarrow as pa

from .download import fetch
from .download import git_blob_sha1
from .download import unpack
from .raw_files import FLAT_COLUMNS
from .raw_files import KlueDataError
from .tasks import CITATION
from .tasks import DEFAULT_VERSION
from .tasks import HOMEPAGE
from .tasks import LICENSE
from .tasks import SPLIT_FILE
from .tasks import VERSION_SUFFIX
from .tasks import Task
from .tasks import check_version

Files = Mapping[str, Sequence[str]]
DataFiles = str | Path | Sequence[str | Path] | Mapping[str, str | Path | Sequence[str | Path]]
# Increase this when builders produce other rows from the same bytes, so that older caches are not used.
BUILD = "2"
# Name of the cache folder: without a network, load_dataset("klue") reads the cache under that name.
CACHE_NAME = "klue_hub"


class KlueBuilder(datasets.ArrowBasedBuilder):
    """Base class of the eight builders, which yields whole columns instead of single rows.

    A subclass sets its task and defines the methods ``features`` and ``columns``.

    Args:
        files: Split name -> local raw files; by default those in ``data_dir`` or, without it, the official
            files, which are downloaded and verified.
        data_dir: A KLUE checkout, its ``klue_benchmark`` folder, one task's folder in it, or an archive of
            one of these.
        data_files: Files in place of ``data_dir``: one or more paths for the train split, or a mapping from
            splits to paths, in any format of ``raw_files.read_records`` and ``read_rows``.
        columns: Column name -> its name in ``data_files``, if different.
        hub_compatible: Whether rows and columns are exactly those of ``klue/klue`` on the Hub; the default
            view corrects them and adds columns, see ``load``.
        **kwargs: Further arguments of datasets.DatasetBuilder.
    """

    KLUE_TASK: ClassVar[Task]
    VERSION = datasets.Version(DEFAULT_VERSION)

    def __init__(
        self,
        *args: Any,
        files: Files | None = None,
        data_dir: str | None = None,
        data_files: DataFiles | None = None,
        columns: Mapping[str, str] | None = None,
        hub_compatible: bool = False,
        **kwargs: Any,
    ) -> None:
        if files is None and data_files is not None:
            files = named_files(self.KLUE_TASK, data_files)
        elif files is None and data_dir is not None:
            files = find_files(self.KLUE_TASK, data_dir, str(kwargs.get("version") or DEFAULT_VERSION))
        name = kwargs.get("config_name") or self.KLUE_TASK.name
        if name != self.KLUE_TASK.name:
            raise ValueError(f"The config is {name!r}; this builder expects {self.KLUE_TASK.name!r}.")
        kwargs["config_name"] = name
        kwargs.setdefault("dataset_name", CACHE_NAME)
        self.files = files
        self.hub_compatible = hub_compatible
        self.column_names = dict(columns or {})
        known = [*self.features(), *FLAT_COLUMNS.get(name, ())]
        for unknown in [column for column in self.column_names if column not in known]:
            raise ValueError(f"{name} has no column {unknown!r} to map; expected one of {', '.join(known)}.")
        # The cache folder is named after the view and the content of the files, not after their location.
        kwargs["hash"] = _fingerprint(
            files or {}, f"{kwargs.get('hash') or ''} {hub_compatible} {self.column_names or ''}"
        )
        super().__init__(*args, **kwargs)

    @abc.abstractmethod
    def features(self) -> datasets.Features:
        """Return columns and types: those on the Hub and, unless ``hub_compatible``, additional ones."""

    @abc.abstractmethod
    def columns(self, path: str) -> dict[str, pa.Array]:
        """Read one raw file into one Arrow array per column."""

    def misspelt(self, columns: dict[str, pa.Array]) -> Sequence[int]:
        """Find sentences that differ from the text of their rows (ner and dp)."""
        return ()

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description=f"KLUE {self.KLUE_TASK.name}: {self.KLUE_TASK.description}",
            features=self.features(),
            homepage=HOMEPAGE,
            license=LICENSE,
            citation=CITATION,
            version=self.config.version,
        )

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        files = self.files
        if files is None:
            files = fetch(self.KLUE_TASK, check_version(str(self.config.version)))
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"paths": list(paths)})
            for split, paths in files.items()
        ]

    def _generate_tables(self, paths: list[str]) -> Iterator[tuple[int, pa.Table]]:
        schema, rows = self.info.features.arrow_schema, 0
        for index, path in enumerate(paths):
            with _no_garbage_collection():
                columns = self.columns(path)
                self._warn_of_misspelt(path, columns)
            table = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
            rows += len(table)
            yield index, table
        if not rows:
            raise KlueDataError(f"{', '.join(paths)}: there are no rows; expected at least one.")

    def _warn_of_misspelt(self, path: str, columns: dict[str, pa.Array]) -> None:
        """Warn about sentences that differ from their rows, except for known cases in the official files."""
        wrong = self.misspelt(columns)
        official = {blob for blobs in self.KLUE_TASK.blobs.values() for blob in blobs.values()}
        if wrong and git_blob_sha1(path) not in official:
            warnings.warn(
                f"{self.KLUE_TASK.name}: in {path} the rows of {len(wrong):,} of {len(columns['guid']):,} "
                "sentences do not match the sentence; some are missing, repeated or edited. The first is "
                f"{columns['guid'][wrong[0]]}; python -m klue_datasets validate lists all.",
                stacklevel=2,
            )


def find_files(
    task: Task, data_dir: str | Path, version: str, cache_dir: str | Path | None = None
) -> dict[str, list[str]]:
    """Find the official files of a task below ``data_dir``.

    Args:
        task: The task's record.
        data_dir: A KLUE checkout, its ``klue_benchmark`` folder, the task's own folder in it, or an archive
            of one of these (.zip or .tar, see ``unpack``).
        version: KLUE version, 1.1.0 or 1.0.0.
        cache_dir: Datasets cache that archives are extracted to; by default the usual one.

    Returns:
        Split name -> list of its file, for train and validation.

    Raises:
        FileNotFoundError: There is none of the files; the message lists the paths.
        KlueDataError: ``data_dir`` is a file but not such an archive.
    """
    version = check_version(version)
    root = Path(data_dir).expanduser()
    if root.is_file():
        root = unpack(root, cache_dir)
    if (root / "klue_benchmark").is_dir():
        root /= "klue_benchmark"
    tried: list[Path] = []
    for folder in (root / task.folder(version), root):
        found = {split: folder / task.filename(split, version) for split in SPLIT_FILE}
        present = {split: [str(path.resolve())] for split, path in found.items() if path.is_file()}
        if present:
            return present
        tried.extend(found.values())
    others = [name for name in VERSION_SUFFIX if (root / task.folder(name)).is_dir() and name != version]
    hint = f" There is version {others[0]}: ask for it with version={others[0]!r}." if others else ""
    raise FileNotFoundError(
        f"{task.name}: no raw KLUE file of version {version} below {root}; "
        f"expected at least one of {', '.join(map(str, tried))}.{hint}"
    )


def named_files(task: Task, data_files: DataFiles) -> dict[str, list[str]]:
    """Resolve the raw files that a user passed for a task.

    Args:
        task: The task's record, for messages.
        data_files: One or more paths for the train split, or a mapping from splits to paths.

    Returns:
        Split name -> its files.

    Raises:
        FileNotFoundError: A path is not a file.
        ValueError: No path is given.
    """
    splits = data_files if isinstance(data_files, Mapping) else {"train": data_files}
    files = {}
    for split, given in splits.items():
        # Not Path: datasets replaces it in builder modules when streaming.
        paths = [given] if isinstance(given, str | os.PathLike) else list(given)
        for path in paths:
            if not Path(path).is_file():
                raise FileNotFoundError(
                    f"{task.name}: data_files names {path} for split {str(split)!r}, which is not a file."
                )
        files[str(split)] = [str(Path(path).resolve()) for path in paths]
    if not any(files.values()):
        raise ValueError(
            f"{task.name}: data_files names no file; expected a path, paths, or a mapping of splits to them."
        )
    return files


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection, since parsing creates millions of objects but no garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _fingerprint(files: Files, salt: str) -> str:
    digest = hashlib.sha256(f"{BUILD} {salt}".encode())
    for split, paths in files.items():
        for path in paths:
            digest.update(f"\0{split}\0{git_blob_sha1(path)}".encode())
    return digest.hexdigest()[:32]
