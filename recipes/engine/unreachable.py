"""One sentence where a model or a data set is not there, instead of what the libraries say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import datasets
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

from recipes.engine.publishable import is_hub_id

CONNECTION_ERRORS = (ConnectionError, OfflineModeIsEnabled, LocalEntryNotFoundError)


@contextlib.contextmanager
def model_errors(path: str) -> Iterator[None]:
    """Wraps the loading of a model.

    Args:
        path: Its folder or Hub id.

    Raises:
        ValueError: There is no such folder, and it is no Hub id.
        OSError: The Hub cannot be reached and has not been asked for this model before.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        if not Path(path).is_dir() and not is_hub_id(path):
            raise ValueError(
                f"there is no folder {path}; expected the folder of a model, or a Hub id."
            ) from error
        if Path(path).is_dir() or not isinstance(error.__cause__, CONNECTION_ERRORS):
            raise
        raise OSError(
            f"there is no folder {path}, the Hub cannot be reached, and its cache ({constants.HF_HUB_CACHE}) "
            f"does not hold a model {path}; expected the folder of a model, or a network to download it."
        ) from error


@contextlib.contextmanager
def data_errors(name: str) -> Iterator[None]:
    """Wraps the loading of a data set.

    Args:
        name: Its folder or Hub id.

    Raises:
        OSError: The Hub cannot be reached and has not been asked for this data set before, or it has none.
    """
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise OSError(
            f"there is no folder {name}, the Hub cannot be reached, and the cache "
            f"({datasets.config.HF_DATASETS_CACHE}) does not hold {name}; expected --data_dir with raw KLUE "
            "files, --mini for the synthetic corpus, or a network to download it."
        ) from error
    except FileNotFoundError as error:
        if Path(name).exists():
            raise
        raise OSError(
            f"there is no folder {name}, and no such data set on the Hub; expected another --dataset_name, "
            "--data_dir with raw KLUE files, or --mini for the synthetic corpus."
        ) from error
