"""Row counts, label counts and lengths of raw files: ``python -m klue_datasets stats``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from klue_datasets.loading import make_builder
from klue_datasets.tasks import DEFAULT_VERSION, TASKS, get_task

Columns = Mapping[str, Any]
Counts = dict[str, dict[str, int]]
Lengths = dict[str, Any]  # name of a length -> its value in each row
# Lower quantiles are values that occur, and hence integers on every platform.
QUANTILES: Mapping[str, float] = {"min": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1}
STATISTICS = Path(__file__).with_name("stats.json")  # statistics of official dev files


def statistics(
    *,
    tasks: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    mini: bool = False,
    version: str = DEFAULT_VERSION,
    cache_dir: str | Path | None = None,
) -> dict[str, dict[str, Any]]:
    """Compute statistics of raw files; arguments as for ``validate``.

    Returns:
        Task -> split -> result of ``describe``, without tasks that have no files.

    Raises:
        FileNotFoundError: There are no raw files of these tasks.
        KlueDataError: A file cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    missing = []
    for task in dict.fromkeys(get_task(task).name for task in (tasks or TASKS)):
        try:
            builder = make_builder(task, data_dir=data_dir, mini=mini, version=version, cache_dir=cache_dir)
        except FileNotFoundError as error:
            missing.append(str(error))
            continue
        files = builder.files or {}
        found[task] = {split: describe(task, builder.columns(paths[0])) for split, paths in files.items()}
    if not found:
        raise FileNotFoundError(missing[0])
    return found


def describe(task: str, columns: Columns) -> dict[str, Any]:
    """Compute the statistics of one split.

    Args:
        task: Name of the task.
        columns: Columns of either view as Arrow arrays.

    Returns:
        ``rows``, the number of rows; ``labels``, field -> label -> number of occurrences, in the order of the
        labels; ``lengths``, quantity -> minimum, quantiles, maximum and mean over the rows.
    """
    labels, lengths = _MEASURES[task](columns)
    return {
        "rows": len(next(iter(columns.values()))),
        "labels": labels,
        "lengths": {name: _quantiles(values) for name, values in lengths.items()},
    }


def _quantiles(lengths: Any) -> dict[str, float]:
    values = np.asarray(lengths)
    if not values.size:
        return {}
    points = np.quantile(values, list(QUANTILES.values()), method="inverted_cdf")
    quantiles: dict[str, float] = {name: int(point) for name, point in zip(QUANTILES, points, strict=True)}
    return quantiles | {"mean": round(float(values.mean()), 2)}


def _characters_and_words(columns: Columns, *fields: str) -> Lengths:
    lengths: Lengths = {}
    for field in fields:
        lengths[f"{field}, characters"] = pc.utf8_length(columns[field])
        lengths[f"{field}, words"] = _words(columns[field])
    return lengths


def _words(texts: pa.StringArray) -> Any:
    trimmed = pc.utf8_trim_whitespace(texts)
    is_empty = pc.equal(trimmed, "")
    return pc.if_else(is_empty, 0, pc.list_value_length(pc.utf8_split_whitespace(trimmed)))


def _class_counts(ids: pa.Array, names: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(np.asarray(ids), minlength=len(names))
    return {name: int(count) for name, count in zip(names, counts, strict=True)}


def _value_counts(values: pa.Array) -> dict[str, int]:
    """Count each value, most frequent first."""
    pairs = [(item["values"], item["counts"]) for item in pc.value_counts(values).to_pylist()]
    return {str(value): count for value, count in sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))}


def _ynat(columns: Columns) -> tuple[Counts, Lengths]:
    counts = {"label": _class_counts(columns["label"], TASKS["ynat"].labels)}
    return counts, _characters_and_words(columns, "title")


def _sts(columns: Columns) -> tuple[Counts, Lengths]:
    labels = columns["labels"]
    rounded = np.floor(np.asarray(pc.struct_field(labels, "real-label"))).astype(int)
    counts = {
        "binary-label": _class_counts(pc.struct_field(labels, "binary-label"), TASKS["sts"].labels),
        "real-label, whole part": _class_counts(rounded, [str(score) for score in range(6)]),
        "source": _value_counts(columns["source"]),
    }
    return counts, _characters_and_words(columns, "sentence1", "sentence2")


