"""How the mini corpus is laid out on disk: split names, JSON and TSV text with the same bytes everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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


class Rows(NamedTuple):
    """A sentence of a TSV file: what follows its guid, and the fields of each row below it."""

    text: str
    rows: tuple[tuple[str, ...], ...]


def tsv_text(guids: Sequence[str], sentences: Sequence[Rows], heading: str, columns: Sequence[str]) -> str:
    """Return a TSV file: five header lines, then each sentence with its rows and a blank line.

    As in the official files, the first header lines name the separators by backslash and letter, and only
    the fifth, `heading` with the column names, has real tabs.
    """
    header = [
        "## 토큰, 레이블 구분자 : \\t",
        "## 토큰 구분자 : \\n",
        "## 문장 구분자 : \\n\\n",
        "## 주석 : ##",
        f"## {heading} : " + "\t".join(columns),
    ]
    blocks = [
        "\n".join([f"## {guid}\t{sentence.text}", *("\t".join(row) for row in sentence.rows)])
        for guid, sentence in zip(guids, sentences, strict=True)
    ]
    return "\n".join(header) + "\n" + "\n\n".join(blocks) + "\n\n"
