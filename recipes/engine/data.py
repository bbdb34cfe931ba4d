"""The data of a run: where it comes from, and whether its validation split is KLUE's official one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import datasets

from klue_datasets.download import official_splits
from klue_datasets.loading import build, make_builder
from klue_datasets.tasks import get_task
from recipes.engine.arguments import RecipeArguments

HUB_NAMES = ("klue/klue", "klue")


@dataclasses.dataclass(frozen=True)
class Data:
    """The splits of a run.

    Attributes:
        splits: Split name -> rows, cut to the numbers asked for.
        name: What the data is called in cards: a Hub id, or what it was made from.
        is_official: Whether the validation split is, in full, the one that KLUE published.
    """

    splits: datasets.DatasetDict
    name: str
    is_official: bool


def load_data(task: str, arguments: RecipeArguments) -> Data:
    """Loads the rows that the arguments ask for.

    Raises:
        ValueError: A split that the run needs is not there.
        FileNotFoundError: The source has nothing for this task.
    """
    record = get_task(task)
    if arguments.data_dir or arguments.mini:
        builder = make_builder(record.name, data_dir=arguments.data_dir, mini=arguments.mini)
        splits = build(builder)
        official = "validation" in official_splits(record, builder.files or {})
        name = "klue-hub mini corpus" if arguments.mini else Path(arguments.data_dir or "").resolve().name
    else:
        splits = datasets.load_dataset(arguments.dataset_name, record.name)
        is_hub = arguments.dataset_name in HUB_NAMES and not Path(arguments.dataset_name).exists()
        rows = splits["validation"].num_rows if "validation" in splits else 0
        official = is_hub and rows == record.counts["validation"]
        name = arguments.dataset_name if is_hub else Path(arguments.dataset_name).name
    needed = {
        "train": arguments.do_train,
        "validation": arguments.do_eval or (arguments.do_predict and "test" not in splits),
    }
    for split, is_needed in needed.items():
        if is_needed and split not in splits:
            raise ValueError(f"{record.name}: {name} has no {split} split (it has: {', '.join(splits)}).")
    for split, limit in (("train", arguments.max_train_samples), ("validation", arguments.max_eval_samples)):
        if limit is not None and split in splits and limit < splits[split].num_rows:
            splits[split] = splits[split].select(range(limit))
            official = official and split != "validation"
    return Data(splits, name, official)
