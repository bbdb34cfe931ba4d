"""Dialogue state tracking (wos): the dialogue so far in, the value of each of 45 slots out, by TRADE."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from recipes.tasks.protocol import Batch, Decoded, Recipe
from recipes.tasks.states import StateCollator, dialogue_turns, errors, figures

if TYPE_CHECKING:
    import datasets
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from recipes.engine.arguments import RecipeArguments
    from recipes.engine.modeling import LoadedModel

ORACLES = ("gold_gates", "gold_values")  # arguments that are only for evaluation
DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")  # in configurations like BERT's
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
class DialogueStates(Recipe):
    """TRADE on the official template; an example is a turn of the user.

    The model's configuration keeps the slots and their known values.
    """

    task: str = "wos"
    sample: Any = (
        "안녕하세요. 명동 근처에 있는 저렴한 호텔을 찾고 있어요.",
        "명동 스테이가 있습니다. 예약해 드릴까요?",
        "네, 토요일부터 이틀 동안 세 명 예약해 주세요.",
    )
    peft_task_type: ClassVar[str | None] = None

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Slots of the ontology and the data; values of the ontology and of training."""
        from recipes.models.dialogue_state_tracking.configuration_dialogue_state import KEY, StateSettings

        if arguments.do_train and any(getattr(arguments, name) for name in ORACLES):
            raise ValueError(
                "wos: --gold_gates and --gold_values are for evaluation; expected --do_eval alone."
            )
        if getattr(config, KEY, None):
            settings = StateSettings.of(config)
        else:
            settings = _new_settings(arguments, splits)
        for name in SETTINGS:
            if getattr(arguments, name) is not None:
                setattr(settings, name, getattr(arguments, name))
        settings.read_pieces(tokenizer)
        dataclasses.replace(settings).write(config)  # checked once more
        for name in ORACLES:
            setattr(config, name, getattr(arguments, name))
        if arguments.dropout is not None:
            for name in DROPOUTS:
                setattr(config, name, arguments.dropout)

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Our own DialogueStateTracker."""
        from recipes.models.dialogue_state_tracking import DialogueStateTracker

        return DialogueStateTracker

    def prepare(self, examples: datasets.Dataset) -> datasets.Dataset:
        """One row a turn of the user: guid, turn (0, 1, …), the utterances so far, and the state if known."""
        if "utterances" in examples.column_names:
            return examples
        return examples.map(
            dialogue_turns, batched=True, remove_columns=examples.column_names, desc="Splitting into turns"
        )

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Turns to token ids, without their beginning where too long, and gold to the slots that have any.

        Slots without a value are left out: their pieces are put in only when a batch is collated.
        """
        from recipes.models.dialogue_state_tracking import StateReader, StateSettings, encode_turn

        settings = StateSettings.of(config)
        reader = StateReader(settings, tokenizer)
        features: dict[str, Any] = {"input_ids": [], "length": [], "truncated": []}
        for utterances in batch["utterances"]:
            ids, is_cut = encode_turn(utterances, tokenizer, max_length, reader.tokenize)
            features["input_ids"].append(ids)
            features["length"].append(len(ids))
            features["truncated"].append(is_cut)
        if "state" in batch:
            columns = zip(*map(reader.targets, batch["state"]), strict=True)
            features |= zip(("slots", "gates", "values"), map(list, columns), strict=True)
        return features

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Pads token ids, and fills in the gates and pieces of slots without a value."""
        return StateCollator(tokenizer, config, pad_to_multiple_of)

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Keeps gates, int8 (batch, slots); pieces of values, int32 (batch, slots, pieces); scores (batch,).

        There is no loss: it would need the vocabulary at every slot, which evaluation is spared.
        """
        import torch

        from recipes.models.dialogue_state_tracking.pipeline_dialogue_state import gate_scores

        plain = getattr(model, "module", model)
        gates = inputs["gate_labels"] if getattr(plain.config, "gold_gates", False) else None
        scores, values = plain.track(inputs["input_ids"], inputs["attention_mask"], gates=gates)
        chosen = scores.argmax(dim=-1) if gates is None else gates
        return None, (chosen.to(torch.int8), values.to(torch.int32), gate_scores(scores, chosen))

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """States, with their gates, and what is wrong with each where the gold is known."""
        from recipes.models.dialogue_state_tracking import StateReader, StateSettings
        from recipes.models.dialogue_state_tracking.configuration_dialogue_state import POINT

        settings = StateSettings.of(loaded.config)
        reader = StateReader(settings, loaded.tokenizer)
        golds = list(examples["state"]) if "state" in examples.column_names else None
        read, details = [], []
        columns = zip(examples["turn"], examples["utterances"], *outputs[:2], strict=True)
        for index, (turn, utterances, gates, values) in enumerate(columns):
            gate_list, pieces = gates.tolist(), values.tolist()
            if golds is not None and getattr(loaded.config, "gold_values", False):
                for slot, gate, gold in zip(*reader.targets(golds[index]), strict=True):
                    if gate == gate_list[slot] == POINT:
                        pieces[slot] = gold
            answer = reader.read(gate_list, pieces, utterances)
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

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """The states, a list of strings each."""
        return [list(state) for state in examples["state"]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """The empty state."""
        return [Decoded([[] for _ in range(examples.num_rows)])]

    def is_single(self, items: list[Any]) -> bool:
        """A list of utterances or messages is one dialogue; a list of lists is several."""
        return bool(items) and all(
            isinstance(item, str) or (isinstance(item, Mapping) and "role" in item) for item in items
        )

    def read_input(self, item: Any) -> dict[str, Any]:
        """A dialogue: utterances, or messages with role and text; or a mapping with ``dialogue``."""
        from recipes.models.dialogue_state_tracking.dialogue_text import check_dialogue

        dialogue = item["dialogue"] if isinstance(item, Mapping) and "dialogue" in item else item
        try:
            texts = check_dialogue(dialogue)
        except ValueError as error:
            raise ValueError(f"wos: {error}") from error
        roles = ("user", "sys")
        return {"dialogue": [{"role": roles[i % 2], "text": text} for i, text in enumerate(texts)]}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Each turn of the user: its number, what was said, the state after it, and what is new in that."""
        from recipes.models.dialogue_state_tracking.pipeline_dialogue_state import present_turns

        said = [turn["text"] for turn in row["dialogue"][::2]]
        first = [place for place, detail in enumerate(decoded.details or []) if detail["turn"] == 0][index]
        turns = slice(first, first + len(said))
        return present_turns(said, decoded.predictions[turns], (decoded.scores or [])[turns])


def _new_settings(arguments: RecipeArguments, splits: Mapping[str, datasets.Dataset]) -> Any:
    """Settings with all slots of ontology and data, and the values of ontology and training."""
    from recipes.models.dialogue_state_tracking import StateSettings
    from recipes.models.dialogue_state_tracking.configuration_dialogue_state import union_of_slots

    if not splits:
        raise ValueError("wos: the model has no slots; expected one that train_dst.py has trained.")
    states = {name: list(split["state"]) for name, split in splits.items()}
    values = union_of_slots(states.get("train", []), _ontology(arguments))
    # A slot that only other splits have is still one; their values stay unseen.
    others = union_of_slots(list(chain.from_iterable(states.values())), {})
    values |= {slot: [] for slot in others if slot not in values}
    return StateSettings(slots=sorted(values), values={slot: values[slot] for slot in sorted(values)})


def _ontology(arguments: RecipeArguments) -> dict[str, list[str]]:
    """The ontology.json beside raw files; empty where the data is not raw or has none."""
    from klue_datasets.checks import read_ontology
    from klue_datasets.loading import make_builder

    if not (arguments.data_dir or arguments.mini):
        return {}
    builder = make_builder("wos", data_dir=arguments.data_dir, mini=arguments.mini)
    files = [[path] if isinstance(path, str) else path for path in (builder.files or {}).values()]
    folders = {Path(path).parent for paths in files for path in paths}
    found = [ontology for folder in sorted(folders) if (ontology := read_ontology(folder))]
    return found[0] if found else {}


RECIPE = DialogueStates()
