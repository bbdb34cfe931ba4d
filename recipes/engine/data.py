"""Load the data of a run, and determine whether its validation split is KLUE's official one."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import datasets

from klue_datasets.builder import KlueBuilder
from klue_datasets.checks import check_rows
from klue_datasets.content import content_hash, content_version
from klue_datasets.download import git_blob_sha1, official_splits
from klue_datasets.loading import build, make_builder
from klue_datasets.tasks import DEFAULT_VERSION, Task, get_task
from klue_metrics.functional import get_metric
from klue_metrics.predictions import CLUSTERED_BY
from recipes.arguments import RecipeArguments
from recipes.engine.unreachable import CONNECTION_ERRORS
from recipes.tasks.protocol import Recipe, Tuning
from recipes.tasks.shared.held_out import hold_out

logger = logging.getLogger(__name__)
SHOWN = 3  # number of defects shown in a warning
# Checks of columns that the recipes do not use.
UNREAD = frozenset({
    "duplicate input", "inline tags against rows", "lemma against pos", "span of plausible_answers",
    "words against sentence",
})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Data:
    """The splits of a run.

    Attributes:
        splits: Split name -> rows, truncated to the requested numbers.
        name: Name of the data in cards: a Hub id, or the name of the source.
        is_official: Whether the validation split is KLUE's official one, in full.
        version: The newest KLUE version with the same validation split; None for other data, or if it could
            not be compared.
        is_comparable: Whether the validation split could be compared with KLUE's: the source is raw files, or
            the content of KLUE's split is known.
        revision: The commit of a data set on the Hub, if known; None for other sources.
        hash: The result of ``source_hash``.
        validation_hash: ``content_hash`` of the whole validation split; None if it has no gold labels.
    """

    splits: datasets.DatasetDict
    name: str
    is_official: bool
    version: str | None = None
    is_comparable: bool = True
    revision: str | None = None
    hash: str | None = None
    validation_hash: str | None = None


def source_hash(task: str, arguments: RecipeArguments) -> str | None:
    """Hash the content of the local files with the data of a task.

    Returns:
        A hash of twelve hexadecimal digits; None for data that is not local.

    Raises:
        FileNotFoundError: There are no raw files for the task.
    """
    record = get_task(task)
    source = Path(arguments.dataset_name)
    if builder := _local_builder(record.name, arguments):
        files = [Path(path) for paths in (builder.files or {}).values() for path in paths]
    elif source.exists():  # an exported folder has one folder per task
        root = source / record.name if (source / record.name).is_dir() else source
        files = [path for path in [root, *root.rglob("*")] if path.is_file() and path.suffix != ".md"]
    else:
        return None
    known = sorted(f"{path.name} {git_blob_sha1(path)}" for path in files)
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


def _local_builder(task: str, arguments: RecipeArguments) -> KlueBuilder | None:
    """Return the builder for local files; None for a data set given by name."""
    if not (arguments.data_dir or arguments.mini or arguments.own_files):
        return None
    return make_builder(
        task,
        data_dir=arguments.data_dir,
        data_files=arguments.own_files or None,
        columns=arguments.columns,
        mini=arguments.mini,
    )


def load_data(task: str, arguments: RecipeArguments) -> Data:
    """Load the data that the settings select.

    Raises:
        ValueError: A revision is given for data that is not on the Hub, or there is too little training data
            to hold out a part of it.
        FileNotFoundError: The source has no data for the task.
    """
    record = get_task(task)
    builder = _local_builder(record.name, arguments)
    is_local = builder is not None or Path(arguments.dataset_name).exists()
    if arguments.dataset_revision and is_local:
        raise ValueError(
            f"--dataset_revision is {arguments.dataset_revision!r}, but the data comes from local files; "
            "expected a --dataset_name on the Hub, or no revision."
        )
    revision = None
    if builder is not None:
        splits, name = build(builder), _source_name(arguments)
        if arguments.own_files:
            _warn_of_defects(record.name, splits, arguments.own_files)
    else:
        splits, commit = _load_data_set(record.name, arguments)
        name = Path(arguments.dataset_name).name if is_local else arguments.dataset_name
        revision = None if is_local else commit or arguments.dataset_revision
    if arguments.held_out_fraction is not None and "train" in splits:
        splits["train"], splits["validation"] = hold_out(
            splits["train"], CLUSTERED_BY.get(record.name), arguments.held_out_fraction
        )
        name, version = f"{name}, {arguments.held_out_fraction:.0%} of train held out", None
    else:
        version = _version(record, arguments, builder, splits)
    is_comparable = builder is not None or bool(record.content)
    if not is_comparable:
        logger.warning(
            "%s: the content of KLUE's official validation split is not known here, so the one of %s cannot "
            "be compared with it, and its scores do not count as official. For official scores, pass the raw "
            "KLUE files with --data_dir.",
            record.name, name,
        )  # fmt: skip
    validation = splits.get("validation")
    has_gold = validation is not None and {*record.scored_columns} <= {*validation.column_names}
    validation_hash = content_hash(record.name, validation) if has_gold else None
    given = {"train": arguments.max_train_samples, "validation": arguments.max_eval_samples}
    limits = {split: limit for split, limit in given.items() if limit and split in splits}
    truncated = [split for split, limit in limits.items() if limit < splits[split].num_rows]
    for split in truncated:
        splits[split] = splits[split].select(range(limits[split]))
    return Data(
        splits,
        name,
        is_official=version is not None and "validation" not in truncated,
        version=version,
        is_comparable=is_comparable,
        revision=revision,
        hash=source_hash(record.name, arguments),
        validation_hash=validation_hash,
    )


def _source_name(arguments: RecipeArguments) -> str:
    """Return the name of a local source: that of its folder or file."""
    if arguments.mini:
        return "klue-hub mini corpus"
    own = arguments.own_files
    source = arguments.data_dir or own.get("validation") or own.get("train") or own.get("test", "")
    return Path(source).resolve().name


def _warn_of_defects(task: str, splits: datasets.DatasetDict, files: Mapping[str, str]) -> None:
    """Warn about rows of the user's own files whose labels contradict their texts."""
    for name, rows in splits.items():
        columns = {column: rows.data.table[column].combine_chunks() for column in rows.column_names}
        found = [
            finding
            for finding in check_rows(task, columns, Path(files[str(name)]).parent)
            if finding.kind not in UNREAD
        ]
        if found:
            examples = [f"{one.guid}: {one.field}: {one.message}" for one in found[:SHOWN]]
            logger.warning(
                "%s: %s has %d defects: %s", task, files[str(name)], len(found), " ".join(examples)
            )


