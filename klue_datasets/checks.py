"""Checks of parsed data, one function per task; those of ner and dp are in ``checks_tsv``.

They take the columns of the builders' default view and yield findings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from klue_datasets.messages import excerpt
from klue_datasets.ontology import read_ontology
from klue_datasets.checks_tsv import Columns, Finding, check_dp, check_ner, where
from klue_datasets.raw_files import INPUTS, KlueDataError, read_text
from klue_datasets.tasks import TASKS

RE_TYPES = {"subject_entity": ("PER", "ORG"), "object_entity": ("PER", "ORG", "LOC", "DAT", "POH", "NOH")}
# Slots of names, places and times; their values in dev are often missing from the ontology.
OPEN_SLOT = re.compile("이름|시간|출발지|도착지")


def check_rows(task: str, columns: Columns, folder: Path) -> list[Finding]:
    """Check the rows of one file.

    Args:
        task: Name of the task.
        columns: Columns of the file, in the builder's default view.
        folder: Folder of the file, which may also hold relation_list.json or ontology.json.

    Returns:
        The findings, by check and by row.

    Raises:
        KlueDataError: One of these other files cannot be read.
    """
    found = [*_duplicates(task, columns), *_empty_texts(task, columns)]
    check = _CHECKS.get(task)
    return found + (list(check(columns, folder)) if check else [])


def outside_ontology(columns: Columns, ontology: Mapping[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Find slot values that are not in the ontology, once per dialogue."""
    known = {slot: frozenset(values) for slot, values in ontology.items()}
    for guid, dialogue in zip(columns["guid"].to_pylist(), columns["dialogue"].to_pylist(), strict=True):
        for item in sorted({item for turn in dialogue for item in turn["state"]}):
            slot, value = _slot_and_value(item)
            if value and value not in known.get(slot, ()):
                yield guid, slot, value


def _duplicates(task: str, columns: Columns) -> Iterator[Finding]:
    guids = columns["guid"].to_pylist()
    seen: set[str] = set()
    for guid in guids:
        if guid in seen:
            yield Finding(guid, "guid", "duplicate guid", "occurs before; expected every guid once.")
        seen.add(guid)
    fields = INPUTS[task]
    inputs = zip(*(map(str, columns[field].to_pylist()) for field in fields), strict=True)
    labels = columns["label"].to_pylist() if "label" in columns else None
    first: dict[tuple[str, ...], int] = {}
    for row, key in enumerate(inputs):
        other = first.setdefault(key, row)
        if other != row:
            agree = "" if labels is None or labels[row] == labels[other] else ", and another label"
            message = f"the same as in {guids[other]}{agree}; expected every input once."
            yield Finding(guids[row], ", ".join(fields), "duplicate input", message)


def _empty_texts(task: str, columns: Columns) -> Iterator[Finding]:
    for field in INPUTS[task]:
        if pa.types.is_string(columns[field].type):
            for row in where(pc.equal(pc.utf8_trim_whitespace(columns[field]), "")):
                yield Finding(columns["guid"][row].as_py(), field, "empty text", "is empty; expected a text.")


def _sts(columns: Columns, folder: Path) -> Iterator[Finding]:
    for guid, labels in zip(columns["guid"].to_pylist(), columns["labels"].to_pylist(), strict=True):
        label, real, binary = labels["label"], labels["real-label"], labels["binary-label"]
        if not (0 <= real <= 5 and 0 <= label <= 5):
            yield Finding(
                guid, "labels", "score", f"label {label}, real-label {real}; expected both in 0 to 5."
            )
        if abs(label - real) > 0.05 + 1e-9:
            message = f"label {label} beside real-label {real}; expected it rounded to one decimal."
            yield Finding(guid, "labels", "score", message)
        if bool(binary) != (real >= 3):
            message = f"binary-label {binary} beside real-label {real}; expected 1 from 3.0 on, else 0."
            yield Finding(guid, "labels", "score", message)


def _re(columns: Columns, folder: Path) -> Iterator[Finding]:
    relations = _read_json(folder / "relation_list.json")
    if relations is not None and relations != {"relations": list(TASKS["re"].labels)}:
        message = "expected {'relations': [...]} with the thirty relations in the order of the Hub."
        yield Finding("relation_list.json", "relations", "relation list", message)
    fields = ("guid", "sentence", *RE_TYPES)
    for guid, sentence, *entities in zip(*(columns[field].to_pylist() for field in fields), strict=True):
        for field, entity in zip(RE_TYPES, entities, strict=True):
            start, end = entity["start_idx"], entity["end_idx"]
            there = sentence[start : end + 1] if 0 <= start <= end < len(sentence) else None
            if there != entity["word"]:
                found = "no place in the sentence" if there is None else excerpt(there)
                message = f"characters {start} to {end} are {found}; expected {excerpt(entity['word'])}."
                yield Finding(guid, field, "span", message)
            if entity["type"] not in RE_TYPES[field]:
                message = f"type {excerpt(entity['type'])}; expected one of {', '.join(RE_TYPES[field])}."
                yield Finding(guid, field, "entity type", message)
        one, two = sorted(entities, key=lambda entity: int(entity["start_idx"]))
        if one["end_idx"] >= two["start_idx"]:
            message = "shares characters with the subject; expected two places in the sentence."
            yield Finding(guid, "object_entity", "overlap", message)


