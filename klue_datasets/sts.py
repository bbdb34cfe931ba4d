"""Builder for sts: sentence pairs with a similarity from 0 to 5."""

from __future__ import annotations

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import read_records
from .reading import class_ids
from .reading import numbers
from .reading import objects
from .reading import strings
from .reading import struct_array
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt


class Sts(KlueBuilder):
    """KLUE semantic textual similarity: guid, source, two sentences, three forms of the score."""

    KLUE_TASK = TASKS["sts"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        labels = {
            "label": datasets.Value("float64"),
            "real-label": datasets.Value("float64"),
            "binary-label": datasets.ClassLabel(names=list(self.KLUE_TASK.labels)),
        }
        return datasets.Features(
            {"guid": text, "source": text, "sentence1": text, "sentence2": text, "labels": labels}
        )

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        labels = objects(records, path, "labels")
        scores = {
            "label": numbers(labels, path, "label"),
            "real-label": numbers(labels, path, "real-label"),
            "binary-label": class_ids(labels, path, "binary-label", self.KLUE_TASK.labels, as_index=True),
        }
        return {
            "guid": strings(records, path, "guid"),
            "source": strings(records, path, "source", default=""),
            "sentence1": strings(records, path, "sentence1"),
            "sentence2": strings(records, path, "sentence2"),
            "labels": struct_array(scores),
        }
