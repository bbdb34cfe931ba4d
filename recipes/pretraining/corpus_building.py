"""Build a corpus in shards; an interrupted build resumes at the first missing shard."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub_cards import __version__, render
from recipes.engine.results import write_json
from recipes.pretraining.choices import STAGES
from recipes.pretraining.corpora import COUNTS, REMOVED, TEXT, documents_of, open_corpus
from recipes.pretraining.klue_texts import all_sentences
from recipes.pretraining.pseudonyms import Pseudonymiser
from recipes.pretraining.stages import (
    KLUE_MINIMA,
    Benchmark,
    Count,
    Document,
    ExactDuplicates,
    Korean,
    Length,
    NearDuplicates,
    Normalise,
    Pseudonyms,
    SentenceSplitter,
    Stage,
    through,
)

DATABASE = "build.sqlite"
OFFICIAL = "official"  # value of benchmark
SCHEMA = pa.schema([("text", pa.string()), ("source", pa.string()), ("id", pa.string())])


@dataclasses.dataclass(frozen=True)
class CorpusArguments:
    """The settings of a build.

    Attributes:
        output_dir: Output folder for shards, counts and card.
        sources: Name of a source -> files and folders with its documents.
        dataset_name: A data set on the Hub instead of files; the source has the same name.
        text_column: Name of the column with the text.
        skip: Stages to skip.
        minimum: Minimum number of characters of a document.
        minima: Name of a source -> minimum number of characters, if different.
        benchmark: Folder of raw KLUE files; ``official`` to download them; empty to skip this stage.
        threshold: Minimum similarity of sentences that are removed because of the benchmark.
        shard: Number of documents read per shard.
        seed: Random seed of the pseudonyms.
    """

    output_dir: str
    sources: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    dataset_name: str | None = None
    text_column: str = TEXT
    skip: tuple[str, ...] = ("sentences",)
    minimum: int = 10
    minima: dict[str, int] = dataclasses.field(default_factory=lambda: dict(KLUE_MINIMA))
    benchmark: str = ""
    threshold: float = 0.8
    shard: int = 100_000
    seed: int = 0


def build_corpus(arguments: CorpusArguments) -> dict[str, Count]:
    """Build the missing shards of a corpus.

    Returns:
        Stage -> numbers of documents and characters before and after it, for the whole corpus.

    Raises:
        ValueError: A source cannot be read, a stage is unknown, or the folder contains another corpus.
    """
    if unknown := sorted(set(arguments.skip) - set(STAGES)):
        raise ValueError(f"There is no stage {unknown[0]!r}; expected one of {', '.join(STAGES)}.")
    if not arguments.threshold > 0:
        raise ValueError(f"The threshold is {arguments.threshold}; expected a number above 0.")
    output_dir = Path(arguments.output_dir)
    documents = _documents(arguments)
    first = next(documents, None)  # detects unreadable sources before anything is written
    if first is None:
        raise ValueError("The sources hold no document; expected at least one.")
    documents = itertools.chain([first], documents)
    removed: list[dict[str, Any]] = []
    benchmark = _benchmark(arguments, removed) if arguments.benchmark else None
    output_dir.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(output_dir / DATABASE)
    try:
        progress = _progress(database, arguments)
        stages = _stages(arguments, database, benchmark)
        counts = {stage.name: Count(**progress["counts"].get(stage.name, {})) for stage in stages}
        documents = itertools.islice(documents, progress["documents"], None)
        for shard in itertools.count(progress["shards"]):
            read = list(itertools.islice(documents, arguments.shard))
            if not read:
                break
            kept = [made for document in read for made in through(document, stages, counts)]
            _write_shard(output_dir / f"part-{shard:05d}.parquet", kept)
            _write_removed(output_dir / REMOVED, progress["removed_bytes"], removed)
            progress["removed_bytes"] = (output_dir / REMOVED).stat().st_size
            removed.clear()
            progress["documents"] += len(read)
            progress["shards"] = shard + 1
            progress["counts"] = {name: dataclasses.asdict(count) for name, count in counts.items()}
            # Document hashes and progress are committed in one transaction.
            database.execute("UPDATE progress SET value = ?", (json.dumps(progress),))
            database.commit()
    finally:
        database.close()
    write_json(output_dir / COUNTS, {name: dataclasses.asdict(count) for name, count in counts.items()})
    _write_card(output_dir, arguments, counts)
    return counts


def _documents(arguments: CorpusArguments) -> Iterator[Document]:
    sources: dict[str, Any] = arguments.sources or {str(arguments.dataset_name or ""): ()}
    for name, paths in sources.items():
        rows = open_corpus(paths, dataset_name=arguments.dataset_name, streaming=True)
        for number, (row, text) in enumerate(documents_of(rows, arguments.text_column, name)):
            yield Document(text, name, str(row.get("id", number)))


def _progress(database: sqlite3.Connection, arguments: CorpusArguments) -> dict[str, Any]:
    settings = json.loads(json.dumps(dataclasses.asdict(arguments)))
    settings.pop("output_dir")
    database.execute("CREATE TABLE IF NOT EXISTS progress (value TEXT)")
    row = database.execute("SELECT value FROM progress").fetchone()
    if row is None:
        progress: dict[str, Any] = {
            "settings": settings, "documents": 0, "shards": 0, "counts": {}, "removed_bytes": 0,
        }  # fmt: skip
        database.execute("INSERT INTO progress VALUES (?)", (json.dumps(progress),))
        database.commit()
        return progress
    progress = json.loads(row[0])
    differ = [name for name in settings if progress["settings"].get(name) != settings[name]]
    if differ:
        raise ValueError(
            f"{arguments.output_dir} holds a corpus with different settings ({', '.join(differ)}); expected "
            "another --output_dir."
        )
    return progress


def _stages(
    arguments: CorpusArguments, database: sqlite3.Connection, benchmark: Benchmark | None
) -> list[Stage]:
    makers: dict[str, Callable[[], Stage | None]] = {
        "normalise": Normalise,
        "korean": Korean,
        "sentences": SentenceSplitter,
        "length": lambda: Length(arguments.minimum, arguments.minima),
        "exact_duplicates": lambda: ExactDuplicates(database),
        "near_duplicates": lambda: NearDuplicates(database),
        "benchmark": lambda: benchmark,
        "pseudonyms": lambda: Pseudonyms(Pseudonymiser(seed=arguments.seed)),
    }
    made = [make() for name, make in makers.items() if name not in arguments.skip]
    return [stage for stage in made if stage is not None]


def _benchmark(arguments: CorpusArguments, removed: list[dict[str, Any]]) -> Benchmark:
    source = {} if arguments.benchmark == OFFICIAL else {"data_dir": arguments.benchmark}
    return Benchmark(all_sentences(**source), arguments.threshold, removed.append)


def _write_shard(path: Path, documents: Sequence[Document]) -> None:
    table = pa.Table.from_pylist([dataclasses.asdict(one) for one in documents], schema=SCHEMA)
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(table, partial, compression="zstd")
    os.replace(partial, path)


def _write_removed(path: Path, size: int, rows: Sequence[dict[str, Any]]) -> None:
    """Truncate the list of removed documents to ``size``, and append to it."""
    with path.open("ab") as file:
        file.truncate(size)
    with path.open("a", encoding="utf-8") as text:
        text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_card(output_dir: Path, arguments: CorpusArguments, counts: dict[str, Count]) -> None:
    sources = list(arguments.sources) or [str(arguments.dataset_name)]
    card = render(
        "corpus.md",
        name=output_dir.resolve().name,
        sources=sources,
        counts=counts,
        minima={name: size for name, size in arguments.minima.items() if name in sources},
        minimum=arguments.minimum,
        threshold=arguments.threshold,
        removed=REMOVED,
        version=__version__,
    )
    (output_dir / "README.md").write_text(card, encoding="utf-8")


def command(given: argparse.Namespace) -> None:
    """Run ``recipes.corpus build``, and print the counts of each stage.

    Raises:
        ValueError: A setting or a document is invalid.
    """
    names = ("dataset_name", "text_column", "minimum", "threshold", "shard", "seed")
    values = {name: value for name in names if (value := getattr(given, name)) is not None}
    sources: dict[str, list[str]] = {}
    for name, path in _pairs("source", given.source):
        sources.setdefault(name, []).append(path)
    if given.minimum_of:
        minima = dict(_pairs("minimum_of", given.minimum_of))
        for name, size in minima.items():
            if name not in sources or not size.isdigit():
                raise ValueError(
                    f"--minimum_of {name}={size}: expected the name of a --source and a number of characters."
                )
        values["minima"] = {name: int(size) for name, size in minima.items()}
    skip = (*given.skip, *(() if given.sentences else ("sentences",)))
    counts = build_corpus(
        CorpusArguments(str(given.output_dir), sources, skip=skip, benchmark=given.benchmark or "", **values)
    )
    if not given.benchmark:
        print("Sentences of KLUE were not removed: there is no --benchmark.", file=sys.stderr)
    for stage, count in counts.items():
        print(f"{stage:<18}{count.documents_in:>12,} documents in {count.documents_out:>12,} out")


def _pairs(flag: str, words: Sequence[str]) -> list[tuple[str, str]]:
    """Parse arguments ``NAME=VALUE``.

    Raises:
        ValueError: An argument has no name or no value.
    """
    pairs = []
    for word in words:
        name, _, value = word.partition("=")
        if not name or not value:
            raise ValueError(f"--{flag} {word}: expected NAME=VALUE.")
        pairs.append((name, value))
    return pairs
