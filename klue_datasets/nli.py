"""Builder of nli: premise and hypothesis with one of three relations."""

from __future__ import annotations

import datasets
import pyarrow as pa

from . import reading
from .builder import KlueBuilder
from .tasks import TASKS


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
        records = reading.read_records(path)
        # The official train file says genre where the dev file says source.
        source = "genre" if any("genre" in record for record in records) else "source"
        return {
            "guid": reading.strings(records, path, "guid"),
            "source": reading.strings(records, path, source, default=""),
            "premise": reading.strings(records, path, "premise"),
            "hypothesis": reading.strings(records, path, "hypothesis"),
            "label": reading.class_ids(records, path, "gold_label", self.KLUE_TASK.labels),
        }
