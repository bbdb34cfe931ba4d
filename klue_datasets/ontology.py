"""The ontology of WoS: the possible values of each slot."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, OfflineModeIsEnabled

from klue_datasets.loading import make_builder
from klue_datasets.raw_files import KlueDataError, read_text

logger = logging.getLogger(__name__)
Ontology = dict[str, list[str]]
FILE = "ontology.json"  # in the folder of the raw files of wos, and in the folder wos of an export


def load_ontology(
    *,
    data_dir: str | Path | None = None,
    mini: bool = False,
    dataset_name: str | None = None,
    revision: str | None = None,
) -> Ontology:
    """Load the ontology that comes with a data set.

    Args:
        data_dir: Folder or archive of raw KLUE files, as for ``load``.
        mini: Whether to use the mini corpus.
        dataset_name: Data set on the Hub or exported folder, if neither of the others is given.
        revision: Branch, tag or commit of a data set on the Hub.

    Returns:
        Slot, such as ``숙소-지역`` -> its values; empty if the data has no ontology.

    Raises:
        KlueDataError: The file is not an ontology.
    """
    if data_dir or mini:
        builder = make_builder("wos", data_dir=data_dir, mini=mini)
        return ontology_beside(Path(path) for paths in (builder.files or {}).values() for path in paths)
    if dataset_name is None:
        return {}
    if Path(dataset_name).exists():
        return read_ontology(Path(dataset_name) / "wos") or {}
    try:
        path = hf_hub_download(dataset_name, f"wos/{FILE}", repo_type="dataset", revision=revision)
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError):
        logger.warning("Without a network, %s is read without an ontology.", dataset_name)
        return {}
    except EntryNotFoundError:
        return {}
    return read_ontology(Path(path).parent) or {}


def ontology_beside(files: Iterable[Path]) -> Ontology:
    """Return the ontology in the first folder of raw files that has one; empty if none has."""
    found = (read_ontology(folder) for folder in sorted({path.parent for path in files}))
    return next((ontology for ontology in found if ontology), {})


def read_ontology(folder: Path) -> Ontology | None:
    """Read ontology.json from a folder; return None if there is no such file.

    Raises:
        KlueDataError: The file is not an object with a list of values per slot.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error
    if not isinstance(values, dict) or not all(
        isinstance(known, list) and all(isinstance(value, str) for value in known)
        for known in values.values()
    ):
        raise KlueDataError(f"{path}: expected an object of slots, each with a list of strings.")
    return values
