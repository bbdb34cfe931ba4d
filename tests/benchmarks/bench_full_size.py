"""Measure time and memory of building, encoding and the first batch for data of full size.

The rows of klue-small are repeated up to the number of rows of the official train files. Each task runs in
its own process, without a cache, with one thread of torch.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

ROWS = {
    "ynat": 45_678, "sts": 11_668, "nli": 24_998, "ner": 21_008, "re": 32_470, "dp": 10_000, "mrc": 17_554,
    "wos": 8_000,
}  # fmt: skip
COMMENTS = {"ner": 5, "dp": 5}  # lines at the top of a file


def write_full(task: str, small: Path, folder: Path) -> None:
    """Write a train file of the official size into a folder that looks like KLUE's."""
    [source] = small.glob(f"*{task}*/*_train.*")
    target = folder / source.parent.name
    target.mkdir()
    text = source.read_text(encoding="utf-8")
    if task in COMMENTS:
        lines = text.split("\n")
        head, sentences = (
            lines[: COMMENTS[task]],
            "\n".join(lines[COMMENTS[task] :]).strip("\n").split("\n\n"),
        )
        text = "\n".join([*head, *([""] if task == "dp" else [])]) + "\n"
        text += "\n\n".join(islice(cycle(sentences), ROWS[task])) + "\n\n"
    else:
        data = json.loads(text)
        if task == "mrc":
            data["data"] = list(articles(data["data"]))
        else:
            data = list(islice(cycle(data), ROWS[task]))
        text = json.dumps(data, ensure_ascii=False)
    (target / source.name).write_text(text, encoding="utf-8")
    for more in ("ontology.json", "relation_list.json"):
        if (source.parent / more).is_file():
            (target / more).write_bytes((source.parent / more).read_bytes())


def articles(data: list[Any]) -> Any:
    """Repeat articles until there are as many questions as in the official file."""
    questions = 0
    for article in cycle(data):
        if questions >= ROWS["mrc"]:
            return
        questions += sum(len(paragraph["qas"]) for paragraph in article["paragraphs"])
        yield article


def measure(task: str, folder: str, model: str) -> dict[str, float]:
    """Build, encode and make the first batch."""
    import torch

    from klue_datasets import load
    from recipes.engine.command_line import make_parser, parse
    from recipes.engine.encoding import Collator, encode_split
    from recipes.engine.modeling import load_model
    from recipes.tasks import get_recipe

    torch.set_num_threads(1)
    arguments = parse(make_parser(task, ""), task, ["--model_name_or_path", model, "--do_train"])
    recipe = get_recipe(task, arguments)
    start = time.perf_counter()
    raw = load(task, "train", data_dir=folder, cache_dir=f"{folder}/cache")
    built = time.perf_counter()
    rows = recipe.prepare(raw)
    loaded = load_model(recipe, arguments, {"train": rows})
    before = time.perf_counter()
    split = encode_split(recipe, rows, loaded)
    encoded = time.perf_counter()
    inputs = split.training_inputs(loaded.config, 42)
    Collator(recipe, loaded)([inputs[row] for row in range(16)])
    batched = time.perf_counter()
    return {
        "rows": len(raw), "features": len(split.features), "build": built - start, "encode": encoded - before,
        "batch": batched - encoded, "GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }  # fmt: skip


@pytest.mark.parametrize("task", ROWS)
def test_full_size(task: str, shared: Path, tmp_path: Path, cold_python: Any) -> None:
    write_full(task, shared / "data/klue-small", tmp_path)
    done = cold_python(__file__, task, tmp_path, shared / "models/e5-small-ko")
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\n{task:<5} {found['rows']:>6,} rows, {found['features']:>6,} features: "
        f"build {found['build']:.1f} s, encode {found['encode']:.1f} s, "
        f"first batch {found['batch']:.2f} s, peak {found['GB']:.2f} GB"
    )
    assert found["rows"] >= ROWS[task]
    assert found["GB"] < 2


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    print(json.dumps(measure(*sys.argv[1:])))