def _nli(columns: Columns) -> tuple[Counts, Lengths]:
    counts = {
        "label": _class_counts(columns["label"], TASKS["nli"].labels),
        "source": _value_counts(columns["source"]),
    }
    return counts, _characters_and_words(columns, "premise", "hypothesis")


def _ner(columns: Columns) -> tuple[Counts, Lengths]:
    names = TASKS["ner"].labels
    tags = _class_counts(columns["ner_tags"].flatten(), names)
    entities = {name[2:]: tags[name] for name in names if name.startswith("B-")}
    plain = pc.binary_join(columns["tokens"], "")
    lengths = {"tokens, characters": pc.list_value_length(columns["tokens"]), "tokens, words": _words(plain)}
    return {"ner_tags": tags, "entities": entities}, lengths


def _re(columns: Columns) -> tuple[Counts, Lengths]:
    counts = {"label": _class_counts(columns["label"], TASKS["re"].labels)}
    for field in ("subject_entity", "object_entity"):
        counts[f"{field} type"] = _value_counts(pc.struct_field(columns[field], "type"))
    return counts, _characters_and_words(columns, "sentence")


def _dp(columns: Columns) -> tuple[Counts, Lengths]:
    tags = pc.split_pattern(columns["pos"].flatten(), pattern="+").flatten()
    counts = {"deprel": _value_counts(columns["deprel"].flatten()), "pos": _value_counts(tags)}
    lengths = {
        "sentence, characters": pc.utf8_length(columns["sentence"]),
        "word_form, words": pc.list_value_length(columns["word_form"]),
    }
    return counts, lengths


def _mrc(columns: Columns) -> tuple[Counts, Lengths]:
    answers = pc.struct_field(columns["answers"], "text")
    counts = {
        "question_type": _value_counts(columns["question_type"]),
        "is_impossible": _value_counts(columns["is_impossible"]),
        "answers of a question": _value_counts(pc.list_value_length(answers)),
    }
    lengths = _characters_and_words(columns, "context", "question")
    return counts, lengths | {"answers, characters": pc.utf8_length(answers.flatten())}


def _wos(columns: Columns) -> tuple[Counts, Lengths]:
    turns = columns["dialogue"].flatten()
    states = pc.struct_field(turns, "state")
    is_user = pc.equal(pc.struct_field(turns, "role"), "user")
    slots = pc.replace_substring_regex(states.flatten(), pattern="^([^-]*-[^-]*)-.*$", replacement=r"\1")
    counts = {"domains": _value_counts(columns["domains"].flatten()), "slots of states": _value_counts(slots)}
    texts = pc.struct_field(turns, "text")
    lengths = {
        "dialogue, turns": pc.list_value_length(columns["dialogue"]),
        **_characters_and_words({"turn": texts}, "turn"),
        "state of a user turn, slots": pc.list_value_length(states.filter(is_user)),
    }
    return counts, lengths


_MEASURES: Mapping[str, Callable[[Columns], tuple[Counts, Lengths]]] = {
    "ynat": _ynat,
    "sts": _sts,
    "nli": _nli,
    "ner": _ner,
    "re": _re,
    "dp": _dp,
    "mrc": _mrc,
    "wos": _wos,
}


def to_json(found: Mapping[str, Any]) -> str:
    """Format statistics as in stats.json."""
    return json.dumps(found, ensure_ascii=False, indent=1)


def format_statistics(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Format statistics as text, one block per split."""
    lines: list[str] = []
    for task, splits in found.items():
        for split, counted in splits.items():
            lines.append(f"{task} {split}: {counted['rows']:,} rows")
            for name, counts in counted["labels"].items():
                listed = ", ".join(f"{label} {count:,}" for label, count in counts.items())
                lines.append(f"  {name}: {listed}")
            for name, points in counted["lengths"].items():
                listed = ", ".join(f"{point} {value:,}" for point, value in points.items())
                lines.append(f"  {name}: {listed}")
    return "\n".join(lines)


def command(arguments: argparse.Namespace) -> None:
    """Run ``python -m klue_datasets stats``, and print the statistics."""
    settings = vars(arguments)
    as_json = settings.pop("as_json")
    found = statistics(**settings)
    print(to_json(found) if as_json else format_statistics(found))
