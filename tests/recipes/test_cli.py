"""Tests of the command ``klue``: output, passing of arguments, and completion."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from klue_datasets.commands import input_file, output_file, output_folder
from klue_datasets.tasks import TASKS
from klue_metrics.functional import METRICS
from recipes import cli
from recipes.arguments import FIELDS
from recipes.cli import completion
from recipes.cli.languages import ENGLISH, EXAMPLES, KOREAN, LANGUAGES, STEPS, Language
from recipes.engine.command_line import make_parser, parse
from recipes.predict import make_parser as predict_parser
from recipes.tasks import SCRIPTS

# Numbers of recipes whose check is more than a range.
OWN_CHECKS = ("max_steps", "eval_steps", "warmup_ratio")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["klue"])


def said(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, str]:
    """Run a command; return its status and output."""
    capsys.readouterr()
    try:
        status = cli.main(given)
    except SystemExit as ended:
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_both_languages_say_everything_in_their_own_letters() -> None:
    for texts in LANGUAGES.values():
        assert list(texts.commands) == list(cli.COMMANDS) == list(EXAMPLES)
        assert len(texts.columns) == 7
        assert len(texts.steps) == len(STEPS)
    assert list(ENGLISH.options) == list(KOREAN.options)
    for field in (
        "unknown",
        "nearest",
        "not_here",
        "lang_missing",
        "lang_unknown",
        "which_task",
        "first",
        "help_hint",
    ):
        pair = [getattr(texts, field) for texts in LANGUAGES.values()]
        assert sorted(re.findall(r"{\w+", pair[0])) == sorted(re.findall(r"{\w+", pair[1])), field
        assert re.search("[가-힣]", pair[1])
        assert not re.search("[가-힣]", pair[0])


def test_the_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, "--help")
    assert status == 0
    assert re.findall(r"^  (\w+) {2,}", text.split("options:")[0], flags=re.MULTILINE) == list(cli.COMMANDS)


def test_klue_alone_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys) == (2, ENGLISH.start() + "\n")
    assert said(capsys, "--lang", "ko") == (2, KOREAN.start() + "\n")
    lines = ENGLISH.start().splitlines()
    assert [line.strip().split("  ")[0] for line in lines if line.startswith("  klue")] == list(STEPS)
    overview, train, predict = (shlex.split(step)[1:] for step in STEPS)
    assert said(capsys, *overview)[0] == 0
    arguments = parse(make_parser(train[1], None), train[1], train[2:])
    assert predict_parser().parse_args(predict[1:]).model == arguments.output_dir


@pytest.mark.parametrize("given", [["--lang", "ko"], ["--lang=ko"]])
def test_help_in_korean_by_flag_or_by_locale(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    assert said(capsys, *given, "--help") == (0, KOREAN.overview() + "\n")
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert said(capsys, "--help") == (0, KOREAN.overview() + "\n")
    assert said(capsys, "--lang", "en", "--help") == (0, ENGLISH.overview() + "\n")
    status, text = said(capsys, "train", "ner", "--help")
    assert status == 0
    assert text.startswith("klue train: 한 과제")
    assert "usage: klue train ner [flags]" in text


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_under_its_own_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, command, "--help")
    assert status == 0
    assert text.startswith((f"usage: klue {command}", f"klue {command}: "))


def unknown_flags(line: str) -> set[str]:
    """Return the flags of a command line that its command does not have."""
    _, *given = shlex.split(line.split(" > ")[0])
    parser, commands = completion.make_parser(ENGLISH), ""
    for word in given:
        if word in completion.subparsers(parser):
            parser, commands = completion.subparsers(parser)[word], f"{commands} {word}".strip()
    assert commands
    known = set(parser._option_string_actions)
    if commands in ("sweep run", "ablation"):  # they pass flags on to the recipes
        known |= set(make_parser("nli", None)._option_string_actions)
    return {word for word in given if word.startswith("--")} - known


def test_the_examples_have_flags_that_exist() -> None:
    for command, lines in EXAMPLES.items():
        for line in lines:
            assert line.startswith(f"klue {command}")
            if command != "report":  # its module is looked at when it is called
                assert unknown_flags(line) == set(), line


def test_the_commands_in_the_documents_have_flags_that_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    pages = [root / "README.md", root / "README.ko.md", *sorted((root / "docs").rglob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    lines = re.findall(r"^(?:klue|python -m recipes\.(?:publish)) .*$", text, flags=re.MULTILINE)
    assert len(lines) >= 9
    for line in lines:
        assert unknown_flags(line.replace("python -m recipes.", "klue ")) == set(), line


def test_paths_are_checked_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All commands refuse a file in place of an output folder, and the reverse."""
    (file := tmp_path / "file").touch()
    wrong = {
        input_file: {tmp_path: "is a folder; expected a file", tmp_path / "nowhere": "there is no file"},
        output_file: {
            tmp_path: "is a folder; expected the path of a file",
            Path(os.devnull): "is a device; expected the path of a file",
            file / "x": "is a file; expected",
        },
        output_folder: dict.fromkeys((file, file / "below"), "is a file; expected a folder"),
    }
    checked: Counter[Any] = Counter()
    for action in completion.actions(completion.make_parser(ENGLISH)):
        if action.type in wrong:
            for path, sentence in wrong[action.type].items():
                with pytest.raises(argparse.ArgumentTypeError, match=sentence):
                    action.type(str(path))
        elif action.dest in ("output", "output_dir", "config"):
            assert action.type is str, action  # of a recipe, which checks it with its other settings
        checked[action.type] += 1
    assert checked[input_file] >= 13
    assert checked[output_file] >= 4
    assert checked[output_folder] >= 9
    for task in SCRIPTS:
        status, text = said(capsys, "train", task, "--mini", "--output_dir", str(file))
        assert status == 2
        assert f"{file} is a file; expected a folder" in text
    assert file.read_text() == ""


