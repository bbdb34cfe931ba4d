"""Encode the examples of a split as features of a model, and batch them."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from recipes.tasks.protocol import Batch, LoadedModel, Recipe

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)
INDEX = "index"  # column with the position of a feature, used to reorder outputs


@dataclasses.dataclass(frozen=True)
class EncodedSplit:
    """An encoded split: examples and the features made from them.

    Attributes:
        recipe: The task.
        examples: The scored examples, one row each.
        features: Inputs of the model and further columns for decoding, in the order of the examples; the
            column ``example`` has the position of the example of each feature.
    """

    recipe: Recipe
    examples: datasets.Dataset
    features: datasets.Dataset

    @property
    def is_truncated(self) -> np.ndarray:
        """Whether each example was truncated, shape (examples,)."""
        found = np.zeros(len(self.examples), dtype=bool)
        np.logical_or.at(found, np.asarray(self.features["example"]), np.asarray(self.features["truncated"]))
        return found

    @property
    def truncated(self) -> int:
        """Number of truncated examples."""
        return int(self.is_truncated.sum())

    @property
    def windowed(self) -> int:
        """Number of examples that are read in several windows."""
        if "windows" in self.features.column_names:  # a feature contains all windows
            return sum(len(windows) > 1 for windows in self.features["windows"])
        return int(np.sum(np.bincount(self.features["example"], minlength=1) > 1))

    def training_inputs(self, config: Any, seed: int) -> datasets.Dataset:
        """Return the inputs for training; ``length`` is used to group examples by length."""
        selected = self.recipe.select(self.features, config, seed)
        return self._inputs(selected).remove_columns(list(self.recipe.prediction_inputs))

    def evaluation_inputs(self) -> datasets.Dataset:
        """Return the inputs for evaluation, longest first: less padding, and early memory errors."""
        inputs = self._inputs(self.features).add_column(INDEX, np.arange(len(self.features)))
        return inputs.select(np.argsort(-np.asarray(self.features["length"]), kind="stable"))

    @property
    def not_for_the_model(self) -> list[str]:
        """Columns of the features that are not model inputs."""
        return ["example", "truncated", *self.recipe.kept]

    def _inputs(self, features: datasets.Dataset) -> datasets.Dataset:
        return features.remove_columns(self.not_for_the_model)

    def in_order(self, outputs: Any, index: np.ndarray) -> Any:
        """Sort the outputs of ``recipe.predict`` into the order of the features.

        Args:
            outputs: One row per feature.
            index: The feature that each row belongs to.

        Raises:
            RuntimeError: There is not exactly one row of outputs per feature.
        """
        if not np.array_equal(np.sort(index), np.arange(len(self.features))):
            raise RuntimeError(
                f"{self.recipe.task}: outputs of {len(index)} features ({len(np.unique(index))} different); "
                f"expected one for each of {len(self.features)}."
            )
        return _rows(outputs, np.argsort(index))


def encode_split(
    recipe: Recipe, examples: datasets.Dataset, loaded: LoadedModel, *, num_proc: int | None = None
) -> EncodedSplit:
    """Encode prepared examples in ``num_proc`` processes."""
    features = examples.map(
        functools.partial(
            _encode,
            recipe=recipe,
            tokenizer=loaded.tokenizer,
            config=loaded.config,
            max_length=loaded.max_length,
        ),
        batched=True,
        with_indices=True,
        remove_columns=examples.column_names,
        num_proc=num_proc,
        desc="Tokenising",
    )
    return EncodedSplit(recipe, examples, features)


def _encode(batch: Batch, indices: Sequence[int], *, recipe: Recipe, **how: Any) -> dict[str, Any]:
    features = recipe.encode(batch, **how)
    rows = features.pop("row", range(len(indices)))
    return features | {"example": [indices[row] for row in rows]}


def _rows(outputs: Any, order: np.ndarray) -> Any:
    if isinstance(outputs, tuple | list):
        return tuple(_rows(part, order) for part in outputs)
    return np.asarray(outputs)[order]


class Collator:
    """Collate features with the recipe's collator, and keep their indices."""

    def __init__(self, recipe: Recipe, loaded: LoadedModel, pad_to_multiple_of: int | None = None) -> None:
        self.collate = recipe.collator(loaded.tokenizer, loaded.config, pad_to_multiple_of)

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Collate features to a batch of tensors."""
        plain = [
            {name: value for name, value in feature.items() if name not in (INDEX, "length")}
            for feature in features
        ]
        batch = dict(self.collate(plain))
        if INDEX in features[0]:
            batch[INDEX] = torch.tensor([feature[INDEX] for feature in features])
        return batch


def warn_of_long_examples(name: str, split: EncodedSplit, max_length: int) -> None:
    """Log how many examples of a split are truncated or split into windows."""
    for number, happens in (
        (split.truncated, "are truncated"),
        (split.windowed, "are read in overlapping windows"),
    ):
        if number:
            logger.warning(
                "%s: %d of %d %s examples are longer than %d tokens and %s.",
                split.recipe.task, number, len(split.examples), name, max_length, happens,
            )  # fmt: skip
