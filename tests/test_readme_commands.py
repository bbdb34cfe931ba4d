"""Execute all commands in the READMEs and the pages of documentation.

Commands run in a shell in a copy of the checkout, with a Hub in a thread (see ``newcomer``). They are
unchanged except for what ``OUTCOMES`` appends:

* SHORT, to whatever trains: a few examples and two updates. A run over models and seeds gets one task and two
  seeds beside it. (``make demo`` trains all eight tasks: its lines, which ``make -n`` tells, run.)
* ``--data_dir klue_benchmark``, to what would download the official files: there is no network here.
* ``--collect-only``, to the line behind ``make test``, which would run this test.
* ``--help``, to the names of commands that are not complete.

What has something appended is parsed without it, too. Python inside sentences is executed at the end. Blocks
of Python, and what they print, are tested in ``test_readme``. A new command fails a test until OUTCOMES says
what it does; ELSEWHERE lists those that cannot run here, and says why.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import readme_checks as checks
from accelerate.commands.launch import launch_command_parser
from hub_server import HubServer
from newcomer import TOKEN, Newcomer
from readme import PROGRAMS, READMES, ROOT, TEXTS, blocks, commands, snippets

from klue_datasets.__main__ import make_parser as datasets_parser
from recipes import run_all
from recipes.cli.languages import EXAMPLES
from recipes.engine.command_line import make_parser, parse
from recipes.tasks import SCRIPTS

SHORT = " --max_train_samples 32 --max_eval_samples 32 --max_steps 2"
FEW = f"{SHORT} --tasks nli --seed 42 43"
ELSEWHERE = {
    "make test": "it runs this test",
    "pytest -s tests/recipes/test_ner.py -k perfect": "a part of this suite",
    **{
        command: f"tests/recipes/pretraining/{name} does the same"
        for command, name in {
            "klue corpus build --source news=texts.txt --benchmark klue_benchmark --output_dir corpus": (
                "test_corpus.py"
            ),
            "klue pseudonymise texts.txt --output safe.txt --key key.jsonl": "test_pseudonyms.py",
            "klue pseudonymise safe.txt --output texts.txt --restore key.jsonl": "test_pseudonyms.py",
            "klue ablation --factor tokenizer --values none mecab random --corpus texts.txt"
            " --pretrain_steps 50000 --tasks ynat ner --data_dir klue_benchmark --output_dir out/ablation": (
                "test_ablation.py"
            ),
        }.items()
    },
    "make gpu": "needs a GPU; tests/recipes/test_gpu_script.py runs its script on the CPU",
    "python -m pytest -s -o python_files='bench_*.py' tests/benchmarks/bench_cpu.py": "takes seven minutes",
    "klue board --from_hub me/klue --output site": "needs a leaderboard, which test_benchmark.py has",
    "hf auth login": "another tool's; it asks for a token at the terminal",
    "klue sweep run --tasks nli --seed 42 43 --output_dir out/sweep --launcher slurm"
    " --option slurm_partition=gpu gpus_per_node=1": "needs Slurm; test_sweep.py runs jobs by submitit",
    **{
        f"pip install {what}": "needs a package index; that the extras exist is tested"
        for what in (".", "'.[all]'", "'.[mst]'", "'.[pretrain]'")
    },
    **{
        f"accelerate launch --config_file recipes/configs/accelerate/{config} recipes/train_nli.py"
        " --data_dir klue_benchmark": "needs GPUs; its flags are parsed, test_accelerate_configs.py has more"
        for config in (
            "single_gpu.yaml",
            "ddp.yaml --num_processes 4",
            "multi_node.yaml --machine_rank 0 --main_process_ip 10.0.0.1",
        )
    },
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The expected result of a command.

    Attributes:
        check: Looks at what it printed and wrote.
        more: What is appended to it.
        after: Commands that it builds on.
        prepare: Makes what the text supposes to be there.
    """

    check: Callable[[Newcomer, str], None]
    more: str = ""
    after: tuple[str, ...] = ()
    prepare: Callable[[Newcomer], None] | None = None

    def more_for(self, line: str, lines: Sequence[str]) -> str:
        """Return what is appended to a command; of those of ``make demo``, only the training is shortened."""
        return self.more if len(lines) == 1 or "recipes/run_all.py" in line else ""


