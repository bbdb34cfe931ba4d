"""Topic classification: macro F1 over the topics that occur (KLUE-baseline, ynat_macro_f1)."""

from __future__ import annotations

from klue_datasets.tasks import TASKS
from klue_metrics.functional.classes import confusion_matrix, macro_f1
from klue_metrics.functional.inputs import IntArray, as_class_ids, check_pairs

LABELS = TASKS["ynat"].labels

TYPES = {"predictions": "int64", "references": "int64"}  # of what ``convert`` gives
NAMES = {"macro_f1": "macro F1"}


def convert(values: object, role: str) -> IntArray:
    """Predictions or references, in any container, as checked ids; errors as in ``compute``."""
    return as_class_ids(values, LABELS, task="ynat", role=role)


def compute(predictions: object, references: object) -> dict[str, float]:
    """Scores topic classification.

    Args:
        predictions: Topic names or Hub ids, n of them, in any flat container.
        references: Likewise, in the same order.

    Returns:
        ``macro_f1``, 0 to 100: the mean of F1 over the topics that occur in references or predictions; a
        topic whose precision and recall are both 0 counts as 0.

    Raises:
        ValueError: Unknown label, unequal lengths, or nothing to score.
    """
    predicted, gold = convert(predictions, "predictions"), convert(references, "references")
    check_pairs(predicted, gold, "ynat")
    return {"macro_f1": 100 * macro_f1(confusion_matrix(predicted, gold, len(LABELS)))}
