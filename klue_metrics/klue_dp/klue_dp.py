"""The official metrics of KLUE dependency parsing (dp) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("dp"))
>>> sentence = {"head": [2, 3, 0], "deprel": ["NP_MOD", "NP_OBJ", "VP"]}
>>> wrong = {"head": [3, 3, 0], "deprel": ["NP_MOD", "NP_OBJ", "VP"]}
>>> scores = metric.compute(predictions=[wrong], references=[sentence])
>>> round(scores["uas"], 2), round(scores["las_macro_f1"], 2)
(66.67, 50.0)
"""

from klue_metrics.module import KlueModule


class KlueDp(KlueModule):
    """Official and textbook attachment scores; see the card beside this file."""

    KLUE_TASK = "dp"
