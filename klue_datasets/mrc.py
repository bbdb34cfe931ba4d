"""Builder for mrc: passages and questions, with the answer spans of answerable questions."""

from __future__ import annotations

from itertools import chain

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .builder import KlueBuilder
from .raw_files import PLACE
from .raw_files import Record
from .raw_files import read_records
from .reading import booleans
from .reading import integers
from .reading import list_array
from .reading import nested
from .reading import strings
from .reading import struct_array
from .tasks import TASKS

# Not used here; the script loader of datasets 3.6 copies only the siblings that a script itself imports.
from .download import fetch as fetch
from .messages import excerpt as excerpt


class Mrc(KlueBuilder):
    """KLUE machine reading comprehension: one row per question, in file order.

    The default view keeps the content of the file: texts are not stripped, so that offsets are right, and
    unanswerable questions have no answers but plausible_answers. In the rows of the Hub, texts are stripped
    without adapting the offsets, and plausible answers are appended to the answers.
    """

    KLUE_TASK = TASKS["mrc"]

    def features(self) -> datasets.Features:
        text = datasets.Value("string")
        integer = datasets.Value("int32")
        spans = datasets.Sequence({"answer_start": integer, "text": text})
        columns = {
            "title": text,
            "context": text,
            "news_category": text,
            "source": text,
            "guid": text,
            "is_impossible": datasets.Value("bool"),
            "question_type": integer,
            "question": text,
            "answers": spans,
        }
        return datasets.Features(columns if self.hub_compatible else columns | {"plausible_answers": spans})

    def columns(self, path: str) -> dict[str, pa.Array]:
        records = read_records(path, self.KLUE_TASK.name, self.features(), self.column_names)
        if records and PLACE in records[0]:  # rows of a table, with one question each
            articles = paragraphs = questions = records
            article_of_paragraph = paragraph = np.arange(len(records))
        else:
            articles = records
            paragraphs, article_of_paragraph = _flatten(nested(articles, path, "paragraphs"))
            questions, paragraph = _flatten(nested(paragraphs, path, "qas"))
        for question in questions:  # SQuAD and KorQuAD name it id
            if "guid" not in question and "id" in question:
                question["guid"] = question["id"]
        article = article_of_paragraph.take(paragraph)
        answers = nested(questions, path, "answers")
        plausible_answers = nested(questions, path, "plausible_answers", default=[])
        if self.hub_compatible:
            answers = [own + plausible for own, plausible in zip(answers, plausible_answers, strict=True)]
        is_impossible = booleans(questions, path, "is_impossible", default=False)
        types = integers(questions, path, "question_type", default=1)
        is_untyped = pa.array(
            [question.get("question_type") is None for question in questions], type=pa.bool_()
        )
        unanswerable = pa.scalar(3, types.type)
        return {
            "title": strings(articles, path, "title", default="").take(article),
            "context": self._texts(paragraphs, path, "context").take(paragraph),
            "news_category": strings(articles, path, "news_category", default="").take(article),
            "source": strings(articles, path, "source", default="").take(article),
            "guid": strings(questions, path, "guid"),
            "is_impossible": is_impossible,
            "question_type": pc.if_else(pc.and_(is_untyped, is_impossible), unanswerable, types),
            "question": self._texts(questions, path, "question"),
            "answers": self._spans(answers, path),
            "plausible_answers": self._spans(plausible_answers, path),
        }

    def _texts(self, records: list[Record], path: str, field: str) -> pa.StringArray:
        texts = strings(records, path, field)
        if self.hub_compatible:
            texts = pa.array([text.strip() for text in texts.to_pylist()], type=pa.string())
        return texts

    def _spans(self, lists: list[list[Record]], path: str) -> pa.StructArray:
        spans, _ = _flatten(lists)
        starts = integers(spans, path, "answer_start")
        texts = self._texts(spans, path, "text")
        return struct_array({"answer_start": list_array(lists, starts), "text": list_array(lists, texts)})


def _flatten(lists: list[list[Record]]) -> tuple[list[Record], np.ndarray]:
    """Concatenate lists of records; also return the index of the list of each record."""
    return list(chain.from_iterable(lists)), np.repeat(np.arange(len(lists)), list(map(len, lists)))
