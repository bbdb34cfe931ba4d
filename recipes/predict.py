"""Answer raw text with a trained model: a file in, one JSON object a line out.

    python -m recipes.predict --task ner --model out/ner --input sentences.txt
    python -m recipes.predict --task mrc --model out/mrc --input questions.jsonl --output answers.jsonl
    python -m recipes.predict --task dst --model out/dst      # a dialogue, while you type it
    echo "박보검 담주에 파리 화보 촬영 간대!" | python -m recipes.predict --task ner --model out/ner

A .jsonl file holds one input a line as JSON (text, or an object with the task's fields); a .conllu file (dp)
holds sentences; any other file, or standard input, one text a line. Texts of two parts (nli, sts) have a tab
between them.
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
from klue_datasets.tasks import ALIASES, get_task
from recipes.tasks import SCRIPTS

PAIRS = ("sts", "nli")  # tasks with two texts an input

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
    if task == "wos" and arguments.input is None and arguments.output is None:
        converse(arguments)
        return
    if arguments.to_conllu and task != "dp":
        raise ValueError(f"{task} has no trees to write as CoNLL-U; expected --to_conllu with dp only.")
    items = list(read_items(task, arguments.input))
    answer = _pipeline(task, arguments)
    pairs = zip(items, answer.stream(items), strict=True)
    if arguments.to_conllu:
        _write_conllu(pairs, arguments.output)
        return
    answers = ({"input": _shown(item), "prediction": result} for item, result in pairs)
    if arguments.output:
        write_json_lines(Path(arguments.output), answers)
        return
    for line in answers:
        print(json.dumps(strict(line), ensure_ascii=False), flush=True)


def converse(arguments: argparse.Namespace) -> None:
    """Tracks a dialogue while it is typed: user and system in turn; an empty line starts another one."""
    from recipes.engine.results import strict
    from recipes.tasks.wos.states import converse

    answer = _pipeline("wos", arguments)
    prompts = ("user> ", "system> ") if sys.stdin.isatty() else ("", "")
    for turn in converse(answer, sys.stdin, lambda speaker: print(prompts[speaker], end="", flush=True)):
        print(json.dumps(strict(turn), ensure_ascii=False), flush=True)


def _pipeline(task: str, arguments: argparse.Namespace) -> KluePipeline:
    options = ("device", "batch_size", "trust_remote_code")
    return load_pipeline(task, arguments.model, **{name: getattr(arguments, name) for name in options})


def read_items(task: str, path: str | None) -> Iterator[Any]:
    """The inputs in a file, or on standard input; empty lines are left out.

    Raises:
        ValueError: A line of a .jsonl file is not JSON, the file is not UTF-8, or not the CoNLL-U that its
            name says.
    """
    if task == "dp" and path is not None and path.endswith(".conllu"):
        from recipes.tasks.dp.conllu import read_conllu

        yield from read_conllu(Path(path).read_text(encoding="utf-8"))
        return
    is_json = path is not None and path.endswith((".jsonl", ".json"))
    name = path or "standard input"
    data = Path(path).read_bytes() if path else sys.stdin.buffer.read()
    for number, raw in enumerate(data.splitlines(), start=1):
        try:
            line = raw.decode("utf-8")
            item = json.loads(line) if is_json and line.strip() else line
        except ValueError as error:
            kind = "JSON" if is_json else "UTF-8 text"
            raise ValueError(f"{task}: {name}:{number} is not {kind} ({error}).") from error
        if isinstance(item, str):
            if not item.strip():
                continue
            item = item.split("\t") if task in PAIRS and not is_json else item
        yield item


def _shown(item: Any) -> Any:
    """An input as JSON has it."""
    return list(item.words) if hasattr(item, "words") else item


def _write_conllu(pairs: Iterable[tuple[Any, Any]], path: str | None) -> None:
    from recipes.tasks.dp.conllu import Sentence, write_conllu

    texts = (write_conllu(words, item if isinstance(item, Sentence) else None) for item, words in pairs)
    if path:
        Path(path).write_text("".join(texts), encoding="utf-8")
        return
    for text in texts:
        print(text, end="", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
