"""Hold out a part of the training data for choosing settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import datasets


def hold_out(
    train: datasets.Dataset, column: str | None, fraction: float
) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Split rows into training rows and evenly spread held-out rows.

    Args:
        train: The rows.
        column: Column whose equal values form a group that stays together, such as the questions on a
            passage; None to split row by row.
        fraction: Fraction of the groups to hold out, above 0 and below 1.

    Raises:
        ValueError: There are too few groups for two parts.
    """
    keys = train[column] if column else range(len(train))
    group = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    # Number of groups held out before each position.
    ends = np.floor(np.arange(len(group) + 1) * fraction + 1e-9)
    if not 0 < ends[-1] < len(group):
        groups = f"groups with the same {column}" if column else "examples"
        raise ValueError(
            f"the training data has {len(group)} {groups}, too few to hold out a share of {fraction:g}; "
            f"expected {max(math.ceil(1 / fraction), 2)} or more."
        )
    is_held = np.diff(ends).astype(bool)[[group[key] for key in keys]]
    return train.select(np.flatnonzero(~is_held)), train.select(np.flatnonzero(is_held))
