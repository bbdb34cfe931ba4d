"""The interface between the engine and the tasks: recipes for training and evaluation, and raw input."""

from __future__ import annotations

import abc
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import DataCollatorWithPadding, PreTrainedConfig, PreTrainedTokenizerBase

from klue_datasets.messages import excerpt
from recipes.arguments import RecipeArguments
from recipes.subwords.special_tokens import Frame

if TYPE_CHECKING:
    import datasets

Batch = Mapping[str, Sequence[Any]]
NO_SPLITS: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Decoded:
    """Predictions in the metric's format, one per example.

    Attributes:
        predictions: Predictions in the metric's format: label names, similarities, tags, ...
        scores: Confidence in each prediction, 0 to 1; None if not applicable.
        details: Further fields for each line of the predictions file, or None.
        metric_inputs: Further arguments of the metric, such as ``tokens`` or ``probabilities``.
        figures: Further results of the evaluation, by name.
        truncated: Whether each input was truncated; may be empty.
        ranked: Function that returns the ranked answers to the input with an index, in the form of
            ``RawInput.present``; None for tasks with a single answer.
        picture: Function that draws a prediction as SVG for the card; None for tasks without pictures.
    """

    predictions: list[Any]
    scores: list[float] | None = None
    details: list[dict[str, Any]] | None = None
    metric_inputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    truncated: Sequence[bool] = ()
    ranked: Callable[[int], list[dict[str, Any]]] | None = None
    picture: Callable[[], str] | None = None

    def marked(self, index: int, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an input, with ``truncated`` set if the input was truncated."""
        return answer | {"truncated": True} if self.truncated and self.truncated[index] else answer


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A model with its tokenizer.

    Attributes:
        model: A PreTrainedModel, or a PeftModel that wraps one.
        tokenizer: Its fast tokenizer, which returns only inputs that the model accepts.
        head: Names of newly initialised modules: the head, and others missing in the checkpoint.
        max_length: Maximum number of tokens of an input.
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    head: Sequence[str]
    max_length: int

    @property
    def config(self) -> Any:
        """Configuration of the model, also if it has an adapter."""
        return plain_model(self.model).config


def plain_model(model: Any) -> Any:
    """Return the model under an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class RawInput(abc.ABC):
    """The input format of a task for users, and the format of its answers.

    Attributes:
        sample: An example input for the card and tests; not to be modified.
    """

    sample: Any

    def is_single(self, items: list[Any]) -> bool:
        """Return whether a list is a single input, such as a dialogue, rather than a list of inputs."""
        return False

    def read(self, item: Any) -> dict[str, Any]:
        """Return an input (text, or a mapping) as a row of the data without gold labels.

        Raises:
            ValueError: The input is not one of the task, or not valid Unicode.
        """
        row = self.parse(item)
        try:  # JSON may contain lone surrogates, which tokenizers do not accept
            json.dumps(row, ensure_ascii=False, default=str).encode("utf-8")
        except UnicodeEncodeError as error:
            found = ascii(error.object[error.start])
            raise ValueError(f"the input has a lone surrogate, {found}; expected Unicode text.") from error
        return row

    @abc.abstractmethod
    def parse(self, item: Any) -> dict[str, Any]:
        """Convert an input to a row; errors as in ``read``."""

    @abc.abstractmethod
    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return the answer to one input.

        Args:
            decoded: Predictions for several inputs.
            index: Position of the input.
            row: The input, as returned by ``read``.
        """


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A setting of ``decode`` that is chosen on a labelled split after training.

    Attributes:
        choose: Function with the arguments of ``Recipe.decode``, which writes the setting to the model's
            configuration and returns results to report.
        hold_out: Function that splits the training examples into those for training and those for the choice;
            None to use the validation split.
    """

    choose: Callable[[Any, datasets.Dataset, datasets.Dataset, LoadedModel], dict[str, Any]]
    hold_out: Callable[[datasets.Dataset], tuple[datasets.Dataset, datasets.Dataset]] | None = None

    @property
    def split(self) -> str:
        """Name of the split for the choice."""
        return "held_out" if self.hold_out else "validation"


class Recipe(abc.ABC):
    """Training and evaluation of one task, as used by the engine.

    An *example* is a unit of scoring: a row of the data, or a user turn for wos. A *feature* is an input of
    the model; long examples may have several features, their windows.

    Attributes:
        task: Name of the task.
        gold: Names of the gold columns of prepared examples.
        peft_task_type: PEFT's task type; None for our own model classes.
        pipeline_task: Name of the pipeline whose code is saved with the model, or None.
        settings: Names of the settings that the recipe writes to a model's configuration.
        kept: Columns of features for ``decode`` that are not model inputs.
        prediction_inputs: Columns of features for ``predict`` that training does not use.
        evaluates_loss: Whether ``predict`` returns a loss if there are gold labels.
        saved_code: Module to copy to the folder of a saved model, for models that do not save their code.
        raw_input: The format of raw input.
    """

    task: str
    gold: tuple[str, ...]
    peft_task_type: ClassVar[str | None]
    pipeline_task: ClassVar[str | None] = None
    settings: ClassVar[tuple[str, ...]] = ()
    kept: ClassVar[tuple[str, ...]] = ()
    prediction_inputs: ClassVar[tuple[str, ...]] = ()
    evaluates_loss: ClassVar[bool] = True
    saved_code: ClassVar[str | None] = None
    raw_input: RawInput

    # Before training

    @abc.abstractmethod
    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether a checkpoint has a head for this task, according to its configuration.

        If not, its head and settings are ignored, and training starts from its encoder.
        """

    @abc.abstractmethod
    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Write the settings of head, ``encode`` and ``decode`` to the model's configuration.

        Settings of a trained model are kept unless the arguments override them.

        Args:
            config: The configuration of the checkpoint.
            tokenizer: Its tokenizer, to which tokens may be added; embeddings are extended accordingly.
            arguments: The settings of the run.
            splits: The prepared data; empty if a trained model is loaded for inference.
        """

    @abc.abstractmethod
    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return the class whose ``from_pretrained`` loads the model with its head."""

    def prepare(self, examples: datasets.Dataset) -> datasets.Dataset:
        """Return the rows of a split, one per example."""
        return examples

    @abc.abstractmethod
    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Convert examples to features.

        Returns:
            Columns: model inputs; labels, if the batch has gold labels; ``length`` in tokens; ``truncated``;
            those in ``kept``; and, unless there is one feature per example, ``row``, the position of the
            example in ``batch``.
        """

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Return the collator, which pads to the longest feature of a batch."""
        return DataCollatorWithPadding(tokenizer, pad_to_multiple_of=pad_to_multiple_of)

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the minimum input length for ``encode``: special tokens and one token of text."""
        return Frame(tokenizer).added + 1

    def select(self, features: datasets.Dataset, config: PreTrainedConfig, seed: int) -> datasets.Dataset:
        """Select the features for training, by default all."""
        return features

    # After the model

    @abc.abstractmethod
    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Run a batch through the model.

        Returns:
            The loss, or None without gold labels; and outputs for ``decode``, reduced on the device: a tensor
            or a tuple of tensors whose first axis is the batch. Axes that differ between batches are padded
            with -100.
        """

    @abc.abstractmethod
    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Decode the outputs of ``predict``, as NumPy arrays, to predictions.

        Args:
            outputs: Outputs; row i belongs to ``features[i]``.
            examples: The examples to predict.
            features: Their features, in order; the column ``example`` has the position in ``examples``.
            loaded: The model, with its configuration and tokenizer.
        """

    @abc.abstractmethod
    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return the gold labels, in the format of the metric and the predictions file."""

    @abc.abstractmethod
    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Return the constant baseline's predictions for ``examples``.

        Args:
            train: Examples of the training split, for example to determine the most frequent class.
            examples: The examples to predict.
        """

    def is_hidden(self, row: Mapping[str, Any]) -> bool:
        """Return whether the gold label of an example is hidden: None, NaN, -1 or empty.

        Args:
            row: The gold columns of an example.
        """
        return any(_is_withheld(row[column]) for column in self.gold)

    def tuning(self, arguments: RecipeArguments) -> Tuning | None:
        """Return what is tuned after training, or None."""
        return None


def _is_withheld(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return not value or any(map(_is_withheld, value))
    if isinstance(value, int | float):
        return not value >= 0
    return not value


def text_fields(item: Any, names: Sequence[str], task: str) -> dict[str, str]:
    """Convert an input to texts; it is a mapping, a sequence of texts, or a single text.

    Raises:
        ValueError: The input has another form.
    """
    if isinstance(item, str) and len(names) == 1:
        return {names[0]: item}
    if isinstance(item, Mapping) and all(isinstance(item.get(name), str) for name in names):
        return {name: item[name] for name in names}
    parts = list(item) if isinstance(item, list | tuple) else []
    if len(parts) == len(names) and all(isinstance(part, str) for part in parts):
        return dict(zip(names, parts, strict=True))
    one = "a text, or " if len(names) == 1 else ""
    raise ValueError(
        f"{task}: the input is {excerpt(item)}; expected {one}a mapping with {' and '.join(names)} (texts)."
    )
