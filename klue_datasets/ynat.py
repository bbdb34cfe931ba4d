"""Builder for ynat: news headlines with one of seven topics."""

from __future__ import annotations

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import read_records
from .reading import class_ids
from .reading import strings
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt


class Ynat(KlueBuilder):
    """KLUE topic classification: guid, title, label, url, date."""

    KLUE_TASK = TASKS["ynat"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        label = datasets.ClassLabel(names=list(self.KLUE_TASK.labels))
        return datasets.Features({"guid": text, "title": text, "label": label, "url": text, "date": text})

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        return {
            "guid": strings(records, path, "guid"),
            "title": strings(records, path, "title"),
            "label": class_ids(records, path, "label", self.KLUE_TASK.labels),
            "url": strings(records, path, "url", default=""),
            "date": strings(records, path, "date", default=""),
        }
