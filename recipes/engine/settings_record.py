"""The settings of a run as JSON: write, read and compare them, also those of other versions."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from recipes.arguments import OWN_FILES, RecipeArguments, fields_of
from recipes.redaction import redact

logger = logging.getLogger(__name__)
SCHEMA_VERSION = 2  # of the arguments file; raise it when the meaning of a field changes
# Settings of paths and speed: runs that differ only in these have equal results.
PLACES = frozenset(
    {
        *("output_dir", "overwrite_output_dir", "resume_from_checkpoint", "preprocessing_num_workers"),
        *("per_device_eval_batch_size", "disable_tqdm", "dataloader_num_workers", "report_to", "use_cpu"),
    }
)
DATA_SOURCES = frozenset({"data_dir", "dataset_name", "mini", *OWN_FILES.values()})
# Settings that depend on the device where ``fast`` is set.
BY_DEVICE = frozenset({"bf16", "tf32", "dataloader_num_workers"})
# Settings in which runs of one method may differ, since they do not change what is learned. Boards are
# distinguished by the scored data, and training data by its hash.
NOT_LEARNED = PLACES | DATA_SOURCES | {
    "seed", "do_train", "do_eval", "do_predict", "dataset_revision", "max_eval_samples",
}  # fmt: skip


def as_settings(arguments: RecipeArguments, task: str) -> Mapping[str, Any]:
    """Return a task's settings as one flat mapping without secrets, for results and cards."""
    values = redact(dataclasses.asdict(arguments))
    return {**{name: values[name] for name in fields_of(task)}, **values["trainer"]}


def to_record(arguments: RecipeArguments) -> dict[str, Any]:
    """Convert the settings to the content of an arguments file, without secrets."""
    return {"schema_version": SCHEMA_VERSION, **redact(dataclasses.asdict(arguments))}


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten the content of an arguments file, to compare runs.

    Settings that the file lacks have their defaults, so that runs of different versions can be compared;
    settings that this version does not know are kept, since the run was made with them.
    """
    values = {**dataclasses.asdict(RecipeArguments()), **_upgraded(record)}
    return values | dict(values.pop("trainer", None) or {})


def from_record(record: Mapping[str, Any], where: object) -> RecipeArguments:
    """Read the content of an arguments file, including those of other versions.

    Fields that this version does not have are reported and ignored; missing ones have their defaults.

    Args:
        record: The content; files from before the schema had a version have none.
        where: What messages call the file.
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