TRAIN_TC = "accelerate launch recipes/train_tc.py"
TRAIN_DST = "accelerate launch recipes/train_dst.py --data_dir klue_benchmark --output_dir out/dst"
TRAIN_NER = "klue train ner --model_name_or_path klue/roberta-base --output_dir out/ner"
RUN_ALL = "python recipes/run_all.py --model_name_or_path klue/roberta-base klue/bert-base --seed 42 43 44"
EXPORT = "python -m klue_datasets export --data_dir klue_benchmark --output_dir hub/klue"
MODULE = "accelerate launch -m recipes.train_dst --data_dir klue_benchmark --output_dir out/module"
METRICS_TO_HUB = "python -m recipes.publish metrics --repo_id me"
FILE = "predictions_validation.jsonl"
TRAIN = {
    task: f"accelerate launch recipes/train_{name}.py --data_dir klue_benchmark --output_dir out/{task}"
    for task, name in SCRIPTS.items()
}
PREDICT = {
    task: f"{pipe} | python -m recipes.predict --task {task} --model out/{task}"
    for task, pipe in checks.INPUTS.items()
}
PREDICT["dp"] += " --to_conllu"
SEEDS = (
    "klue sweep run --tasks sts nli --mini --preset demo --model_name_or_path out/tiny"
    " --seed 42 43 --output_dir out/seeds"
)
GRID = (
    "klue sweep run --tasks nli --mini --preset demo --model_name_or_path out/tiny"
    " --grid learning_rate=3e-4,7e-4 --output_dir out/grid"
)
ADD_RESULTS = "klue results add out/seeds --to results/team.jsonl"
BOARD = "klue board results --output site"
TOKENIZER = (
    "klue tokenizer train --segmenter mecab --vocab_size 8000 --corpus texts.txt --output_dir out/tokenizer"
)
ELSEWHERE_SWEEP = "klue sweep run --tasks nli --seed 42 43 --output_dir out/sweep --launcher"
OUTCOMES: dict[str, Outcome] = {
    "make quick": Outcome(checks.quick, SHORT),
    "make demo": Outcome(checks.demo, SHORT),
    f"python -m klue_metrics score --task nli --predictions out/nli/{FILE}": Outcome(
        checks.scored, after=(RUN_ALL,), prepare=checks.runs_to_score
    ),
    f"python -m klue_metrics compare --task nli out/a/{FILE} out/b/{FILE}": Outcome(
        checks.compared, after=(RUN_ALL,), prepare=checks.runs_to_score
    ),
    f"{TRAIN_TC} --model_name_or_path klue/roberta-base --output_dir out/tc": Outcome(
        checks.trained("ynat", "out/tc", "klue/klue", "model.safetensors"), SHORT
    ),
    # Before the next one, which writes into the same folder.
    f"{TRAIN_TC} --data_dir klue_benchmark --use_lora --learning_rate 5e-4": Outcome(
        checks.trained("ynat", "out/ynat", "klue_benchmark", "adapter_model.safetensors"), SHORT
    ),
    **{
        command: Outcome(checks.trained(task, f"out/{task}", "klue_benchmark", "model.safetensors"), SHORT)
        for task, command in TRAIN.items()
    },
    **{command: Outcome(checks.predicted(task), after=(TRAIN[task],)) for task, command in PREDICT.items()},
    f"{TRAIN_TC} --data_dir klue_benchmark --report_to tensorboard --output_dir out/tracked": Outcome(
        checks.tracked_by_tensorboard, SHORT
    ),
    SEEDS: Outcome(checks.submitted, SHORT, after=("make demo",)),
    "klue sweep status out/seeds": Outcome(checks.seeds_are_finished, after=(SEEDS,)),
    "klue sweep collect out/seeds": Outcome(checks.seeds, after=(SEEDS,)),
    GRID: Outcome(checks.searched, SHORT, after=("make demo",)),
    f"{ELSEWHERE_SWEEP} hf-jobs --option bucket=me/klue-sweep --dry_run": Outcome(checks.payloads),
    "python -m recipes.report out/seeds --output out/seeds/report": Outcome(
        checks.report_of_seeds, after=(SEEDS,)
    ),
    ADD_RESULTS: Outcome(checks.results_added, after=(SEEDS,)),
    "klue results list results --task nli": Outcome(checks.results_listed, after=(ADD_RESULTS,)),
    "klue results list results --json": Outcome(checks.results_as_json, after=(ADD_RESULTS,)),
    "klue results validate results/team.jsonl": Outcome(checks.results_valid, after=(ADD_RESULTS,)),
    BOARD: Outcome(checks.board_made, after=(ADD_RESULTS,)),
    "klue publish board --folder site --repo_id me/klue-board": Outcome(
        checks.board_published, after=(BOARD,)
    ),
    "klue publish scores --results results/official.jsonl --repo_id klue/roberta-base --dry_run": Outcome(
        checks.scores_proposed, prepare=checks.official_result
    ),
    RUN_ALL: Outcome(checks.all_runs, FEW),
    "python -m recipes.report out/all --output report": Outcome(checks.report, after=(RUN_ALL,)),
    f'echo "{checks.SENTENCE}" | python -m recipes.predict --task ner --model out/ner': Outcome(
        checks.answered, after=(TRAIN_NER,)
    ),
    TRAIN_DST: Outcome(checks.trained("wos", "out/dst", "klue_benchmark", "model.safetensors"), SHORT),
    f'echo "{checks.UTTERANCE}" | python -m recipes.predict --task dst --model out/dst': Outcome(
        checks.tracked, after=(TRAIN_DST,)
    ),
    MODULE: Outcome(checks.trained("wos", "out/module", "klue_benchmark", "model.safetensors"), SHORT),
    EXPORT: Outcome(checks.exported),
    "python -m klue_datasets validate --data_dir klue_benchmark": Outcome(checks.validated),
    "python -m klue_datasets stats --data_dir klue_benchmark": Outcome(checks.counted),
    "python -m recipes.publish model --folder out/ner --repo_id me/klue-ner --dry_run": Outcome(
        checks.not_published, after=(TRAIN_NER,)
    ),
    "python -m recipes.publish dataset --data_dir klue_benchmark --repo_id me/klue": Outcome(
        checks.data_published
    ),
    METRICS_TO_HUB: Outcome(checks.metrics_published),
    TOKENIZER: Outcome(checks.vocabulary_learned, " --vocab_size 1500", prepare=checks.texts_to_learn),
    "klue tokenizer stats out/tokenizer --mini --segmenter mecab": Outcome(
        checks.tokens_counted, " --split validation", after=(TOKENIZER,)
    ),
    "klue pretrain --list": Outcome(checks.configurations_listed),
    "klue pretrain --size small --tokenizer out/tokenizer --corpus texts.txt --output_dir out/small": Outcome(
        checks.pretrained,
        " --size tiny --max_steps 2 --global_batch_size 4 --per_device_train_batch_size 4 --held_out 20",
        after=(TOKENIZER,),
    ),
    "klue tasks": Outcome(checks.tasks_listed),
    TRAIN_NER: Outcome(checks.trained("ner", "out/ner", "klue/klue", "model.safetensors"), SHORT),
    "klue publish model --folder out/ner --repo_id me/klue-ner --dry_run": Outcome(
        checks.not_published, after=(TRAIN_NER,)
    ),
    "python -m klue_datasets push --repo_id me/klue": Outcome(
        checks.data_published, " --data_dir klue_benchmark"
    ),
    **{
        f"klue {command}": Outcome(checks.explained(command), " --help")
        for command in (
            "data",
            "train",
            "sweep",
            "predict",
            "score",
            "compare",
            "report",
            "results",
            "board",
            "publish",
            "corpus",
            "pseudonymise",
            "tokenizer",
            "pretrain",
            "ablation",
        )
    },
    "klue --lang ko --help": Outcome(checks.in_korean),
    **{f"klue completion {shell}": Outcome(checks.completion(shell)) for shell in ("bash", "zsh", "fish")},
    "python recipes/train_tc.py --help": Outcome(checks.flags_listed),
}


