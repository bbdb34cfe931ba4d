"""The official metrics of KLUE relation extraction (re) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("re"))
>>> metric.compute(predictions=["per:title", "no_relation"], references=["per:title", "per:origin"])
{'micro_f1': 66.66666666666666}
"""

from klue_metrics.module import KlueModule


class KlueRe(KlueModule):
    """Micro F1 and AUPRC; see the card beside this file."""

    KLUE_TASK = "re"
