"""Shell completion for ``klue``, which shtab generates from the parsers of the commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import shtab

from klue_datasets.__main__ import make_parser as data
from klue_datasets.tasks import ALIASES, get_task
from klue_metrics.__main__ import make_parser as metrics
from recipes import (
    ablation,
    board,
    corpus,
    predict,
    pretrain,
    pseudonymise,
    publish,
    records,
    report,
    run_all,
    sweep,
    tokenizer,
)
from recipes.cli.languages import LANGUAGES, Language
from recipes.engine.command_line import make_parser as train
from recipes.tasks import SCRIPTS

SHELLS = tuple(shtab.SUPPORTED_SHELLS)
_MODULES = {
    "ablation": ablation, "board": board, "corpus": corpus, "predict": predict, "pretrain": pretrain,
    "pseudonymise": pseudonymise, "publish": publish, "report": report, "results": records, "sweep": sweep,
    "tokenizer": tokenizer,
}  # fmt: skip


def script(shell: str, texts: Language) -> str:
    """Generate the completion script for one of SHELLS."""
    parser = make_parser(texts)
    for action in actions(parser):
        if action.choices is None and action.nargs != 0:
            action.complete = shtab.FILE  # read by shtab
    return shtab.complete(parser, shell) + "\n"


def make_parser(texts: Language) -> argparse.ArgumentParser:
    """Combine the parsers of all commands into one.

    Args:
        texts: What the options and commands do, in one language.
    """
    parser = argparse.ArgumentParser("klue", description=texts.title)
    parser.add_argument("--lang", choices=list(LANGUAGES), help=texts.options["--lang"])
    parser.add_argument("--version", action="store_true", help=texts.options["--version"])
    parsers = {
        "tasks": argparse.ArgumentParser(add_help=False),
        "completion": argparse.ArgumentParser(add_help=False),
        "data": data(),
        "train": _train(),
        **{name: module.make_parser() for name, module in _MODULES.items()},
        **{name: subparsers(metrics())[name] for name in ("score", "compare")},
    }
    parsers["tasks"].add_argument("--json", action="store_true")
    parsers["completion"].add_argument("shell", choices=SHELLS)
    commands = parser.add_subparsers()
    for name, text in texts.commands.items():
        commands.add_parser(name, parents=[parsers[name]], add_help=False, help=text)
    return parser


def _train() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    tasks = parser.add_subparsers()
    aliases = {alias: task for alias, task in ALIASES.items() if task in SCRIPTS}
    for name, task in (dict(zip(SCRIPTS, SCRIPTS, strict=True)) | aliases).items():
        tasks.add_parser(name, parents=[train(task, None)], add_help=False, help=get_task(task).title)
    tasks.add_parser("all", parents=[run_all.make_parser()], add_help=False, help=", ".join(SCRIPTS))
    return parser


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a parser's commands by name; empty if it has no commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """Yield the flags and arguments of a parser and of its commands."""
    yield from parser._actions
    for subparser in subparsers(parser).values():
        yield from actions(subparser)
