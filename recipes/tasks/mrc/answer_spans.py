"""Answer spans from position scores, for all windows of all questions at once."""

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
CHUNK = 1_000  # windows processed at a time, which bounds memory
_JOSA = re.compile(f"(?<=[^\\s]{{2}})(?:{'|'.join(JOSA)})$")


@dataclasses.dataclass(frozen=True)
class Answers:
    """The best spans of each question.

    Attributes:
        start: First characters, shape (questions, n); -1 where there are fewer.
        end: Their ends, exclusive, same shape.
        score: Start logit + end logit, same shape, falling; -inf if there are fewer.
        null: Score of no answer, shape (questions,): the lowest over a question's windows.
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    null: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """Score of no answer minus that of the best span, shape (questions,); inf without a span."""
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
    """Find the best spans: every good start of a window with every good end, merged over windows.

    Args:
        outputs: Positions and logits of each window's starts, then of its ends, shape (windows, k) each, and
            the logits of no answer, (windows,). Positions -100 and logits of -inf are no candidates.
        first: Position of each window's first passage subword token, shape (windows,).
        question: The question of each window, shape (windows,), non-decreasing.
        offsets: First character and end (exclusive) of the passage tokens, window after window, and their
            number per window.
        n_best: Spans a question.
        max_length: Subword tokens a span at most.
    """
    left, right, sizes = offsets
    if not len(left):  # all passages are empty; keep indexing valid
        left = right = np.zeros(1, dtype=np.int64)
    base = np.cumsum(sizes) - sizes - first
    parts = []
    for start in range(0, len(question), CHUNK):
        chunk = slice(start, start + CHUNK)
        parts.append(
            _candidates([part[chunk] for part in outputs[:4]], base[chunk], left, right, n_best, max_length)
        )
    window, begin, end, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    chunks = np.repeat(np.arange(len(parts)) * CHUNK, [len(part[0]) for part in parts])
    owner = question[window + chunks]
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
    np.minimum.at(found.null, question, outputs[4])
    return found


def _candidates(
    outputs: Sequence[np.ndarray],
    base: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    n_best: int,
    max_length: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return window, first character, end and score of each window's ``n_best`` spans, ties included."""
    starts, start_logits, ends, end_logits = outputs
    is_start, is_end = np.isfinite(start_logits) & (starts >= 0), np.isfinite(end_logits) & (ends >= 0)
    begin = np.where(is_start, left[np.where(is_start, base[:, None] + starts, 0)], 0)
    stop = np.where(is_end, right[np.where(is_end, base[:, None] + ends, 0)], 0)
    reach = ends.astype(np.int32)[:, None, :] - starts.astype(np.int32)[:, :, None]
    possible = (reach >= 0) & (reach < max_length)
    possible &= begin[:, :, None] < stop[:, None, :]
    possible &= is_start[:, :, None]
    possible &= is_end[:, None, :]
    score = start_logits[:, :, None] + end_logits[:, None, :]
    score[~possible] = -np.inf
    flat_score = score.reshape(len(score), -1)
    if flat_score.shape[1] > n_best:
        least = np.partition(flat_score, -n_best, axis=1)[:, -n_best]
        possible &= score >= least[:, None, None]
    window, s, e = np.nonzero(possible)
    return window, begin[window, s], stop[window, e], score[window, s, e]


def best_threshold(margin: np.ndarray, of_spans: np.ndarray, of_null: np.ndarray) -> float:
    """Find the null threshold with the highest total score.

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
    """Remove the particle at the end of an answer whose last word has three letters or more."""
    return text if following[:1].isalnum() else _JOSA.sub("", text)
