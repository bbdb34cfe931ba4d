"""The official metrics of KLUE semantic textual similarity (sts) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("sts"))
>>> scores = metric.compute(predictions=[3.2, 1.0, 4.4], references=[3.0, 0.5, 4.9])
>>> {key: round(score, 2) for key, score in scores.items()}
{'pearsonr': 99.6, 'f1': 100.0}
"""

from klue_metrics.module import KlueModule


class KlueSts(KlueModule):
    """Pearson's correlation and F1 at 3; see the card beside this file."""

    KLUE_TASK = "sts"