def test_numbers_have_a_range(capsys: pytest.CaptureFixture[str]) -> None:
    """All numeric flags have a range; those of recipes are checked with their settings."""
    checked: Counter[str] = Counter()
    for action in completion.actions(completion.make_parser(ENGLISH)):
        kind = getattr(action.type, "__name__", "")
        if action.type in (int, float):
            assert "least" in FIELDS[action.dest].metadata or action.dest in OWN_CHECKS, action
        elif kind in ("int", "float"):
            for text in ("-1", "nan", "inf", "x") if kind == "float" else ("-1", "1.5"):
                with pytest.raises(
                    (argparse.ArgumentTypeError, ValueError), match=r"out of range|convert|invalid"
                ):
                    action.type(text)
            checked[kind] += 1
    assert checked["int"] >= 25
    assert checked["float"] >= 5
    status, text = said(capsys, "sweep", "run", "--jobs", "0")
    assert status == 2
    assert text.endswith("klue sweep run: error: argument --jobs: 0 is out of range; expected 1 or more\n")
    status, text = said(capsys, "report", "out", "--max_rows", "x")
    assert text.endswith("klue report: error: argument --max_rows: invalid int value: 'x'\n")
    rates = {
        "pretrain": ("learning_rate", "mlm_probability", "mlm_probability_end", "generator_size"),
        "ablation": ("pretrain_learning_rate",),
    }
    for command, name in ((command, name) for command, names in rates.items() for name in names):
        status, text = said(capsys, command, "--output_dir", "out", f"--{name}", "0")
        assert status == 2
        assert f"argument --{name}: 0 is out of range; expected a number above 0" in text


def test_mistakes_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, "trian")
    assert (status, text.split(";")[0]) == (2, "klue: 'trian' is unknown")
    assert text.endswith(" Did you mean train?\n")
    assert "expected one of ynat" in said(capsys, "train", "nothing")[1]
    assert said(capsys, "--lang", "fr", "tasks")[1] == "klue: --lang is 'fr'; expected one of en, ko\n"
    assert said(capsys, "--lang")[0] == 2
    assert said(capsys, "--lang=ko", "trian")[1].startswith("klue: 'trian': 알 수 없는 값입니다.")
    assert said(capsys, "completion", "cmd")[0] == 2
    assert said(capsys, "tasks", "--jsn")[1].endswith(" Did you mean --json?\n")


