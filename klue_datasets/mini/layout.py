"""How the mini corpus is laid out on disk: split names, and JSON text with the same bytes everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

SPLITS = ("train", "dev")

Example = dict[str, Any]


def check_split(split: str) -> None:
    """Raise ValueError unless `split` names a split of the mini corpus."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, expected one of {', '.join(SPLITS)}")


def json_text(value: object) -> str:
    """Return `value` as JSON: Korean unescaped, indent 1, one final newline."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def json_files(name: str, build: Callable[[str], list[Example]]) -> dict[str, str]:
    """Return the text of a JSON task's files by path, such as `ynat-v1.1/ynat-v1.1_train.json`."""
    return {f"{name}/{name}_{split}.json": json_text(build(split)) for split in SPLITS}
