"""One-sentence errors for models that cannot be loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError

from klue_datasets.hub import is_hub_id

CONNECTION_ERRORS = (ConnectionError, OfflineModeIsEnabled, LocalEntryNotFoundError)


@contextlib.contextmanager
def model_errors(path: str) -> Iterator[None]:
    """Convert errors of loading a model to single sentences.

    Args:
        path: Folder or Hub id of the model.

    Raises:
        ValueError: The path is neither a folder nor a Hub id, or the weights are damaged.
        OSError: The Hub cannot be reached, and the cache does not have the model.
    """
    try:
        yield
    except SafetensorError as error:
        raise ValueError(
            f"the weights of {path} cannot be read ({error}); expected complete safetensors files (and not "
            "pointers of Git LFS)."
        ) from error
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
