"""Inference on raw user input, with the encoding and decoding of evaluation."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from recipes.arguments import RecipeArguments
from recipes.engine.encoding import Collator, EncodedSplit, encode_split
from recipes.engine.modeling import load_trained
from recipes.engine.unreachable import model_errors
from recipes.tasks import get_recipe
from recipes.tasks.protocol import Decoded, LoadedModel, Recipe
from recipes.tasks.shared.length_batches import length_batches

CHUNK = 1_000  # number of inputs that are encoded together
T = TypeVar("T")


class Columns:
    """In-memory columns with the part of ``datasets.Dataset`` that recipes use.

    Args:
        columns: Name of a column -> its values; all have the same length.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = {name: _plain_lists(values) for name, values in columns.items()}

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""
        return list(self.columns)

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, key: str | int) -> Any:
        """Return a column by name, or a row by number."""
        if isinstance(key, str):
            return self.columns[key]
        return {name: values[key] for name, values in self.columns.items()}

    def map(
        self,
        function: Callable[..., Mapping[str, Sequence[Any]]],
        *,
        with_indices: bool = False,
        fn_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> Columns:
        """Apply a batch function to all rows; its columns replace the existing ones."""
        positions = [range(len(self))] if with_indices else []
        return Columns(function(self.columns, *positions, **(fn_kwargs or {})))


def _plain_lists(values: Any) -> list[Any]:
    """Convert numpy values in a column to plain Python, as datasets does."""
    return [value.tolist() if isinstance(value, np.ndarray | np.generic) else value for value in values]


class KluePipeline:
    """A pipeline that runs a trained model on raw inputs.

    Args:
        recipe: The task.
        loaded: The model; see ``load_pipeline``.
        batch_size: Number of features (sentences, windows, turns) per batch.
        top_k: Number of answers per input, best first; None for the best one only.
        bf16: Whether to compute in bfloat16 mixed precision.
    """

    def __init__(
        self,
        recipe: Recipe,
        loaded: LoadedModel,
        batch_size: int = 32,
        top_k: int | None = None,
        bf16: bool = False,
    ) -> None:
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}; expected 1 or more.")
        self.recipe = recipe
        self.loaded = loaded
        self.batch_size = batch_size
        self.top_k = top_k
        self.bf16 = bf16
        self.collator = Collator(recipe, loaded)

    def __call__(self, inputs: Any) -> Any:
        """Answer one input, or a list of inputs.

        Args:
            inputs: One input or a list of inputs, in a form that ``RawInput.read`` of the task accepts.

        Returns:
            The answer or a list of answers; with ``top_k``, a list of answers per input. Answers to truncated
            inputs have ``truncated``: True.

        Raises:
            ValueError: An input is invalid, or ``top_k`` is set for a task with a single answer.
        """
        if isinstance(inputs, list) and not self.recipe.raw_input.is_single(inputs):
            return list(self.stream(inputs))
        return next(self.stream([inputs]))

    def stream(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """Answer a stream of inputs lazily, in order.

        A thread reads and tokenises the next inputs while the model runs.
        """
        iterator = iter(inputs)
        first = list(itertools.islice(iterator, CHUNK))
        if len(first) < CHUNK:
            encoded: Iterator[tuple[Any, EncodedSplit]] = map(self._encode, [first] if first else [])
        else:  # tokenizers cannot encode and decode at the same time
            encode = functools.partial(self._encode, tokenizer=copy.deepcopy(self.loaded.tokenizer))
            rest = iter(lambda: list(itertools.islice(iterator, CHUNK)), [])
            encoded = one_ahead(map(encode, itertools.chain([first], rest)))
        for rows, split in encoded:
            decoded = self._predict(split)
            for index, row in enumerate(rows):
                yield self._present(decoded, index, row)

    def _present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Format the answer to an input, or its best ``top_k`` answers."""
        if self.top_k is None:
            return self.recipe.raw_input.present(decoded, index, row)
        if decoded.ranked is None:
            raise ValueError(
                f"{self.recipe.task}: a model gives one answer to each input; "
                "expected top_k for ynat, nli, re or mrc only."
            )
        return [decoded.marked(index, answer) for answer in decoded.ranked(index)[: self.top_k]]

    def decode(self, rows: Sequence[dict[str, Any]]) -> Decoded:
        """Predict and decode rows in the format of the metric."""
        return self._predict(self._encode_rows(rows, self.loaded.tokenizer))

    def _encode(
        self, inputs: Sequence[Any], tokenizer: PreTrainedTokenizerBase | None = None
    ) -> tuple[list[dict[str, Any]], EncodedSplit]:
        """Return inputs as rows, and their features."""
        rows = [self.recipe.raw_input.read(item) for item in inputs]
        return rows, self._encode_rows(rows, tokenizer or self.loaded.tokenizer)

    def _encode_rows(
        self, rows: Sequence[dict[str, Any]], tokenizer: PreTrainedTokenizerBase
    ) -> EncodedSplit:
        given: Any = Columns({name: [row.get(name) for row in rows] for name in rows[0]})
        loaded = dataclasses.replace(self.loaded, tokenizer=tokenizer)
        return encode_split(self.recipe, self.recipe.prepare(given), loaded)

    def _predict(self, split: EncodedSplit) -> Decoded:
        """Run the model on features, and decode its outputs."""
        features = split.features
        names = [name for name in features.column_names if name not in split.not_for_the_model]
        outputs, index = [], []
        device = self.loaded.model.device
        for places in length_batches(features["length"], self.batch_size):
            batch = self.collator([{name: features[name][place] for name in names} for place in places])
            index.append(np.array(places))
            with (
                torch.inference_mode(),
                torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.bf16),
            ):
                _, kept = self.recipe.predict(
                    self.loaded.model, {name: tensor.to(device) for name, tensor in batch.items()}
                )
            outputs.append(kept)
        ordered = split.in_order(_joined(outputs), np.concatenate(index))
        decoded = self.recipe.decode(ordered, split.examples, split.features, self.loaded)
        return dataclasses.replace(decoded, truncated=split.is_truncated.tolist())


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items; a thread computes each item while the previous one is processed."""
    computed: list[T | Exception | None] = []

    def compute() -> None:
        try:
            computed.append(next(items, None))
        except Exception as error:  # re-raised when the item is requested
            computed.append(error)

    compute()
    while (item := computed.pop()) is not None:
        if isinstance(item, Exception):
            raise item
        # Unlike the threads of concurrent.futures, a daemon that waits for input does not delay Ctrl-C.
        worker = threading.Thread(target=compute, daemon=True)
        worker.start()
        yield item
        worker.join()


def load_pipeline(
    task: str,
    model: str | Path,
    *,
    device: str | None = None,
    batch_size: int = 32,
    top_k: int | None = None,
    bf16: bool = False,
    trust_remote_code: bool = False,
) -> KluePipeline:
    """Load a model that a recipe has trained, for inference.

    Args:
        task: Name of the task, or its alias.
        model: Output folder of a run, or a Hub id; adapters are loaded onto their base model.
        device: Device such as ``cuda`` or ``cpu``; by default the GPU if there is one.
        batch_size: Number of features per batch.
        top_k: Number of answers per input (ynat, nli, re, mrc), best first; None for the best answer only,
            not in a list.
        bf16: Whether to compute in bfloat16 mixed precision, which is faster on devices that support it;
            scores differ slightly.
        trust_remote_code: Whether to run code from the model's repository.

    Raises:
        ValueError: The model has no trained head for the task, ``top_k`` is below 1, or there is no such
            device.
        OSError: There is no such model.
    """
    arguments = RecipeArguments(model_name_or_path=str(model), trust_remote_code=trust_remote_code)
    with model_errors(str(model)):
        recipe = get_recipe(task, arguments)
        loaded = load_trained(recipe, model, trust_remote_code=trust_remote_code)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        loaded.model.to(device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA raises the latter
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"the device is {device!r}, which PyTorch refuses ({reason}); expected a device of this machine, "
            "such as cpu."
        ) from error
    return KluePipeline(recipe, loaded, batch_size, top_k, bf16)


def _joined(outputs: Sequence[Any]) -> Any:
    """Concatenate outputs of batches, padding with -100 where axes differ."""
    if isinstance(outputs[0], tuple | list):
        return tuple(_joined(part) for part in zip(*outputs, strict=True))
    arrays = [
        output.float().cpu().numpy() if output.is_floating_point() else output.cpu().numpy()
        for output in outputs
    ]
    if len({array.shape[1:] for array in arrays}) == 1:
        return np.concatenate(arrays)
    shape = [max(array.shape[axis] for array in arrays) for axis in range(arrays[0].ndim)]
    padded = [
        np.pad(
            array,
            [(0, 0), *((0, size - own) for size, own in zip(shape[1:], array.shape[1:], strict=True))],
            constant_values=-100,
        )
        for array in arrays
    ]
    return np.concatenate(padded)
