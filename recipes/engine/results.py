"""Result files: strict JSON, written atomically."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TRAIN_RESULTS = "train_results.json"
PICTURE = "example.svg"
PREDICTIONS = "predictions_validation.jsonl"
ARGUMENTS = "recipe_arguments.json"  # settings of the training
EVAL_RESULTS = "eval_results.json"
EVAL_DETAILS = "eval_details.json"  # same content as ``python -m klue_metrics score --json``
EVAL_ENTRIES = ".eval_results/klue.yaml"  # official results in the Hub's format
RECORD = "result.jsonl"  # the result as one record, see result_record.py
ALL_RESULTS = "all_results.json"  # written last, as the mark of a finished run
RESULT_FILES = (TRAIN_RESULTS, EVAL_RESULTS, EVAL_DETAILS, RECORD, ALL_RESULTS)


def write_json(path: Path, values: Any) -> None:
    """Write strict JSON: NaN and infinity become null."""
    write_text(path, [json.dumps(strict(values), ensure_ascii=False, indent=2, allow_nan=False) + "\n"])


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one strict JSON object per line."""
    write_text(path, (json.dumps(strict(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def earlier_results(output_dir: Path) -> dict[str, Any]:
    """Return the results of a model's training and evaluation, from its folder."""
    return read_json(output_dir / TRAIN_RESULTS) | read_json(output_dir / EVAL_RESULTS)


def read_json(path: Path) -> dict[str, Any]:
    """Read a result file; return an empty mapping if it does not exist.

    Raises:
        ValueError: The file does not contain a JSON object.
    """
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}).") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}; expected a JSON object.")
    return values


def strict(value: Any) -> Any:
    """Convert a value to strict JSON: numpy scalars become numbers; NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def shown(score: float | None) -> str:
    """Format a score; None and NaN are undefined."""
    return "undefined" if score is None or math.isnan(score) else f"{score:.2f}"


def write_text(path: Path, texts: Iterable[str]) -> None:
    """Write parts of a text to a file, which appears only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(texts)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
