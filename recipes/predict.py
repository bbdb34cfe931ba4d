"""Answer raw text with a trained model: a file in, one JSON object a line out.

    python -m recipes.predict --task ner --model out/ner --input sentences.txt
    python -m recipes.predict --task mrc --model out/mrc --input questions.jsonl --output answers.jsonl
    python -m recipes.predict --task dst --model out/dst      # a dialogue, while you type it
    echo "박보검 담주에 파리 화보 촬영 간대!" | python -m recipes.predict --task ner --model out/ner

A .jsonl file holds one input a line as JSON (text, or an object with the task's fields); a .conllu file (dp)
holds sentences; any other file, or standard input, one text a line. Texts of two parts (sts, nli; mrc:
question and passage) have a tab between them.

Every input line has one answer, which gives its number as "line"; the answer to a blank line is null. Where
the model did not read the whole input, the answer has "truncated": true.

Text for dst is dialogues: user and system take turns, and a blank line starts a new dialogue. Every line of
the user has one answer. Answers are given while you type, unless --input or --output is a file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from klue_datasets.optional import needs
from klue_datasets.raw_files import read_bytes
from klue_datasets.tasks import ALIASES, get_task
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.wos.turns import converse, dialogues

PAIRS = ("sts", "nli", "mrc")  # tasks whose input is two texts
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
        "--trust_remote_code", action="store_true", help="run the code that the model brings: read it first"
    )
    parser.add_argument("--to_conllu", action="store_true", help="dp: write CoNLL-U in place of JSON")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, ... (default: the GPU if there is one)")
    return parser


@needs("train")
def main(argv: Sequence[str] | None = None) -> int:
    """Reads the command line and answers; returns 1 with a sentence on standard error if it cannot."""
    arguments = make_parser().parse_args(argv)
    try:
        predict(arguments)
    except (ValueError, OSError) as error:
        print(f"predict: {error}", file=sys.stderr)
        return 1
    return 0


def predict(arguments: argparse.Namespace) -> None:
    """Answers what the arguments name; a file is written whole or not at all."""
    from recipes.engine.results import strict, write_json_lines

    task = get_task(arguments.task).name
    if arguments.to_conllu and task != "dp":
        raise ValueError(f"{task} has no trees to write as CoNLL-U; expected --to_conllu with dp only.")
    is_typed = task == "wos" and arguments.input is None and arguments.output is None
    inputs = [] if is_typed else list(read_items(task, arguments.input))
    options = ("device", "batch_size", "trust_remote_code")
    answer = load_pipeline(task, arguments.model, **{name: getattr(arguments, name) for name in options})
    if is_typed:
        answers = _converse(answer)
    else:
        results = answer.stream(item for _, item in inputs if item is not None)
        answered = ((line, item, None if item is None else next(results)) for line, item in inputs)
        if arguments.to_conllu:
            _write_conllu(answered, arguments.output)
            return
        answers = _present(answered, task, arguments.input)
    if arguments.output:
        write_json_lines(Path(arguments.output), answers)
        return
    for line in answers:
        print(json.dumps(strict(line), ensure_ascii=False), flush=True)


def read_items(task: str, path: str | None) -> Iterator[tuple[int, Any]]:
    """The inputs in a file, or on standard input.

    Yields:
        The number of the input (its line, in text for dst the first line of the dialogue, in CoNLL-U the
        number of the sentence; all from 1), and the input; None for a blank line.

    Raises:
        ValueError: A line is not JSON or not UTF-8, not what the task takes, or not the CoNLL-U that the name
            of the file promises.
    """
    if task == "dp" and _is(path, ".conllu"):
        from recipes.tasks.dp.conllu import read_conllu

        yield from enumerate(read_conllu(read_bytes(str(path)).decode("utf-8-sig")), start=1)
        return
    name = path or "standard input"
    lines = enumerate((read_bytes(path) if path else sys.stdin.buffer.read()).splitlines(), start=1)
    if task == "wos" and not _is(path, *JSON):
        texts = ((number, _decoded(raw, f"{task}: {name}:{number}")) for number, raw in lines)
        yield from dialogues(texts)
        return
    recipe = get_recipe(task)
    for number, raw in lines:
        place = f"{task}: {name}:{number}"
        line = _decoded(raw, place)
        item: Any = line
        if _is(path, *JSON):
            try:
                item = json.loads(line) if line.strip() else ""
            except ValueError as error:
                raise ValueError(f"{place} is not JSON ({error}).") from error
        if isinstance(item, str) and not item.strip():
            yield number, None
            continue
        if task in PAIRS and not _is(path, *JSON):
            item = line.split("\t")
            if len(item) != 2:
                raise ValueError(f"{place} has {len(item) - 1} tabs; expected two texts with a tab between.")
        try:
            recipe.read_input(item)
        except ValueError as error:
            raise ValueError(f"{name}:{number}: {error}") from error
        yield number, item


def _is(path: str | None, *endings: str) -> bool:
    return path is not None and path.endswith(endings)


def _decoded(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is not UTF-8 text ({error}).") from error


def _present(answered: Iterable[tuple[int, Any, Any]], task: str, path: str | None) -> Iterator[Any]:
    """The answers as JSON has them."""
    for number, item, result in answered:
        if task == "wos" and not _is(path, *JSON):
            yield from ({"line": number + 2 * turn["turn"], **turn} for turn in result)
            continue
        shown = list(item.words) if hasattr(item, "words") else item
        key = "sentence" if _is(path, ".conllu") else "line"
        yield {key: number, "input": "" if item is None else shown, "prediction": result}


def _converse(answer: KluePipeline) -> Iterator[Any]:
    prompts = ("user> ", "system> ") if sys.stdin.isatty() else ("", "")
    return converse(answer, sys.stdin, lambda speaker: print(prompts[speaker], end="", flush=True))


def _write_conllu(answered: Iterable[tuple[int, Any, Any]], path: str | None) -> None:
    """Writes trees; those of text lines have the line's number as sent_id, and blank lines have none."""
    from recipes.tasks.dp.conllu import Sentence, write_conllu

    texts = (
        write_conllu(
            words, item if isinstance(item, Sentence) else Sentence((), comments=[f"# sent_id = {n}"])
        )
        for n, item, words in answered
        if item is not None
    )
    if path:
        Path(path).write_text("".join(texts), encoding="utf-8")
        return
    for text in texts:
        print(text, end="", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
