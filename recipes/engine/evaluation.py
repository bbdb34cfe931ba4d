"""Evaluation: examples encoded once, outputs back to predictions in the data's order, the official metric."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import datasets
import numpy as np

import klue_metrics
from klue_metrics.predictions import GROUP_COLUMNS, cases_of, group_fields
from klue_metrics.scoring import score_cases
from recipes.engine.modeling import LoadedModel
from recipes.tasks.protocol import Batch, Decoded, Recipe

logger = logging.getLogger(__name__)
# Of the intervals that are kept with the results.
BOOTSTRAP: Mapping[str, Any] = {"resamples": 1000, "confidence": 0.95, "method": "percentile", "seed": 0}
INDEX = "index"  # column of the features: their position, by which outputs find back


@dataclasses.dataclass(frozen=True)
class EncodedSplit:
    """A split as the model reads it.

    Attributes:
        recipe: The task.
        examples: What is scored, one row each.
        features: The model's inputs and what decoding needs, in the order of the examples; column
            ``example`` is the position of the one that a feature was made from.
    """

    recipe: Recipe
    examples: datasets.Dataset
    features: datasets.Dataset

    @property
    def is_truncated(self) -> np.ndarray:
        """Whether each example was longer than the model's input and lost a part, shape (examples,)."""
        found = np.zeros(len(self.examples), dtype=bool)
        np.logical_or.at(found, np.asarray(self.features["example"]), np.asarray(self.features["truncated"]))
        return found

    @property
    def truncated(self) -> int:
        """How many examples lost a part."""
        return int(self.is_truncated.sum())

    @property
    def windowed(self) -> int:
        """How many examples were longer than the model's input and are read in several windows."""
        if "windows" in self.features.column_names:  # a feature holds them all
            return sum(len(windows) > 1 for windows in self.features["windows"])
        return int(np.sum(np.bincount(self.features["example"], minlength=1) > 1))

    def training_inputs(self, config: Any, seed: int) -> datasets.Dataset:
        """What training reads; ``length`` is for batches of examples of like length."""
        selected = self.recipe.select(self.features, config, seed)
        return self._inputs(selected).remove_columns(list(self.recipe.prediction_inputs))

    def evaluation_inputs(self) -> datasets.Dataset:
        """What evaluation reads, longest first: less padding; memory runs out at once or not at all."""
        inputs = self._inputs(self.features).add_column(INDEX, np.arange(len(self.features)))
        return inputs.select(np.argsort(-np.asarray(self.features["length"]), kind="stable"))

    def _inputs(self, features: datasets.Dataset) -> datasets.Dataset:
        return features.remove_columns(["example", "truncated", *self.recipe.kept])

    def in_order(self, outputs: Any, index: np.ndarray) -> Any:
        """What ``recipe.predict`` kept, in the order of the features.

        Args:
            outputs: One row a feature.
            index: Which feature each row is of.

        Raises:
            RuntimeError: There is not exactly one row of outputs a feature.
        """
        if not np.array_equal(np.sort(index), np.arange(len(self.features))):
            raise RuntimeError(
                f"{self.recipe.task}: outputs of {len(index)} features ({len(np.unique(index))} different); "
                f"expected one for each of {len(self.features)}."
            )
        return _rows(outputs, np.argsort(index))


def without_hidden_gold(recipe: Recipe, name: str, examples: datasets.Dataset) -> datasets.Dataset:
    """A split as it is, or without its gold columns where its gold is hidden.

    Args:
        recipe: The task; says what gold looks like that is withheld.
        name: What messages call the split.
        examples: Its prepared examples.

    Raises:
        ValueError: Some examples have gold and others do not.
    """
    columns = [column for column in recipe.gold if column in examples.column_names]
    if len(columns) == len(recipe.gold):
        batches = examples.select_columns(columns).iter(1_000)
        rows = (
            dict(zip(columns, row, strict=True))
            for batch in batches
            for row in zip(*batch.values(), strict=True)
        )
        hidden = sum(map(recipe.is_hidden, rows))
        if not hidden:
            return examples
        if hidden < len(examples):
            raise ValueError(
                f"{recipe.task}: {hidden} of {len(examples)} {name} examples have no gold in "
                f"{' and '.join(columns)} (nothing, or -1, stands there); expected it in all or in none."
            )
    logger.info("%s: the %s split has no gold; its predictions have no reference.", recipe.task, name)
    return examples.remove_columns(columns)


