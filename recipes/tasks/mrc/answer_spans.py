"""Find answer spans from scores of positions, for all windows of all questions at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

# Particles that may follow an answer at the end of a word, longest first.
JOSA = (
    *("에서부터", "으로부터", "이라는", "에서는", "으로는", "에게서", "이라고", "까지는"),
    *("에서", "에게", "으로", "부터", "까지", "이나", "이며", "이다", "라는", "라고", "처럼", "보다", "마다"),
    *("은", "는", "이", "가", "을", "를", "의", "에", "로", "와", "과", "도", "만"),
)
CHUNK = 1_000  # number of windows processed at a time, to limit memory
_JOSA = re.compile(f"(?<=[^\\s]{{2}})(?:{'|'.join(JOSA)})$")


@dataclasses.dataclass(frozen=True)
class Answers:
    """The best spans of each question.

    Attributes:
        start: First character of each span, shape (questions, n); -1 if there are fewer spans.
        end: End (exclusive) of each span, same shape.
        score: Start logit + end logit in decreasing order, same shape; -inf if there are fewer spans.
        null: Score of no answer, the minimum over the windows of a question, shape (questions,).
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    null: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """Score of no answer minus that of the best span, shape (questions,); inf if there is no span."""
        return self.null - self.score[:, 0]

    def spans(self, question: int) -> np.ndarray:
        """First characters and ends of the spans of a question, best first, shape (found, 2)."""
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
    """Find the best spans among all combinations of starts and ends within a window, over all windows.

    Args:
        outputs: Positions and logits of the starts, positions and logits of the ends, shape (windows, k)
            each, and logits of no answer, shape (windows,). Positions -100 and logits -inf are ignored.
        first: Position of the first passage token of each window, shape (windows,).
        question: The question of each window, shape (windows,), non-decreasing.
        offsets: First character and end (exclusive) of the passage tokens of all windows, and the number of
            passage tokens per window.
        n_best: Maximum number of spans per question.
        max_length: Maximum number of tokens of a span.
    """
    left, right, sizes = offsets
    if not len(left):  # all passages are empty; the arrays are indexed below
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
    order = np.lexsort((end, begin, -value, owner))  # of equal scores, the earlier and then the shorter span
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
    """Return window, first character, end and score of the ``n_best`` spans per window, and of ties."""
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
        margin: Score of no answer minus that of the best span, for each question.
        of_spans: Metric of each question with its best span.
        of_null: Metric of each question without an answer.

    Returns:
        A number between two margins; questions above it have no answer. Of equally good numbers, the nearest
        to 0, the official threshold.
    """
    order = np.argsort(margin)
    # Gain of answering the first i questions.
    gain = np.concatenate([[0.0], np.cumsum((of_spans - of_null)[order])])
    known = np.clip(margin[order], -1e6, 1e6)
    edges = np.concatenate([[known[0] - 1], (known[1:] + known[:-1]) / 2, [known[-1] + 1]])
    gain[1:-1][known[1:] == known[:-1]] = -np.inf  # there is no threshold between equal margins
    best = np.flatnonzero(np.isclose(gain, gain.max()))
    if np.searchsorted(known, 0.0, side="right") in best:
        return 0.0
    return float(edges[best][np.abs(edges[best]).argmin()])


def without_josa(text: str, following: str) -> str:
    """Remove the particle at the end of an answer whose last word has at least three letters."""
    return text if following[:1].isalnum() else _JOSA.sub("", text)
