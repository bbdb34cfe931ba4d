"""Semantic textual similarity: [CLS] sentence1 [SEP] sentence2 [SEP], one real number."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import PreTrainedConfig

from recipes.tasks.protocol import Decoded, LoadedModel
from recipes.tasks.shared.sentences import SentenceInput, SentenceRecipe

if TYPE_CHECKING:
    import datasets


class SimilarityInput(SentenceInput):
    """Two sentences as input, and their similarity as answer."""

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return the similarity, about 0 to 5."""
        return decoded.marked(index, {"label": "similarity", "score": decoded.predictions[index]})


@dataclasses.dataclass(frozen=True)
class SentenceSimilarity(SentenceRecipe):
    """Regression on two sentences: mean squared error of ``real-label``, without scaling or clipping."""

    problem_type: ClassVar[str] = "regression"

    @property
    def outputs(self) -> tuple[str, ...]:
        """A single output."""
        return ("similarity",)

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the model has a single output."""
        return bool(config.num_labels == 1)

    def is_hidden(self, row: Mapping[str, Any]) -> bool:
        """Return whether there is no ``real-label``."""
        labels = row[self.target]
        return labels is None or super().is_hidden({self.target: labels["real-label"]})

    def targets(self, gold: Any, config: PreTrainedConfig) -> list[Any]:
        """Return the ``real-label`` of each pair."""
        return _real_labels(gold)

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return the output, float32, shape (batch,)."""
        output = model(**inputs)
        return output.loss, output.logits.float().squeeze(-1)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Return the output unchanged."""
        return Decoded(outputs.tolist())

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return the ``real-label`` of each pair."""
        return _real_labels(examples[self.target])

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict the mean of the training split and, as a second baseline, the end of the scale."""
        gold = self.references(train)
        return [Decoded([answer] * len(examples)) for answer in (math.fsum(gold) / len(gold), 5.0)]


def _real_labels(gold: Any) -> list[float]:
    return [labels["real-label"] for labels in gold]


RECIPE = SentenceSimilarity(
    SimilarityInput(
        "sts",
        columns=("sentence1", "sentence2"),
        sample={"sentence1": "방이 깨끗해요.", "sentence2": "방이 깔끔합니다."},
    ),
    target="labels",
)
