"""Answer raw text with a trained model: a file in, one JSON object per line out.

    python -m recipes.predict --task ner --model out/ner --input sentences.txt
    python -m recipes.predict --task mrc --model out/mrc --input questions.jsonl --output answers.jsonl
    python -m recipes.predict --task re --model out/re --input pairs.jsonl --top_k 3
    python -m recipes.predict --task dst --model out/dst      # a dialogue, while you type it
    echo "박보검 담주에 파리 화보 촬영 간대!" | python -m recipes.predict --task ner --model out/ner

A .jsonl file holds one input a line as JSON (text, or an object with the task's fields); a .conllu file (dp)
holds sentences; any other file, or standard input, one text a line. Texts of two parts (sts, nli; mrc:
question and passage) have a tab between them; for re and mrc a line may be a JSON object. Files are read as
they are answered, so they may be larger than memory.

Every input line has one answer, which gives its number as "line"; the answer to a blank line is null. Where
the model did not read the whole input, the answer has "truncated": true. A line that the task cannot take has
an "error" in place of an answer, and the status is 1 in the end.

Text for dst is dialogues: user and system take turns, and a blank line starts a new dialogue. Every line of
the user has one answer. Answers are given while you type, unless --input or --output is a file.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.optional import needs
from klue_datasets.raw_files import read_bytes, read_lines
from klue_datasets.tasks import ALIASES, get_task
from recipes.engine.imports import without_collection
from recipes.engine.results import strict, write_json_lines
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.dp.conllu import Sentence, read_conllu, write_conllu
from recipes.tasks.wos.turns import converse, dialogues

PAIRS = ("sts", "nli", "mrc")  # tasks whose input is two texts
OBJECTS = ("re", "mrc")  # tasks whose input may be a JSON object on a line of text or standard input
JSON = (".jsonl", ".json")

if TYPE_CHECKING:
    from recipes.engine.inference import KluePipeline


def load_pipeline(task: str, model: str | Path, **options: Any) -> KluePipeline:
    """A trained model that answers raw input; see ``recipes.engine.inference.load_pipeline``."""
    from recipes.engine import inference

    return inference.load_pipeline(task, model, **options)


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    names = [*SCRIPTS, *(alias for alias, task in ALIASES.items() if task in SCRIPTS)]
    parser.add_argument("--task", required=True, choices=names, help="which task")
    parser.add_argument("--model", required=True, metavar="DIR", help="a run's output folder, or a Hub id")
    parser.add_argument("--input", metavar="FILE", help="what to answer (default: standard input)")
    parser.add_argument("--output", metavar="FILE", help="where to write (default: standard output)")
    parser.add_argument(
        "--batch_size",
        type=int,
        default=32,
        metavar="N",
        help="inputs that the model reads at once (default: 32)",
    )
    parser.add_argument(
        "--top_k",
        type=int,
        metavar="K",
        help="ynat, nli, re, mrc: give a list of the K best answers to each input",
    )
    parser.add_argument(
        "--trust_remote_code", action="store_true", help="run the code that the model brings: read it first"
    )
    parser.add_argument("--to_conllu", action="store_true", help="dp: write CoNLL-U in place of JSON")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, ... (default: the GPU if there is one)")
    return parser


@needs("train")
def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and answer; return 1 with a sentence on standard error if it cannot."""
    arguments = make_parser().parse_args(argv)
    try:
        wrong = predict(arguments)
    except (ValueError, OSError) as error:
        print(f"predict: {error}", file=sys.stderr)
        return 1
    return int(wrong > 0)


def predict(arguments: argparse.Namespace) -> int:
    """Answer what the arguments name; a file is written whole or not at all.

    Returns:
        How many inputs could not be answered. Standard error says why, and the others are answered.
    """
    task = get_task(arguments.task).name
    if arguments.to_conllu and task != "dp":
        raise ValueError(f"{task} has no trees to write as CoNLL-U; expected --to_conllu with dp only.")
    if arguments.input and not Path(arguments.input).is_file():
        raise FileNotFoundError(f"{task}: there is no file {arguments.input}; expected the inputs there.")
    with without_collection():
        import recipes.engine.inference  # noqa: F401  (what load_pipeline needs)
    options = ("device", "batch_size", "top_k", "trust_remote_code")
    answer = load_pipeline(task, arguments.model, **{name: getattr(arguments, name) for name in options})
    if task == "wos" and arguments.input is None and arguments.output is None:
        _print(_converse(answer))
        return 0
    wrong: list[str] = []
    answers = answered(answer, read_items(task, arguments.input), wrong)
    progress = tqdm(answers, unit=" inputs", disable=None if arguments.output else True)
    if arguments.to_conllu:
        _write_conllu(progress, arguments.output)
    elif arguments.output:
        write_json_lines(Path(arguments.output), _present(progress, task, arguments.input))
    else:
        _print(_present(progress, task, arguments.input))
    return len(wrong)


