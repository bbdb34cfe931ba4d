"""Write, read and compare the settings of runs as JSON, including those of other versions."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from recipes.arguments import OWN_FILES, RecipeArguments, fields_of
from recipes.redaction import redact

logger = logging.getLogger(__name__)
SCHEMA_VERSION = 2  # version of the arguments file; increase it when the meaning of a field changes
# Paths and settings of speed; runs that differ only in these have equal results.
PLACES = frozenset(
    {
        *("output_dir", "overwrite_output_dir", "resume_from_checkpoint", "preprocessing_num_workers"),
        *("per_device_eval_batch_size", "disable_tqdm", "dataloader_num_workers", "report_to", "use_cpu"),
    }
)
DATA_SOURCES = frozenset({"data_dir", "dataset_name", "mini", *OWN_FILES.values()})
# Settings that depend on the device if ``fast`` is set.
BY_DEVICE = frozenset({"bf16", "tf32", "dataloader_num_workers"})
# Settings that do not affect what is learned, in which runs of the same method may differ. Tables are
# separated by scored data, and the training data is identified by its hash.
NOT_LEARNED = PLACES | DATA_SOURCES | {
    "seed", "do_train", "do_eval", "do_predict", "dataset_revision", "max_eval_samples",
}  # fmt: skip


def as_settings(arguments: RecipeArguments, task: str) -> Mapping[str, Any]:
    """Return the settings of a task as a flat mapping without secrets, for results and cards."""
    values = redact(dataclasses.asdict(arguments))
    return {**{name: values[name] for name in fields_of(task)}, **values["trainer"]}


def to_record(arguments: RecipeArguments) -> dict[str, Any]:
    """Convert the settings to the content of an arguments file, without secrets."""
    return {"schema_version": SCHEMA_VERSION, **redact(dataclasses.asdict(arguments))}


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten the content of an arguments file, to compare runs.

    Missing settings have their defaults, so that runs of different versions can be compared. Settings that
    this version does not have are kept, since they may have affected the run.
    """
    values = {**dataclasses.asdict(RecipeArguments()), **_upgraded(record)}
    return values | dict(values.pop("trainer", None) or {})


def from_record(record: Mapping[str, Any], where: object) -> RecipeArguments:
    """Read the content of an arguments file, including those of other versions.

    Unknown fields are reported and ignored; missing fields have their defaults.

    Args:
        record: The content, which has no version in files written before the schema had one.
        where: Name of the file for messages.
    """
    version = record.get("schema_version", 1)
    values = _upgraded(record)
    if version > SCHEMA_VERSION:
        logger.warning(
            "%s has schema version %s; this version of klue-hub writes %s.", where, version, SCHEMA_VERSION
        )
    known = {field.name for field in dataclasses.fields(RecipeArguments)}
    if unknown := sorted(set(values) - known):
        logger.warning(
            "%s has settings that this version does not know; ignored: %s.", where, ", ".join(unknown)
        )
    return RecipeArguments(**{name: value for name, value in values.items() if name in known})


def _upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Rename settings of an older arguments file."""
    values = dict(record)
    if values.pop("schema_version", 1) == 1:
        threshold = values.pop("null_threshold", None)
        if values.pop("tune_null_threshold", False):
            threshold = "auto"
        if threshold is not None:
            values["null_score_diff_threshold"] = threshold
        for name in ("gold_gates", "gold_values"):
            if values.pop(name, False):
                values["oracle"] = name.removeprefix("gold_")
    return values
