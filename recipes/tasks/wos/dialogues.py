"""Base class of the recipes for dialogue state tracking: turns, references, raw input and slots."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from transformers import PreTrainedConfig

from klue_datasets.ontology import load_ontology
from recipes.arguments import RecipeArguments
from recipes.tasks.protocol import Decoded, RawInput, Recipe
from recipes.tasks.wos.configuration_dialogue_state import union_of_slots
from recipes.tasks.wos.dialogue_text import check_dialogue
from recipes.tasks.wos.pipeline_dialogue_state import present_turns
from recipes.tasks.wos.turns import dialogue_turns, has_states

if TYPE_CHECKING:
    import datasets

# Names of dropout probabilities in configurations.
DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob",  # BERT, and others like it
    "dropout", "attention_dropout", "activation_dropout",  # BART, DistilBERT
    "dropout_rate",  # T5
    "resid_pdrop", "embd_pdrop", "attn_pdrop",  # GPT-2
)  # fmt: skip


class RawDialogue(RawInput):
    """A dialogue as input, and the state after each user turn as answer."""

    sample = (
        "안녕하세요. 명동 근처에 있는 저렴한 호텔을 찾고 있어요.",
        "명동 스테이가 있습니다. 예약해 드릴까요?",
        "네, 토요일부터 이틀 동안 세 명 예약해 주세요.",
    )

    def is_single(self, items: list[Any]) -> bool:
        """Return whether a list is one dialogue (utterances or messages) or several (lists)."""
        return bool(items) and all(
            isinstance(item, str) or (isinstance(item, Mapping) and "role" in item) for item in items
        )

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a dialogue: utterances, messages with role and text, or a mapping with ``dialogue``."""
        dialogue = item["dialogue"] if isinstance(item, Mapping) and "dialogue" in item else item
        try:
            texts = check_dialogue(dialogue)
        except ValueError as error:
            raise ValueError(f"wos: {error}") from error
        roles = ("user", "sys")
        return {"dialogue": [{"role": roles[i % 2], "text": text} for i, text in enumerate(texts)]}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return number, text, state and changes of the state for each user turn.

        Turns for which the beginning of the dialogue was truncated have ``truncated``.
        """
        said = [turn["text"] for turn in row["dialogue"][::2]]
        first = [place for place, detail in enumerate(decoded.details or []) if detail["turn"] == 0][index]
        turns = slice(first, first + len(said))
        answers = present_turns(said, decoded.predictions[turns], (decoded.scores or [])[turns])
        return [decoded.marked(first + turn, answer) for turn, answer in enumerate(answers)]


@dataclasses.dataclass(frozen=True)
class DialogueRecipe(Recipe):
    """Base class, in which an example is a user turn; subclasses predict states."""

    task: str = "wos"
    gold: tuple[str, ...] = ("state",)
    raw_input: RawInput = RawDialogue()
    settings: ClassVar[tuple[str, ...]] = ("dialogue_state", "custom_pipelines", "oracle")
    evaluates_loss: ClassVar[bool] = False

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the configuration has the settings of a state tracker."""
        return bool(getattr(config, "dialogue_state", None))

    def prepare(self, examples: datasets.Dataset) -> datasets.Dataset:
        """Return one row per user turn: guid, turn (0, 1, …), utterances so far, and state if known."""
        if "utterances" in examples.column_names:
            return examples
        return examples.map(
            dialogue_turns,
            batched=True,
            remove_columns=examples.column_names,
            fn_kwargs={"has_states": any(map(has_states, examples["dialogue"]))},
            desc="Splitting into turns",
        )

    def is_hidden(self, row: Mapping[str, Any]) -> bool:
        """Return whether the state is missing, rather than empty."""
        return row["state"] is None

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return the states, which are lists of strings."""
        return [list(state) for state in examples["state"]]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict empty states."""
        return [Decoded([[] for _ in range(examples.num_rows)])]


def set_dropout(config: PreTrainedConfig, share: float) -> None:
    """Set all dropout probabilities in a configuration."""
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, share)


def known_values(arguments: RecipeArguments, splits: Mapping[str, datasets.Dataset]) -> dict[str, list[str]]:
    """Return the slots of ontology and data, sorted, with the values of ontology and training split.

    Raises:
        ValueError: There is no data, because an untrained model is to be used.
    """
    if not splits:
        raise ValueError("wos: the model has no slots; expected one that train_dst.py has trained.")
    states = {name: list(split["state"]) for name, split in splits.items() if "state" in split.column_names}
    ontology = load_ontology(
        data_dir=arguments.data_dir,
        mini=arguments.mini,
        dataset_name=None if arguments.own_files else arguments.dataset_name,
        revision=arguments.dataset_revision,
    )
    values = union_of_slots(states.get("train", []), ontology)
    # Slots of other splits are included, but not the values in them.
    others = union_of_slots(list(chain.from_iterable(states.values())), {})
    values |= {slot: [] for slot in others if slot not in values}
    return {slot: values[slot] for slot in sorted(values)}
