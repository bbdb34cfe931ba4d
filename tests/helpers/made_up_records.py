"""Records of models that do not exist."""

from __future__ import annotations

import dataclasses
import random

from klue_datasets.tasks import TASKS
from recipes.engine.result_record import (
    FINE_TUNED,
    PUBLISHED,
    Method,
    MetricScore,
    Record,
    ScoredData,
    ScoredModel,
    Speed,
)

SIZES = {"small": 30_000_000, "base": 110_000_000, "large": 340_000_000}
HALF = 1.0  # of an interval


def made_up_record(
    task: str = "ynat", name: str = "lab/model", score: float = 80.0, **more: object
) -> Record:
    """Create a result on KLUE's validation split with one seed; ``more`` replaces fields."""
    scores = {key: MetricScore(score, score - HALF, score + HALF) for key in TASKS[task].leaderboards}
    values: dict = {
        "task": task,
        "data": ScoredData("KLUE", "validation", is_official=True, version="1.1.0", examples=100),
        "scores": scores,
        "model": ScoredModel(name, parameters=SIZES["base"]),
        "method": Method(FINE_TUNED, preset="paper", settings="5089d97635e9", seeds=[42]),
        "task_version": "1.0",
        "speed": Speed(latency_ms=5.0, device="a device"),
        "date": "2026-11-30",
        "package": "0.1.0",
    }
    return Record(**(values | more))


def made_up_models(number: int) -> list[Record]:
    """Create results of several models on all tasks."""
    rng = random.Random(0)
    records = []
    for index in range(number):
        size = rng.choice(list(SIZES))
        parameters = int(SIZES[size] * rng.uniform(0.8, 1.2))
        for task in TASKS:
            records.append(
                made_up_record(
                    task,
                    f"lab-{index % 7}/made-up-{size}-{index}",
                    round(rng.uniform(60, 95), 2),
                    model=ScoredModel(f"lab-{index % 7}/made-up-{size}-{index}", parameters=parameters),
                    speed=Speed(latency_ms=round(parameters / 1e7, 2), device="a device"),
                )
            )
    return records


def records_with(text: str) -> list[Record]:
    """Create records with a text in each field that contains text."""
    plain = made_up_record()
    return [
        dataclasses.replace(plain, model=ScoredModel(text)),
        dataclasses.replace(plain, model=ScoredModel("m1", revision=text)),
        dataclasses.replace(plain, model=ScoredModel("m2"), method=Method("fine-tuned", preset=text)),
        dataclasses.replace(plain, model=ScoredModel("m3"), method=Method("fine-tuned", changes=[text])),
        dataclasses.replace(plain, model=ScoredModel("m4"), method=Method("prompted", prompt=text)),
        dataclasses.replace(plain, model=ScoredModel("m5"), method=Method(PUBLISHED, source=text)),
        dataclasses.replace(
            plain, model=ScoredModel("m6"), data=ScoredData(text, "validation", False, hash=text)
        ),
        dataclasses.replace(plain, model=ScoredModel("m7"), speed=Speed(device=text)),
        dataclasses.replace(plain, model=ScoredModel("m8"), date=text, package=text, predictions=text),
    ]
