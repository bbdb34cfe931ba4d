"""Building a set of ynat's size from raw JSON: this package against a row-wise builder, and a cache hit."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import scipy.io  # noqa: F401 (every builder imports it, when first made)

from klue_datasets import load
from klue_datasets.tasks import TASKS

ROWS = TASKS["ynat"].counts["train"]


class RowWise(datasets.GeneratorBasedBuilder):
    """How such builders are usually written: json, then one dictionary a row."""

    VERSION = datasets.Version("1.0.0")

    def __init__(self, *args: object, path: str, **kwargs: object) -> None:
        self.path = path
        super().__init__(*args, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        names = list(TASKS["ynat"].labels)
        columns = dict.fromkeys(("guid", "title", "url", "date"), datasets.Value("string"))
        return datasets.DatasetInfo(
            features=datasets.Features({**columns, "label": datasets.ClassLabel(names=names)})
        )

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(name="train")]

    def _generate_examples(self) -> Iterator[tuple[int, dict]]:
        with open(self.path, encoding="utf-8") as file:
            for index, record in enumerate(json.load(file)):
                yield index, {name: record[name] for name in ("guid", "title", "label", "url", "date")}


def _build_row_wise(path: str, cache: str) -> None:
    RowWise(path=path, cache_dir=cache).download_and_prepare()


def _build_ours(path: str, cache: str) -> None:
    load("ynat", data_files=path, cache_dir=cache)


def _measure(build: Callable[[str, str], None], path: str, cache: str, queue: multiprocessing.Queue) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    build(path, cache)
    seconds = time.perf_counter() - started
    queue.put((seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))


def test_building_45678_rows(tmp_path: Path) -> None:
    labels = TASKS["ynat"].labels
    rows = [
        {
            "guid": f"ynat-v1_train_{index:05d}",
            "title": f"서울 대출금지 {index}억원 초과 아파트 15.5%…강남 3구에 집중",
            "label": labels[index % 7],
            "url": f"https://news.naver.com/main/read.nhn?mode=LS2D&mid=shm&sid1=105&aid={index:010d}",
            "date": "2016.06.30. 오전 10:36",
            "annotations": {"annotators": ["08", "13", "07"], "annotations": {"first-scope": ["경제"] * 3}},
        }
        for index in range(ROWS)
    ]
    path = tmp_path / "ynat-v1.1_train.json"
    path.write_text(json.dumps(rows))
    context = multiprocessing.get_context("fork")
    figures = {}
    for name, build in (("row-wise", _build_row_wise), ("klue_datasets", _build_ours)):
        runs = []
        for trial in range(3):
            queue = context.Queue()
            cache = str(tmp_path / f"{name}-{trial}")
            process = context.Process(target=_measure, args=(build, str(path), cache, queue))
            process.start()
            runs.append(queue.get())
            process.join()
        figures[name] = min(runs)
        print(f"\n{name}: {figures[name][0]:.2f} s, peak memory +{figures[name][1]:.0f} MiB")
    ratio = figures["row-wise"][0] / figures["klue_datasets"][0]
    started = time.perf_counter()
    load("ynat", data_files=path, cache_dir=str(tmp_path / "klue_datasets-0"))
    print(f"{ratio:.1f} times faster; a cache hit takes {1000 * (time.perf_counter() - started):.0f} ms")
    assert ratio > 3