def _load_data_set(task: str, arguments: RecipeArguments) -> tuple[datasets.DatasetDict, str | None]:
    """Load a data set from the Hub or an exported folder; return its splits and its commit, if known."""
    with data_errors(arguments.dataset_name):
        builder = datasets.load_dataset_builder(
            arguments.dataset_name, task, revision=arguments.dataset_revision
        )
        builder.download_and_prepare()
    return builder.as_dataset(), _commit(builder)


def _version(
    record: Task, arguments: RecipeArguments, builder: KlueBuilder | None, splits: datasets.DatasetDict
) -> str | None:
    """Return the KLUE version of the validation split; None if it is not an official one."""
    if arguments.own_files:  # the user's files are not KLUE's
        return None
    if builder is not None and "validation" in official_splits(record, builder.files or {}):
        return DEFAULT_VERSION
    return content_version(record.name, splits["validation"]) if "validation" in splits else None


def prepare_splits(recipe: Recipe, arguments: RecipeArguments, data: Data) -> dict[str, datasets.Dataset]:
    """Return the splits that a run needs, one row per example, without the columns of hidden gold labels.

    If the task tunes settings on held-out training examples, these are the split ``held_out``.

    Raises:
        ValueError: A split is missing, gold labels for training or scoring are hidden, or guids are repeated
            although the metric needs unique ones.
    """
    splits, tuning = {}, recipe.tuning(arguments)
    for name in _needed_splits(arguments, data, tuning):
        if name not in data.splits:
            raise ValueError(
                f"{recipe.task}: {data.name} has no {name} split (it has: {', '.join(data.splits)})."
            )
        splits[name] = without_hidden_gold(recipe, name, recipe.prepare(data.splits[name]))
    scored = ["train"] if "train" in splits else []
    if arguments.do_eval or (arguments.do_train and tuning and tuning.split == "validation"):
        scored.append("validation")
    for name in scored:
        missing = set(recipe.gold) - set(splits[name].column_names)
        if missing:
            raise ValueError(
                f"{recipe.task}: the {name} split of {data.name} has no gold ({', '.join(sorted(missing))}); "
                "expected it to train and to evaluate. --do_predict alone needs none."
            )
    if "validation" in scored:
        _check_scored(recipe.task, splits["validation"], f"the validation split of {data.name}")
    if tuning and tuning.hold_out and "train" in splits:
        splits["train"], splits[tuning.split] = tuning.hold_out(splits["train"])
    return splits


