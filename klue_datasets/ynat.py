"""Builder of ynat: news headlines with one of seven topics."""

from __future__ import annotations

import datasets
import pyarrow as pa

from . import reading
from .builder import KlueBuilder
from .tasks import TASKS


class Ynat(KlueBuilder):
    """KLUE topic classification: guid, title, label, url, date."""

    KLUE_TASK = TASKS["ynat"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        label = datasets.ClassLabel(names=list(self.KLUE_TASK.labels))
        return datasets.Features({"guid": text, "title": text, "label": label, "url": text, "date": text})

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = reading.read_records(path)
        return {
            "guid": reading.strings(records, path, "guid"),
            "title": reading.strings(records, path, "title"),
            "label": reading.class_ids(records, path, "label", self.KLUE_TASK.labels),
            "url": reading.strings(records, path, "url", default=""),
            "date": reading.strings(records, path, "date", default=""),
        }