def encode_split(
    recipe: Recipe, examples: datasets.Dataset, loaded: LoadedModel, *, num_proc: int | None = None
) -> EncodedSplit:
    """Turns prepared examples into features; ``num_proc`` processes tokenise."""
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
    """Makes batches with the recipe's collator; features that say which they are go on saying it."""

    def __init__(self, recipe: Recipe, loaded: LoadedModel, pad_to_multiple_of: int | None = None) -> None:
        self.collate = recipe.collator(loaded.tokenizer, loaded.config, pad_to_multiple_of)

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A batch of tensors."""
        import torch

        plain = [
            {name: value for name, value in feature.items() if name not in (INDEX, "length")}
            for feature in features
        ]
        batch = dict(self.collate(plain))
        if INDEX in features[0]:
            batch[INDEX] = torch.tensor([feature[INDEX] for feature in features])
        return batch


class Evaluator:
    """Scores model outputs with the official metric, through evaluate, on one encoded split.

    Attributes:
        references: The gold of its examples; None where they have none.
    """

    def __init__(self, split: EncodedSplit, loaded: LoadedModel) -> None:
        self.split = split
        self.loaded = loaded
        is_labelled = set(split.recipe.gold) <= set(split.examples.column_names)
        self.references = split.recipe.references(split.examples) if is_labelled else None
        # In memory: several ranks, or runs side by side, then share no lock files.
        self.metric = klue_metrics.load(split.recipe.task, keep_in_memory=True)

    def decode(self, prediction: Any) -> Decoded:
        """What Trainer gathered, to predictions in the order of the examples."""
        split = self.split
        outputs = split.in_order(prediction.predictions, prediction.label_ids)
        return split.recipe.decode(outputs, split.examples, split.features, self.loaded)

    def score(self, decoded: Decoded) -> dict[str, float]:
        """The official scores of predictions."""
        scores: dict[str, float] = self.metric.compute(
            predictions=decoded.predictions, references=self.references, **decoded.metric_inputs
        )
        return scores

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """The form that Trainer asks for."""
        decoded = self.decode(prediction)
        return {**self.score(decoded), **decoded.figures}

    def report(self, decoded: Decoded) -> dict[str, Any]:
        """Scores final predictions: the official scores, and what cards and reports show beside them.

        Returns:
            What ``klue_metrics.scoring.score_cases`` does, and ``klue_metrics score --json`` prints: scores
            with intervals, the number of right answers, breakdown and confusion matrix.
        """
        cases = cases_of(self.split.recipe.task, self.prediction_rows(decoded))
        return score_cases(self.split.recipe.task, cases, compute=self.metric.compute, **BOOTSTRAP)

    def prediction_rows(self, decoded: Decoded) -> list[dict[str, Any]]:
        """What the predictions file holds: one row an example, with its reference where there is gold."""
        examples, task = self.split.examples, self.split.recipe.task
        known = {*GROUP_COLUMNS.get(task, ()), "guid"} & {*examples.column_names}
        columns = {column: list(examples[column]) for column in known}
        rows = []
        for index, prediction in enumerate(decoded.predictions):
            example = {column: values[index] for column, values in columns.items()}
            row: dict[str, Any] = {"guid": example["guid"]} if "guid" in example else {"index": index}
            row["prediction"] = prediction
            if self.references is not None:
                row["reference"] = self.references[index]
            if decoded.scores is not None:
                row["score"] = decoded.scores[index]
            if decoded.details is not None:
                row |= decoded.details[index]
            rows.append(row | group_fields(task, example))
        return rows
