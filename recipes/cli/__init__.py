"""The command ``klue``, which gives access to all commands of this project.

    klue data export --mini --output_dir hub/klue
    klue train ner --model_name_or_path klue/roberta-base --output_dir out/ner
    klue --lang ko --help

Each command is a module that can also be run directly (``python -m klue_datasets``, ``-m recipes.publish``).
They are listed and described in English or Korean. Large libraries are imported only when needed.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub_cards import __version__
from klue_datasets.commands import needs
from klue_datasets.tasks import ALIASES, get_task
from recipes.cli.languages import LANGUAGES, Language
from recipes.engine.command_line import main as train
from recipes.tasks import SCRIPTS

ALL = "all"  # klue train all: train all tasks with recipes.run_all
HELP = ("-h", "--help")


class CommandError(ValueError):
    """An invalid command line; the message is one sentence."""


@needs()
def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    texts = LANGUAGES[language(os.environ)]
    try:
        texts, words = _options(texts, words)
        if not words:
            print(texts.start())
            return 2
        if words[0] in HELP:
            print(texts.overview())
            return 0
        command, *rest = words
        if command == "--version":
            print(f"klue-hub {__version__}")
            return 0
        if command not in COMMANDS:
            raise CommandError(_unknown(texts, command, COMMANDS))
        return COMMANDS[command](texts, rest)
    except CommandError as error:
        print(f"klue: {error}", file=sys.stderr)
        return 2


def language(environment: Mapping[str, str]) -> str:
    """Return the language of the POSIX environment, or ``en`` if there are no texts in it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "ko" if environment[name].lower().startswith("ko") else "en"
    return "en"


def _options(texts: Language, words: list[str]) -> tuple[Language, list[str]]:
    """Parse --lang at the beginning."""
    while words and words[0].split("=")[0] == "--lang":
        _, is_given, value = words[0].partition("=")
        rest = words[1:]
        if not is_given:
            if not rest:
                raise CommandError(texts.lang_missing.format(languages=", ".join(LANGUAGES)))
            value, *rest = rest
        if value not in LANGUAGES:
            raise CommandError(texts.lang_unknown.format(value=value, languages=", ".join(LANGUAGES)))
        texts, words = LANGUAGES[value], rest
    return texts, words


def _unknown(texts: Language, word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    hint = texts.nearest.format(word=close[0]) if close else ""
    return texts.unknown.format(word=word, known=", ".join(known)) + hint


def _explain(texts: Language, command: str, words: Sequence[str]) -> None:
    """Print an introduction before a module's English help in other languages."""
    if any(word in HELP for word in words) and texts.flags_are_english:
        print(f"{texts.explain(command)}\n\n{texts.flags_are_english}\n", flush=True)


def _run(command: str, module: str, *before: str, prog: str | None = None) -> Callable[..., int]:
    """Create a command that passes its arguments to a module's ``main``.

    Args:
        command: Name of the command.
        module: Name of the module with ``main``.
        *before: Arguments in front of the user's.
        prog: Program name for ``main``; None if it reads ``sys.argv[0]``.
    """

    def run(texts: Language, words: Sequence[str]) -> int:
        _explain(texts, command, words)
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise CommandError(texts.not_here.format(command=command, module=module)) from error
        sys.argv[0] = f"klue {command}"  # shown in messages
        if prog is not None:
            return int(found.main([*before, *words], prog=prog) or 0)
        return int(found.main([*before, *words]) or 0)

    return run


def _train(texts: Language, words: Sequence[str]) -> int:
    names = [*SCRIPTS, *(alias for alias, task in ALIASES.items() if task in SCRIPTS), ALL]
    if not words or words[0] in HELP:
        print(f"{texts.explain('train')}\n\n{texts.which_task.format(tasks=', '.join(names))}")
        return 0 if words else 2
    task, *rest = words
    if task not in names:
        raise CommandError(_unknown(texts, task, names))
    if task == ALL:
        return _run(f"train {ALL}", "recipes.run_all")(texts, rest)
    _explain(texts, "train", rest)
    name = get_task(task).name
    sys.argv[0] = f"klue train {task}"
    train(name, importlib.import_module(f"recipes.train_{SCRIPTS[name]}").__doc__, rest)
    return 0


def _tasks(texts: Language, words: Sequence[str]) -> int:
    if any(word in HELP for word in words):
        print(texts.explain("tasks"))
        return 0
    if unknown := [word for word in words if word != "--json"]:
        raise CommandError(_unknown(texts, unknown[0], ["--json"]))
    overview = importlib.import_module("recipes.cli.overview")
    print(overview.as_json() if words else overview.as_table(texts))
    return 0


def _completion(texts: Language, words: Sequence[str]) -> int:
    completion = importlib.import_module("recipes.cli.completion")
    if any(word in HELP for word in words):
        print(texts.explain("completion"))
        return 0
    if len(words) != 1 or words[0] not in completion.SHELLS:
        raise CommandError(_unknown(texts, " ".join(words), completion.SHELLS))
    print(completion.script(words[0], texts), end="")
    return 0


COMMANDS: dict[str, Callable[[Language, Sequence[str]], int]] = {
    "tasks": _tasks,
    "data": _run("data", "klue_datasets.__main__", prog="klue data"),
    "train": _train,
    "sweep": _run("sweep", "recipes.sweep"),
    "predict": _run("predict", "recipes.predict"),
    "score": _run("score", "klue_metrics.__main__", "score", prog="klue"),
    "compare": _run("compare", "klue_metrics.__main__", "compare", prog="klue"),
    "report": _run("report", "recipes.report"),
    "results": _run("results", "recipes.records"),
    "board": _run("board", "recipes.board"),
    "publish": _run("publish", "recipes.publish"),
    "corpus": _run("corpus", "recipes.corpus"),
    "pseudonymise": _run("pseudonymise", "recipes.pseudonymise"),
    "tokenizer": _run("tokenizer", "recipes.tokenizer"),
    "pretrain": _run("pretrain", "recipes.pretrain"),
    "ablation": _run("ablation", "recipes.ablation"),
    "completion": _completion,
}
