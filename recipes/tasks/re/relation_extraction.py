"""Relation extraction: a sentence with two marked entities, 30 relations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from klue_datasets.messages import excerpt
from klue_datasets.tasks import get_task
from recipes.arguments import RecipeArguments
from recipes.subwords.entity_markers import ROLES, Marker, check_span, cut, marker_tokens
from recipes.subwords.special_tokens import Frame
from recipes.tasks.protocol import Batch, Decoded, LoadedModel, RawInput, Recipe
from recipes.tasks.shared.classification import (
    decode_classes,
    has_labels,
    majority,
    output_ids,
    predict_classes,
    present_class,
    sequence_classifier,
    set_labels,
    set_pooling,
)

if TYPE_CHECKING:
    import datasets

RELATIONS = get_task("re").labels
NO_RELATION = "no_relation"


class MarkedSentence(RawInput):
    """A sentence with two entities as input, and their relation as answer."""

    sample: Any = {
        "sentence": "박보검은 1993년 서울에서 태어났다.",
        "subject_entity": {"word": "박보검", "start_idx": 0, "end_idx": 2, "type": "PER"},
        "object_entity": {"word": "1993년", "start_idx": 5, "end_idx": 9, "type": "DAT"},
    }

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a mapping with ``sentence``, ``subject_entity`` and ``object_entity`` as in the data.

        The position of an entity may be omitted if its ``word`` occurs once in the sentence, and its ``type``
        if the markers of the model do not have types.
        """
        if not isinstance(item, Mapping) or not isinstance(item.get("sentence"), str):
            raise ValueError(
                f"re: the input is {excerpt(item)}; expected a mapping with sentence, "
                "subject_entity and object_entity."
            )
        return {"sentence": item["sentence"], **{role: _entity(item, role) for role in ROLES}}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return the relation and its probability."""
        return present_class(decoded, index)


@dataclasses.dataclass(frozen=True)
class RelationExtraction(Recipe):
    """Cross-entropy of the relation, predicted from [CLS], the opening markers, or the entities."""

    task: str = "re"
    gold: tuple[str, ...] = ("label",)
    raw_input: RawInput = MarkedSentence()
    peft_task_type: ClassVar[str | None] = "SEQ_CLS"
    settings: ClassVar[tuple[str, ...]] = (
        "pooling", "problem_type", "marker_style", "entity_start_ids", "entity_end_ids",
    )  # fmt: skip

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the model's labels are the 30 relations, in any order."""
        return has_labels(config, RELATIONS)

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set 30 relations and the marker style, and add the markers to the tokenizer."""
        set_labels(config, RELATIONS)
        config.problem_type = "single_label_classification"
        set_pooling(self.task, config, arguments, ("cls", "entity_start", "entity_mean"))
        config.marker_style = arguments.marker_style or getattr(config, "marker_style", "official")
        if config.pooling != "cls" and config.marker_style == "none":
            raise ValueError(
                f"re: pooling is {config.pooling} and marker_style none; expected entity "
                "markers for the head to read."
            )
        tokens = marker_tokens(config.marker_style)
        if tokens:
            tokenizer.add_special_tokens(
                {"additional_special_tokens": tokens}, replace_extra_special_tokens=False
            )
            ids = tokenizer.convert_tokens_to_ids(tokens)
            starts, ends = ids[::2], ids[1::2]
            kinds = len(starts) // 2  # the subject's markers, followed by the object's
            config.entity_start_ids = [starts[:kinds], starts[kinds:]]
            config.entity_end_ids = [ends[:kinds], ends[kinds:]]

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return AutoModelForSequenceClassification, or the variant with another pooling."""
        return sequence_classifier(config)

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the number of special tokens, of the four entity markers, and one token of the sentence."""
        return Frame(tokenizer).added + 4 + 1

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode sentences with markers; long sentences are truncated to the tokens around the entities."""
        marker = Marker(tokenizer, config.marker_style)
        frame = Frame(tokenizer)
        features: dict[str, Any] = {"length": [], "truncated": []}
        for place, sentence in enumerate(batch["sentence"]):
            marked = marker(sentence, {role: batch[role][place] for role in ROLES})
            shorter = cut(marked, max_length - frame.added)
            encoded = frame(shorter.ids)
            for name, values in encoded.items():
                features.setdefault(name, []).append(values)
            features["length"].append(len(encoded["input_ids"]))
            features["truncated"].append(len(shorter.ids) < len(marked.ids))
        if "label" in batch:
            outputs = output_ids(config, RELATIONS)
            features["labels"] = [outputs[label] for label in batch["label"]]
        return features

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return probabilities, float32, shape (batch, 30)."""
        return predict_classes(model, inputs)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Return the most probable relation, and all probabilities, which the metric needs."""
        ordered = outputs[:, output_ids(loaded.config, RELATIONS)]
        decoded = decode_classes(ordered, RELATIONS)
        probabilities = ordered.astype(float).tolist()
        return dataclasses.replace(
            decoded,
            details=[{"probabilities": row} for row in probabilities],
            metric_inputs={"probabilities": probabilities},
        )

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return relation names."""
        return [RELATIONS[label] for label in examples["label"]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict no_relation and, as a second baseline, the most frequent other relation."""
        gold = self.references(train)
        related = [name for name in gold if name != NO_RELATION] or [NO_RELATION]
        shares = [gold.count(name) / len(gold) for name in RELATIONS]
        return [
            Decoded([answer] * len(examples), metric_inputs={"probabilities": [shares] * len(examples)})
            for answer in (NO_RELATION, majority(related))
        ]


def _entity(item: Mapping[str, Any], role: str) -> dict[str, Any]:
    entity = item.get(role)
    sentence = item["sentence"]
    if isinstance(entity, str):
        entity = {"word": entity}
    if not isinstance(entity, Mapping):
        raise ValueError(
            f"re: {role} is {entity!r:.80}; expected a word, or a mapping with word or start_idx."
        )
    word, kind = (_field(entity, role, name, str, "text") for name in ("word", "type"))
    start, end = (_field(entity, role, name, Integral, "a whole number") for name in ("start_idx", "end_idx"))
    if start is None:
        if not word or sentence.count(word) != 1:
            raise ValueError(
                f"re: {role} {word or ''!r} occurs {sentence.count(word) if word else 0} times in the "
                "sentence; expected once, or start_idx and end_idx."
            )
        start, end = sentence.index(word), None
    if end is None:
        end = start + len(word or " ") - 1
    check_span(role, start, end, sentence)
    return {"word": sentence[start : end + 1], "start_idx": start, "end_idx": end, "type": kind or ""}


def _field(entity: Mapping[str, Any], role: str, name: str, kind: type, expected: str) -> Any:
    """Return a field of an entity; None if it is missing or null."""
    value = entity.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
        raise ValueError(f"re: {name} of {role} is {value!r:.80}; expected {expected}.")
    return value


RECIPE = RelationExtraction()