def answered(
    answer: KluePipeline, items: Iterable[tuple[int, Any]], wrong: list[str]
) -> Iterator[tuple[int, Any, Any]]:
    """Answer items in order, reading no more of them ahead than the model needs.

    Args:
        answer: The model.
        items: Numbers and inputs, as ``read_items`` gives them.
        wrong: Gets a sentence for each item that is a ValueError.

    Yields:
        Number, input and answer of each item; the answer is None where there is none.
    """
    waiting: collections.deque[tuple[int, Any]] = collections.deque()

    def usable() -> Iterator[Any]:
        for number, item in items:
            waiting.append((number, item))
            if isinstance(item, ValueError):
                wrong.append(str(item))
                print(f"predict: {item}", file=sys.stderr)
            elif item is not None:
                yield item

    for result in answer.stream(usable()):
        while waiting[0][1] is None or isinstance(waiting[0][1], ValueError):
            yield (*waiting.popleft(), None)
        yield (*waiting.popleft(), result)
    while waiting:
        yield (*waiting.popleft(), None)


def read_items(task: str, path: str | None) -> Iterator[tuple[int, Any]]:
    """Read the inputs in a file, or on standard input, one after the other.

    Yields:
        The number of the input (its line, in text for dst the first line of the dialogue, in CoNLL-U the
        number of the sentence; all from 1), and the input: None for a blank line, a ValueError for one that
        is not JSON or not UTF-8, or not what the task takes.

    Raises:
        ValueError: The file is not the CoNLL-U that its name promises.
    """
    if task == "dp" and _is(path, ".conllu"):
        yield from enumerate(read_conllu(read_bytes(str(path)).decode("utf-8-sig")), start=1)
        return
    raw_input, name = get_recipe(task).raw_input, path or "standard input"
    lines = enumerate(read_lines(path) if path else _typed_lines(), start=1)
    if task == "wos" and not _is(path, *JSON):
        texts = ((number, _decoded(raw, f"{task}: {name}:{number}")) for number, raw in lines)
        yield from dialogues(texts)
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


def _typed_lines() -> Iterator[bytes]:
    for line in sys.stdin.buffer:
        yield from line.splitlines()


def _item(task: str, line: str, path: str | None) -> Any:
    """An input as the task takes it; None for a blank line."""
    if not line.strip():
        return None
    if _is(path, *JSON) or (task in OBJECTS and line.lstrip().startswith("{")):
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


def _is(path: str | None, *endings: str) -> bool:
    return path is not None and path.endswith(endings)


def _decoded(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is not UTF-8 text ({error}).") from error


def _present(results: Iterable[tuple[int, Any, Any]], task: str, path: str | None) -> Iterator[Any]:
    """The answers as JSON has them."""
    for number, item, result in results:
        if isinstance(item, ValueError):
            yield {"line": number, "error": str(item)}
            continue
        if task == "wos" and not _is(path, *JSON):
            yield from ({"line": number + 2 * turn["turn"], **turn} for turn in result)
            continue
        shown = list(item.words) if hasattr(item, "words") else item
        key = "sentence" if _is(path, ".conllu") else "line"
        yield {key: number, "input": "" if item is None else shown, "prediction": result}


def _print(answers: Iterable[Any]) -> None:
    for answer in answers:
        print(json.dumps(strict(answer), ensure_ascii=False), flush=True)


def _converse(answer: KluePipeline) -> Iterator[Any]:
    prompts = ("user> ", "system> ") if sys.stdin.isatty() else ("", "")
    return converse(answer, sys.stdin, lambda speaker: print(prompts[speaker], end="", flush=True))


def _write_conllu(results: Iterable[tuple[int, Any, Any]], path: str | None) -> None:
    """Write trees; those of text lines have the line's number as sent_id, and blank lines have none."""
    texts = (
        write_conllu(
            words, item if isinstance(item, Sentence) else Sentence((), comments=[f"# sent_id = {n}"])
        )
        for n, item, words in results
        if words is not None
    )
    if path:
        Path(path).write_text("".join(texts), encoding="utf-8")
        return
    for text in texts:
        print(text, end="", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
