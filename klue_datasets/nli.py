"""Builder for nli: premise and hypothesis with one of three relations."""

from __future__ import annotations

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import PLACE
from .raw_files import read_records
from .reading import class_ids
from .reading import strings
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt


class Nli(KlueBuilder):
    """KLUE natural language inference: guid, source, premise, hypothesis, label."""

    KLUE_TASK = TASKS["nli"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        label = datasets.ClassLabel(names=list(self.KLUE_TASK.labels))
        return datasets.Features(
            {"guid": text, "source": text, "premise": text, "hypothesis": text, "label": label}
        )

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        # The field is called genre in the official train file and source in the dev file.
        for record in records:
            if record.get("source") is None:
                record["source"] = record.get("genre")
        field = "label" if records and PLACE in records[0] else "gold_label"  # names on the Hub and in KLUE
        return {
            "guid": strings(records, path, "guid"),
            "source": strings(records, path, "source", default=""),
            "premise": strings(records, path, "premise"),
            "hypothesis": strings(records, path, "hypothesis"),
            "label": class_ids(records, path, field, self.KLUE_TASK.labels),
        }
