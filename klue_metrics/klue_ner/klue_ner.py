"""The official metrics of KLUE named entity recognition (ner) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("ner"))
>>> metric.compute(
...     predictions=[["B-PS", "I-PS", "O", "O"]],
...     references=[["B-PS", "I-PS", "I-PS", "O"]],
...     tokens=[["박", "보", "검", " "]],
... )["entity_macro_f1"]
0.0
"""

from klue_metrics.module import KlueModule


class KlueNer(KlueModule):
    """Entity and character macro F1; see the card beside this file."""

    KLUE_TASK = "ner"
