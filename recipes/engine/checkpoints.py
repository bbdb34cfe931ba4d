"""Checkpoints in an output folder: the last whole one to go on from, and old ones out of a new run's way."""

from __future__ import annotations

import json
import logging
import re
import shutil
from pathlib import Path

from recipes.engine.results import ALL_RESULTS, RESULT_FILES

logger = logging.getLogger(__name__)
_NAME = re.compile(r"checkpoint-(\d+)")
LAST = ("last", "true", "True")


def find_checkpoint(output_dir: Path, wanted: str | None) -> str | None:
    """The checkpoint that a run goes on from.

    Args:
        output_dir: Where the run writes.
        wanted: A checkpoint folder; ``last`` (or ``true``) for the last whole one of ``output_dir``; or None.

    Returns:
        The folder; None where the run starts from the beginning.

    Raises:
        ValueError: The folder named is not a whole checkpoint.
    """
    if wanted is None:
        return None
    if wanted in LAST:
        whole = [path for path in _checkpoints(output_dir) if _is_whole(path)]
        if not whole:
            logger.warning("%s holds no whole checkpoint yet: starting from the beginning.", output_dir)
        return str(whole[-1]) if whole else None
    if not _is_whole(Path(wanted)):
        raise ValueError(
            f"{wanted} is no whole checkpoint (no readable trainer_state.json); "
            "expected a checkpoint-N folder, or last."
        )
    return wanted


def prepare_output_dir(output_dir: Path, *, resume: bool, overwrite: bool) -> None:
    """Makes the folder ready for a training run: results and checkpoints of an older one go.

    Raises:
        ValueError: An unfinished run left checkpoints, and neither going on nor starting over was asked for.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    old = _checkpoints(output_dir)
    is_finished = (output_dir / ALL_RESULTS).is_file()
    if old and not (resume or overwrite or is_finished):
        raise ValueError(
            f"{output_dir} holds checkpoints of an unfinished run (the last is {old[-1].name}); "
            "expected --resume_from_checkpoint to go on, --overwrite_output_dir to start over, "
            "or another --output_dir."
        )
    for name in RESULT_FILES:
        (output_dir / name).unlink(missing_ok=True)
    if old and not resume:
        logger.warning("%s: replacing the run that is there.", output_dir)
        for path in old:
            shutil.rmtree(path)


def _checkpoints(output_dir: Path) -> list[Path]:
    """The checkpoint folders, by step."""
    found = {}
    for path in output_dir.glob("checkpoint-*"):
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir():
            found[int(match[1])] = path
    return [found[step] for step in sorted(found)]


def _is_whole(path: Path) -> bool:
    """Whether everything was written: Trainer writes this file last."""
    try:
        json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
