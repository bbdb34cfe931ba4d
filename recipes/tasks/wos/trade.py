"""Dialogue state tracking (wos) with TRADE, which predicts the values of 45 slots."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from recipes.arguments import RecipeArguments
from recipes.subwords.special_tokens import is_causal
from recipes.tasks.protocol import Batch, Decoded, LoadedModel
from recipes.tasks.shared.base_checkpoint import check_encoder
from recipes.tasks.wos.configuration_dialogue_state import KEY, POINT, StateSettings
from recipes.tasks.wos.dialogue_text import encode_turn
from recipes.tasks.wos.dialogues import DialogueRecipe, known_values, set_dropout
from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker
from recipes.tasks.wos.pipeline_dialogue_state import gate_scores
from recipes.tasks.wos.state_values import StateReader
from recipes.tasks.wos.states import StateCollator, errors, figures

if TYPE_CHECKING:
    import datasets

SETTINGS = (
    "gate",
    "slot_spread",
    "attention_scale",
    "value_loss",
    "teacher_forcing",
    "num_beams",
    "max_value_length",
    "constrain_to_ontology",
)


@dataclasses.dataclass(frozen=True)
class Trade(DialogueRecipe):
    """TRADE with the template of KLUE-baseline; an example is a user turn.

    The model's configuration has the slots and their known values.
    """

    peft_task_type: ClassVar[str | None] = None

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set the slots of ontology and data, and the values of ontology and training split."""
        remedy = ", or --head generative for a model that writes text"
        check_encoder(self.task, config, "--head trade", remedy)
        if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None or is_causal(config):
            raise ValueError(
                f"wos: {config.name_or_path} is a {config.model_type} model without [CLS] and [SEP], or one "
                "whose tokens do not see the whole dialogue, which --head trade needs; expected an encoder "
                f"such as BERT, RoBERTa or ELECTRA{remedy}."
            )
        if arguments.do_train and arguments.oracle:
            raise ValueError("wos: --oracle is for evaluation; expected --do_eval alone.")
        if getattr(config, KEY, None):
            settings = StateSettings.of(config)
        else:
            values = known_values(arguments, splits)
            settings = StateSettings(slots=list(values), values=values)
        for name in SETTINGS:
            if getattr(arguments, name) is not None:
                setattr(settings, name, getattr(arguments, name))
        settings.read_subwords(tokenizer)
        dataclasses.replace(settings).write(config)  # replace validates the settings again
        config.oracle = arguments.oracle
        if arguments.dropout is not None:
            set_dropout(config, arguments.dropout)
            config.hidden_dropout_prob = arguments.dropout  # dropout of the decoder

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return DialogueStateTracker."""
        return DialogueStateTracker

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the number of special tokens, and one token of the dialogue."""
        return 3

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode turns, truncated on the left, and the gold values of slots that have one.

        The tokens of other slots are added when a batch is collated.
        """
        settings = StateSettings.of(config)
        reader = StateReader(settings, tokenizer)
        # Tokenise all utterances at once, with a cache.
        reader.tokenize(list(itertools.chain.from_iterable(batch["utterances"])))
        features: dict[str, Any] = {"input_ids": [], "length": [], "truncated": []}
        for utterances in batch["utterances"]:
            ids, is_cut = encode_turn(utterances, tokenizer, max_length, reader.tokenize)
            features["input_ids"].append(ids)
            features["length"].append(len(ids))
            features["truncated"].append(is_cut)
        if "state" in batch:
            features |= zip(("slots", "gates", "values"), reader.targets(batch["state"]), strict=True)
        return features

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Return a collator that pads token ids and adds the slots without a value."""
        return StateCollator(tokenizer, config, pad_to_multiple_of)

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return gates, int8 (batch, slots); value tokens, int32 (batch, slots, tokens); scores (batch,).

        No loss is computed, since it would need the scores of the whole vocabulary for every slot.
        """
        config = getattr(model, "module", model).config
        gates = inputs["gate_labels"] if getattr(config, "oracle", None) == "gates" else None
        # Call the wrapped model, so that hooks of DDP, FSDP and autocast are run.
        output = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], gates=gates)
        scores = output.gate_logits
        chosen = scores.argmax(dim=-1) if gates is None else gates
        return None, (chosen.to(torch.int8), output.value_ids.to(torch.int32), gate_scores(scores, chosen))

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Decode states, their gates, and the errors of each state if its gold state is known."""
        settings = StateSettings.of(loaded.config)
        reader = StateReader(settings, loaded.tokenizer)
        golds = list(examples["state"]) if "state" in examples.column_names else None
        is_oracle = golds is not None and getattr(loaded.config, "oracle", None) == "values"
        targets = list(zip(*reader.targets(golds), strict=True)) if golds is not None and is_oracle else []
        read, details = [], []
        columns = zip(examples["turn"], examples["utterances"], *outputs[:2], strict=True)
        for index, (turn, utterances, gates, values) in enumerate(columns):
            gate_list, subwords = gates.tolist(), values.tolist()
            if targets:
                for slot, gate, gold in zip(*targets[index], strict=True):
                    if gate == gate_list[slot] == POINT:
                        subwords[slot] = gold
            answer = reader.read(gate_list, subwords, utterances)
            read.append(answer)
            details.append({"turn": turn, "gates": answer.gates})
            if golds is not None:
                details[-1] |= errors(answer.state, golds[index])
        return Decoded(
            [answer.state for answer in read],
            scores=outputs[2].tolist(),
            details=details,
            figures=figures(read, details),
        )
