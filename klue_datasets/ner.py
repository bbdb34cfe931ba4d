"""Builder for ner: sentences as characters, each with one of thirteen tags."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import Record
from .raw_files import read_rows
from .reading import check_lengths
from .reading import label_lists
from .reading import string_lists
from .reading import strings
from .reading_tsv import misspelt
from .reading_tsv import read_sentences
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt
from .raw_files import KlueDataError as KlueDataError


class Ner(KlueBuilder):
    """KLUE named entity recognition: sentence with inline tags, tokens (characters), ner_tags, guid."""

    KLUE_TASK = TASKS["ner"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        tag = datasets.ClassLabel(names=list(self.KLUE_TASK.labels))
        columns = {
            "sentence": text,
            "tokens": datasets.Sequence(text),
            "ner_tags": datasets.Sequence(tag),
        }
        return datasets.Features(columns if self.hub_compatible else columns | {"guid": text})

    def columns(self, path: str) -> dict[str, pa.Array]:
        rows = read_rows(path, self.KLUE_TASK.name, self.features(), self.column_names)
        if rows is not None:
            return self._columns_of_rows(rows, path)
        sentences = read_sentences(path, ("CHAR", "NE_TAG"))
        return {
            "sentence": sentences.texts,
            "tokens": sentences.strings("CHAR"),
            "ner_tags": sentences.class_ids("NE_TAG", self.KLUE_TASK.labels),
            "guid": sentences.guids,
        }

    def _columns_of_rows(self, rows: list[Record], path: str) -> dict[str, pa.Array]:
        lists = {
            "tokens": string_lists(rows, path, "tokens", single=True),
            "ner_tags": label_lists(rows, path, "ner_tags", self.KLUE_TASK.labels),
        }
        check_lengths(rows, path, lists)
        return {"sentence": strings(rows, path, "sentence"), **lists, "guid": strings(rows, path, "guid")}

    def misspelt(self, columns: dict[str, pa.Array]) -> Sequence[int]:
        return misspelt(columns["sentence"], columns["tokens"], separator="").tolist()