def test_tasks_come_from_the_records(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = said(capsys, "tasks")
    assert status == 0
    lines = text.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(TASKS)
    for line, (name, task) in zip(lines, TASKS.items(), strict=True):
        assert task.title in line
        assert f"{task.counts['train']:,}" in line
        assert ", ".join(METRICS[name].names.values()) in line
        assert (f"train_{SCRIPTS[name]}.py" if name in SCRIPTS else "to come") in line
    records = json.loads(said(capsys, "tasks", "--json")[1])
    assert [record["task"] for record in records] == list(TASKS)
    assert records[0]["metrics"] == dict(METRICS["ynat"].names)
    korean = said(capsys, "--lang", "ko", "tasks")[1]
    assert all(task.title_ko in korean for task in TASKS.values())


def test_words_are_handed_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    status, text = said(capsys, "data", "stats", "--mini", "--tasks", "sts", "--json")
    assert status == 0
    assert "sts" in json.loads(text)
    handed: list[tuple] = []
    monkeypatch.setattr("recipes.cli.train", lambda *given: handed.append(given))
    assert said(capsys, "train", "tc", "--mini")[0] == 0
    assert handed[0][0] == "ynat"
    assert "accelerate launch recipes/train_tc.py" in handed[0][1]
    assert handed[0][2] == ["--mini"]
    monkeypatch.setattr("recipes.run_all.main", lambda given: handed.append(given) or 3)
    assert said(capsys, "train", "all", "--seed", "1")[0] == 3
    assert handed[1] == ["--seed", "1"]
    predictions = tmp_path / "p.jsonl"
    predictions.write_text('{"guid": "a", "prediction": "neutral", "reference": "neutral"}\n' * 1)
    status, text = said(
        capsys, "score", "--task", "nli", "--predictions", str(predictions), "--resamples", "0"
    )
    assert status == 0
    assert "100.00" in text


def test_a_command_whose_module_is_missing_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli.COMMANDS, "report", cli._run("report", "recipes.no_such_module"))
    assert said(capsys, "report") == (
        2, "klue: report needs recipes.no_such_module, which is not part of this installation\n",
    )  # fmt: skip


def test_the_console_script_is_this_command_and_its_package_is_installed() -> None:
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r'^klue = "(.*)"$', project, flags=re.MULTILINE) == ["recipes.cli:main"]
    assert '"recipes.cli",' in project


def test_help_is_quick_and_imports_nothing_heavy(cold_python) -> None:
    program = "import sys; from recipes import cli; cli.main(['--help']); print(*sys.modules)"
    start = time.perf_counter()
    loaded = cold_python("-c", program).stdout.split()
    assert time.perf_counter() - start < 1.5
    assert not {"torch", "transformers", "datasets", "evaluate", "numpy", "huggingface_hub"} & set(loaded)
    assert cold_python("-m", "recipes.cli", "tasks").returncode == 0


def complete(script_path: Path, typed: str) -> list[str]:
    """Return the completions of bash for the last word of a line."""
    given = typed.split(" ")
    line = " ".join(shlex.quote(word) for word in given)
    program = f"source {script_path}; COMP_WORDS=({line}); COMP_CWORD={len(given) - 1}; _shtab_klue"
    done = subprocess.run(
        ["bash", "-c", f'{program}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_bash_completes_commands_tasks_flags_and_values(tmp_path: Path) -> None:
    path = tmp_path / "klue.bash"
    path.write_text(completion.script("bash", ENGLISH))
    assert complete(path, "klue ") == list(cli.COMMANDS)
    assert complete(path, "klue --") == ["--help", "--lang", "--version"]
    assert complete(path, "klue --lang k") == ["ko"]
    assert complete(path, "klue --lang ko tr") == ["train"]
    assert complete(path, "klue train n") == ["nli", "ner"]
    assert complete(path, "klue train dp --hea") == ["--head", "--head_learning_rate"]
    assert complete(path, "klue train dp --head b") == ["biaffine"]
    assert complete(path, "klue data ex") == ["export"]
    assert complete(path, "klue data export --mini --ver") == ["--version"]
    assert complete(path, "klue publish model --dry") == ["--dry_run"]
    assert complete(path, "klue compare a.jsonl b.jsonl --tas") == ["--task"]
    (tmp_path / "out").touch()
    assert complete(path, f"klue train ner --output_dir {tmp_path}/o") == [f"{tmp_path}/out"]


@pytest.mark.parametrize("texts", [ENGLISH, KOREAN], ids=["en", "ko"])
@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_accepts_its_script_and_knows_every_command(
    shell: str, texts: Language, tmp_path: Path
) -> None:
    text = completion.script(shell, texts)
    for command in (*cli.COMMANDS, *SCRIPTS):
        assert re.search(rf"\b{command}\b", text), command
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(text)
    assert subprocess.run([shell, "-n", str(path)], check=False).returncode == 0
