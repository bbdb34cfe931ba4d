"""Generated parts of hand-written documents: regions between comments, and shared code blocks.

A region begins with the line ``<!-- name: made by make docs -->`` and ends with the line ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MADE = "made by make docs"
_REGION = re.compile(rf"(<!-- ([\w-]+): {MADE} -->\n)(.*?)(<!-- end -->)", flags=re.DOTALL)
# A code block, or the target of a picture.
_SHARED = re.compile(r"^```.*?^```$|(?<=\]\()[^()\s]+\.svg(?=\))", flags=re.DOTALL | re.MULTILINE)
_SECTION = re.compile(r"^(?=## )", flags=re.MULTILINE)


def fill(text: str, contents: Mapping[str, str], where: str) -> str:
    """Fill the regions of a document.

    Args:
        text: The document.
        contents: Name of a region -> its content.
        where: Name of the document for messages.

    Raises:
        ValueError: A region is missing, repeated or unknown.
    """
    found = [match[2] for match in _REGION.finditer(text)]
    if sorted(found) != sorted(contents):
        raise ValueError(
            f"{where} has the regions {', '.join(found) or '(none)'}; expected {', '.join(contents)}, "
            f"each between <!-- name: {MADE} --> and <!-- end -->."
        )
    return _REGION.sub(lambda match: f"{match[1]}\n{contents[match[2]].strip()}\n\n{match[4]}", text)


def share(text: str, source: str, where: str) -> str:
    """Copy code blocks and pictures of each section from a document to its translation.

    Args:
        text: The translation.
        source: The original document.
        where: Name of the translation for messages.

    Raises:
        ValueError: The numbers of sections, or of blocks in a section, differ.
    """
    sections, models = _SECTION.split(text), _SECTION.split(source)
    if len(sections) != len(models):
        raise ValueError(
            f"{where} has {len(sections) - 1} sections; expected {len(models) - 1}, as what it translates."
        )
    filled = []
    for section, model in zip(sections, models, strict=True):
        blocks = _SHARED.findall(model)
        if _kinds(_SHARED.findall(section)) != _kinds(blocks):
            raise ValueError(
                f"{where}: the section {section.splitlines()[0]!r} does not have a code block and a picture "
                f"wherever {model.splitlines()[0]!r} has one; expected {', '.join(_kinds(blocks))}."
            )
        given = iter(blocks)
        filled.append(_SHARED.sub(lambda _, given=given: next(given), section))
    return "".join(filled)


def _kinds(blocks: list[str]) -> list[str]:
    return ["block" if block.startswith("```") else "picture" for block in blocks]
