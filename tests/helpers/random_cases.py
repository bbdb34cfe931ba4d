"""Random predictions and references of every task."""

from __future__ import annotations

from typing import Any

import numpy as np

from klue_datasets.tasks import DP_RELATIONS, TASKS

SLOTS = ["관광-이름", "식당-예약 시간", "숙소-지역"]


def make_case(task: str, seed: int, size: int = 40) -> tuple[list[Any], list[Any]]:
    """Return random gold labels, and a copy with a random part replaced."""
    generator = np.random.default_rng(seed)
    if task == "sts":
        gold = generator.uniform(0, 5, size)
        return (gold + generator.normal(0, 1, size)).tolist(), gold.tolist()

    def example() -> Any:
        length = int(generator.integers(1, 9))
        if task == "ner":
            return generator.choice(TASKS["ner"].labels, length).tolist()
        if task == "dp":
            heads = generator.integers(0, length + 1, length).tolist()
            return {"head": heads, "deprel": generator.choice(DP_RELATIONS, length).tolist()}
        if task == "mrc":
            return "".join(generator.choice(list("가나 다"), length))
        if task == "wos":
            return [f"{slot}-{generator.integers(3)}" for slot in SLOTS if generator.random() < 0.6]
        return str(generator.choice(TASKS[task].labels))

    def fitting(gold: Any) -> Any:
        """Return another example, with the same length if the metric requires it."""
        while True:
            other = example()
            if task == "ner" and len(other) != len(gold):
                continue
            if task == "dp" and len(other["head"]) != len(gold["head"]):
                continue
            return other

    golds = [example() for _ in range(size)]
    predictions = [fitting(gold) if generator.random() < 0.4 else gold for gold in golds]
    if task == "mrc":
        return (
            [{"guid": str(i), "prediction_text": text} for i, text in enumerate(predictions)],
            [{"guid": str(i), "answers": {"text": [text]}} for i, text in enumerate(golds)],
        )
    return predictions, golds
