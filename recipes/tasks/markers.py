"""Marks around the two entities of a sentence, put between pieces so that they change no other piece."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROLES = {"subject_entity": "subj", "object_entity": "obj"}
ENTITY_TYPES = ("PER", "ORG", "LOC", "DAT", "POH", "NOH")
STYLES = ("official", "typed", "none")


def marker_tokens(style: str) -> list[str]:
    """The special tokens of a style, opening ones before closing ones.

    ``official`` gives ``<subj>``, ``<obj>``, ``</subj>``, ``</obj>`` as in KLUE's baseline; ``typed`` has the
    entity's type in them too, ``<subj:PER>``; ``none`` has no marks.
    """
    if style == "none":
        return []
    kinds = [""] if style == "official" else [f":{kind}" for kind in ENTITY_TYPES]
    names = [f"{role}{kind}" for role in ROLES.values() for kind in kinds]
    return [*(f"<{name}>" for name in names), *(f"</{name}>" for name in names)]


@dataclasses.dataclass(frozen=True)
class Marked:
    """A sentence in pieces, without the tokenizer's special tokens around it.

    Attributes:
        ids: Piece ids.
        fixed: Positions in ``ids`` that no cut may remove.
    """

    ids: list[int]
    fixed: tuple[int, ...]


class Marker:
    """Puts marks around entities.

    The text between marks is tokenised on its own. What follows a closing mark without a blank goes on with
    the word that the entity began (비틀즈 + 가), and is cut as the rest of a word is, not as a new word. An
    entity is always cut as the beginning of a word, as in KLUE's baseline.

    Args:
        tokenizer: A fast tokenizer, to which the marks have been added.
        style: One of ``official``, ``typed``, ``none``.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, style: str) -> None:
        self.tokenizer = tokenizer
        self.style = style
        self.backend = tokenizer.backend_tokenizer
        self.inner_mark = getattr(self.backend.model, "continuing_subword_prefix", None) or ""

    def __call__(self, sentence: str, entities: Mapping[str, Mapping[str, Any]]) -> Marked:
        """Tokenises a sentence with its entities marked.

        Args:
            sentence: The text.
            entities: ``subject_entity`` and ``object_entity``, with ``start_idx``, ``end_idx`` (characters,
                inclusive) and ``type``. They may touch, lie in one another, or overlap.

        Raises:
            ValueError: An entity is not inside the sentence, or of no known type where types are marked.
        """
        ids: list[int] = []
        fixed = []
        done, closed, blank = 0, False, ""
        for place, is_closing, role in self._marks(sentence, entities):
            if place > done:
                text = blank + sentence[done:place]
                bare = text.rstrip()
                blank = text[len(bare) :]  # belongs to the word after it
                ids += self._pieces(bare, after=sentence[done - 1] if closed else "")
                done, closed = place, False
            fixed.append(len(ids))
            if self.style != "none":
                ids.append(self._mark_id(entities[role], role, is_closing))
            closed = is_closing and not blank
        text = blank + sentence[done:]
        ids += self._pieces(text.rstrip(), after=sentence[done - 1] if closed else "")
        return Marked(ids, tuple(sorted({min(at, len(ids) - 1) for at in fixed})))

    def _marks(self, sentence: str, entities: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, bool, str]]:
        """Position, closing or not, and role of the marks in text order, closing ones first."""
        marks = []
        for role in ROLES:
            start, end = int(entities[role]["start_idx"]), int(entities[role]["end_idx"]) + 1
            if not 0 <= start < end <= len(sentence):
                raise ValueError(
                    f"re: {role} is at characters {start} to {end - 1} of {sentence!r:.60} "
                    f"({len(sentence)} characters); expected a span inside it."
                )
            marks += [(start, False, role, -end), (end, True, role, -start)]
        ordered = sorted(marks, key=lambda mark: (mark[0], not mark[1], mark[3]))
        if len({mark[:2] for mark in marks}) == 2:  # the same span twice: the one opened last closes first
            ordered[2:] = [ordered[3], ordered[2]]
        return [(place, is_closing, role) for place, is_closing, role, _ in ordered]

    def _mark_id(self, entity: Mapping[str, Any], role: str, is_closing: bool) -> int:
        kind = ""
        if self.style == "typed":
            if entity["type"] not in ENTITY_TYPES:
                raise ValueError(
                    f"re: {role} has the type {entity['type']!r}; expected one of {', '.join(ENTITY_TYPES)}."
                )
            kind = f":{entity['type']}"
        token = f"<{'/' if is_closing else ''}{ROLES[role]}{kind}>"
        return int(self.tokenizer.convert_tokens_to_ids(token))

    def _pieces(self, text: str, *, after: str) -> list[int]:
        """Ids of a text's pieces, cut as they are behind the character ``after``; "" for a new word."""
        if not text:
            return []
        before, joined = (self._words(part) if after else [""] for part in (after, after + text))
        if not after or text[0].isspace() or not joined[0].startswith(before[0]):
            ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            return ids
        rest = joined[0][len(before[0]) :]  # of the word that began before
        words = [self.inner_mark + rest] * bool(rest) + joined[1:]
        return [token.id for word in words for token in self.backend.model.tokenize(word)]

    def _words(self, text: str) -> list[str]:
        """The words that the tokenizer's model is given, with their marks."""
        if self.backend.normalizer is not None:
            text = self.backend.normalizer.normalize_str(text)
        if self.backend.pre_tokenizer is None:
            return [text]
        return [word for word, _ in self.backend.pre_tokenizer.pre_tokenize_str(text)]


def cut(marked: Marked, limit: int) -> Marked:
    """Keeps the pieces nearest to the marks where there are more than ``limit``; the marks stay.

    The window is centred on the entities; where they are too far apart, something between them goes too.

    Args:
        marked: A sentence.
        limit: Pieces at most.

    Raises:
        ValueError: There are more marks than ``limit``.
    """
    if len(marked.ids) <= limit:
        return marked
    if len(marked.fixed) > limit:
        raise ValueError(f"re: {len(marked.fixed)} marks; expected a model that reads more than {limit}.")
    distance = [min(abs(place - mark) for mark in marked.fixed) for place in range(len(marked.ids))]
    nearest = sorted(range(len(marked.ids)), key=lambda place: distance[place])[:limit]
    kept = sorted(nearest)
    new = {old: place for place, old in enumerate(kept)}
    return Marked(
        [marked.ids[place] for place in kept],
        tuple(new[place] for place in marked.fixed),
    )
