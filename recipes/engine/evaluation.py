"""Evaluation: examples encoded once, outputs back to predictions in the data's order, the official metric."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import datasets
import numpy as np

import klue_metrics
from recipes.engine.modeling import LoadedModel
from recipes.tasks.protocol import Decoded, Recipe


@dataclasses.dataclass(frozen=True)
class EncodedSplit:
    """A split as the model reads it.

    Attributes:
        examples: The rows as the data set has them.
        features: The model's inputs; row i is made from row ``order[i]`` of the examples.
        order: Positions of the features' examples, shape (n,).
    """

    examples: datasets.Dataset
    features: datasets.Dataset
    order: np.ndarray

    @property
    def truncated(self) -> int:
        """How many examples were longer than the model's input and lost their end."""
        return int(np.sum(self.features["truncated"]))

    def in_order(self, outputs: np.ndarray) -> np.ndarray:
        """Model outputs, one a feature, in the order of the examples.

        Raises:
            RuntimeError: There is not exactly one output an example.
        """
        if len(outputs) != len(self.order):
            raise RuntimeError(
                f"{len(outputs)} outputs for {len(self.order)} examples; expected one for each."
            )
        return np.asarray(outputs)[np.argsort(self.order)]


def encode_split(
    recipe: Recipe,
    examples: datasets.Dataset,
    loaded: LoadedModel,
    *,
    longest_first: bool,
    num_proc: int | None,
) -> EncodedSplit:
    """Turns examples into features.

    Args:
        recipe: The task.
        examples: Rows of one split.
        loaded: The model they are for.
        longest_first: Sort the features by length, longest first: evaluation pads less, and runs out of
            memory at once or not at all.
        num_proc: Processes that tokenise.
    """
    features = examples.map(
        functools.partial(recipe.encode, tokenizer=loaded.tokenizer, max_length=loaded.max_length),
        batched=True,
        remove_columns=examples.column_names,
        num_proc=num_proc,
        desc="Tokenising",
    )
    order = np.arange(len(examples))
    if longest_first:
        order = np.argsort(-np.asarray(features["length"]), kind="stable")
        features = features.select(order)
    return EncodedSplit(examples, features, order)


class Evaluator:
    """Scores model outputs with the official metric, through evaluate, on one encoded split."""

    def __init__(self, recipe: Recipe, split: EncodedSplit) -> None:
        self.recipe = recipe
        self.split = split
        self.references = recipe.references(split.examples)
        # In memory: several ranks, or runs side by side, then share no lock files.
        self.metric = klue_metrics.load(recipe.task, keep_in_memory=True)

    def decode(self, outputs: Any) -> Decoded:
        """Outputs, one a feature, to predictions in the order of the examples."""
        return self.recipe.decode(self.split.in_order(outputs), self.split.examples)

    def score(self, decoded: Decoded) -> dict[str, float]:
        """The official scores of predictions."""
        scores: dict[str, float] = self.metric.compute(
            predictions=decoded.predictions, references=self.references
        )
        return scores

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """The form that Trainer asks for."""
        return self.score(self.decode(prediction.predictions))

    def prediction_rows(self, decoded: Decoded) -> list[dict[str, Any]]:
        """What the predictions file holds: one row an example."""
        columns = self.split.examples.column_names
        names = self.split.examples["guid"] if "guid" in columns else range(len(self.references))
        key = "guid" if "guid" in columns else "index"
        rows = []
        for index, name in enumerate(names):
            row = {key: name, "prediction": decoded.predictions[index], "reference": self.references[index]}
            if decoded.scores is not None:
                row["score"] = decoded.scores[index]
            rows.append(row)
        return rows
