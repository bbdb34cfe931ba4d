"""``load``: load a task from the official files, local files or the mini corpus."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets

from klue_datasets.builder import DataFiles, KlueBuilder, find_files, named_files
from klue_datasets.download import fetch
from klue_datasets.raw_files import KlueDataError
from klue_datasets.tasks import DEFAULT_VERSION, check_version, get_task

MINI_DIR = Path(__file__).parent / "mini"


def load(
    task: str,
    split: str | None = None,
    *,
    data_dir: str | Path | None = None,
    data_files: DataFiles | None = None,
    columns: Mapping[str, str] | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    hub_compatible: bool = False,
    streaming: bool = False,
    num_proc: int | None = None,
    cache_dir: str | Path | None = None,
) -> Any:
    """Load one KLUE task, with the result of ``datasets.load_dataset``.

    Args:
        task: ynat, sts, nli, ner, re, dp, mrc, wos, or an alias (tc, dst).
        split: A split or slice such as ``validation`` or ``train[:10%]``; None for all.
        data_dir: A KLUE checkout, its ``klue_benchmark`` folder, one task's folder in it, or an archive of
            one of these (.zip or .tar); the splits whose official file exists are built.
        data_files: Files in place of ``data_dir``: one or more paths for the train split, or a mapping from
            splits to paths. CSV, TSV, JSON lines or Parquet with the Hub's columns (docs/own-data.md), KLUE's
            own format, and for mrc also SQuAD and KorQuAD 1; files may be compressed with gzip.
        columns: Column name -> its name in ``data_files``, if different.
        mini: Whether to load the small synthetic corpus of this package.
        version: KLUE version, 1.1.0 or 1.0.0.
        hub_compatible: Whether rows and columns are exactly those of ``klue/klue`` on the Hub. "Two views" in
            the data card (hub_cards/templates/dataset.md) explains how the default view differs.
        streaming: Whether to read rows when needed, without a cache.
        num_proc: Number of processes; each reads one file.
        cache_dir: Datasets cache; by default the usual one.

    Returns:
        A Dataset if ``split`` is given, otherwise a DatasetDict; their iterable counterparts if streaming.

    Raises:
        ValueError: The task, version or split is unknown, or there is more than one source.
        FileNotFoundError: The source has no files of the task.
        KlueDataError: A raw file is invalid.
        KlueDownloadError: The official files cannot be downloaded.
    """
    builder = make_builder(
        task,
        data_dir=data_dir,
        data_files=data_files,
        columns=columns,
        mini=mini,
        version=version,
        hub_compatible=hub_compatible,
        cache_dir=cache_dir,
    )
    return build(builder, split, streaming=streaming, num_proc=num_proc)


def build(
    builder: KlueBuilder, split: str | None = None, *, streaming: bool = False, num_proc: int | None = None
) -> Any:
    """Build the rows, or read them from the cache; arguments and errors as in ``load``."""
    _check_split(builder, split)
    if streaming:
        return builder.as_streaming_dataset(split=split)
    try:
        builder.download_and_prepare(num_proc=num_proc)
    except datasets.exceptions.DatasetGenerationError as error:
        if isinstance(error.__cause__, KlueDataError):  # raise the specific error about the file
            raise error.__cause__ from None
        raise
    return builder.as_dataset(split=split)


def make_builder(
    task: str,
    *,
    data_dir: str | Path | None = None,
    data_files: DataFiles | None = None,
    columns: Mapping[str, str] | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    hub_compatible: bool = False,
    cache_dir: str | Path | None = None,
) -> KlueBuilder:
    """Create the builder for ``load``, and find or download its files.

    Arguments and errors are those of ``load``.
    """
    record = get_task(task)
    version = check_version(version)
    sources = {"data_dir": data_dir is not None, "data_files": data_files is not None, "mini": mini}
    if sum(sources.values()) > 1:
        given = " and ".join(name for name, is_given in sources.items() if is_given)
        raise ValueError(f"{record.name}: {given} were given; expected one source of raw files.")
    if columns and data_files is None:
        raise ValueError(
            f"{record.name}: columns were given without data_files; they map the columns of these."
        )
    if data_files is not None:
        files = named_files(record, data_files)
    elif data_dir is not None or mini:
        files = find_files(record, MINI_DIR if mini else data_dir or "", version, cache_dir)
    else:
        files = fetch(record, version, cache_dir)
    return builder_class(record.name)(
        files=files,
        columns=columns,
        hub_compatible=hub_compatible,
        version=datasets.Version(version),
        cache_dir=None if cache_dir is None else str(cache_dir),
    )


def builder_class(task: str) -> type[KlueBuilder]:
    """Return the builder class of a task."""
    found: type[KlueBuilder] = getattr(import_module(f"klue_datasets.{task}"), task.capitalize())
    return found


def _check_split(builder: KlueBuilder, split: str | None) -> None:
    """Raise an error that lists the available splits if another one is requested."""
    name = None if split is None else str(split).split("[")[0].strip()
    if name is not None and name.isidentifier() and name != "all" and name not in (builder.files or {}):
        raise ValueError(
            f"{builder.config.name}: there is no split {name!r} in this source; "
            f"expected one of {', '.join(builder.files or {})}."
        )
