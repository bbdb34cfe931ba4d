"""Builder of dp: sentences as words, each with its head and its relation to it."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import pyarrow as pa

from .builder import KlueBuilder
from .reading_rows import misspelt
from .reading_rows import read_sentences
from .tasks import DP_RELATIONS
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt
from .raw_files import KlueDataError as KlueDataError


class Dp(KlueBuilder):
    """KLUE dependency parsing: sentence; index, word_form, lemma, pos, head, deprel of its words; guid."""

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

    def misspelt(self, columns: dict[str, pa.Array]) -> Sequence[int]:
        return misspelt(columns["sentence"], columns["word_form"], separator=" ").tolist()
