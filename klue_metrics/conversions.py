"""Conversions from other tools: entity spans to tags, and ids in another label order to names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from klue_datasets.iob import ENTITY_TYPES, TAGS
from klue_datasets.tasks import TASKS, get_task

HUB = "hub"
BASELINE = "klue-baseline"
# Label orders of KLUE-baseline that differ from those of the data set on the Hub; that of re is the same.
_BASELINE_ORDER: Mapping[str, tuple[str, ...]] = {
    "ynat": ("정치", "경제", "사회", "생활문화", "세계", "IT과학", "스포츠"),
    "nli": ("entailment", "contradiction", "neutral"),
    "ner": (*(f"{part}-{kind}" for kind in ("PS", "LC", "OG", "DT", "TI", "QT") for part in "BI"), "O"),
    "re": TASKS["re"].labels,
}


def label_names(task: str, ids: Iterable[Any], order: str = BASELINE) -> list[Any]:
    """Convert label ids that follow another order than the Hub's to names.

    Args:
        task: ynat, nli, ner or re, or an alias.
        ids: Label ids; for ner also lists of ids, one list per sentence.
        order: Order of the ids: ``klue-baseline`` for KLUE's own code, ``hub`` for the data set on the Hub.

    Returns:
        The label names, nested like ``ids``.

    Raises:
        ValueError: The task has no labels, the order is unknown, or an id is out of range.
    """
    name = get_task(task).name
    orders = {HUB: TASKS[name].labels, BASELINE: _BASELINE_ORDER.get(name, ())}
    if name not in _BASELINE_ORDER:
        raise ValueError(f"{name} has no classes; expected one of {', '.join(_BASELINE_ORDER)}.")
    if order not in orders:
        raise ValueError(f"{name}: there is no order {order!r}; expected {' or '.join(orders)}.")
    names = orders[order]

    def named(number: Any, place: str) -> Any:
        if isinstance(number, Sequence) and not isinstance(number, str):
            return [named(item, f"{place}[{index}]") for index, item in enumerate(number)]
        plain = number.item() if hasattr(number, "item") else number
        if type(plain) is not int or not 0 <= plain < len(names):
            raise ValueError(
                f"{name}: {place} is {number!r}; expected a whole number from 0 to {len(names) - 1}."
            )
        return names[plain]

    return [named(number, f"ids[{index}]") for index, number in enumerate(ids)]


def tags_from_spans(sentence: str | Sequence[str], spans: Iterable[Any]) -> list[str]:
    """Convert entity spans to one tag per character, as the ner metric expects them.

    Args:
        sentence: Its text, or its characters.
        spans: Entities as ``(start, end, type)`` in characters, end exclusive; or the output of
            ``pipeline("token-classification")``, aggregated or not: mappings with ``start``, ``end`` and
            ``entity_group`` (PS, LC, OG, DT, TI or QT) or ``entity`` (B-PS, I-PS, ...).

    Returns:
        B- and I- tags inside the spans and O elsewhere. Blanks inside an entity are part of it, as in KLUE's
        data.

    Raises:
        ValueError: A span is outside the sentence, is empty, has an unknown type, or overlaps another span.
    """
    text = "".join(sentence)
    if len(text) != len(sentence):
        raise ValueError("ner: the sentence holds items of several characters; expected its characters.")
    tags = ["O"] * len(text)
    last_end, last_type = 0, ""
    for start, end, label in sorted(_span(span) for span in spans):
        prefix, _, kind = label.rpartition("-")
        if kind not in ENTITY_TYPES or prefix not in ("", "B", "I"):
            raise ValueError(
                f"ner: the span {start} to {end} is a {label!r}; expected one of {', '.join(ENTITY_TYPES)}, "
                f"or one of the tags {', '.join(TAGS[:-1])}."
            )
        if not last_end <= start < end <= len(text):
            raise ValueError(
                f"ner: the span {start} to {end} ({label}) is empty, overlaps another one, or is not in the "
                f"sentence of {len(text)} characters; expected spans one after the other."
            )
        gap = text[last_end:start]
        goes_on = prefix == "I" and kind == last_type and last_end > 0 and not gap.strip()
        first = last_end if goes_on else start
        tags[first:end] = [f"I-{kind}"] * (end - first)
        if not goes_on:
            tags[start] = f"B-{kind}"
        last_end, last_type = end, kind
    return tags


def _span(span: Any) -> tuple[int, int, str]:
    if isinstance(span, Mapping):
        missing = [name for name in ("start", "end") if not isinstance(span.get(name), int)]
        label = span.get("entity_group", span.get("entity"))
        if missing or not isinstance(label, str):
            raise ValueError(
                f"ner: the span is {span!r:.120}; expected start, end and entity_group or entity, as "
                'pipeline("token-classification") gives them with a fast tokenizer.'
            )
        return span["start"], span["end"], label
    try:
        start, end, label = span
    except (TypeError, ValueError):
        raise ValueError(f"ner: the span is {span!r:.120}; expected (start, end, type).") from None
    return int(start), int(end), str(label)
