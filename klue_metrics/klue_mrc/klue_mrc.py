"""The official metrics of KLUE machine reading comprehension (mrc) as an evaluate module.

>>> import evaluate, klue_metrics
>>> metric = evaluate.load(klue_metrics.path("mrc"))
>>> scores = metric.compute(
...     predictions=[{"guid": "q1", "prediction_text": "한 달"}],
...     references=[{"guid": "q1", "answers": {"text": ["한 달가량"], "answer_start": [478]}}],
... )
>>> {key: round(score, 2) for key, score in scores.items()}
{'exact_match': 0.0, 'rouge_w': 75.0}
"""

from klue_metrics.module import KlueModule


class KlueMrc(KlueModule):
    """Exact match and ROUGE-W; see the card beside this file."""

    KLUE_TASK = "mrc"
