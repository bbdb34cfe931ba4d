"""Machine reading comprehension: exact match and KLUE's ROUGE-W (KLUE-baseline, metrics/utils.py)."""

from __future__ import annotations

import difflib
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from klue_datasets.messages import excerpt
from klue_metrics.functional.breakdowns import Breakdown, by_group, check_by
from klue_metrics.functional.classes import plain, ratio
from klue_metrics.functional.inputs import BoolArray, FloatArray, as_lists

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
# From this length on, difflib ignores frequent characters of references, as does the official score.
AUTOJUNK_LENGTH = 200
_CELLS = 40_000  # characters of answers that are matched at a time, which bounds memory

TYPES = {  # item of the output of ``convert``
    "predictions": {"guid": "string", "prediction_text": "string"},
    "references": {"guid": "string", "answers": ["string"], "question_type": "int64"},
}
NAMES = {"exact_match": "exact match", "rouge_w": "ROUGE-W"}
BREAKDOWNS = ("type", "answerable")
QUESTION_TYPES = {1: "paraphrase", 2: "multi_sentence", 3: "unanswerable"}


def compute(predictions: object, references: object, *, by: str | None = None) -> dict[str, Any]:
    """Score machine reading comprehension.

    Args:
        predictions: One mapping per question with ``guid`` and ``prediction_text``, which is "" for no
            answer.
        references: One mapping per question with ``guid`` and ``answers``: a mapping whose ``text`` is the
            list of right answers or, as in KLUE's raw files, a list of mappings with a ``text`` each. If
            there are none, or ``is_impossible`` is true, only "" is right. ``question_type`` (1 to 3) is
            optional.
        by: ``type``, for which every question needs its ``question_type``, or ``answerable`` for a breakdown.

    Returns:
        Scores from 0 to 100:

        ``exact_match``: fraction of questions whose normalised prediction equals a normalised answer.
        ``rouge_w``: mean over questions of the F1 between prediction and answer, based on the length of
        their longest common substring, blanks included; the best answer of a question counts.

        With ``by`` also ``by_type`` (paraphrase, multi_sentence, unanswerable) or ``by_answerable``
        (answerable, unanswerable): both scores and support, the number of questions.

    Raises:
        ValueError: A field is missing or invalid, a question has no prediction or more than one, or a
            prediction has no question.
    """
    check_by("mrc", by, BREAKDOWNS)
    gold = convert(references, "references")
    rows = statistics(predictions, gold)
    scores = plain(scores_from(rows.sum(axis=0)))
    if by is not None:
        scores[f"by_{by}"] = _parts(gold, rows, by).table()
    return scores


def breakdown(predictions: object, references: object, by: str) -> Breakdown:
    """Return the statistics behind ``compute(..., by=by)``."""
    check_by("mrc", by, BREAKDOWNS)
    gold = convert(references, "references")
    return _parts(gold, statistics(predictions, gold), by)


def _parts(gold: list[Any], rows: FloatArray, by: str) -> Breakdown:
    if by == "type":
        groups = [_type_name(row) for row in gold]
    else:
        groups = ["answerable" if row["answers"] else "unanswerable" for row in gold]
    return by_group(groups, rows, scores_from)


def statistics(predictions: object, references: object) -> FloatArray:
    """Compute exact match, ROUGE-W and 1 for each question, in the order of the references."""
    exact, rouge = question_scores(*_aligned(predictions, references))
    return np.stack([exact, rouge, np.ones(len(exact))], axis=1)


def right(predictions: object, references: object) -> BoolArray:
    """Return for each question, in the order of the references, whether it is an exact match."""
    return np.asarray(statistics(predictions, references)[:, 0] == 1)


def scores_from(counts: FloatArray) -> dict[str, FloatArray]:
    """Convert summed statistics, shape (..., 3), to scores, each of shape (...)."""
    questions = counts[..., 2]
    return {
        "exact_match": 100 * ratio(counts[..., 0], questions),
        "rouge_w": 100 * ratio(counts[..., 1], questions),
    }


def _type_name(row: Mapping[str, Any]) -> str:
    if row["question_type"] not in QUESTION_TYPES:
        raise ValueError(
            f"mrc: question {row['guid']} has the question_type {row['question_type']!r}; "
            "by='type' needs 1, 2 or 3."
        )
    return QUESTION_TYPES[row["question_type"]]


def question_scores(texts: Sequence[str], answers: Sequence[Sequence[str]]) -> tuple[FloatArray, FloatArray]:
    """Compute exact match and ROUGE-W of each question, 0 to 1, each of shape (questions,).

    Args:
        texts: The prediction for each question.
        answers: The right answers of each question, at least one; "" for an unanswerable one.
    """
    counts = np.array([len(options) for options in answers])
    left = np.repeat(np.array(normalize(texts), dtype=object), counts)
    right = np.array(normalize([option for options in answers for option in options]), dtype=object)
    starts = np.cumsum(counts) - counts
    exact = (left == right).astype(np.float64)
    rouge = exact.copy()
    differ = np.flatnonzero(exact == 0)
    rouge[differ] = _overlap_f1(left[differ].tolist(), right[differ].tolist())
    return np.maximum.reduceat(exact, starts), np.maximum.reduceat(rouge, starts)


