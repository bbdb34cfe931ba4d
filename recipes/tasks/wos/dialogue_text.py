"""Dialogues as model inputs in the template of KLUE-baseline, truncated on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Tokenize = Callable[[Sequence[str]], list[list[int]]]


def check_dialogue(dialogue: Any) -> list[str]:
    """Validate a dialogue and return its utterances, which alternate between user and system.

    Args:
        dialogue: Utterances, the first one of the user; or mappings with ``text`` or ``content`` and ``role``
            (``user``, or ``sys``, ``system`` or ``assistant``).

    Raises:
        ValueError: The input has another form, is empty, or its roles do not alternate.
    """
    if isinstance(dialogue, str) or not isinstance(dialogue, Sequence) or not dialogue:
        raise ValueError(f"A dialogue is {dialogue!r}; expected a list of utterances, the user's first.")
    texts = []
    for index, turn in enumerate(dialogue):
        text = turn
        if isinstance(turn, dict):
            text = turn.get("text", turn.get("content"))
            if (turn.get("role") == "user") != (index % 2 == 0):
                raise ValueError(
                    f"Utterance {index} of a dialogue has role {turn.get('role')!r}; "
                    "expected user and system in turn, beginning with the user."
                )
        if not isinstance(text, str):
            raise ValueError(f"Utterance {index} of a dialogue is {turn!r}; expected text.")
        texts.append(text)
    return texts


def turn_subwords(utterances: Sequence[str], tokenize: Tokenize, separator: int) -> list[int]:
    """Return the tokens of a dialogue up to a user turn, without outer special tokens or truncation.

    KLUE-baseline joins history, system and user utterance with [SEP], and the history in the same way from
    earlier pairs. In the first turn, history and system utterance are empty, so that their [SEP] tokens
    remain; later turns begin with one [SEP].

    Args:
        utterances: Utterances up to a user turn, an odd number.
        tokenize: Function from texts to token ids without special tokens.
        separator: Id of [SEP].

    Raises:
        ValueError: The last utterance is not one of the user.
    """
    if len(utterances) % 2 == 0:
        raise ValueError(f"{len(utterances)} utterances; expected an odd number: the user's is the last.")
    subwords = [separator, separator] if len(utterances) == 1 else [separator]
    for index, part in enumerate(tokenize(utterances)):
        subwords += [separator, *part] if index else part
    return subwords


def encode_turn(
    utterances: Sequence[str], tokenizer: Any, max_length: int, tokenize: Tokenize | None = None
) -> tuple[list[int], bool]:
    """Encode a turn as [CLS] … [SEP]; also return whether its beginning was truncated.

    Args:
        utterances: As in ``turn_subwords``.
        tokenizer: A tokenizer with ``cls_token_id`` and ``sep_token_id``.
        max_length: Maximum number of tokens; of longer dialogues, the last ones are kept.
        tokenize: Function from texts to token ids, for example with a cache of utterances.
    """
    plain = tokenize or plain_tokenize(tokenizer)
    subwords = turn_subwords(utterances, plain, tokenizer.sep_token_id)
    room = max_length - 2
    kept = subwords[-room:]
    return [tokenizer.cls_token_id, *kept, tokenizer.sep_token_id], len(subwords) > room


def plain_tokenize(tokenizer: Any) -> Tokenize:
    """Tokenise texts without special tokens, with a cache."""
    known: dict[str, list[int]] = {}

    def tokenize(texts: Sequence[str]) -> list[list[int]]:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            ids = tokenizer(
                new, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False
            )["input_ids"]
            known.update(zip(new, ids, strict=True))
        return [known[text] for text in texts]

    return tokenize