def _check_scored(task: str, examples: datasets.Dataset, where: str) -> None:
    """Raise ValueError for examples that the metric cannot score: too few, or repeated guids."""
    metric = get_metric(task)
    if len(examples) < metric.fewest:
        raise ValueError(
            f"{task}: {where} has {len(examples)} example; expected {metric.fewest} or more, which the "
            "metric needs."
        )
    if metric.by_guid:
        counts = collections.Counter(examples["guid"])
        if repeated := [guid for guid, count in counts.items() if count > 1]:
            raise ValueError(
                f"{task}: {where} has {repeated[0]} more than once (repeated guids: {len(repeated)}); "
                "expected each once: the metric finds references by guid."
            )


def _needed_splits(arguments: RecipeArguments, data: Data, tuning: Tuning | None) -> list[str]:
    tunes = arguments.do_train and tuning is not None and tuning.split == "validation"
    needed = {
        "train": arguments.do_train,
        "validation": arguments.do_eval or tunes or (arguments.do_predict and "test" not in data.splits),
        "test": arguments.do_predict and "test" in data.splits,
    }
    return [name for name, is_needed in needed.items() if is_needed]


def training_examples(
    recipe: Recipe, data: Data, splits: Mapping[str, datasets.Dataset]
) -> datasets.Dataset | None:
    """Return the examples for the constant baseline; None without a train split."""
    if "train" in splits or "train" not in data.splits:
        return splits.get("train")
    return recipe.prepare(data.splits["train"])


def without_hidden_gold(recipe: Recipe, name: str, examples: datasets.Dataset) -> datasets.Dataset:
    """Remove the gold columns of a split if its gold labels are hidden.

    Args:
        recipe: The task, which defines how hidden labels are marked.
        name: Name of the split, for messages.
        examples: The prepared examples of the split.

    Raises:
        ValueError: Only some of the examples have gold labels.
    """
    columns = [column for column in recipe.gold if column in examples.column_names]
    if len(columns) == len(recipe.gold):
        batches = examples.select_columns(columns).iter(1_000)
        rows = (
            dict(zip(columns, row, strict=True))
            for batch in batches
            for row in zip(*batch.values(), strict=True)
        )
        hidden = sum(map(recipe.is_hidden, rows))
        if not hidden:
            return examples
        if hidden < len(examples):
            raise ValueError(
                f"{recipe.task}: {hidden} of {len(examples)} {name} examples have no gold in "
                f"{' and '.join(columns)} (it is empty or -1); expected it in all or in none."
            )
    logger.info("%s: the %s split has no gold; its predictions have no reference.", recipe.task, name)
    return examples.remove_columns(columns)


def _commit(builder: datasets.DatasetBuilder) -> str | None:
    """Return the commit of files on the Hub, which is part of their URLs."""
    addresses = [address for paths in (builder.config.data_files or {}).values() for address in paths]
    commits = {found[1] for address in addresses if (found := re.search(r"@([0-9a-f]{40})/", str(address)))}
    return commits.pop() if len(commits) == 1 else None


@contextlib.contextmanager
def data_errors(name: str) -> Iterator[None]:
    """Convert errors of loading a data set to single sentences.

    Args:
        name: Folder or Hub id of the data set.

    Raises:
        OSError: There is no such data set, or the Hub cannot be reached and the cache does not have it.
    """
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise OSError(
            f"there is no folder {name}, the Hub cannot be reached, and the cache "
            f"({datasets.config.HF_DATASETS_CACHE}) does not hold {name}; expected --data_dir with raw KLUE "
            "files, --mini for the synthetic corpus, or a network to download it."
        ) from error
    except FileNotFoundError as error:
        if Path(name).exists():
            raise
        raise OSError(
            f"there is no folder {name}, and no such data set on the Hub; expected another --dataset_name, "
            "--data_dir with raw KLUE files, or --mini for the synthetic corpus."
        ) from error
