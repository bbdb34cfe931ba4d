"""Entities in IOB2 tags, as KLUE scores them; used by checks, metrics, recipes and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from klue_datasets.tasks import TASKS

TAGS = TASKS["ner"].labels  # B- and I- of each type are adjacent, and O is last
ENTITY_TYPES = tuple(tag[2:] for tag in TAGS if tag.startswith("B-"))
OUTSIDE = TAGS.index("O")
_IDS: dict[object, int] = {key: index for index, name in enumerate(TAGS) for key in (name, index)}

IntArray = npt.NDArray[np.int64]


class Entities(NamedTuple):
    """Entities in a sequence of tags, in order.

    Attributes:
        start: First position of each entity, shape (entities,).
        end: Position after its last one, shape (entities,).
        type: Index of its type in ENTITY_TYPES, shape (entities,).
        orphans: Positions of I- tags that do not continue an entity.
    """

    start: IntArray
    end: IntArray
    type: IntArray
    orphans: IntArray


def find_entities(tags: IntArray, is_first: npt.NDArray[np.bool_]) -> Entities:
    """Find the entities in the tags of any number of sentences.

    The scheme is strict IOB2, as in KLUE's entity F1: a B- tag starts an entity, and I- tags of the same type
    in the same sentence continue it. Other I- tags are orphans: they are not part of an entity, and end the
    one before.

    Args:
        tags: Tag ids of all positions, one sentence after the other, shape (n,).
        is_first: Whether a position is the first of its sentence, shape (n,).
    """
    small = tags.astype(np.int8)
    is_inside = (small & 1) == 1
    types = small >> 1
    continues = ~is_first & is_inside
    continues[1:] &= types[1:] == types[:-1]
    runs = np.flatnonzero(~continues)  # an entity, an orphan with its continuation, or a single O
    ends = np.append(runs[1:], len(tags))
    entities = np.flatnonzero(~is_inside[runs] & (small[runs] != OUTSIDE))
    start = runs[entities]
    return Entities(start, ends[entities], types[start].astype(np.int64), runs[is_inside[runs]])


def spans_from_tags(tags: Sequence[str | int]) -> list[tuple[int, int, str]]:
    """Return the entities of one sentence.

    Args:
        tags: One tag per character, as names or Hub ids.

    Returns:
        First character, end (exclusive) and type of each entity.

    Raises:
        ValueError: A tag is unknown.
    """
    try:
        # The tags may be an array of NumPy or torch.
        plain = [tag.item() if hasattr(tag, "item") else tag for tag in tags]
        ids = np.array([_IDS[tag] for tag in plain], dtype=np.int64)
    except KeyError as error:
        raise ValueError(f"ner: {list(tags)!r:.80} holds a tag that is none of {', '.join(TAGS)}.") from error
    found = find_entities(ids, np.arange(len(ids)) == 0)
    columns = (found.start.tolist(), found.end.tolist(), found.type.tolist())
    return [(start, end, ENTITY_TYPES[kind]) for start, end, kind in zip(*columns, strict=True)]