def normalize(texts: Sequence[str]) -> list[str]:
    """Convert to lower case, remove ASCII punctuation and collapse white space, as KLUE-baseline does."""
    joined = "\0".join(texts)  # normalise all texts in one pass
    parts = _PUNCTUATION.sub("", joined.lower()).split("\0")
    if len(parts) != len(texts):  # a text contains the separator
        parts = [_PUNCTUATION.sub("", text.lower()) for text in texts]
    return [" ".join(part.split()) for part in parts]


def _overlap_f1(predicted: Sequence[str], gold: Sequence[str]) -> FloatArray:
    """Compute 2 L / (|prediction| + |answer|), where L is the length of the longest common substring."""
    sizes = np.array([list(map(len, predicted)), list(map(len, gold))], dtype=np.int64)
    runs = np.zeros(len(gold), dtype=np.int64)
    is_long = sizes[1] >= AUTOJUNK_LENGTH
    for index in np.flatnonzero(is_long).tolist():
        runs[index] = difflib.SequenceMatcher(None, predicted[index], gold[index]).find_longest_match().size
    # Pairs of similar length share a table, which needs little padding.
    order = np.lexsort((sizes[1], sizes[0]))
    order = order[~is_long[order] & (sizes.min(axis=0)[order] > 0)]
    for batch in np.array_split(order, max(1, int(sizes[1].sum()) // _CELLS)):
        if batch.size:
            runs[batch] = _longest_runs([predicted[i] for i in batch], [gold[i] for i in batch])
    total = sizes.sum(axis=0)
    return np.divide(2 * runs, total, out=np.zeros(len(gold)), where=total > 0)


def _longest_runs(left: Sequence[str], right: Sequence[str]) -> Any:
    """Compute the length of the longest common substring of each pair at once, shape (pairs,)."""
    first, second = _codes(left, padding=-1), _codes(right, padding=-2)
    run = np.zeros((second.shape[0] + 1, len(left)), dtype=np.uint8)  # answers are below 200 characters
    longest = np.zeros(len(left), dtype=np.uint8)
    for character in first:
        run[1:] = (run[:-1] + np.uint8(1)) * (character == second)
        np.maximum(longest, run.max(axis=0), out=longest)
    return longest


def _codes(texts: Sequence[str], padding: int) -> Any:
    """Return the code points of texts, one per column, shape (longest, texts)."""
    sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.int32)
    codes = np.full((len(texts), int(sizes.max())), padding, dtype=np.int32)
    codes[np.arange(codes.shape[1]) < sizes[:, None]] = flat
    return np.ascontiguousarray(codes.T)


def convert(values: object, role: str) -> list[dict[str, Any]]:
    """Convert predictions or references to plain mappings, one per question.

    Args:
        values: An iterable of mappings, as for ``compute``.
        role: ``predictions`` or ``references``.

    Returns:
        For predictions, mappings with ``guid`` and ``prediction_text``. For references, mappings with
        ``guid``, ``answers`` (the right texts, empty for an unanswerable question) and ``question_type``
        (None if not given).

    Raises:
        ValueError: A field is missing or has another type.
    """
    field = "prediction_text" if role == "predictions" else "answers"
    expected = f"mappings with guid and {field}, one per question"
    rows: list[Any] = as_lists(values, task="mrc", role=role, expected=expected, inner=dict)
    return [_checked(row, field, f"mrc: {role}[{index}]") for index, row in enumerate(rows)]


def _checked(row: Mapping[str, Any], field: str, where: str) -> dict[str, Any]:
    if not isinstance(row.get("guid"), str) or field not in row:
        raise ValueError(f"{where} has no guid or no {field}; expected both.")
    value = row[field]
    if field == "prediction_text":
        if not isinstance(value, str):
            raise ValueError(f"{where} has the prediction_text {excerpt(value)}; expected a string.")
        return {"guid": row["guid"], field: value}
    texts = value.get("text") if isinstance(value, dict) else value
    if isinstance(texts, list):  # KLUE's raw files have a list of mappings
        texts = [text.get("text") if isinstance(text, dict) else text for text in texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f"{where} has the answers {excerpt(value)}; expected a mapping with a list text, or a list of "
            "mappings with text."
        )
    right = [] if row.get("is_impossible") else texts
    kind = row.get("question_type")
    if kind is not None and kind != kind:  # pandas' missing number
        kind = None
    if kind is not None and not (type(kind) in (int, float) and kind in QUESTION_TYPES):
        raise ValueError(f"{where} has the question_type {excerpt(kind)}; expected 1, 2 or 3.")
    return {"guid": row["guid"], field: right, "question_type": kind and int(kind)}


def _aligned(predictions: object, references: object) -> tuple[list[str], list[list[str]]]:
    """Return the predictions in the order of the references, and the answers of each reference."""
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
            raise ValueError(f"mrc: {role}[{index}] repeats the guid {row['guid']}; expected unique guids.")
        values[row["guid"]] = row[field]
    return values
