"""Reading comprehension: exact match and ROUGE-W as KLUE has it (KLUE-baseline, metrics/utils.py)."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from klue_metrics.functional.inputs import FloatArray, as_lists

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
# difflib ignores frequent characters of references from this length on, and so does the official score.
AUTOJUNK_LENGTH = 200
_CELLS = 4_000_000  # of the matching table at a time: bounds memory, not results

TYPES = {  # of what ``convert`` gives
    "predictions": {"guid": "string", "prediction_text": "string"},
    "references": {"guid": "string", "answers": ["string"]},
}
NAMES = {"exact_match": "exact match", "rouge_w": "ROUGE-W"}


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores machine reading comprehension.

    Args:
        predictions: For each question a mapping with ``guid`` and ``prediction_text`` ("" for unanswerable).
        references: For each question a mapping with ``guid`` and ``answers``, itself a mapping with ``text``,
            the list of right answers; where that is empty, or ``is_impossible`` is true, only "" is right.

    Returns:
        ``exact_match``: share of questions whose prediction is, normalised, one of the answers.
        ``rouge_w``: mean over questions of the best, over its answers, of F1 by the longest run of
        characters that prediction and answer share (contiguous, blanks included).
        Both 0 to 100.

    Raises:
        ValueError: Wrong fields; a question without its prediction, or twice; a prediction without question.
    """
    texts, answers = _aligned(predictions, references)
    exact, rouge = question_scores(texts, answers)
    return {"exact_match": 100 * float(exact.mean()), "rouge_w": 100 * float(rouge.mean())}


def question_scores(texts: Sequence[str], answers: Sequence[Sequence[str]]) -> tuple[FloatArray, FloatArray]:
    """Exact match and ROUGE-W of each question, 0 to 1, each of shape (questions,).

    Args:
        texts: The prediction for each question.
        answers: The right answers of each question, at least one ("" for an unanswerable one).
    """
    counts = np.array([len(options) for options in answers])
    predicted = [normalize(text) for text, count in zip(texts, counts, strict=True) for _ in range(count)]
    gold = [normalize(option) for options in answers for option in options]
    starts = np.cumsum(counts) - counts
    exact = np.array([left == right for left, right in zip(predicted, gold, strict=True)], dtype=np.float64)
    rouge = np.where(exact == 1, 1.0, _overlap_f1(predicted, gold))
    return np.maximum.reduceat(exact, starts), np.maximum.reduceat(rouge, starts)


def normalize(text: str) -> str:
    """Lower case, ASCII punctuation deleted, white space folded; other punctuation stays, as officially."""
    return " ".join(_PUNCTUATION.sub("", text.lower()).split())


def _overlap_f1(predicted: Sequence[str], gold: Sequence[str]) -> FloatArray:
    """2 L / (|prediction| + |answer|) of each pair, L the length of the longest run they share."""
    lengths = np.array([[len(left), len(right)] for left, right in zip(predicted, gold, strict=True)])
    runs = np.zeros(len(gold), dtype=np.int64)
    is_long = lengths[:, 1] >= AUTOJUNK_LENGTH
    for index in np.flatnonzero(is_long).tolist():
        matcher = difflib.SequenceMatcher(None, predicted[index], gold[index])
        runs[index] = matcher.find_longest_match().size
    # Pairs of like length share a table: little padding, few steps.
    order = np.lexsort((lengths[:, 1], lengths[:, 0]))
    order = order[~is_long[order] & (lengths[order].min(axis=1) > 0)]
    begin = 0
    while begin < len(order):
        end, width = begin, 0
        while end < len(order):
            width = max(width, int(lengths[order[end], 1]))
            if end > begin and width * (end - begin + 1) > _CELLS:
                break
            end += 1
        batch = order[begin:end]
        runs[batch] = _longest_runs([predicted[i] for i in batch], [gold[i] for i in batch])
        begin = end
    total = lengths.sum(axis=1)
    return np.divide(2 * runs, total, out=np.zeros(len(gold)), where=total > 0)


def _longest_runs(left: Sequence[str], right: Sequence[str]) -> Any:
    """Length of the longest common substring of each pair, all pairs at once, shape (pairs,)."""
    first, second = _codes(left, fill=-1), _codes(right, fill=-2)
    run = np.zeros((len(left), second.shape[1] + 1), dtype=np.int16)
    longest = np.zeros(len(left), dtype=np.int64)
    for column in range(first.shape[1]):
        run[:, 1:] = (run[:, :-1] + 1) * (first[:, column, None] == second)
        np.maximum(longest, run.max(axis=1), out=longest)
    return longest


def _codes(texts: Sequence[str], fill: int) -> Any:
    """Code points, shape (texts, longest), padded with ``fill``."""
    codes = np.full((len(texts), max(map(len, texts))), fill, dtype=np.int32)
    for row, text in enumerate(texts):
        codes[row, : len(text)] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.int32)
    return codes


def convert(values: object, role: str) -> list[dict[str, Any]]:
    """Predictions or references as plain mappings, one a question.

    Args:
        values: An iterable of mappings, as ``compute`` takes them.
        role: ``predictions`` or ``references``.

    Returns:
        Predictions: guid, prediction_text. References: guid, answers: the texts that are right, none where
        only "" is.

    Raises:
        ValueError: An element lacks a field or has it of another kind.
    """
    field = "prediction_text" if role == "predictions" else "answers"
    expected = f"mappings with guid and {field}, one a question"
    rows: list[Any] = as_lists(values, task="mrc", role=role, expected=expected, inner=Mapping)
    return [_checked(row, field, f"mrc: {role}[{index}]") for index, row in enumerate(rows)]


def _checked(row: Mapping[str, Any], field: str, where: str) -> dict[str, Any]:
    if not isinstance(row.get("guid"), str) or field not in row:
        raise ValueError(f"{where} has no guid or no {field}; expected both.")
    value = row[field]
    if field == "prediction_text":
        if not isinstance(value, str):
            raise ValueError(f"{where} has the prediction_text {value!r:.60}; expected a string.")
        return {"guid": row["guid"], field: value}
    texts = value.get("text") if isinstance(value, Mapping) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where} has the answers {value!r:.60}; expected a mapping with a list text.")
    return {"guid": row["guid"], field: [] if row.get("is_impossible") else list(texts)}


def _aligned(predictions: object, references: object) -> tuple[list[str], list[list[str]]]:
    """Predictions in the order of the references, and the answers of these."""
    texts = _by_guid(convert(predictions, "predictions"), "prediction_text", "predictions")
    answers = _by_guid(convert(references, "references"), "answers", "references")
    if not answers:
        raise ValueError("mrc: references are empty; expected at least one question.")
    for found, others, problem in (
        (answers, texts, "have no prediction"),
        (texts, answers, "are predicted but not in the references"),
    ):
        missing = [guid for guid in found if guid not in others]
        if missing:
            raise ValueError(f"mrc: {len(missing)} questions {problem}: {', '.join(missing[:3])}.")
    return [texts[guid] for guid in answers], [options or [""] for options in answers.values()]


def _by_guid(rows: Sequence[dict[str, Any]], field: str, role: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for index, row in enumerate(rows):
        if row["guid"] in values:
            raise ValueError(f"mrc: {role}[{index}] has the guid {row['guid']} again; expected it once.")
        values[row["guid"]] = row[field]
    return values