@pytest.fixture(scope="module")
def new(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    with HubServer({TOKEN: ["me", "klue"]}) as hub:
        newcomer = Newcomer(tmp_path_factory.mktemp("newcomer"), hub, tiny)
        yield newcomer
        newcomer.close()


def outcome_of(new: Newcomer, command: str) -> str:
    """Run a command and those it depends on, each once; return its output."""
    if command not in new.done:
        outcome = OUTCOMES[command]
        for earlier in outcome.after:
            outcome_of(new, earlier)
        if outcome.prepare:
            outcome.prepare(new)
        lines = lines_behind(new, command)
        new.done[command] = "".join(new.run(line + outcome.more_for(line, lines)) for line in lines)
    return new.done[command]


def lines_behind(new: Newcomer, command: str) -> list[str]:
    """Return the command itself, or the commands of a target of make."""
    return new.lines_of(command.removeprefix("make ")) if command.startswith("make ") else [command]


def unaccounted(text: str) -> list[str]:
    """Return the commands of a text that are not listed here."""
    return [command for command in commands(text) if command not in OUTCOMES and command not in ELSEWHERE]


def test_every_command_is_accounted_for() -> None:
    for name, text in TEXTS.items():
        assert unaccounted(text) == [], f"{name} has commands without an entry in OUTCOMES"
    english, korean = (commands(TEXTS[name]) for name in READMES)
    assert set(english) == set(korean)
    shown = {command for text in TEXTS.values() for command in commands(text)}
    assert shown == set(OUTCOMES) | set(ELSEWHERE), "commands that no text shows"
    print(*(f"not executed: {command}: {reason}" for command, reason in ELSEWHERE.items()), sep="\n")


def test_a_new_command_would_be_missed() -> None:
    text = TEXTS["README.md"]
    assert unaccounted(f"{text}\n```sh\nklue dance  # now\n```\n") == ["klue dance"]
    assert unaccounted(f"{text}\nSay `python -m recipes.sing\n--loud`.\n") == [
        "python -m recipes.sing --loud"
    ]
    assert unaccounted(f"{text}\n```sh\nklue dance \\\n  --fast\n```\n") == ["klue dance --fast"]
    assert unaccounted(f"{text}\nOr `klue sing|tasks`.\n") == ["klue sing"]


@pytest.mark.parametrize("name", TEXTS)
def test_a_block_without_a_language_is_what_something_prints(name: str) -> None:
    languages = [language for language, _ in blocks(TEXTS[name])]
    assert set(languages) - {"yaml"} == ({"sh", "python", ""} if name in READMES else {"sh"})
    for before, (language, block) in zip(["", *languages], blocks(TEXTS[name]), strict=False):
        if not language:
            assert before == "python" or block.startswith("| model | task | metric |")
            assert not block.startswith(tuple(f"{program} " for program in PROGRAMS))


@pytest.mark.parametrize("command", OUTCOMES)
def test_the_command_does_what_it_is_there_for(command: str, new: Newcomer) -> None:
    OUTCOMES[command].check(new, outcome_of(new, command))


@pytest.mark.parametrize("command", [name for name, outcome in OUTCOMES.items() if outcome.more])
def test_what_is_changed_to_run_here_is_right_as_it_is_written(command: str, new: Newcomer) -> None:
    for line in lines_behind(new, command):
        understood(shlex.split(line))


def understood(words: list[str]) -> None:
    """Parse a command line with its program; raise SystemExit if it is invalid."""
    words = [re.sub(r"^recipes\.(train_\w+)$", r"recipes/\1.py", word) for word in words]
    script = next((place for place, word in enumerate(words) if word.startswith("recipes/")), None)
    if words[:2] == ["klue", "train"] and len(words) > 2:
        parse(make_parser(words[2], ""), words[2], words[3:])
    elif words[0] == "klue":
        assert words[1] in EXAMPLES
    elif "klue_datasets" in words:
        datasets_parser().parse_args(words[words.index("klue_datasets") + 1 :])
    elif script is not None and words[script] == "recipes/run_all.py":
        arguments, passed_on = run_all.make_parser().parse_known_args(words[script + 1 :])
        for task in arguments.tasks or SCRIPTS:
            parse(make_parser(task, ""), task, passed_on)
    elif script is not None:
        task = next(task for task, name in SCRIPTS.items() if words[script] == f"recipes/train_{name}.py")
        parse(make_parser(task, ""), task, words[script + 1 :])
    else:  # what runs without a change, and pytest, whose words pytest reads when it collects
        assert {"recipes.tiny_model", "recipes.report", "pytest"} & set(words)


SENTENCES = (
    'load_dataset("klue", "ynat")',
    "from recipes.predict import load_pipeline",
    'evaluate.load("me/klue_metric", "ynat")',
)
PROGRAM = """
import evaluate
from datasets import load_dataset
print({}["train"].num_rows)
{}
print({}.compute(predictions=["경제", "사회"], references=[1, 6]))
print(load_pipeline("ner", "../out/ner")("{}") is not None)
"""


def test_the_python_in_the_sentences_runs_in_the_folder_that_they_name(new: Newcomer) -> None:
    assert {code for text in TEXTS.values() for code in snippets(text)} == set(SENTENCES)
    for command in (EXPORT, METRICS_TO_HUB, TRAIN_NER):
        outcome_of(new, command)
    data, pipeline, metric = SENTENCES
    program = PROGRAM.format(data, pipeline, metric, checks.SENTENCE)
    printed = new.run(f"python -c {shlex.quote(program)}", cwd="hub").splitlines()
    assert printed == ["910", "{'macro_f1': 33.33333333333333}", "True"]


def test_what_cannot_run_here_exists(new: Newcomer) -> None:
    assert "token" in new.run("hf auth login --help")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^name = "klue-hub"$', project, flags=re.MULTILINE)
    assert {"mst", "all"} <= set(re.findall(r"^(\w+) = \[", project, flags=re.MULTILINE))
    launched = [shlex.split(command)[2:] for command in ELSEWHERE if command.startswith("accelerate launch")]
    assert len(launched) == 3
    for words in launched:
        arguments = launch_command_parser().parse_args(words)
        assert (ROOT / arguments.config_file).is_file()
        assert arguments.training_script == "recipes/train_nli.py"
        parse(make_parser("nli", ""), "nli", arguments.training_script_args)
