"""Dialogue state tracking (wos) by models that write the state as text: seq2seq or causal."""

from __future__ import annotations

import abc
import dataclasses
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from recipes.arguments import RecipeArguments
from recipes.tasks.protocol import Batch, Decoded, LoadedModel
from recipes.tasks.wos.configuration_dialogue_state import KEY
from recipes.tasks.wos.dialogues import DialogueRecipe, known_values, set_dropout
from recipes.tasks.wos.pipeline_dialogue_state import TASK
from recipes.tasks.wos.state_text import TextSettings
from recipes.tasks.wos.states import errors, figures
from recipes.tasks.wos.text_generation import StateFrame, generate_states
from recipes.tasks.wos.text_models import IGNORED, TextCollator, TextLoader, able_to_generate

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)
LEAST_TOKENS = 64  # minimum limit on the tokens of a state


class TextStates(DialogueRecipe, abc.ABC):
    """The state as text (see ``StateText``), by one of transformers' own models.

    Its configuration keeps the slots, their known values and how long a state may be.
    """

    auto_class: ClassVar[str]
    saved_code: ClassVar[str | None] = "recipes.tasks.wos.pipeline_state_text"

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set slots and values as for TRADE, the separator, the longest state, and the pipeline."""
        if getattr(config, KEY, None):
            settings = TextSettings.of(config)
        elif not arguments.do_train:
            raise ValueError(
                "wos: the model has no slots; expected one that train_dst.py has trained, or --do_train."
            )
        else:
            values = known_values(arguments, splits)
            settings = TextSettings(slots=list(values), values=values)
        for name in ("num_beams", "constrain_to_ontology", "max_new_tokens"):
            if getattr(arguments, name) is not None:
                setattr(settings, name, getattr(arguments, name))
        settings.read_subwords(tokenizer)
        config.pad_token_id = tokenizer.pad_token_id
        self._choose_length(settings, tokenizer, config, arguments, splits)
        dataclasses.replace(settings).write(config)  # checked once more
        impl = "pipeline_state_text.StateTextPipeline"
        config.custom_pipelines = {TASK: {"impl": impl, "pt": [self.auto_class], "type": "text"}}
        if arguments.use_lora:  # the folder will hold an adapter instead of a model
            config.auto_map = {self.auto_class: "text_generation.StateTextModel"}
        if arguments.dropout is not None:
            set_dropout(config, arguments.dropout)

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return a loader of transformers' own class that configures ``generate`` for states."""
        return TextLoader(self.auto_class)

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return room for the special tokens around the dialogue, and one token of it."""
        frame = _frame(config, tokenizer)
        return len(frame.front) + len(frame.tail) + 1

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode turns, truncated at their beginning, and the texts of gold states.

        A gold state that is longer than the model ever writes is learned as far as it would be written.
        """
        frame = _frame(config, tokenizer)
        prompts = [frame.prompt(utterances, max_length) for utterances in batch["utterances"]]
        features: dict[str, Any] = {"truncated": [is_cut for _, is_cut in prompts]}
        targets = None
        if "state" in batch:
            longest = frame.settings.max_new_tokens
            targets = [frame.target(state)[:longest] for state in batch["state"]]
        features |= self._inputs([ids for ids, _ in prompts], targets)
        features["length"] = [len(ids) for ids in features["input_ids"]]
        return features

    @abc.abstractmethod
    def _inputs(self, prompts: list[list[int]], targets: list[list[int]] | None) -> dict[str, Any]:
        """Return the model's inputs, and its labels if targets are given."""

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return the ids of the texts, int32 (batch, tokens), and the probability of each (batch,).

        There is no loss: like TRADE, the model is evaluated by what it writes.
        """
        with able_to_generate(model) as (plain, options):
            return None, generate_states(plain, inputs["input_ids"], inputs["attention_mask"], **options)

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Decode states, invalid parts of the texts, and the errors of each state if the gold is known."""
        frame = _frame(loaded.config, loaded.tokenizer)
        golds = list(examples["state"]) if "state" in examples.column_names else None
        texts = outputs[0].tolist()
        read, details = [], []
        columns = zip(examples["turn"], examples["utterances"], texts, strict=True)
        for index, (turn, utterances, ids) in enumerate(columns):
            answer = frame.text.read(frame.written(ids), utterances)
            read.append(answer)
            details.append({"turn": turn, "gates": answer.gates, "dropped": answer.dropped})
            if golds is not None:
                details[-1] |= errors(answer.state, golds[index])
        sums = figures(read, details) | {
            "items_dropped": sum(len(answer.dropped) for answer in read),
            "states_without_end": sum(frame.settings.end_id not in ids for ids in texts),
            "states_too_long": len(_too_long(frame, golds or [])),
        }
        states = [answer.state for answer in read]
        return Decoded(states, scores=outputs[1].tolist(), details=details, figures=sums)

    def _choose_length(
        self,
        settings: Any,
        tokenizer: PreTrainedTokenizerBase,
        config: PreTrainedConfig,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Allow a quarter more than the longest training state, within the model's positions."""
        frame = StateFrame(settings, tokenizer, config)
        golds = list(splits["train"]["state"]) if "train" in splits else []
        positions = getattr(config, "max_position_embeddings", None) or sys.maxsize
        most = positions // 2 if frame.is_causal else positions
        if not settings.max_new_tokens and arguments.max_new_tokens is None:
            longest = max((len(frame.target(state)) for state in golds), default=0)
            settings.max_new_tokens = min(max(longest * 5 // 4, LEAST_TOKENS), most)
        if not 1 <= settings.max_new_tokens <= most:
            raise ValueError(
                f"wos: max_new_tokens is {settings.max_new_tokens}; expected 1 to {most}, for which "
                "the model has positions."
            )
        if too_long := _too_long(frame, golds):
            logger.warning(
                "wos: %d of %d training states are longer than %d tokens (max_new_tokens) and lose their "
                "end.", len(too_long), len(golds), settings.max_new_tokens,
            )  # fmt: skip


class SequenceStates(TextStates):
    """For encoder-decoder models, which read the dialogue and write the state."""

    evaluates_loss: ClassVar[bool] = False
    peft_task_type: ClassVar[str | None] = "SEQ_2_SEQ_LM"
    auto_class: ClassVar[str] = "AutoModelForSeq2SeqLM"

    def _inputs(self, prompts: list[list[int]], targets: list[list[int]] | None) -> dict[str, Any]:
        return {"input_ids": prompts} | ({} if targets is None else {"labels": targets})

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Pad dialogues and labels, each to the longest."""
        return TextCollator(tokenizer.pad_token_id, pad_to_multiple_of)


class CausalStates(TextStates):
    """For decoder-only models, which continue the dialogue with the state."""

    peft_task_type: ClassVar[str | None] = "CAUSAL_LM"
    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    prediction_inputs: ClassVar[tuple[str, ...]] = ("prompt_ids",)

    def _inputs(self, prompts: list[list[int]], targets: list[list[int]] | None) -> dict[str, Any]:
        if targets is None:
            return {"input_ids": prompts, "prompt_ids": prompts}
        pairs = list(zip(prompts, targets, strict=True))
        return {
            "input_ids": [prompt + target for prompt, target in pairs],
            "labels": [[IGNORED] * len(prompt) + target for prompt, target in pairs],
            "prompt_ids": prompts,
        }

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Pad on the right for training, and prompts on the left for generation."""
        return TextCollator(tokenizer.pad_token_id, pad_to_multiple_of)


def _frame(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> StateFrame:
    return StateFrame(TextSettings.of(config), tokenizer, config)


def _too_long(frame: StateFrame, states: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """Return the states whose text is longer than the model can write."""
    return [state for state in states if len(frame.target(state)) > frame.settings.max_new_tokens]
