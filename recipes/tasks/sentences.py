"""One or two sentences in, one answer out: the recipes of topic classification, inference and similarity."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from klue_datasets.tasks import get_task
from recipes.tasks.protocol import Batch, Decoded

if TYPE_CHECKING:
    import datasets
    import numpy as np
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from recipes.engine.arguments import RecipeArguments


@dataclasses.dataclass(frozen=True)
class _Sentences:
    """What the recipes below share.

    Attributes:
        task: Name of the task.
        columns: The one or two text columns, in the order that the model reads them.
        target: The column that holds the gold.
    """

    task: str
    columns: tuple[str, ...]
    target: str
    problem_type: ClassVar[str]
    peft_task_type: ClassVar[str | None] = "SEQ_CLS"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the model's outputs: the classes in Hub order."""
        return get_task(self.task).labels

    def configure(self, config: PreTrainedConfig, arguments: RecipeArguments) -> None:
        """One output a label; which labels is up to the task."""
        config.pooling = arguments.pooling or getattr(config, "pooling", "cls")
        if config.pooling == "pair" and len(self.columns) < 2:
            raise ValueError(
                f"{self.task} has one sentence an example; expected pooling cls or mean, not pair."
            )
        names = self.outputs
        config.num_labels = len(names)
        config.id2label = dict(enumerate(names))
        config.label2id = {name: index for index, name in enumerate(names)}
        config.problem_type = self.problem_type

    def model_class(self, config: PreTrainedConfig) -> Any:
        """AutoModelForSequenceClassification, or the same with another pooling."""
        if config.pooling != "cls":
            from recipes.models.sentence_classification import PoolingForSequenceClassification

            return PoolingForSequenceClassification
        from transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification

    def encode(self, batch: Batch, tokenizer: PreTrainedTokenizerBase, max_length: int) -> dict[str, Any]:
        """Sentences to token ids; of a pair that is too long, the longer sentence is cut first."""
        texts = [list(batch[column]) for column in self.columns]
        encoded = tokenizer(*texts, truncation="longest_first", max_length=max_length)
        features = dict(encoded)
        features["labels"] = self.targets(batch[self.target])
        features["length"] = [len(ids) for ids in encoded["input_ids"]]
        features["truncated"] = [bool(encoding.overflowing) for encoding in encoded.encodings]
        return features

    def targets(self, gold: Any) -> list[Any]:
        """The gold column as numbers for the loss."""
        return list(gold)


@dataclasses.dataclass(frozen=True)
class SentenceClassification(_Sentences):
    """A class for one or two sentences: cross-entropy on the classes in Hub order."""

    problem_type: ClassVar[str] = "single_label_classification"

    def reduce(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Probabilities, float32, shape (batch, classes)."""
        return logits.float().softmax(dim=-1)

    def decode(self, outputs: np.ndarray, examples: datasets.Dataset) -> Decoded:
        """The likeliest class's name, and its probability."""
        predictions = [self.outputs[index] for index in outputs.argmax(axis=-1)]
        return Decoded(predictions, outputs.max(axis=-1).tolist())

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Class names."""
        return [self.outputs[index] for index in examples[self.target]]


@dataclasses.dataclass(frozen=True)
class SentenceSimilarity(_Sentences):
    """A real number for two sentences: mean squared error on ``real-label``, neither scaled nor clipped."""

    problem_type: ClassVar[str] = "regression"

    @property
    def outputs(self) -> tuple[str, ...]:
        """A single one."""
        return ("similarity",)

    def targets(self, gold: Any) -> list[Any]:
        """The ``real-label`` of each pair."""
        return [labels["real-label"] for labels in gold]

    def reduce(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The output, float32, shape (batch,)."""
        return logits.float().squeeze(-1)

    def decode(self, outputs: np.ndarray, examples: datasets.Dataset) -> Decoded:
        """The output as it is."""
        return Decoded(outputs.tolist(), None)

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """The ``real-label`` of each pair."""
        return self.targets(examples[self.target])
