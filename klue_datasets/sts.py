"""Builder of sts: sentence pairs with a similarity from 0 to 5."""

from __future__ import annotations

import datasets
import pyarrow as pa

from . import reading
from .builder import KlueBuilder
from .tasks import TASKS


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
        records = reading.read_records(path)
        labels = reading.objects(records, path, "labels")
        scores = {
            "label": reading.numbers(labels, path, "label"),
            "real-label": reading.numbers(labels, path, "real-label"),
            "binary-label": reading.class_ids(
                labels, path, "binary-label", self.KLUE_TASK.labels, as_index=True
            ),
        }
        return {
            "guid": reading.strings(records, path, "guid"),
            "source": reading.strings(records, path, "source", default=""),
            "sentence1": reading.strings(records, path, "sentence1"),
            "sentence2": reading.strings(records, path, "sentence2"),
            "labels": pa.StructArray.from_arrays(list(scores.values()), names=list(scores)),
        }
