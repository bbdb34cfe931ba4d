"""The pipeline ``dialogue-state-tracking``, which returns the state after each user turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import Pipeline

from recipes.tasks.shared.length_batches import length_batches
from recipes.tasks.wos.configuration_dialogue_state import StateSettings, split_item
from recipes.tasks.wos.dialogue_text import check_dialogue, encode_turn
from recipes.tasks.wos.state_values import StateReader

TASK = "dialogue-state-tracking"
OFFICIAL_LENGTH = 510  # default maximum tokens of a dialogue
BATCH_SIZE = 32


class DialogueStatePipeline(Pipeline):
    """Track the state of dialogues.

        track = pipeline("dialogue-state-tracking", model=folder, trust_remote_code=True)
        track(["명동 근처 호텔을 찾아 주세요.", "가격대는 어떻게 할까요?", "저렴한 곳으로요."])

    A dialogue is a list of utterances, the first one of the user, or of messages with role and text; for a
    list of dialogues, a list of answers is returned. An answer has for each user turn: ``turn`` (0, 1, …),
    ``user``, the utterance; ``state``, strings ``domain-slot-value``; ``changed``, slot -> new value, or None
    if the slot was removed; ``score``, the probability that all gates are right; and ``truncated``, True if
    the beginning of the dialogue was truncated. The turns of all dialogues are processed in batches of
    similar length, with ``batch_size`` turns each (default: 32). ``constrain_to_ontology`` replaces unknown
    values by the most similar known value.
    """

    _load_processor = False
    _load_image_processor = False
    _load_feature_extractor = False
    _load_tokenizer = True

    padding_side = "right"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"batch_size": BATCH_SIZE, **kwargs})
        self._make_reader()

    def _make_reader(self) -> None:
        self.reader = StateReader(StateSettings.of(self.model.config), self.tokenizer)

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Track one dialogue or a list of dialogues; raise ValueError for other inputs."""
        is_one = not inputs or not isinstance(inputs, Sequence) or isinstance(inputs[0], str | dict)
        wrapped = [{"dialogue": dialogue} for dialogue in ([inputs] if is_one else inputs)]
        for item in wrapped:
            check_dialogue(item["dialogue"])
        answers = super().__call__(wrapped, **kwargs)
        return answers[0] if is_one else answers

    def _sanitize_parameters(
        self, constrain_to_ontology: bool | None = None, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        if kwargs:
            raise ValueError(f"{TASK} has no option {', '.join(kwargs)}; expected constrain_to_ontology.")
        given = {} if constrain_to_ontology is None else {"constrain_to_ontology": constrain_to_ontology}
        return {}, {}, given

    def preprocess(self, inputs: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Encode each user turn, with the utterances up to it."""
        utterances = check_dialogue(inputs["dialogue"])
        longest = getattr(self.model.config, "max_seq_length", OFFICIAL_LENGTH)
        for end in range(1, len(utterances) + 1, 2):
            ids, is_truncated = self._encode(utterances[:end], longest)
            yield {"ids": ids, "utterances": utterances[:end], "is_truncated": is_truncated}

    def _encode(self, utterances: Sequence[str], longest: int) -> tuple[list[int], bool]:
        return encode_turn(utterances, self.tokenizer, longest, self.reader.tokenize)

    def get_iterator(
        self,
        inputs: Any,
        num_workers: int,
        batch_size: int,
        preprocess_params: dict[str, Any],
        forward_params: dict[str, Any],
        postprocess_params: dict[str, Any],
    ) -> Iterator[list[dict[str, Any]]]:
        """Answer dialogues in order, with batches of turns across dialogues."""
        dialogues = [list(self.preprocess(dialogue)) for dialogue in inputs]
        turns = [turn for dialogue in dialogues for turn in dialogue]
        padding = self.tokenizer.pad_token_id or 0
        for places in length_batches([len(turn["ids"]) for turn in turns], batch_size):
            rows = [torch.tensor(turns[place]["ids"]) for place in places]
            batch = {
                "input_ids": pad_sequence(rows, True, padding, self.padding_side),
                "attention_mask": pad_sequence(list(map(torch.ones_like, rows)), True, 0, self.padding_side),
            }
            outputs = self.forward(batch)
            for row, place in enumerate(places):
                turns[place] |= {name: values[row] for name, values in outputs.items()}
        for dialogue in dialogues:
            yield self.postprocess(dialogue, **postprocess_params)

    def _forward(self, model_inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        scores, values = self.model.track(**model_inputs)
        gates = scores.argmax(dim=-1)
        return {"gates": gates, "scores": gate_scores(scores, gates), "values": values}

    def postprocess(
        self, model_outputs: Sequence[dict[str, Any]], constrain_to_ontology: bool | None = None
    ) -> list[dict[str, Any]]:
        """Return the turns of one dialogue, in order."""
        said = [turn["utterances"][-1] for turn in model_outputs]
        states = [self._state(turn, constrain_to_ontology) for turn in model_outputs]
        answers = present_turns(said, states, [float(turn["scores"]) for turn in model_outputs])
        for turn, answer in zip(model_outputs, answers, strict=True):
            if turn["is_truncated"]:
                answer["truncated"] = True
        return answers

    def _state(self, turn: dict[str, Any], constrain: bool | None) -> list[str]:
        gates, values = turn["gates"].tolist(), turn["values"].tolist()
        return self.reader.read(gates, values, turn["utterances"], constrain=constrain).state


def gate_scores(logits: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
    """Return the probability of all gates of a turn: (batch, slots, 5) and (batch, slots) to (batch,)."""
    log_probabilities = logits.float().log_softmax(dim=-1)
    return log_probabilities.gather(-1, gates.long().unsqueeze(-1)).sum(dim=(1, 2)).exp()


def present_turns(
    said: Sequence[str], states: Sequence[list[str]], scores: Sequence[float]
) -> list[dict[str, Any]]:
    """Format the turns of a dialogue for users.

    Args:
        said: User utterance of each turn.
        states: State after each turn.
        scores: Confidence in each state.
    """
    befores = [{}, *(dict(map(split_item, state)) for state in states)]
    return [
        {
            "turn": turn,
            "user": text,
            "state": state,
            "changed": changes(befores[turn], befores[turn + 1]),
            "score": round(scores[turn], 6),
        }
        for turn, (text, state) in enumerate(zip(said, states, strict=True))
    ]


def changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    """Return the changes of a state: slot -> value, or None for removed slots."""
    dropped: dict[str, str | None] = {slot: None for slot in before if slot not in after}
    return {slot: value for slot, value in after.items() if before.get(slot) != value} | dropped
