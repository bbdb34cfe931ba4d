"""Natural language inference: accuracy (KLUE-baseline metrics/functional.py, klue_nli_acc)."""

from __future__ import annotations

import numpy as np

from klue_datasets.tasks import TASKS
from klue_metrics.functional.inputs import IntArray, as_class_ids, check_pairs

LABELS = TASKS["nli"].labels

TYPES = {"predictions": "int64", "references": "int64"}  # of what ``convert`` gives
NAMES = {"accuracy": "accuracy"}


def convert(values: object, role: str) -> IntArray:
    """Predictions or references, in any container, as checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="nli", role=role)


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores natural language inference.

    Args:
        predictions: Relation names or Hub ids (0 entailment, 1 neutral, 2 contradiction), n of them, in any
            flat container. The baseline's ids are in another order: exchange names.
        references: Likewise, in the same order.

    Returns:
        ``accuracy``, 0 to 100.

    Raises:
        ValueError: Unknown label, unequal lengths, or nothing to score.
    """
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "nli")
    return {"accuracy": 100 * float(np.mean(predicted == gold))}
