"""Dialogues as model input: the official template, truncated on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Tokenize = Callable[[Sequence[str]], list[list[int]]]


def check_dialogue(dialogue: Any) -> list[str]:
    """Validate a dialogue as a list of utterances that alternate, the user first.

    Args:
        dialogue: Utterances, or mappings with ``text`` and ``role`` (``user``, or ``sys``/``system``/
            ``assistant``) or ``content`` and ``role`` as chats have them.

    Raises:
        ValueError: The input has another form, is empty, or has roles out of turn.
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
    """Return the subword tokens of a dialogue up to a user turn, without special tokens, untruncated.

    KLUE-baseline joins history, system and user by [SEP], and history likewise from earlier pairs. The first
    turn has neither history nor system, and both leave their [SEP]; later turns have one [SEP] in front.

    Args:
        utterances: Utterances up to the last one of the user, an odd number.
        tokenize: Texts to subword token ids without special subword tokens.
        separator: Id of [SEP].

    Raises:
        ValueError: The last utterance is not the user's.
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
        tokenizer: A tokenizer of transformers with ``cls_token_id`` and ``sep_token_id``.
        max_length: Tokens at most; of a longer dialogue the last ones are kept.
        tokenize: Tokenising function, e.g. with a cache of utterances.
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
