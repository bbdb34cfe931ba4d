"""Draw a dependency tree with arcs above the words. This file is saved with the model."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

FONT_SIZE = 16
LABEL_SIZE = 11
GAP = 26  # distance between words
LEVEL = 30  # vertical distance between arcs
MARGIN = 12

# Colours are repeated, since some viewers of SVG do not support CSS variables.
STYLE = """
.dp text { text-anchor: middle;
  font-family: "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", sans-serif; }
.dp .word { font-size: 16px; fill: #1f2328; }
.dp .relation { font-size: 11px; fill: #0550ae; stroke: #ffffff; stroke-width: 4px; paint-order: stroke; }
.dp path { fill: none; stroke: #6e7781; stroke-width: 1.4px; }
.dp .tip { fill: #6e7781; stroke: none; }
@media (prefers-color-scheme: dark) {
  .dp .word { fill: #e6edf3; }
  .dp .relation { fill: #79c0ff; stroke: #0d1117; }
  .dp path { stroke: #8d96a0; }
  .dp .tip { fill: #8d96a0; stroke: none; }
}
"""


def tree_svg(words: Sequence[Mapping[str, Any]]) -> str:
    """Draw a parsed sentence; arcs lead from heads to dependents, and an arrow from above to the root.

    The picture adapts to light and dark colour schemes and requests a font with Hangul.

    Args:
        words: Mappings with ``word``, ``head`` (from 1; 0 for the root) and ``relation``.

    Returns:
        An SVG document.
    """
    widths = [max(_width(word["word"], FONT_SIZE), _width(word["relation"], LABEL_SIZE)) for word in words]
    centres, right = [], float(MARGIN)
    for width in widths:
        centres.append(right + width / 2)
        right += width + GAP
    levels = _levels([word["head"] for word in words])
    base = MARGIN + LABEL_SIZE + LEVEL * (max(levels, default=1) + 0.4)
    height = base + FONT_SIZE + 2 * MARGIN
    parts = []
    for index, (word, level) in enumerate(zip(words, levels, strict=True)):
        top = base - LEVEL * level
        parts.append(_arc(centres, index, word["head"], base, top, word["relation"]))
        parts.append(_text("word", centres[index], base + FONT_SIZE + 4, word["word"]))
    title = html.escape(" ".join(word["word"] for word in words))
    size = f"{right - GAP + MARGIN if words else 2 * MARGIN:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dp" role="img" width="{size}" height="{height:.0f}" '
        f'viewBox="0 0 {size} {height:.0f}">\n<title>{title}</title>\n<style>{STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _arc(centres: Sequence[float], index: int, head: int, base: float, top: float, relation: str) -> str:
    end = centres[index]
    if head == 0:
        path, label = f"M{end:.1f},{top:.1f} V{base - 5:.1f}", end
    else:
        # Arcs begin on the side of the dependent, so that arcs to both sides do not overlap.
        start = centres[head - 1] + (5 if head - 1 < index else -5)
        label = (start + end) / 2
        bend = min(12.0, abs(end - start) / 2)
        turn = bend if end > start else -bend
        path = (
            f"M{start:.1f},{base:.1f} V{top + bend:.1f} Q{start:.1f},{top:.1f} {start + turn:.1f},{top:.1f} "
            f"H{end - turn:.1f} Q{end:.1f},{top:.1f} {end:.1f},{top + bend:.1f} V{base - 5:.1f}"
        )
    tip = f"M{end:.1f},{base:.1f} l-4,-8 h8 z"
    return f'<path d="{path}"/><path class="tip" d="{tip}"/>' + _text("relation", label, top - 4, relation)


def _levels(heads: Sequence[int]) -> list[int]:
    """Compute the height of each word's arc, above all arcs within its span; that of the root is highest."""
    levels = [0] * len(heads)
    spans = {index: (min(index, head - 1), max(index, head - 1)) for index, head in enumerate(heads) if head}
    for index, (left, right) in sorted(spans.items(), key=lambda item: item[1][1] - item[1][0]):
        inside = [
            levels[other]
            for other, (start, end) in spans.items()
            if levels[other] and start < right and end > left
        ]
        levels[index] = 1 + max(inside, default=0)
    top = 1 + max(levels, default=0)
    return [level or top for level in levels]


def _width(text: str, size: int) -> float:
    """Estimate the width of a text, in which wide letters such as Hangul are square."""
    return size * sum(1.0 if ord(letter) > 0x10FF else 0.62 for letter in text)


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'
