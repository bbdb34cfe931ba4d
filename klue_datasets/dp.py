"""Builder for dp: sentences as words, each with its head and dependency relation."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .raw_files import Record
from .raw_files import read_rows
from .reading import check_lengths
from .reading import integer_lists
from .reading import label_lists
from .reading import string_lists
from .reading import strings
from .reading_tsv import misspelt
from .reading_tsv import read_sentences
from .tasks import DP_RELATIONS
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt
from .raw_files import KlueDataError as KlueDataError


class Dp(KlueBuilder):
    """KLUE dependency parsing: sentence, index, word_form, lemma, pos, head and deprel of its words, guid."""

    KLUE_TASK = TASKS["dp"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        texts = datasets.Sequence(text)
        integers = datasets.Sequence(datasets.Value("int32"))
        columns = {
            "sentence": text,
            "index": integers,
            "word_form": texts,
            "lemma": texts,
            "pos": texts,
            "head": integers,
            "deprel": texts,
        }
        return datasets.Features(columns if self.hub_compatible else columns | {"guid": text})

    def columns(self, path: str) -> dict[str, pa.Array]:
        rows = read_rows(path, self.KLUE_TASK.name, self.features(), self.column_names)
        if rows is not None:
            return self._columns_of_rows(rows, path)
        sentences = read_sentences(path, ("INDEX", "WORD_FORM", "LEMMA", "POS", "HEAD", "DEPREL"))
        return {
            "sentence": sentences.texts,
            "index": sentences.integers("INDEX"),
            "word_form": sentences.strings("WORD_FORM"),
            "lemma": sentences.strings("LEMMA"),
            "pos": sentences.strings("POS"),
            "head": sentences.integers("HEAD"),
            "deprel": sentences.strings("DEPREL", DP_RELATIONS),
            "guid": sentences.guids,
        }

    def _columns_of_rows(self, rows: list[Record], path: str) -> dict[str, pa.Array]:
        label_lists(rows, path, "deprel", DP_RELATIONS)  # validated only, since the Hub has strings
        lists = {
            "word_form": string_lists(rows, path, "word_form"),
            "index": integer_lists(rows, path, "index"),
            "lemma": string_lists(rows, path, "lemma"),
            "pos": string_lists(rows, path, "pos"),
            "head": integer_lists(rows, path, "head", at_most_length=True),
            "deprel": string_lists(rows, path, "deprel"),
        }
        check_lengths(rows, path, lists)
        return {"sentence": strings(rows, path, "sentence"), **lists, "guid": strings(rows, path, "guid")}

    def misspelt(self, columns: dict[str, pa.Array]) -> Sequence[int]:
        return misspelt(columns["sentence"], columns["word_form"], separator=" ").tolist()