def _mrc(columns: Columns, folder: Path) -> Iterator[Finding]:
    fields = ("guid", "context", "is_impossible", "question_type", "answers", "plausible_answers")
    for guid, context, impossible, kind, *answers in zip(
        *(columns[field].to_pylist() for field in fields), strict=True
    ):
        for field, spans in zip(fields[4:], answers, strict=True):
            for start, text in zip(spans["answer_start"], spans["text"], strict=True):
                there = context[start : start + len(text)] if start >= 0 else ""
                if not text or there != text:
                    message = f"at {start} there is {excerpt(there)}; expected {excerpt(text)}."
                    yield Finding(guid, field, f"span of {field}", message)
        if impossible == bool(answers[0]["text"]):
            wants = "no answer" if impossible else "an answer"
            found = f"{len(answers[0]['text'])} answers"
            message = f"{found}, is_impossible {json.dumps(impossible)}; expected {wants}."
            yield Finding(guid, "answers", "answerable", message)
        if kind not in (1, 2, 3) or impossible != (kind == 3):
            found = f"is {kind}, is_impossible {json.dumps(impossible)}"
            message = f"{found}; expected 3 where impossible, else 1 or 2."
            yield Finding(guid, "question_type", "question type", message)


def _wos(columns: Columns, folder: Path) -> Iterator[Finding]:
    for guid, dialogue in zip(columns["guid"].to_pylist(), columns["dialogue"].to_pylist(), strict=True):
        for number, turn in enumerate(dialogue):
            field = f"dialogue[{number}]"
            expected = "sys" if number % 2 else "user"
            if turn["role"] != expected:
                yield Finding(guid, field, "role", f"role {turn['role']}; expected {expected}, turn by turn.")
            if not turn["text"].strip():
                yield Finding(guid, field, "empty text", "text is empty; expected an utterance.")
            slots = [_slot_and_value(item) for item in turn["state"]]
            for item, (_, value) in zip(turn["state"], slots, strict=True):
                if not value:
                    message = f"state has {excerpt(item)}; expected domain-slot-value."
                    yield Finding(guid, field, "state", message)
            if len(slots) != len(dict(slots)):
                yield Finding(guid, field, "state", "state names a slot twice; expected each slot once.")
        if not dialogue:
            yield Finding(guid, "dialogue", "empty text", "has no turn; expected some.")
    ontology = read_ontology(folder)
    if ontology is None:
        return
    for guid, slot, value in outside_ontology(columns, ontology):
        if slot not in ontology:
            yield Finding(guid, "dialogue", "slot", f"slot {excerpt(slot)} is not in the ontology.")
        elif not OPEN_SLOT.search(slot):
            message = f"{slot} is {excerpt(value)}, which the ontology does not list."
            yield Finding(guid, "dialogue", "value", message)


def check_ontology(ontology: Mapping[str, list[str]], broken: Mapping[str, str]) -> Iterator[Finding]:
    """Check an ontology.

    Args:
        ontology: Slot -> its values.
        broken: Value -> slot, for known errors that cannot be detected.
    """
    for slot, values in ontology.items():

        def finding(kind: str, message: str, slot: str = slot) -> Finding:
            return Finding("ontology.json", slot, kind, message)

        if values[:2] != ["none", "dontcare"]:
            yield finding("ontology", f"begins {excerpt(values[:2])}; expected none, dontcare.")
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield finding("ontology", f"lists {excerpt(value)} twice; expected every value once.")
        for value in values[2:]:
            if slot.endswith("시간") and not re.fullmatch(r"[0-2]\d:[0-5]\d", value):
                yield finding("ontology time", f"{excerpt(value)}; expected HH:MM.")
            if broken.get(value) == slot:
                yield finding("broken value", f"{excerpt(value)}: two values run together.")


def _slot_and_value(item: str) -> tuple[str, str]:
    domain, _, rest = item.partition("-")
    slot, _, value = rest.partition("-")
    return f"{domain}-{slot}", value


def _read_json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, KlueDataError):
            raise
        raise KlueDataError(f"{path}: not readable as JSON ({error}).") from error


_CHECKS: Mapping[str, Callable[[Columns, Path], Iterator[Finding]]] = {
    "sts": _sts,
    "ner": check_ner,
    "re": _re,
    "dp": check_dp,
    "mrc": _mrc,
    "wos": _wos,
}
