"""Select the files of a folder that may be published, and refuse secrets."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from klue_datasets.hub import files_of, is_hub_id
from recipes.engine.results import ALL_RESULTS, EVAL_ENTRIES, read_json
from recipes.redaction import SECRET_TEXTS

ADAPTER_CONFIG = "adapter_config.json"
# Files that only the run needs: checkpoints and states for resuming.
LEFT_OUT = (
    "checkpoint-*/*", "*/checkpoint-*/*", "optimizer.*", "scheduler.pt", "scaler.pt", "rng_state*.pth",
    "training_args.bin", "trainer_state.json", "runs/*", "*.partial", "*.log", "__pycache__/*",
    "*/__pycache__/*", ".cache/*", ".DS_Store", "*.lock",
)  # fmt: skip
# Names of files with secrets.
SECRET_NAMES = (
    ".env", ".env.*", ".netrc", ".npmrc", ".pypirc", ".git-credentials", "credentials", "credentials.*",
    "stored_tokens", "id_rsa*", "id_ed25519*", "*.pem", "*.p12", "*.key",
)  # fmt: skip
SECRET_FOLDERS = (".git", ".aws", ".ssh", ".huggingface")
_PATTERNS = {what: re.compile(pattern.encode()) for what, pattern in SECRET_TEXTS.items()}
# Binary files of numbers, in which only the header contains text.
NUMBERS = (".safetensors", ".parquet")
BLOCK = 4_000_000  # number of bytes read at a time
OVERLAP = 200  # maximum length of secrets (for private keys, of their first line)
DEFAULT_LIMIT_MB = 5_000
SHOWN = 5


class NotPublishableError(ValueError):
    """A folder that must not be published; the message is one sentence."""


def publishable(folder: Path, *, limit_mb: int = DEFAULT_LIMIT_MB) -> tuple[list[str], list[str]]:
    """Split the files of a folder into those to publish and those to leave out.

    Args:
        folder: The folder to publish.
        limit_mb: Maximum size of a file in megabytes.

    Returns:
        Relative paths, with slashes, of the files to publish and of the others.

    Raises:
        NotPublishableError: The folder does not exist, or it contains a secret, a link to a place outside of
            it, or a file above the limit.
    """
    if not folder.is_dir():
        raise NotPublishableError(f"{folder} is not a folder; expected one with what is to be published.")
    found = files_of(folder)
    left_out = [path for path in found if _matches(path, LEFT_OUT) or _has_no_entries(folder, path)]
    wrong = [problem for path in found for problem in _secret_name(path)]
    published = [path for path in found if path not in set(left_out)]
    for path in published:
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            wrong.append(f"{path} is a link that leads out of the folder")
        elif (size := (folder / path).stat().st_size) > limit_mb * 1_000_000:
            wrong.append(f"{path} has {size / 1e6:,.0f} MB, with {limit_mb:,} allowed (--max_file_mb)")
        else:
            wrong += [f"{path} holds {what}" for what in secrets_in(folder / path)]
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise NotPublishableError(
            f"{folder} cannot be published: {'; '.join(wrong[:SHOWN])}{more}. Remove these first."
        )
    return published, left_out


def _has_no_entries(folder: Path, path: str) -> bool:
    """Return whether a file has no entries for the Hub, as with unofficial data."""
    return path == EVAL_ENTRIES and (folder / path).read_text(encoding="utf-8").strip() == "[]"


def secrets_in(path: Path) -> list[str]:
    """Return the kinds of secrets in a file; of weights and tables, only the beginning is read."""
    found: dict[str, None] = {}
    with path.open("rb") as file:
        tail = b""
        while block := file.read(BLOCK):
            for what, pattern in _PATTERNS.items():
                if pattern.search(tail + block):
                    found[what] = None
            tail = block[-OVERLAP:]
            if path.suffix in NUMBERS:
                break
    return list(found)


def check_results(folder: Path) -> dict[str, Any]:
    """Check that a folder has the results of a finished and evaluated run.

    Raises:
        NotPublishableError: There are no results, or card, model or tokenizer are missing.
    """
    try:
        results = read_json(folder / ALL_RESULTS)
    except ValueError as error:
        raise NotPublishableError(str(error)) from error
    needed = ("README.md", "config.json", EVAL_ENTRIES)
    missing = [] if results else [ALL_RESULTS]
    if results and not any(
        key.startswith("eval_") and isinstance(value, int | float) for key, value in results.items()
    ):
        missing.append(f"scores in {ALL_RESULTS}")
    missing += [name for name in needed if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        missing.append("weights (*.safetensors)")
    if missing:
        raise NotPublishableError(
            f"{folder} has no {', no '.join(missing)}; expected the folder of a run that was trained and "
            "evaluated (--do_train --do_eval)."
        )
    _check_base_model(folder)
    return results


def _check_base_model(folder: Path) -> None:
    """Raise NotPublishableError for an adapter whose base model is local."""
    base = read_json(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
    if base and (not is_hub_id(base) or Path(base).is_dir() or (folder / base).is_dir()):
        raise NotPublishableError(
            f"{folder} is an adapter for the local base model {base}, which others cannot load; expected "
            f"a base model on the Hub: publish that one first, and put its Hub id into {ADAPTER_CONFIG} as "
            "base_model_name_or_path."
        )


def _secret_name(path: str) -> list[str]:
    *folders, name = path.split("/")
    inside = next((folder for folder in folders if folder in SECRET_FOLDERS), None)
    if inside is not None:
        # One message for the folder instead of one per file.
        first = path.split(f"{inside}/")[0] + inside
        return [f"it has a folder {first} ({name})"]
    return [f"{path} is a file for secrets, by its name"] if _matches(name, SECRET_NAMES) else []


def _matches(path: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(os.path.basename(path), pattern)
        for pattern in patterns
    )
