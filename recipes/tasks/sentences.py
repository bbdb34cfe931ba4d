"""One or two sentences in, one answer out: the recipes of topic classification, inference and similarity."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from klue_datasets.tasks import get_task
from recipes.tasks.classes import (
    decode_classes,
    majority,
    predict_classes,
    sequence_classifier,
    set_labels,
)
from recipes.tasks.framing import Frame
from recipes.tasks.protocol import Batch, Decoded, Recipe, text_fields

if TYPE_CHECKING:
    import datasets
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from recipes.engine.arguments import RecipeArguments
    from recipes.engine.modeling import LoadedModel


@dataclasses.dataclass(frozen=True)
class _Sentences(Recipe):
    """What the recipes below share.

    Attributes:
        task: Name of the task.
        columns: The one or two text columns, in the order that the model reads them.
        target: The column that holds the gold.
        sample: An input.
    """

    task: str
    columns: tuple[str, ...]
    target: str
    sample: Any
    problem_type: ClassVar[str]
    peft_task_type: ClassVar[str | None] = "SEQ_CLS"

    @property
    def gold(self) -> tuple[str, ...]:  # type: ignore[override]
        """The column that holds the gold."""
        return (self.target,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs: the classes in Hub order."""
        return get_task(self.task).labels

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """One output a label; which labels is up to the task."""
        config.pooling = arguments.pooling or getattr(config, "pooling", "cls")
        allowed = ("cls", "mean", "pair")[: len(self.columns) + 1]
        if config.pooling not in allowed:
            raise ValueError(f"{self.task}: pooling is {config.pooling}; expected {' or '.join(allowed)}.")
        set_labels(config, self.outputs)
        config.problem_type = self.problem_type

    def model_class(self, config: PreTrainedConfig) -> Any:
        """AutoModelForSequenceClassification, or the same with another pooling."""
        return sequence_classifier(config)

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Special tokens, and one token of each sentence."""
        return Frame(tokenizer, len(self.columns)).added + len(self.columns)

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Sentences to token ids; of a pair that is too long, the longer sentence is cut first."""
        texts = [list(batch[column]) for column in self.columns]
        encoded = tokenizer(*texts, truncation="longest_first", max_length=max_length)
        features = dict(encoded)
        if self.target in batch:
            features["labels"] = self.targets(batch[self.target])
        features["length"] = [len(ids) for ids in encoded["input_ids"]]
        features["truncated"] = [bool(encoding.overflowing) for encoding in encoded.encodings]
        return features

    def targets(self, gold: Any) -> list[Any]:
        """The gold column as numbers for the loss."""
        return list(gold)

    def is_single(self, items: list[Any]) -> bool:
        """Whether a list is the two texts of one pair."""
        return len(items) == len(self.columns) == 2 and all(isinstance(item, str) for item in items)

    def read_input(self, item: Any) -> dict[str, Any]:
        """A text; for pairs a mapping of both, or a sequence of two."""
        return dict(text_fields(item, self.columns, self.task))


@dataclasses.dataclass(frozen=True)
class SentenceClassification(_Sentences):
    """A class for one or two sentences: cross-entropy on the classes in Hub order."""

    problem_type: ClassVar[str] = "single_label_classification"

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Keeps probabilities, float32, shape (batch, classes)."""
        return predict_classes(model, inputs)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """The likeliest class's name, and its probability."""
        return decode_classes(outputs, self.outputs)

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Class names."""
        return [self.outputs[index] for index in examples[self.target]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """The most frequent class of training."""
        return [Decoded([majority(self.references(train))] * len(examples))]

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Label and score."""
        scores = decoded.scores or []
        return decoded.marked(index, {"label": decoded.predictions[index], "score": scores[index]})


@dataclasses.dataclass(frozen=True)
class SentenceSimilarity(_Sentences):
    """A real number for two sentences: mean squared error on ``real-label``, neither scaled nor clipped."""

    problem_type: ClassVar[str] = "regression"

    @property
    def outputs(self) -> tuple[str, ...]:
        """A single one."""
        return ("similarity",)

    def is_hidden(self, row: Mapping[str, Any]) -> bool:
        """Whether there is no ``real-label``."""
        labels = row[self.target]
        return labels is None or super().is_hidden({self.target: labels["real-label"]})

    def targets(self, gold: Any) -> list[Any]:
        """The ``real-label`` of each pair."""
        return [labels["real-label"] for labels in gold]

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Keeps the output, float32, shape (batch,)."""
        output = model(**inputs)
        return output.loss, output.logits.float().squeeze(-1)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """The output as it is."""
        return Decoded(outputs.tolist())

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """The ``real-label`` of each pair."""
        return self.targets(examples[self.target])

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """The mean of training, and the end of the scale."""
        gold = self.references(train)
        return [Decoded([answer] * len(examples)) for answer in (math.fsum(gold) / len(gold), 5.0)]

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """The similarity, about 0 to 5."""
        return decoded.marked(index, {"label": "similarity", "score": decoded.predictions[index]})
