"""Run a trained model on files of raw text and on typed lines."""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from klue_datasets.raw_files import extension, read_lines, read_text
from klue_datasets.tasks import get_task
from recipes.engine.inference import KluePipeline, load_pipeline
from recipes.engine.results import strict, write_json_lines, write_text
from recipes.tasks import get_recipe
from recipes.tasks.dp.conllu import Sentence, read_conllu, write_conllu
from recipes.tasks.wos.turns import converse, dialogues

PAIRS = ("sts", "nli", "mrc")  # tasks with two texts as input
OBJECTS = ("re", "mrc")  # tasks whose lines of text or standard input may be JSON objects
JSON, CONLLU = (".jsonl", ".json"), ".conllu"


def command(arguments: argparse.Namespace) -> int:
    """Run ``recipes.predict``; return 1 if the model could not answer an input."""
    return int(predict(arguments) > 0)


def predict(arguments: argparse.Namespace) -> int:
    """Answer the inputs; an output file is written completely or not at all.

    Returns:
        The number of inputs that could not be answered, for which messages are printed to standard error.
    """
    task = get_task(arguments.task).name
    if arguments.to_conllu and task != "dp":
        raise ValueError(f"{task} has no trees to write as CoNLL-U; expected --to_conllu with dp only.")
    options = ("device", "batch_size", "top_k", "bf16", "trust_remote_code")
    answer = load_pipeline(task, arguments.model, **{name: getattr(arguments, name) for name in options})
    source = str(arguments.input) if arguments.input else None
    wrong: list[str] = []
    if task == "wos" and source is None and arguments.output is None:
        _print(_converse(answer, wrong))
        return len(wrong)
    answers = answered(answer, read_items(task, source), wrong)
    progress = tqdm(answers, unit=" inputs", disable=None if arguments.output else True)
    if arguments.to_conllu:
        _write_conllu(progress, arguments.output)
    elif arguments.output:
        write_json_lines(arguments.output, _present(progress, task, source))
    else:
        _print(_present(progress, task, source))
    return len(wrong)


def answered(
    answer: KluePipeline, items: Iterable[tuple[int, Any]], wrong: list[str]
) -> Iterator[tuple[int, Any, Any]]:
    """Answer items lazily, in order.

    Args:
        answer: The pipeline.
        items: Numbers and inputs from ``read_items``.
        wrong: List to which a message is appended for each item that is a ValueError.

    Yields:
        Number, input and answer of each item; the answer may be None.
    """
    waiting: collections.deque[tuple[int, Any]] = collections.deque()

    def usable() -> Iterator[Any]:
        for number, item in items:
            waiting.append((number, item))
            if isinstance(item, ValueError):
                _report(item, wrong)
            elif item is not None:
                yield item

    for result in answer.stream(usable()):
        while waiting[0][1] is None or isinstance(waiting[0][1], ValueError):
            yield (*waiting.popleft(), None)
        yield (*waiting.popleft(), result)
    while waiting:
        yield (*waiting.popleft(), None)


def _report(error: ValueError, wrong: list[str]) -> None:
    wrong.append(str(error))
    print(f"{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)


def read_items(task: str, path: str | None) -> Iterator[tuple[int, Any]]:
    """Read inputs from a file or standard input, one by one.

    Yields:
        The number of the input from 1 (its line, the first line of a dialogue, or the number of a sentence in
        CoNLL-U), and the input: None for a blank line, and a ValueError for an input that is not valid JSON,
        UTF-8 or input of the task.

    Raises:
        ValueError: A file with the extension of CoNLL-U is not valid CoNLL-U.
    """
    if task == "dp" and _extension(path) == CONLLU:
        yield from enumerate(read_conllu(read_text(str(path))), start=1)
        return
    raw_input, name = get_recipe(task).raw_input, path or "standard input"
    lines = enumerate(read_lines(path) if path else _typed_lines(), start=1)
    if task == "wos" and _extension(path) not in JSON:
        yield from dialogues(_texts(task, name, lines))
        return
    for number, raw in lines:
        try:
            item = _item(task, _decoded(raw, f"{task}: {name}:{number}"), path)
            if item is not None:
                raw_input.read(item)
            yield number, item
        except ValueError as error:
            place = f"{name}:{number}"
            yield number, error if place in str(error) else ValueError(f"{place}: {error}")


def _texts(
    task: str, name: str, lines: Iterable[tuple[int, bytes]]
) -> Iterator[tuple[int, str | ValueError]]:
    for number, raw in lines:
        try:
            yield number, _decoded(raw, f"{task}: {name}:{number}")
        except ValueError as error:
            yield number, error


def _typed_lines() -> Iterator[bytes]:
    for line in sys.stdin.buffer:
        yield from line.splitlines()


def _item(task: str, line: str, path: str | None) -> Any:
    """Parse an input of the task; return None for a blank line."""
    if not line.strip():
        return None
    if _extension(path) in JSON or (task in OBJECTS and line.lstrip().startswith("{")):
        try:
            item = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{task}: the line is not JSON ({error}).") from error
        return None if isinstance(item, str) and not item.strip() else item
    if task in PAIRS:
        texts = line.split("\t")
        if len(texts) != 2:
            raise ValueError(
                f"{task}: the line has {len(texts) - 1} tabs; expected two texts with a tab between."
            )
        return texts
    return line


def _extension(path: str | None) -> str:
    return extension(path) if path else ""  # standard input has none


def _decoded(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is not UTF-8 text ({error}).") from error


def _present(results: Iterable[tuple[int, Any, Any]], task: str, path: str | None) -> Iterator[Any]:
    """Convert an answer to JSON."""
    for number, item, result in results:
        if isinstance(item, ValueError):
            yield {"line": number, "error": str(item)}
            continue
        if task == "wos" and _extension(path) not in JSON:
            yield from ({"line": number + 2 * turn["turn"], **turn} for turn in result)
            continue
        shown = list(item.words) if hasattr(item, "words") else item
        key = "sentence" if _extension(path) == CONLLU else "line"
        yield {key: number, "input": "" if item is None else shown, "prediction": result}


def _print(answers: Iterable[Any]) -> None:
    for answer in answers:
        print(json.dumps(strict(answer), ensure_ascii=False), flush=True)


def _converse(answer: KluePipeline, wrong: list[str]) -> Iterator[Any]:
    prompts = ("user> ", "system> ") if sys.stdin.isatty() else ("", "")

    def texts() -> Iterator[str | ValueError]:
        for _, text in _texts("wos", "standard input", enumerate(_typed_lines(), start=1)):
            if isinstance(text, ValueError):
                _report(text, wrong)
            yield text

    return converse(answer, texts(), lambda speaker: print(prompts[speaker], end="", flush=True))


def _write_conllu(results: Iterable[tuple[int, Any, Any]], path: Path | None) -> None:
    """Write trees as CoNLL-U; for lines of text, sent_id is the line number, and blank lines are skipped."""
    texts = (
        write_conllu(
            words, item if isinstance(item, Sentence) else Sentence((), comments=[f"# sent_id = {n}"])
        )
        for n, item, words in results
        if words is not None
    )
    if path:
        write_text(path, texts)
        return
    for text in texts:
        print(text, end="", flush=True)
