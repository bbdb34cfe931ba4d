"""The official metrics of KLUE dialogue state tracking (wos) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("wos"))
>>> scores = metric.compute(
...     predictions=[["식당-지역-강남"]], references=[["식당-지역-강남", "식당-예약 시간-18:00"]]
... )
>>> {key: round(score, 2) for key, score in scores.items()}
{'joint_goal_accuracy': 0.0, 'slot_micro_f1': 66.67}
"""

from klue_metrics.module import KlueModule


class KlueWos(KlueModule):
    """Joint goal accuracy and slot F1; see the card beside this file."""

    KLUE_TASK = "wos"
