"""Named entity recognition: tags of characters from tags of subword tokens."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from transformers import (
    AutoModelForTokenClassification,
    DataCollatorForTokenClassification,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from klue_datasets.iob import OUTSIDE, TAGS, spans_from_tags
from recipes.arguments import RecipeArguments
from recipes.subwords.endings import learn_tails, tail_length
from recipes.subwords.offsets import flat, ragged, subwords_with_spans
from recipes.subwords.special_tokens import Frame
from recipes.subwords.windows import Windows
from recipes.tasks.protocol import Batch, Decoded, LoadedModel, RawInput, Recipe, text_fields
from recipes.tasks.shared.classification import has_labels, output_ids, set_labels

if TYPE_CHECKING:
    import datasets

# Tag id -> tag id of its continuation: I- for B- and I-, O for O.
INSIDE = np.array([TAGS.index("I" + tag[1:]) if tag != "O" else OUTSIDE for tag in TAGS])
IS_INSIDE = np.array([tag.startswith("I-") for tag in TAGS])
IGNORED = -100
BATCH = 1_000


class SentenceToTag(RawInput):
    """A sentence as input, and its entities as answer."""

    sample = "박보검 담주에 파리 화보 촬영 간대!"

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a text, or a mapping with ``sentence``."""
        return {"tokens": list(text_fields(item, ("sentence",), "ner")["sentence"])}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return type, text, position (in characters, end exclusive) and mean score of the entities."""
        text = "".join(row["tokens"])
        scores = (decoded.details or [])[index]["tag_scores"]
        return [
            {
                "entity_group": kind,
                "score": float(np.mean(scores[start:end])),
                "word": text[start:end],
                "start": start,
                "end": end,
            }
            for start, end, kind in spans_from_tags(decoded.predictions[index])
        ]


@dataclasses.dataclass(frozen=True)
class NamedEntities(Recipe):
    """Cross-entropy of the tag of each token's first character."""

    task: str = "ner"
    gold: tuple[str, ...] = ("ner_tags",)
    raw_input: RawInput = SentenceToTag()
    peft_task_type: ClassVar[str | None] = "TOKEN_CLS"
    settings: ClassVar[tuple[str, ...]] = ("entity_tails", "label_all_tokens", "doc_stride")
    kept: ClassVar[tuple[str, ...]] = ("start", "end", "tail", "context")

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the model's labels are the 13 tags, in any order."""
        return has_labels(config, TAGS)

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set the 13 tags in Hub order, and learn from training data where entities end inside tokens."""
        set_labels(config, TAGS)
        # Missing in models that were not trained here.
        config.entity_tails = getattr(config, "entity_tails", {})
        if "train" in splits:
            last = _last_subwords(splits["train"], tokenizer) if arguments.entity_endings else ()
            config.entity_tails = learn_tails(last)
        config.label_all_tokens = arguments.label_all_tokens
        config.doc_stride = arguments.doc_stride or getattr(config, "doc_stride", None)

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return AutoModelForTokenClassification."""
        return AutoModelForTokenClassification

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode sentences as tokens, long sentences as overlapping windows.

        The label of a token is the tag of its first character that is not a blank. Tokens without such a
        character (special tokens, and the word boundary token ``▁``) have no label, or O with
        ``label_all_tokens``. For decoding, ``start`` and ``end`` have the characters of each token, ``tail``
        the number of characters after an entity that ends in the token, and ``context`` the number of tokens
        between the token and the nearer edge of its window.
        """
        frame = Frame(tokenizer)
        capacity = max_length - frame.added
        before = frame.start(0)
        outputs = np.array(output_ids(config, TAGS))
        no_label = outputs[OUTSIDE] if config.label_all_tokens else IGNORED
        tail_of = functools.cache(functools.partial(tail_length, tails=config.entity_tails))
        columns: dict[str, list[Any]] = {}
        for row, (text, ids, first, start, end) in enumerate(_subwords(batch["tokens"], tokenizer)):
            windows = Windows(len(ids), capacity, config.doc_stride or max(capacity // 2, 1))
            tail = [tail_of(text[left:right]) for left, right in zip(start, end, strict=True)]
            values = {"start": start, "end": end, "tail": np.array(tail, dtype=np.int64)}
            if "ner_tags" in batch:
                values["labels"] = np.append(outputs[batch["ner_tags"][row]], no_label)[first]
            for left, right in windows.spans:
                feature: dict[str, Any] = frame(ids[left:right])
                length = len(feature["input_ids"])
                around = (before, length - before - (right - left))
                for name, value in values.items():
                    blank = no_label if name == "labels" else 0
                    feature[name] = np.pad(value[left:right], around, constant_values=blank)
                place = np.arange(length)
                feature["context"] = np.minimum(place, length - 1 - place)
                feature |= {"row": row, "length": length, "truncated": False}
                for name, value in feature.items():
                    columns.setdefault(name, []).append(value)
        return columns

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Return a collator that pads labels with -100."""
        return DataCollatorForTokenClassification(tokenizer, pad_to_multiple_of=pad_to_multiple_of)

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return the best tag (int32) and its probability (float32) of each token, shape (batch, tokens)."""

        output = model(**inputs)
        probability, tag = output.logits.float().softmax(dim=-1).max(dim=-1)
        return output.loss, (tag.int(), probability)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Return the tags of all characters, blanks included."""
        tokens = list(examples["tokens"])
        lengths = np.array([len(sentence) for sentence in tokens])
        tag_of = np.argsort(output_ids(loaded.config, TAGS))  # id in the task of the tag of each output
        tags, scores = decode_characters(
            (tag_of[np.maximum(outputs[0], 0)], outputs[1]),
            features,
            lengths,  # padding is negative
        )
        names = np.array(TAGS, dtype=object)
        ends = np.cumsum(lengths)[:-1]
        return Decoded(
            [part.tolist() for part in np.split(names[tags], ends)],
            details=[
                {"tokens": characters, "tag_scores": [round(score, 4) for score in part.tolist()]}
                for characters, part in zip(tokens, np.split(scores, ends), strict=True)
            ],
            metric_inputs={"tokens": tokens},
        )

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return tag names, one list per sentence."""
        return [[TAGS[tag] for tag in tags] for tags in examples["ner_tags"]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict no entities."""
        tokens = list(examples["tokens"])
        return [Decoded([["O"] * len(part) for part in tokens], metric_inputs={"tokens": tokens})]


