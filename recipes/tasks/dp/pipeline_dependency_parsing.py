"""The pipeline "dependency-parsing". This file is saved with the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from transformers import Pipeline
from transformers.utils import logging

from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.conllu import (
    Sentence,
    are_words,
    is_conllu,
    parsed_words,
    read_conllu,
    read_sentence,
    write_conllu,
)
from recipes.tasks.dp.parsing_decoding import best_relations, decode_heads
from recipes.tasks.dp.parsing_words import ParserCollator, encode_words, last_tags
from recipes.tasks.dp.tree_svg import tree_svg

TASK = "dependency-parsing"
BATCH_SIZE = 32
OPTIONS = ("decoder", "to_conllu", "is_split_into_words")

logger = logging.get_logger(__name__)


class DependencyParsingPipeline(Pipeline):
    """Parse sentences.

        parse = pipeline("dependency-parsing", model=folder, trust_remote_code=True)
        parse("나는 학교에 간다")
        parse(["나는", "학교에", "간다"])
        parse({"words": ["나는", "학교에", "간다"], "pos": ["NP+JX", "NNG+JKB", "VV+EF"]})

    An input is a text whose words are separated by blanks, a list of words, a mapping with ``words`` or
    ``text`` and optionally ``pos``, or a CoNLL-U text with any number of sentences. Lists and iterators of
    these are several inputs.

    A list of strings without blanks is one sentence (with a warning the first time), and any other list of
    strings is several sentences, unless ``is_split_into_words`` is given.

    Models with parts of speech (``use_pos``) also parse sentences without them, but less accurately.
    """

    _load_tokenizer = True
    _load_processor = False
    _load_image_processor = False
    _load_video_processor = False
    _load_feature_extractor = False

    def _sanitize_parameters(
        self, **parameters: Any
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        unknown = sorted(set(parameters) - set(OPTIONS))
        if unknown:
            raise ValueError(f"{TASK} has no option {unknown[0]!r}; expected one of {', '.join(OPTIONS)}.")
        before = {name: value for name, value in parameters.items() if name == "is_split_into_words"}
        return before, {}, {name: value for name, value in parameters.items() if name not in before}

    def __call__(self, inputs: Any, *, batch_size: int | None = None, **parameters: Any) -> Any:
        """Parse one sentence or several.

        Args:
            inputs: See the class.
            batch_size: Number of sentences per batch, by default 32.
            **parameters: ``decoder``, one of argmax, mst, projective and head_final (by default that of the
                model); ``to_conllu``, to return CoNLL-U; ``is_split_into_words``.

        Returns:
            For one sentence, a list with a mapping per word: ``index`` from 1, ``word``, ``head`` (0 for the
            root), ``relation``, ``score`` (the probability of both), and ``pos`` if given. For several
            sentences, a list of these, or an iterator for an iterator. With ``to_conllu``, text instead of
            words.

        Raises:
            ValueError: An input is not a sentence, or an option or part of speech is unknown.
        """
        before, _, after = self._sanitize_parameters(**parameters)
        before, after = {**self._preprocess_params, **before}, {**self._postprocess_params, **after}
        size = batch_size or self._batch_size or BATCH_SIZE
        if isinstance(inputs, str) and is_conllu(inputs):
            parsed = list(self._parse(read_conllu(inputs), size, after))
            return "".join(parsed) if after.get("to_conllu") else parsed
        if _is_one(inputs, before.get("is_split_into_words")):
            return next(self._parse([inputs], size, after))
        if isinstance(inputs, Sequence):
            return list(self._parse(inputs, size, after))
        return self._parse(inputs, size, after)

    def preprocess(self, inputs: Sequence[Sentence], **parameters: Any) -> dict[str, Any]:
        """Encode sentences as a batch of model inputs."""
        settings = ParserSettings.of(self.model.config)
        longest = self.tokenizer.model_max_length
        longest = min(getattr(self.model.config, "max_seq_length", longest), longest)
        columns = encode_words([sentence.words for sentence in inputs], self.tokenizer, longest)
        if settings.use_pos:
            columns["pos_ids"] = [
                last_tags(sentence.pos or ["_"] * len(sentence.words), settings.pos_tags)
                for sentence in inputs
            ]
        features = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        collate = ParserCollator(self.tokenizer.pad_token_id or 0, len(settings.pos_tags))
        return {**collate(features), "sentences": inputs}

    def _forward(self, inputs: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        sentences = inputs.pop("sentences")
        outputs = self.model(**inputs)
        return {**outputs, "lengths": (inputs["first_subwords"] >= 0).sum(dim=1), "sentences": sentences}

    def postprocess(
        self, outputs: dict[str, Any], decoder: str | None = None, to_conllu: bool = False
    ) -> list[Any]:
        """Convert the scores of a batch to words or CoNLL-U, one item per sentence."""
        decoder = decoder or ParserSettings.of(self.model.config).decoder
        arcs, lengths = outputs["arc_scores"], outputs["lengths"]
        heads = decode_heads(arcs, lengths, decoder)
        relations, scores = best_relations(arcs, outputs["relation_scores"], heads)
        names = self.model.config.id2label
        parsed: list[Any] = []
        for index, sentence in enumerate(outputs["sentences"]):
            length = len(sentence.words)
            words = parsed_words(
                sentence.words,
                heads[index, :length].tolist(),
                [names[relation] for relation in relations[index, :length].tolist()],
                scores[index, :length].tolist(),
                sentence.pos,
            )
            parsed.append(write_conllu(words, sentence) if to_conllu else words)
        return parsed

    @staticmethod
    def to_conllu(words: Sequence[dict[str, Any]]) -> str:
        """Format a parsed sentence as CoNLL-U."""
        return write_conllu(words)

    @staticmethod
    def to_svg(words: Sequence[dict[str, Any]]) -> str:
        """Draw a parsed sentence as SVG."""
        return tree_svg(words)

    def _parse(self, items: Iterable[Any], batch_size: int, after: dict[str, Any]) -> Iterator[Any]:
        remaining = iter(items)
        while batch := [read_sentence(item) for item in itertools.islice(remaining, batch_size)]:
            yield from self.postprocess(self.forward(self.preprocess(batch)), **after)


def _is_one(inputs: Any, is_split_into_words: bool | None) -> bool:
    """Return whether the inputs are a single sentence."""
    if not isinstance(inputs, list | tuple):
        return isinstance(inputs, str | dict)
    if not inputs or not all(isinstance(item, str) for item in inputs):
        return False
    if is_split_into_words is None:
        is_split_into_words = are_words(inputs)
        if is_split_into_words and len(inputs) > 1:
            logger.warning_once(
                "A list of strings without blanks was read as the words of one sentence; "
                "is_split_into_words=False reads sentences."
            )
    return is_split_into_words
