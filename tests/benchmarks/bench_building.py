"""Compare time and peak memory of our builders and row-wise builders with json and csv.

    make bench

The rows of the real files in ../shared are repeated up to the official number. Each build runs in its own
process, a second time since datasets imports modules lazily. Both builders alternate three times, and the
best time counts. Our data is then loaded again from the cache.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 3


def write_ynat(shared: Path, folder: Path) -> Path:
    records = json.loads((shared / "data/klue-small/ynat-v1.1/ynat-v1.1_train.json").read_text())
    path = folder / "ynat.json"
    path.write_text(json.dumps(list(islice(cycle(records), 45_678)), ensure_ascii=False))
    return path


def write_ner(shared: Path, folder: Path) -> Path:
    text = (shared / "data/klue-v1.1-dev/klue-ner-v1.1/klue-ner-v1.1_dev.tsv").read_text()
    lines = text.split("\n")
    sentences = "\n".join(lines[5:]).strip("\n").split("\n\n")
    path = folder / "ner.tsv"
    path.write_text("\n".join(lines[:5]) + "\n" + "\n\n".join(islice(cycle(sentences), 21_008)) + "\n\n")
    return path


def ours(task: str, path: str, cache: str) -> int:
    from klue_datasets.loading import build, make_builder

    builder = make_builder(task, data_files=path, hub_compatible=True, cache_dir=cache)
    build(builder)
    return int(builder.info.splits["train"].num_examples)


def row_wise(task: str, path: str, cache: str) -> int:
    import datasets

    from klue_datasets.loading import make_builder

    info = make_builder(task, data_files=path, hub_compatible=True, cache_dir=cache).info

    class RowWise(datasets.GeneratorBasedBuilder):
        def _info(self) -> datasets.DatasetInfo:
            return datasets.DatasetInfo(features=info.features)

        def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
            return [datasets.SplitGenerator("train", {"path": path})]

        def _generate_examples(self, path: str) -> Iterator[tuple[int, dict]]:
            with open(path, encoding="utf-8", newline="") as file:
                yield from enumerate({"ynat": ynat_rows, "ner": ner_rows}[task](file))

    builder = RowWise(cache_dir=cache)
    builder.download_and_prepare()
    return int(builder.info.splits["train"].num_examples)


def ynat_rows(file: Any) -> Iterator[dict]:
    for record in json.load(file):
        yield {name: record.get(name, "") for name in ("guid", "title", "label", "url", "date")}


def ner_rows(file: Any) -> Iterator[dict]:
    reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    for _ in range(5):
        next(reader)
    sentence, tokens, tags = "", [], []
    for row in reader:
        if not row:
            yield {"sentence": sentence, "tokens": tokens, "ner_tags": tags}
        elif row[0].startswith("##"):
            sentence, tokens, tags = row[1], [], []
        else:
            tokens.append(row[0])
            tags.append(row[1])


@pytest.mark.parametrize(
    ("task", "write", "rows"), [("ynat", write_ynat, 45_678), ("ner", write_ner, 21_008)]
)
def test_building(task: str, write: Any, rows: int, shared: Path, tmp_path: Path, python: Any) -> None:
    path = write(shared, tmp_path)
    best: dict[str, tuple[float, float]] = {}
    hits: dict[str, float] = {}
    for count in range(ROUNDS):
        for who in ("ours", "row_wise"):
            done = python(__file__, who, task, path, tmp_path / f"{who}-{count}", cwd=tmp_path)
            found, seconds, megabytes, hit = json.loads(done.stdout.splitlines()[-1])
            assert found == rows
            best[who] = min(best.get(who, (seconds, megabytes)), (seconds, megabytes))
            hits[who] = min(hits.get(who, hit), hit)
    times = best["row_wise"][0] / best["ours"][0]
    print(f"\nbuilding {task}, {rows:,} rows: {times:.1f} times faster than row by row")
    for who, (seconds, megabytes) in best.items():
        hit = f", {hits[who] * 1_000:.0f} ms from the cache" if who == "ours" else ""
        print(f"  {who}: {seconds:.2f} s, peak {megabytes:.0f} MB{hit}")
    assert times >= 3
    assert hits["ours"] < 0.05


if __name__ == "__main__":
    # The checkout that this file is in, whichever is installed.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import datasets

    from klue_datasets import load

    datasets.disable_progress_bars()
    who, task, path, cache = sys.argv[1:]
    build = {"ours": ours, "row_wise": row_wise}[who]
    build(task, path, f"{cache}-first")
    start = time.perf_counter()
    count = build(task, path, cache)
    seconds = time.perf_counter() - start
    # Not getrusage: its maximum is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    start = time.perf_counter()
    if who == "ours":  # the same again: the file is hashed, and the rows are there
        load(task, data_files=path, hub_compatible=True, cache_dir=cache)
    print(json.dumps([count, seconds, peak, time.perf_counter() - start]))
