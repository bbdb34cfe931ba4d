"""The official metrics of all KLUE tasks as one evaluate module; the config name is the task.

>>> import klue_metrics
>>> metric = klue_metrics.load("nli")
>>> metric.compute(predictions=["neutral", "entailment"], references=["neutral", "contradiction"])
{'accuracy': 50.0}
"""

from klue_metrics.module import KlueModule


class KlueMetric(KlueModule):
    """The official metrics of the task that the config names; see the card beside this file."""

    KLUE_TASK = None