def decode_characters(
    outputs: Any, features: datasets.Dataset, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Convert tags of tokens to tags of characters, for all windows of all sentences at once.

    A character gets the tag of its token, from the window with the most context around that token; only the
    first character of a token gets B-. In the last token of an entity, the tail of the token is outside the
    entity. Characters without a token (blanks) are inside an entity if the next character continues the
    entity of the previous one.

    Args:
        outputs: Tag ids and scores, shape (features, tokens) each, padded.
        features: Kept columns of the features.
        lengths: Number of characters of each sentence.

    Returns:
        Tag ids and scores of all characters of all sentences, concatenated. Characters without a token have
        the score of the previous character.
    """
    start, end, tail, context = (flat(features, name) for name in NamedEntities.kept)
    subwords = ragged(features, "start")
    real = np.arange(outputs[0].shape[1]) < subwords[:, None]
    tag, score = (part[real] for part in outputs)
    first = np.concatenate([[0], np.cumsum(lengths)])
    sentence_start = np.repeat(first[np.asarray(features["example"])], subwords)
    # The windows with the most context are written last and overwrite the others.
    order = np.argsort(context, kind="stable")
    order = order[end[order] > start[order]]
    sizes = (end - start)[order]
    inside = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # 0, 1, ... in each token
    owner = np.full(first[-1], -1)
    owner[np.repeat((sentence_start + start)[order], sizes) + inside] = np.repeat(order, sizes)
    place = np.arange(first[-1])
    covered = np.flatnonzero(owner >= 0)
    if not len(covered):  # no character has a token, as in an empty text
        return np.full(len(owner), OUTSIDE), np.zeros(len(owner))
    own = owner[covered]
    tags = np.full(first[-1], IGNORED)
    scores = np.zeros(first[-1])
    is_first = place[covered] == (sentence_start + start)[own]
    tags[covered] = np.where(is_first, tag[own], INSIDE[tag[own]])
    scores[covered] = score[own]
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    goes_on = _next_goes_on(tags[covered], own, sentence[covered])
    in_tail = place[covered] >= (sentence_start + end - tail)[own]
    tags[covered[in_tail & ~goes_on]] = OUTSIDE
    return _fill(tags, scores, sentence)


def _next_goes_on(tags: np.ndarray, owner: np.ndarray, sentence: np.ndarray) -> np.ndarray:
    """Return for each character whether the next token continues its entity."""
    last = np.append(owner[1:] != owner[:-1], True)
    following = np.append(tags[1:], OUTSIDE)
    same_sentence = np.append(sentence[1:] == sentence[:-1], False)
    goes_on = last & same_sentence & IS_INSIDE[following] & (following == INSIDE[tags])
    ends = np.flatnonzero(last)
    return goes_on[np.repeat(ends, np.diff(ends, prepend=-1))]


def _fill(tags: np.ndarray, scores: np.ndarray, sentence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assign tags to untagged characters from their neighbours in the sentence."""
    place = np.arange(len(tags))
    known = tags != IGNORED
    before = np.maximum.accumulate(np.where(known, place, -1))
    after = np.minimum.accumulate(np.where(known, place, len(tags))[::-1])[::-1]
    both = ~known & (before >= 0) & (after < len(tags))
    both[both] = (sentence[before[both]] == sentence[place[both]]) & (
        sentence[after[both]] == sentence[place[both]]
    )
    goes_on = both.copy()
    following = tags[after[both]]
    goes_on[both] = IS_INSIDE[following] & (INSIDE[tags[before[both]]] == following)
    filled = np.where(known, tags, OUTSIDE)
    filled[goes_on] = tags[after[goes_on]]
    scores = scores.copy()
    scores[both] = scores[before[both]]
    return filled, scores


def _subwords(
    sentences: Sequence[Sequence[str]], tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[str, list[int], np.ndarray, np.ndarray, np.ndarray]]:
    """Return text, token ids and the output of ``spans_of_subwords`` for each sentence."""
    texts = ["".join(tokens) for tokens in sentences]
    for text, found in zip(texts, subwords_with_spans(tokenizer, texts), strict=True):
        yield text, *found


def _last_subwords(train: datasets.Dataset, tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[str, int]]:
    """Return the last tokens of training entities, and the number of their characters after the entity."""
    for place in range(0, len(train), BATCH):
        batch = train[place : place + BATCH]
        subwords = _subwords(batch["tokens"], tokenizer)
        for tags, (text, _, _, start, end) in zip(batch["ner_tags"], subwords, strict=True):
            ends = [stop for _, stop, _ in spans_from_tags(tags)]
            for left, right in zip(start, end, strict=True):
                inside = [stop for stop in ends if left < stop <= right]
                if inside and right - left > 1:
                    yield text[left:right], int(right - max(inside))


RECIPE = NamedEntities()
