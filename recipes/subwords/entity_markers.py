"""Entity markers: special tokens around the two entities of a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedTokenizerBase

ROLES = {"subject_entity": "subj", "object_entity": "obj"}
ENTITY_TYPES = ("PER", "ORG", "LOC", "DAT", "POH", "NOH")
WORD_START = "▁"  # prefix of tokens of SentencePiece that begin a word


def marker_tokens(style: str) -> list[str]:
    """Return the special tokens of a style, in which each opening marker is followed by its closing marker.

    They are ``<subj>``, ``</subj>``, ``<obj>``, ``</obj>`` for ``official``, as in KLUE-baseline; those of
    ``typed`` contain the type of the entity, such as ``<subj:PER>``; and ``none`` has no markers.
    """
    if style == "none":
        return []
    kinds = [""] if style == "official" else [f":{kind}" for kind in ENTITY_TYPES]
    names = [f"{role}{kind}" for role in ROLES.values() for kind in kinds]
    return [token for name in names for token in (f"<{name}>", f"</{name}>")]


@dataclasses.dataclass(frozen=True)
class Marked:
    """A tokenised sentence with entity markers, but without other special tokens.

    Attributes:
        ids: Token ids.
        fixed: Positions in ``ids`` that must not be removed.
    """

    ids: list[int]
    fixed: tuple[int, ...]


class Marker:
    """Insert markers around entities.

    The text between two markers is tokenised separately, and entities always as the beginning of a word, as
    in KLUE-baseline. Text that follows a closing marker without a blank continues the word of the entity
    (비틀즈가):

    * ``official`` does what KLUE-baseline does: the text is tokenised as a new word, and its first token is
      replaced by one that continues a word (WordPiece: ``##`` is added to Hangul; SentencePiece: the leading
      ``▁`` is removed), or by the unknown token if the vocabulary does not have that.
    * The other styles tokenise it as the rest of a word, as without the marker.

    Args:
        tokenizer: A fast tokenizer with the markers in its vocabulary.
        style: One of ``official``, ``typed``, ``none``.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, style: str) -> None:
        self.tokenizer = tokenizer
        self.style = style
        self.backend = tokenizer.backend_tokenizer
        self.inner_mark = getattr(self.backend.model, "continuing_subword_prefix", None) or ""
        self.continues = self._repaired if style == "official" else self._continued

    def __call__(self, sentence: str, entities: Mapping[str, Mapping[str, Any]]) -> Marked:
        """Tokenise a sentence with its entities marked.

        Args:
            sentence: The text.
            entities: ``subject_entity`` and ``object_entity``, with ``start_idx``, ``end_idx`` (characters,
                inclusive) and ``type``. They may be adjacent, nested or overlapping.

        Raises:
            ValueError: An entity is outside the sentence, or has an unknown type and the style needs it.
        """
        ids: list[int] = []
        fixed = []
        done, closed, blank = 0, False, ""
        for place, is_closing, role in self._marks(sentence, entities):
            if place > done:
                text = blank + sentence[done:place]
                bare = text.rstrip()
                blank = text[len(bare) :]  # part of the next word
                ids += self._subwords(bare, after=sentence[done - 1] if closed else "")
                done, closed = place, False
            fixed.append(len(ids))
            if self.style != "none":
                ids.append(self._mark_id(entities[role], role, is_closing))
            closed = is_closing and not blank
        text = blank + sentence[done:]
        ids += self._subwords(text.rstrip(), after=sentence[done - 1] if closed else "")
        return Marked(ids, tuple(sorted({min(at, len(ids) - 1) for at in fixed})))

    def _marks(self, sentence: str, entities: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, bool, str]]:
        """Return position, whether it closes, and role of each marker in text order, closing ones first."""
        marks = []
        for role in ROLES:
            start, end = int(entities[role]["start_idx"]), int(entities[role]["end_idx"]) + 1
            check_span(role, start, end - 1, sentence)
            marks += [(start, False, role, -end), (end, True, role, -start)]
        ordered = sorted(marks, key=lambda mark: (mark[0], not mark[1], mark[3]))
        if len({mark[:2] for mark in marks}) == 2:  # for equal spans, the marker opened last closes first
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

    def _subwords(self, text: str, *, after: str) -> list[int]:
        """Return the token ids of a text after the given character; "" starts a new word."""
        if not text:
            return []
        if after and not text[0].isspace():
            return self.continues(text, after)
        return self._new(text)

    def _new(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _repaired(self, text: str, after: str) -> list[int]:
        """Apply fix_tokenization_error of KLUE-baseline (data/klue_re.py)."""
        ids = self._new(text)
        first = self.tokenizer.convert_ids_to_tokens(ids[:1])[0] if ids else ""
        if first.startswith(WORD_START):
            first = first.removeprefix(WORD_START)
            ids = [self.tokenizer.convert_tokens_to_ids(first), *ids[1:]] if first else ids[1:]
        elif self.inner_mark and "가" <= first[:1] <= "힣":
            ids = [self.tokenizer.convert_tokens_to_ids(self.inner_mark + first), *ids[1:]]
        return ids

    def _continued(self, text: str, after: str) -> list[int]:
        before, joined = self._words(after), self._words(after + text)
        if not joined[0].startswith(before[0]):
            return self._new(text)
        rest = joined[0][len(before[0]) :]  # remaining characters of the word
        words = [self.inner_mark + rest] * bool(rest) + joined[1:]
        return [token.id for word in words for token in self.backend.model.tokenize(word)]

    def _words(self, text: str) -> list[str]:
        """Split a sentence into the words that the tokenizer's model processes, with their markers."""
        if self.backend.normalizer is not None:
            text = self.backend.normalizer.normalize_str(text)
        if self.backend.pre_tokenizer is None:
            return [text]
        return [word for word, _ in self.backend.pre_tokenizer.pre_tokenize_str(text)]


def check_span(role: str, start: int, end: int, sentence: str) -> None:
    """Raise ValueError if an entity's first and last character are not a span of the sentence."""
    if not 0 <= start <= end < len(sentence):
        raise ValueError(
            f"re: {role} is at characters {start} to {end} of {sentence!r:.60} ({len(sentence)} characters); "
            "expected a span inside it."
        )


def cut(marked: Marked, limit: int) -> Marked:
    """Keep the ``limit`` tokens nearest to the markers, and all markers.

    The window is centred on the entities. If they are too far apart, tokens between them are removed as well.

    Args:
        marked: A sentence with markers.
        limit: Maximum number of tokens.

    Raises:
        ValueError: The entity markers alone have more tokens than ``limit``.
    """
    if len(marked.ids) <= limit:
        return marked
    if len(marked.fixed) > limit:
        raise ValueError(
            f"re: an input has at most {limit} tokens; expected room for {len(marked.fixed)} tokens of "
            "entity markers."
        )
    distance = [min(abs(place - mark) for mark in marked.fixed) for place in range(len(marked.ids))]
    nearest = sorted(range(len(marked.ids)), key=lambda place: distance[place])[:limit]
    kept = sorted(nearest)
    new = {old: place for place, old in enumerate(kept)}
    return Marked(
        [marked.ids[place] for place in kept],
        tuple(new[place] for place in marked.fixed),
    )
