"""What tracking states needs beside the model: turns of dialogues, batches of targets, errors by kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recipes.tasks.text_models import TextCollator

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

    from recipes.tasks.protocol import Batch


def has_states(dialogue: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the state after any turn of the user is known; where it is hidden, it is missing or None."""
    return any(turn["role"] == "user" and turn.get("state") is not None for turn in dialogue)


def dialogue_turns(batch: Batch, has_states: bool = True) -> dict[str, list[Any]]:
    """Dialogues to columns with one row a turn of the user.

    Args:
        batch: ``dialogue``, lists of turns with role and text, the user's with state where gold is known;
            ``guid`` where there is one.
        has_states: Whether to give states: not where all of a split are hidden.

    Returns:
        ``utterances`` from the first to the user's, ``turn`` (0, 1, …), ``guid`` and ``state`` where known.

    Raises:
        ValueError: User and system do not take turns.
    """
    guids = batch.get("guid")
    rows: dict[str, list[Any]] = {"guid": [], "turn": [], "utterances": [], "state": []}
    for number, dialogue in enumerate(batch["dialogue"]):
        name = guids[number] if guids else f"dialogue {number}"
        texts: list[str] = []
        for place, turn in enumerate(dialogue):
            if (turn["role"] == "user") != (place % 2 == 0):
                raise ValueError(
                    f"wos: {name}, utterance {place} is the {turn['role']}'s; expected user and system in "
                    "turn, beginning with the user."
                )
            texts.append(turn["text"])
            if turn["role"] != "user":
                continue
            rows["guid"].append(name)
            rows["turn"].append(place // 2)
            rows["utterances"].append(list(texts))
            if has_states and "state" in turn:
                rows["state"].append(turn["state"])
    for column in ("guid",) * (not guids) + ("state",) * (not rows["state"]):
        del rows[column]
    return rows


class StateCollator:
    """Makes batches of turns; the tensors of gates and of pieces exist only here.

    Slots of which training does not look at the value have no pieces.

    Args:
        tokenizer: Its padding token pads.
        config: The model's, with the slots.
        pad_to_multiple_of: Of how many tokens a batch is a multiple; None for the longest.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> None:
        from recipes.models.configuration_dialogue_state import LITERALS, StateSettings
        from recipes.models.state_values import StateReader

        settings = StateSettings.of(config)
        self.slots = len(settings.slots)
        is_all = settings.value_loss == "all"
        self.none = StateReader(settings, tokenizer).none_pieces() if is_all else []
        self.left_out = () if is_all else tuple(LITERALS.values())
        self.inputs = TextCollator(tokenizer.pad_token_id, pad_to_multiple_of)

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Tensors ``input_ids`` and ``attention_mask``; ``gate_labels`` and ``value_labels`` where known."""
        batch = self.inputs(features)
        if "slots" in features[0]:
            batch |= self._labels(features)
        return batch

    def _labels(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        import torch

        pieces = [value for feature in features for value in feature["values"]]
        steps = max(map(len, [*pieces, self.none, [0]]))
        gates = torch.zeros(len(features), self.slots, dtype=torch.long)
        values = torch.full((len(features), self.slots, steps), -100)
        values[:, :, : len(self.none)] = torch.tensor(self.none, dtype=torch.long)
        for row, feature in enumerate(features):
            for slot, gate, value in zip(feature["slots"], feature["gates"], feature["values"], strict=True):
                gates[row, slot] = gate
                if gate not in self.left_out:
                    values[row, slot] = torch.tensor(value + [-100] * (steps - len(value)))
        return {"gate_labels": gates, "value_labels": values}


def errors(state: Sequence[str], gold: Sequence[str]) -> dict[str, Any]:
    """What is wrong with a state, by kind.

    Returns:
        ``missed`` and ``invented``: state strings whose slot only one side has; ``wrong_value``: slot ->
        [gold, predicted].
    """
    wanted, found = ({"-".join(item.split("-", 2)[:2]): item for item in side} for side in (gold, state))
    return {
        "missed": [item for slot, item in wanted.items() if slot not in found],
        "invented": [item for slot, item in found.items() if slot not in wanted],
        "wrong_value": {
            slot: [item[len(slot) + 1 :], found[slot][len(slot) + 1 :]]
            for slot, item in wanted.items()
            if slot in found and found[slot] != item
        },
    }


def figures(read: Sequence[Any], details: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Sums over turns: generated values, those that the ontology replaced, and errors by kind."""
    sums = {
        "values_generated": sum(list(answer.gates.values()).count("ptr") for answer in read),
        "values_mapped_to_ontology": sum(len(answer.mapped) for answer in read),
    }
    if details and "missed" in details[0]:
        sums |= {
            f"slots_{kind}": sum(len(detail[kind]) for detail in details)
            for kind in ("missed", "invented", "wrong_value")
        }
    return sums


def converse(
    answer: Callable[[Any], Any], lines: Iterable[str], ask: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    """Tracks what is typed: user and system in turn; a blank line starts a new dialogue.

    Args:
        answer: Answers a dialogue: one mapping a turn of the user.
        lines: What is typed.
        ask: Called before each line with who is to speak: 0 the user, 1 the system.

    Yields:
        After each line of the user's the answer to it, with its number from 1, ``line``.
    """
    dialogue: list[str] = []
    ask(0)
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        dialogue = [*dialogue, text] if text else []
        if len(dialogue) % 2:
            yield {"line": number, **answer(dialogue)[-1]}
        ask(len(dialogue) % 2)


def dialogues(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Dialogues in numbered lines, with a blank line between them: the first number, and the utterances."""
    for is_spoken, group in itertools.groupby(lines, lambda line: bool(line[1].strip())):
        if is_spoken:
            numbers, texts = zip(*group, strict=True)
            yield numbers[0], [text.strip() for text in texts]
