"""Answers of reading comprehension from scores of positions, over all windows of all questions at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

# Particles that a word-final answer may carry, longest first.
JOSA = (
    *("에서부터", "으로부터", "이라는", "에서는", "으로는", "에게서", "이라고", "까지는"),
    *("에서", "에게", "으로", "부터", "까지", "이나", "이며", "이다", "라는", "라고", "처럼", "보다", "마다"),
    *("은", "는", "이", "가", "을", "를", "의", "에", "로", "와", "과", "도", "만"),
)
_JOSA = re.compile(f"(?<=[^\\s]{{2}})(?:{'|'.join(JOSA)})$")


@dataclasses.dataclass(frozen=True)
class Answers:
    """The best spans of each question.

    Attributes:
        start: First characters, shape (questions, n); -1 where there are fewer.
        end: Their ends, exclusive, same shape.
        score: Start logit + end logit, same shape, falling; -inf where there are fewer.
        null: Score of no answer, shape (questions,): the lowest over a question's windows.
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    null: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """How much better no answer is than the best span, shape (questions,); inf where there is no span."""
        return self.null - self.score[:, 0]

    def spans(self, question: int) -> np.ndarray:
        """First characters and ends of one question's spans, best first, shape (found, 2)."""
        found = self.start[question] >= 0
        return np.stack([self.start[question][found], self.end[question][found]], axis=1)

    def probabilities(self) -> np.ndarray:
        """Softmax over no answer (column 0) and the spans, shape (questions, 1 + n)."""
        scores = np.concatenate([self.null[:, None], self.score], axis=1)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
        return shares


def best_answers(
    outputs: Sequence[np.ndarray],
    first: np.ndarray,
    question: np.ndarray,
    offsets: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    n_best: int,
    max_length: int,
) -> Answers:
    """Finds the best spans: every good start of a window with every good end of it, windows put together.

    Args:
        outputs: Positions and logits of each window's starts, then of its ends, shape (windows, k) each, and
            the logits of no answer, (windows,). Positions -100 and logits of -inf are no candidates.
        first: Position of each window's first passage piece, shape (windows,).
        question: Which question a window is of, shape (windows,), not falling.
        offsets: First character and end (exclusive) of the passage pieces, window after window, and their
            number a window.
        n_best: Spans a question.
        max_length: Pieces a span at most.
    """
    starts, start_logits, ends, end_logits, null = outputs
    left, right, sizes = offsets
    base = np.cumsum(sizes) - sizes - first
    length = ends[:, None, :] - starts[:, :, None] + 1
    score = start_logits[:, :, None].astype(np.float64) + end_logits[:, None, :]
    possible = (length > 0) & (length <= max_length) & (starts[:, :, None] >= 0) & np.isfinite(score)
    window, s, e = np.nonzero(possible)
    begin = left[base[window] + starts[window, s]]
    end = right[base[window] + ends[window, e]]
    value = score[window, s, e]
    is_text = end > begin  # not a span of pieces that stand for no character
    window, begin, end, value = window[is_text], begin[is_text], end[is_text], value[is_text]
    owner = question[window]
    order = np.lexsort((end, begin, -value, owner))  # equal scores: the earlier, then the shorter span
    owner, begin, end, value = owner[order], begin[order], end[order], value[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    kept = rank < n_best
    questions = int(question.max()) + 1 if len(question) else 0
    shape = (questions, n_best)
    found = Answers(
        np.full(shape, -1), np.full(shape, -1), np.full(shape, -np.inf), np.full(questions, np.inf)
    )
    cell = (owner[kept], rank[kept])
    found.start[cell], found.end[cell], found.score[cell] = begin[kept], end[kept], value[kept]
    np.minimum.at(found.null, question, null)
    return found


def best_threshold(margin: np.ndarray, of_spans: np.ndarray, of_null: np.ndarray) -> float:
    """The null threshold with the highest total score.

    Args:
        margin: How much better no answer is than the best span, a question each.
        of_spans: What each question scores with its best span.
        of_null: What it scores without an answer.

    Returns:
        A number between two margins, such that questions above it get no answer; of equally good ones the
        nearest to 0, the official threshold.
    """
    order = np.argsort(margin)
    gain = np.concatenate([[0.0], np.cumsum((of_spans - of_null)[order])])  # of answering the first i
    known = np.clip(margin[order], -1e6, 1e6)
    edges = np.concatenate([[known[0] - 1], (known[1:] + known[:-1]) / 2, [known[-1] + 1]])
    gain[1:-1][known[1:] == known[:-1]] = -np.inf  # no threshold lies between equal margins
    best = np.flatnonzero(np.isclose(gain, gain.max()))
    if np.searchsorted(known, 0.0, side="right") in best:
        return 0.0
    return float(edges[best][np.abs(edges[best]).argmin()])


def without_josa(text: str, following: str) -> str:
    """An answer without the particle at its end, where it ends with a word of three letters or more."""
    return text if following[:1].isalnum() else _JOSA.sub("", text)
