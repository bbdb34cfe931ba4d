"""Find records in files and run folders, on the Hub, and in KLUE's published scores."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import HfApi

from hub_cards import read_published
from klue_datasets.hub import hub_errors
from recipes.engine.eval_entries import from_entries
from recipes.engine.result_record import (
    PUBLISHED,
    Method,
    MetricScore,
    Record,
    RecordError,
    ScoredData,
    ScoredModel,
    read_records,
    record_of_run,
    unique,
)
from recipes.engine.results import ALL_RESULTS, RECORD

PUBLISHED_BLOCKS = {"test": "test", "dev": "validation"}  # block of published_scores.yaml -> split
JSON_LINES = ".jsonl"


@dataclasses.dataclass(frozen=True)
class Found:
    """A record, and its predictions file if it is on this machine."""

    record: Record
    predictions: Path | None = None


def find_records(sources: Sequence[Path], wrong: list[RecordError] | None = None) -> list[Found]:
    """Find the records in files and folders; of those with the same ``id``, the last is kept.

    Folders are searched for files of records (.jsonl) and for runs, whose record is made from their results,
    so that runs of earlier versions are found as well.

    Args:
        sources: Files and folders.
        wrong: List to which the errors of invalid lines are appended; by default, the first one is raised.

    Raises:
        FileNotFoundError: A source does not exist, or has no records.
        RecordError: A line is not a record, or the results of a run are not those of a recipe.
    """
    found: dict[str, Found] = {}
    for source in sources:
        known = len(wrong or ())
        here = list(_records_below(source, wrong))
        if not here and known == len(wrong or ()):
            raise FileNotFoundError(f"{source} holds no record; expected a .jsonl file of records, or runs.")
        found |= {one.record.id: one for one in here}
    return list(found.values())


def _records_below(source: Path, wrong: list[RecordError] | None) -> Iterator[Found]:
    if source.is_file():
        yield from map(Found, read_records(source, wrong))
        return
    if not source.is_dir():
        raise FileNotFoundError(f"There is no {source}; expected a file of records, or a folder.")
    for folder, inner, files in os.walk(source):
        inner[:] = sorted(name for name in inner if not name.startswith("checkpoint-"))
        top = Path(folder)
        if ALL_RESULTS in files:
            if of_run := _record_of_run(top):
                yield Found(of_run, _predictions(of_run, top))
            continue
        for name in sorted(files):
            if name.endswith(JSON_LINES) and not name.startswith("predictions_"):
                yield from _records_below(top / name, wrong)


def _record_of_run(folder: Path) -> Record | None:
    """Return the record of a run, or None if it was not evaluated."""
    if (folder / RECORD).is_file():
        [record] = unique(read_records(folder / RECORD))
        return record
    try:
        return record_of_run(folder)
    except RecordError:  # the run was not evaluated
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{folder}: {ALL_RESULTS} is not what a recipe writes ({error}).") from error


def _predictions(record: Record, folder: Path) -> Path | None:
    name = record.predictions
    if not name or Path(name).name != name:  # the predictions are a link or in another folder
        return None
    return folder / name if (folder / name).is_file() else None


def published_records() -> list[Record]:
    """Return KLUE's published test and dev scores, one record per model and task.

    Their sources do not state the version of the data.
    """
    records = []
    for name, split in PUBLISHED_BLOCKS.items():
        block = read_published()[name]
        parameters = block.get("parameters", {})
        for model, tasks in block["rows"].items():
            for task, scores in tasks.items():
                records.append(
                    Record(
                        task=task,
                        data=ScoredData("KLUE", split, is_official=True),
                        scores={key: MetricScore(float(score)) for key, score in scores.items()},
                        model=ScoredModel(model, parameters=parameters.get(model)),
                        method=Method(PUBLISHED, source=block["source"]),
                    )
                )
    return records


def records_from_hub(dataset_id: str) -> list[Record]:
    """Return the results that models on the Hub report for a benchmark.

    The models are those of the leaderboard, and the metrics are those in the results of each model.

    Args:
        dataset_id: The data set, such as ``klue/klue``.

    Raises:
        PublishError: The Hub does not have the leaderboard, or cannot be reached.
    """
    api = HfApi()
    records = []
    with hub_errors(dataset_id):
        rows = api.get_dataset_leaderboard(dataset_id, base_model_only=False)
        for model in dict.fromkeys(row.model_id for row in rows):
            entries = api.model_info(model, expand=["evalResults"]).eval_results or []
            records += from_entries(model, entries, dataset_id=dataset_id)
    return records
