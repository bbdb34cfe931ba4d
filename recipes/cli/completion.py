"""Shell completion for ``klue``: static scripts, generated from the parsers of the commands.

Each script holds one function that says what may follow. ``klue_words`` maps the words typed so far, without
flags and their values ("", "data", "data export", "train ner"), to commands and flags; and with the flag that
was just typed behind them ("train dp --head"), to that flag's values. Where it says nothing, the shell offers
files.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

from klue_datasets.__main__ import make_parser as data
from klue_datasets.tasks import ALIASES
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
from recipes.cli.languages import LANGUAGES
from recipes.engine.command_line import make_parser as train
from recipes.tasks import SCRIPTS

Words = dict[str, list[str]]
_MODULES = {
    "ablation": ablation, "board": board, "corpus": corpus, "predict": predict, "pretrain": pretrain,
    "pseudonymise": pseudonymise, "publish": publish, "report": report, "results": records, "sweep": sweep,
    "tokenizer": tokenizer,
}  # fmt: skip


def words(commands: Iterable[str]) -> Words:
    """Return completions: the words typed so far -> commands and flags; with a flag -> its values."""
    found: Words = {"": [*commands, "--lang", "--version", "--help"], " --lang": list(LANGUAGES)}
    found |= {"tasks": ["--json"], "completion": list(SHELLS)}
    found |= dict(_of_parser("data", data()))
    for key, values in _of_parser("", metrics()):  # score and compare are commands of klue; export is not
        if key.split(" ")[0] in ("score", "compare"):
            found[key] = values
    for name, module in _MODULES.items():
        found |= dict(_of_parser(name, module.make_parser()))
    aliases = {alias: task for alias, task in ALIASES.items() if task in SCRIPTS}
    found["train"] = [*SCRIPTS, *aliases, "all"]
    for name in (*SCRIPTS, *aliases):
        found |= dict(_of_parser(f"train {name}", train(aliases.get(name, name), None)))
    return found | dict(_of_parser("train all", run_all.make_parser()))


def _of_parser(key: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    offered: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            offered += action.choices
            for name, command in action.choices.items():
                yield from _of_parser(f"{key} {name}".strip(), command)
            continue
        flags = [flag for flag in action.option_strings if flag.startswith("--")]
        offered += flags
        if action.choices:
            for flag in flags:
                yield f"{key} {flag}", [str(choice) for choice in action.choices]
    yield key, offered


def script(shell: str, commands: Iterable[str]) -> str:
    """Generate the completion script for one of SHELLS."""
    template, case = SHELLS[shell]
    known = words(commands)
    cases = "\n".join(case.format(key=key, words=" ".join(offered)) for key, offered in known.items())
    return template.replace("@CASES@", cases)


_BASH = """\
# Completion of klue for bash: klue completion bash > ~/.local/share/bash-completion/completions/klue
klue_words() {
    case "$1" in
@CASES@
    esac
}

_klue() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" key="" word index found
    for ((index = 1; index < COMP_CWORD; index++)); do
        word="${COMP_WORDS[index]}"
        case "$word" in
            --lang) ((index++)) ;;
            -*) break ;;
            *) [[ -n "$(klue_words "${key:+$key }$word")" ]] && key="${key:+$key }$word" ;;
        esac
    done
    found="$(klue_words "$key $previous")"
    if [[ "$previous" != -* || -z "$found" || "$current" == -* ]]; then
        found="$(klue_words "$key")"
        [[ "$previous" == -* && "$current" != -* ]] && found=""
    fi
    COMPREPLY=($(compgen -W "$found" -- "$current"))
}

complete -o default -F _klue klue
"""
_ZSH = """\
#compdef klue
# Completion of klue for zsh: klue completion zsh > ~/.zfunc/_klue, with ~/.zfunc in fpath
klue_words() {
    case "$1" in
@CASES@
    esac
}

_klue() {
    local current="${words[CURRENT]}" previous="${words[CURRENT-1]}" key="" word found index=2
    while ((index < CURRENT)); do
        word="${words[index]}"
        case "$word" in
            --lang) ((index++)) ;;
            -*) break ;;
            *) [[ -n "$(klue_words "${key:+$key }$word")" ]] && key="${key:+$key }$word" ;;
        esac
        ((index++))
    done
    found="$(klue_words "$key $previous")"
    if [[ "$previous" != -* || -z "$found" || "$current" == -* ]]; then
        found="$(klue_words "$key")"
        [[ "$previous" == -* && "$current" != -* ]] && found=""
    fi
    if [[ -n "$found" ]]; then compadd -- ${=found}; else _files; fi
}

if [[ "$funcstack[1]" = _klue ]]; then _klue "$@"; else compdef _klue klue; fi
"""
_FISH = """\
# Completion of klue for fish: klue completion fish > ~/.config/fish/completions/klue.fish
function klue_words
    switch "$argv[1]"
@CASES@
    end
end

function __klue_offer
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l previous $typed[-1]
    set -l key ""
    set -l skip 0
    for word in $typed[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --lang
                set skip 1
            case '-*'
                break
            case '*'
                set -l longer (string trim "$key $word")
                test -n "$(klue_words $longer)"; and set key $longer
        end
    end
    set -l found
    if string match -q -- '-*' $previous; and not string match -q -- '-*' $current
        set found (klue_words "$key $previous")
        test -n "$found"; or __fish_complete_path $current
    else
        set found (klue_words "$key")
    end
    string split -n ' ' -- "$found"
end

complete -c klue -f -a '(__klue_offer)'
"""
SHELLS = {
    "bash": (_BASH, '        "{key}") echo "{words}" ;;'),
    "zsh": (_ZSH, '        "{key}") echo "{words}" ;;'),
    "fish": (_FISH, '        case "{key}"\n            echo "{words}"'),
}
