"""Format invalid values and expected labels for error messages."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Sequence


def excerpt(value: object) -> str:
    """Format a value for a message: printable, at most 60 characters."""
    try:
        text = repr(value[:60] if isinstance(value, str) else value)  # lone surrogates are escaped
    except (RecursionError, ValueError):  # deep nesting, or an integer with more than 4,300 digits
        text = f"a value of type {type(value).__name__} that is too large to show"
    return text if len(text) <= 60 else f"{text[:57]}..."


def in_range(least: float, most: float = math.inf, *, is_open: bool = False) -> str:
    """Describe a range of numbers for a message; an open one does not include ``least``."""
    if is_open:
        return f"a number above {least}" + ("" if most == math.inf else f" and up to {most}")
    return f"{least} or more" if most == math.inf else f"a number from {least} to {most}"


def some_labels(value: object, names: Sequence[str]) -> str:
    """Select labels for a message about an invalid one: all if they are few, or the three most similar."""
    if len(names) <= 13:
        return ", ".join(names)
    text = value[:100] if isinstance(value, str) else ""
    similar = difflib.get_close_matches(text, names, n=3, cutoff=0.0)
    return f"{', '.join(similar)} and {len(names) - 3} more"


def unicode_note(value: object, names: Sequence[str]) -> str:
    """Explain a wrong label that looks like a valid one; return an empty string for any other.

    Strings that differ only in their Unicode normalisation form look the same.
    """
    if not isinstance(value, str):
        return ""
    composed = unicodedata.normalize("NFKC", value)
    if composed not in names or composed == value:
        return ""
    is_nfc = unicodedata.is_normalized("NFC", value)
    form = "with compatibility characters" if is_nfc else "decomposed (Unicode normalization form NFD)"
    return f" It is {composed!r} {form}; apply unicodedata.normalize('NFKC', text) first."
