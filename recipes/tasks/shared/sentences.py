"""Recipes for one or two sentences: topic classification, inference and similarity."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from klue_datasets.tasks import get_task
from recipes.arguments import RecipeArguments
from recipes.subwords.special_tokens import Frame
from recipes.tasks.protocol import Batch, Decoded, LoadedModel, RawInput, Recipe, text_fields
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


@dataclasses.dataclass(frozen=True)
class SentenceInput(RawInput):
    """A text or a pair of texts as input, and a class as answer.

    Attributes:
        task: Name of the task, for messages.
        columns: Names of the text columns.
        sample: An example input.
    """

    task: str
    columns: tuple[str, ...]
    sample: Any

    def is_single(self, items: list[Any]) -> bool:
        """Return whether a list is one pair of texts."""
        return len(items) == len(self.columns) == 2 and all(isinstance(item, str) for item in items)

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a text or, for pairs, a mapping or a sequence of two texts."""
        return dict(text_fields(item, self.columns, self.task))

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return label and score."""
        return present_class(decoded, index)


@dataclasses.dataclass(frozen=True)
class SentenceRecipe(Recipe):
    """Base class of the recipes for one or two sentences.

    Attributes:
        raw_input: Name of the task, and one or two text columns in the order of the model's input.
        target: Name of the gold column.
    """

    raw_input: SentenceInput
    target: str
    problem_type: ClassVar[str]
    peft_task_type: ClassVar[str | None] = "SEQ_CLS"
    settings: ClassVar[tuple[str, ...]] = ("pooling", "problem_type")

    @property
    def task(self) -> str:  # type: ignore[override]
        """Name of the task."""
        return self.raw_input.task

    @property
    def columns(self) -> tuple[str, ...]:
        """The text columns."""
        return self.raw_input.columns

    @property
    def gold(self) -> tuple[str, ...]:  # type: ignore[override]
        """Column of the gold labels."""
        return (self.target,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs: the classes in Hub order."""
        return get_task(self.task).labels

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the model has the labels of the task, in any order."""
        return has_labels(config, self.outputs)

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set one output per label."""
        set_pooling(self.task, config, arguments, ("cls", "mean", "pair")[: len(self.columns) + 1])
        set_labels(config, self.outputs)
        config.problem_type = self.problem_type

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return AutoModelForSequenceClassification, or the variant with another pooling."""
        return sequence_classifier(config)

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the number of special tokens, and one token per sentence."""
        return Frame(tokenizer, len(self.columns)).added + len(self.columns)

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode sentences; of a pair that is too long, the longer sentence is truncated first."""
        texts = [list(batch[column]) for column in self.columns]
        encoded = tokenizer(*texts, truncation="longest_first", max_length=max_length)
        features = dict(encoded)
        if self.target in batch:
            features["labels"] = self.targets(batch[self.target], config)
        features["length"] = [len(ids) for ids in encoded["input_ids"]]
        features["truncated"] = [bool(encoding.overflowing) for encoding in encoded.encodings]
        return features

    @abc.abstractmethod
    def targets(self, gold: Any, config: PreTrainedConfig) -> list[Any]:
        """Convert the gold labels to numbers for the loss."""


@dataclasses.dataclass(frozen=True)
class SentenceClassification(SentenceRecipe):
    """Classification of one or two sentences by cross-entropy."""

    problem_type: ClassVar[str] = "single_label_classification"

    def targets(self, gold: Any, config: PreTrainedConfig) -> list[Any]:
        """Return the index of the model's output for each label, given as Hub id."""
        outputs = output_ids(config, self.outputs)
        return [outputs[label] for label in gold]

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return probabilities, float32, shape (batch, classes)."""
        return predict_classes(model, inputs)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Return the most probable class and its probability."""
        return decode_classes(outputs[:, output_ids(loaded.config, self.outputs)], self.outputs)

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return class names."""
        return [self.outputs[index] for index in examples[self.target]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict the most frequent class of the training split."""
        return [Decoded([majority(self.references(train))] * len(examples))]
