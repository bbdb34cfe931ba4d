"""The official metric of KLUE natural language inference (nli) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("nli"))
>>> metric.compute(predictions=["neutral", "entailment"], references=[1, 2])
{'accuracy': 50.0}
"""

from klue_metrics.module import KlueModule


class KlueNli(KlueModule):
    """Accuracy; see the card beside this file."""

    KLUE_TASK = "nli"
