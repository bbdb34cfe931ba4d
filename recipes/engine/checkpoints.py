"""The output folder of a run: its lock, its owner, and its checkpoints."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from klue_datasets.download import sha256
from recipes.engine.results import ALL_RESULTS, ARGUMENTS, EVAL_RESULTS, RESULT_FILES, read_json

logger = logging.getLogger(__name__)
_NAME = re.compile(r"checkpoint-(\d+)")
LAST = ("last", "true", "True")
LOCK = ".lock"


@contextlib.contextmanager
def locked(output_dir: Path) -> Iterator[None]:
    """Lock a folder against other runs; the system releases the lock when the process ends.

    Raises:
        ValueError: Another run is writing to the folder.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output_dir / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(
            f"Another run is writing to {output_dir}; expected another --output_dir, or wait for that run."
        ) from error
    try:
        yield
    finally:
        lock.release()


def weights_hash(model: str) -> str | None:
    """Hash the configuration and weights of a local model.

    Returns:
        A hash of twelve hexadecimal digits; None if there is no local model.
    """
    patterns = ("config.json", "adapter_config.json", "*.safetensors", "pytorch_model*.bin")
    files = sorted(path for pattern in patterns for path in Path(model).glob(pattern))
    if not files:
        return None
    return hashlib.sha256(" ".join(map(sha256, files)).encode()).hexdigest()[:12]


def is_own_folder(model: str, output_dir: Path) -> bool:
    """Return whether a run writes to the folder of its model."""
    return Path(model).resolve() == output_dir.resolve()


def check_owner(output_dir: Path, model: str) -> None:
    """Check that a run without training does not write to the folder of another model.

    Args:
        output_dir: Output folder of the run.
        model: Folder or Hub id of the evaluated model.

    Raises:
        ValueError: The folder holds a trained model, or results of another model.
    """
    if Path(model).is_dir() and Path(model).resolve() == output_dir.resolve():
        return
    trained = read_json(output_dir / ARGUMENTS)
    evaluated = read_json(output_dir / EVAL_RESULTS).get("eval_model")
    if trained:
        owner = f"a model trained from {trained.get('model_name_or_path')}"
    elif evaluated not in (None, model):
        owner = f"the results of {evaluated}"
    else:
        return
    raise ValueError(
        f"{output_dir} holds {owner}, and the model to evaluate is {model}; expected another --output_dir."
    )


def find_checkpoint(output_dir: Path, wanted: str | None) -> str | None:
    """Find the checkpoint to resume from.

    Args:
        output_dir: Output folder of the run.
        wanted: A checkpoint folder, ``last`` (or ``true``) for the last one in ``output_dir``, or None.

    Returns:
        The checkpoint folder; None to start from the beginning.

    Raises:
        ValueError: The folder is not a complete checkpoint, or it has no optimizer state.
    """
    if wanted is None:
        return None
    if wanted in LAST:
        whole = [path for path in _checkpoints(output_dir) if _is_whole(path)]
        if not whole:
            logger.warning("%s holds no complete checkpoint yet: starting from the beginning.", output_dir)
            return None
        wanted = str(whole[-1])
    if not _is_whole(Path(wanted)):
        raise ValueError(
            f"{wanted} is not a complete checkpoint (no readable trainer_state.json); "
            "expected a checkpoint-N folder, or last."
        )
    if not any(Path(wanted).glob("optimizer*")):
        raise ValueError(
            f"{wanted} has no optimizer state (it was saved with --save_only_model), so training cannot be "
            f"resumed from it; expected a checkpoint with one. To start a new run from its weights: "
            f"--model_name_or_path {wanted}."
        )
    return wanted


def prepare_output_dir(output_dir: Path, *, resume: bool, overwrite: bool) -> None:
    """Prepare the folder for training: delete results and checkpoints of an earlier run.

    Raises:
        ValueError: There are checkpoints of an unfinished run, which are neither resumed nor overwritten.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    old = _checkpoints(output_dir)
    is_finished = (output_dir / ALL_RESULTS).is_file()
    if old and not (resume or overwrite or is_finished):
        raise ValueError(
            f"{output_dir} holds checkpoints of an unfinished run (the last is {old[-1].name}); "
            "expected --resume_from_checkpoint to continue, --overwrite_output_dir to start over, "
            "or another --output_dir."
        )
    for name in RESULT_FILES:
        (output_dir / name).unlink(missing_ok=True)
    if old and not resume:
        logger.warning("%s: replacing the existing run.", output_dir)
        for path in old:
            shutil.rmtree(path)


def _checkpoints(output_dir: Path) -> list[Path]:
    """Return the checkpoint folders, ordered by step."""
    found = {}
    for path in output_dir.glob("checkpoint-*"):
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir():
            found[int(match[1])] = path
    return [found[step] for step in sorted(found)]


def _is_whole(path: Path) -> bool:
    """Return whether a checkpoint is complete: Trainer writes this file last."""
    try:
        json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
