"""Builder for re: sentences with a subject and an object, and one of thirty relations."""

from __future__ import annotations

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import Record
from .raw_files import read_records
from .reading import class_ids
from .reading import integers
from .reading import objects
from .reading import strings
from .reading import struct_array
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt


class Re(KlueBuilder):
    """KLUE relation extraction: guid, sentence, subject_entity, object_entity, label, source.

    Entity offsets count code points of the sentence; the end is inclusive.
    """

    KLUE_TASK = TASKS["re"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        offset = datasets.Value("int32")
        entity = {"word": text, "start_idx": offset, "end_idx": offset, "type": text}
        return datasets.Features(
            {
                "guid": text,
                "sentence": text,
                "subject_entity": entity,
                "object_entity": entity,
                "label": datasets.ClassLabel(names=list(self.KLUE_TASK.labels)),
                "source": text,
            }
        )

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        return {
            "guid": strings(records, path, "guid"),
            "sentence": strings(records, path, "sentence"),
            "subject_entity": _entities(records, path, "subject_entity"),
            "object_entity": _entities(records, path, "object_entity"),
            "label": class_ids(records, path, "label", self.KLUE_TASK.labels),
            "source": strings(records, path, "source", default=""),
        }


def _entities(records: list[Record], path: str, field: str) -> pa.StructArray:
    entities = objects(records, path, field)
    return struct_array(
        {
            "word": strings(entities, path, "word"),
            "start_idx": integers(entities, path, "start_idx"),
            "end_idx": integers(entities, path, "end_idx"),
            "type": strings(entities, path, "type"),
        }
    )
