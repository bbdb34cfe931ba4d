"""Topic classification: macro F1 over the topics that occur (KLUE-baseline, ynat_macro_f1)."""

from __future__ import annotations

from klue_datasets.tasks import TASKS
from klue_metrics.functional.classes import confusion_matrix, macro_f1
from klue_metrics.functional.inputs import as_class_ids, check_pairs

LABELS = TASKS["ynat"].labels


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
    predicted = as_class_ids(predictions, LABELS, task="ynat", role="predictions")
    gold = as_class_ids(references, LABELS, task="ynat", role="references")
    check_pairs(predicted, gold, "ynat")
    return {"macro_f1": 100 * macro_f1(confusion_matrix(predicted, gold, len(LABELS)))}
