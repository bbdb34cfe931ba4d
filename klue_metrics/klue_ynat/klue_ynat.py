"""The official metric of KLUE topic classification (ynat) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("ynat"))
>>> metric.compute(predictions=["경제", "사회", "스포츠"], references=["경제", "정치", "스포츠"])
{'macro_f1': 50.0}
"""

from klue_metrics.module import KlueModule


class KlueYnat(KlueModule):
    """Macro F1 over the topics that occur; see the card beside this file."""

    KLUE_TASK = "ynat"
