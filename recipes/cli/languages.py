"""Texts of the command ``klue`` in English and Korean."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Language:
    """All texts in one language.

    Attributes:
        title: One-line description of KLUE.
        usage: Word before the syntax of a command.
        commands: Command -> one-line description.
        headings: Headings of the lists: commands, options, examples.
        options: Option -> one-line description.
        more: Last lines of ``klue --help``.
        which_task: Message of ``klue train`` without a task.
        flags_are_english: Note above help that is not translated; may be empty.
        unknown: Message for an unknown command or task.
        nearest: Suggestion of a similar word.
        not_here: Message for a command whose module is missing.
        lang_missing: Message for ``--lang`` without a language.
        lang_unknown: Message for ``--lang`` with an unsupported language.
        columns: Column names of the table of tasks.
        first: Heading of the first steps.
        steps: Descriptions of the first steps.
        help_hint: Reference to ``klue --help``.
    """

    title: str
    usage: str
    commands: Mapping[str, str]
    headings: tuple[str, str, str]
    options: Mapping[str, str]
    more: str
    which_task: str
    flags_are_english: str
    unknown: str
    nearest: str
    not_here: str
    lang_missing: str
    lang_unknown: str
    columns: tuple[str, ...]
    first: str
    steps: tuple[str, ...]
    help_hint: str

    def start(self) -> str:
        """Return the first steps, printed by ``klue`` without arguments."""
        width = max(map(len, STEPS))
        steps = [f"  {step:<{width}}  {text}" for step, text in zip(STEPS, self.steps, strict=True)]
        return "\n".join([self.title, "", f"{self.first}:", *steps, "", self.help_hint])

    def overview(self) -> str:
        """Return the output of ``klue --help``."""
        commands, options, examples = self.headings
        lines = [self.title, "", f"{self.usage}: klue [--lang en|ko] COMMAND ..."]
        lines += ["", f"{commands}:"]
        lines += [f"  {name:<14}{text}" for name, text in self.commands.items()]
        lines += ["", f"{options}:", *(f"  {name:<14}{text}" for name, text in self.options.items())]
        lines += ["", f"{examples}:", *(f"  {EXAMPLES[name][0]}" for name in self.commands)]
        return "\n".join([*lines, "", self.more])

    def explain(self, command: str) -> str:
        """Return the description and examples of a command."""
        name = command.split()[0]
        head = f"klue {name}: {self.commands[name]}"
        return "\n".join([head, "", f"{self.headings[2]}:", *(f"  {line}" for line in EXAMPLES[name])])


EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "tasks": ("klue tasks", "klue tasks --json"),
    "data": (
        "klue data export --data_dir klue_benchmark --output_dir hub/klue",
        "klue data validate --data_dir klue_benchmark",
        "klue data stats --mini",
    ),
    "train": (
        "klue train ner --model_name_or_path klue/roberta-base --output_dir out/ner",
        "klue train sts --data_dir klue_benchmark --use_lora --learning_rate 5e-4",
        "klue train all --model_name_or_path klue/roberta-base --seed 42 43 --output_dir out/all",
    ),
    "sweep": (
        "klue sweep run --tasks ynat nli --seed 42 43 44 --output_dir out/sweep",
        "klue sweep run --tasks ynat --grid learning_rate=3e-5,5e-5 --launcher slurm --output_dir out/grid",
        "klue sweep status out/sweep",
    ),
    "predict": ("klue predict --task ner --model out/ner --input sentences.txt",),
    "score": ("klue score --task ner --predictions out/ner/predictions_validation.jsonl",),
    "compare": (
        "klue compare --task nli out/a/predictions_validation.jsonl out/b/predictions_validation.jsonl",
    ),
    "report": ("klue report out/ --output report/",),
    "results": (
        "klue results add out/ner out/nli --to results/team.jsonl",
        "klue results list results/ --task ner",
        "klue results validate results/team.jsonl",
    ),
    "board": ("klue board results/ out/ --output site/",),
    "publish": (
        "klue publish model --folder out/ner --repo_id me/klue-ner --dry_run",
        "klue publish dataset --folder hub/klue --repo_id me/klue",
        "klue publish metrics --repo_id me",
        "klue publish board --folder site --repo_id me/klue-board",
        "klue publish scores --results out/roberta --repo_id klue/roberta-base --dry_run",
    ),
    "corpus": ("klue corpus build --source news=articles/ --benchmark klue_benchmark --output_dir corpus/",),
    "pseudonymise": ("klue pseudonymise texts.jsonl --output safe.jsonl --key key.jsonl",),
    "tokenizer": (
        "klue tokenizer train --segmenter mecab --corpus corpus/ --output_dir out/tokenizer",
        "klue tokenizer stats out/tokenizer klue/roberta-base --mini --segmenter mecab",
    ),
    "pretrain": (
        "klue pretrain --list",
        "klue pretrain --size small --tokenizer out/tokenizer --corpus corpus/ --output_dir out/small",
    ),
    "ablation": (
        "klue ablation --factor tokenizer --values none mecab --corpus corpus/ --pretrain_steps 50000 "
        "--tasks ynat ner --data_dir klue_benchmark --output_dir out/ablation",
    ),
    "completion": (
        "klue completion bash > ~/.local/share/bash-completion/completions/klue",
        "klue completion zsh > ~/.zfunc/_klue",
        "klue completion fish > ~/.config/fish/completions/klue.fish",
    ),
}

STEPS = (
    "klue tasks",
    "klue train ynat --mini --model_name_or_path klue/roberta-base",
    "klue predict --task ynat --model out/ynat",
)

ENGLISH = Language(
    title="KLUE (Korean Language Understanding Evaluation): data, metrics, training and publishing.",
    usage="usage",
    commands={
        "tasks": "list the eight tasks, with their metrics and recipes",
        "data": "export, upload, check or summarise the data (export, push, validate, stats)",
        "train": "fine-tune a model on a task, or on all of them",
        "sweep": "run models x tasks x seeds x settings, on this machine or on a cluster",
        "predict": "answer raw text with a trained model",
        "score": "score a predictions file, with confidence intervals",
        "compare": "test whether two predictions files differ",
        "report": "report finished runs in tables and a web page",
        "results": "collect, list and check result records (add, list, validate)",
        "board": "build a leaderboard from results, as a static site",
        "publish": "publish a model, the data set, the metrics, a leaderboard or results on the Hub",
        "corpus": "build a corpus for pre-training (build)",
        "pseudonymise": "replace personal data in texts with invented data",
        "tokenizer": "train a vocabulary, or compare how tokenizers split texts (train, stats)",
        "pretrain": "pre-train an encoder, as KLUE did",
        "ablation": "pre-train models that differ in one factor, and compare them on tasks",
        "completion": "print a shell completion script (bash, zsh, fish)",
    },
    headings=("commands", "options", "examples"),
    options={
        "--lang": "language of the help, en or ko (default: that of the locale)",
        "--version": "print the version",
        "-h, --help": "print this help, or that of a command",
    },
    more="`klue COMMAND --help` lists the flags of a command. On several GPUs: accelerate launch -m "
    "recipes.train_ner.",
    which_task="Which task? One of: {tasks}. `klue train ner --help` lists the flags of a task.",
    flags_are_english="",
    unknown="{word!r} is unknown; expected one of {known}.",
    nearest=" Did you mean {word}?",
    not_here="{command} needs {module}, which is not part of this installation",
    lang_missing="--lang was given without a language; expected one of {languages}",
    lang_unknown="--lang is {value!r}; expected one of {languages}",
    columns=("task", "what", "version", "train", "validation", "official metrics", "recipe"),
    first="first steps",
    steps=(
        "list the eight tasks",
        "fine-tune on a small synthetic corpus; without --mini, on KLUE",
        "classify the headlines that you type",
    ),
    help_hint="`klue --help` lists all commands.",
)

KOREAN = Language(
    title="KLUE(한국어 이해 평가): 데이터, 평가 지표, 학습, 배포.",
    usage="사용법",
    commands={
        "tasks": "여덟 과제와 지표, 학습 스크립트를 표로 보여 줍니다",
        "data": "데이터를 내보내고, 업로드하고, 검사하고, 통계를 냅니다 (export, push, validate, stats)",
        "train": "한 과제 또는 모든 과제로 모델을 파인튜닝합니다",
        "sweep": "여러 모델, 과제, 시드, 설정을 이 컴퓨터나 클러스터에서 학습합니다",
        "predict": "학습한 모델로 원문 텍스트를 예측합니다",
        "score": "예측 파일을 채점하고 신뢰 구간을 함께 보여 줍니다",
        "compare": "두 예측 파일의 차이가 유의미한지 검정합니다",
        "report": "끝난 실험들을 표와 웹 페이지로 정리합니다",
        "results": "실험 결과를 레코드로 모으고, 보여 주고, 검사합니다 (add, list, validate)",
        "board": "결과를 모아 리더보드(정적 웹 사이트)를 만듭니다",
        "publish": "모델, 데이터셋, 평가 지표, 리더보드, 결과를 Hugging Face Hub에 올립니다",
        "corpus": "사전 학습용 말뭉치를 만듭니다 (build)",
        "pseudonymise": "텍스트의 개인 정보를 같은 형태의 가짜 정보로 바꿉니다",
        "tokenizer": "서브워드 어휘를 학습하거나 토크나이저를 비교합니다 (train, stats)",
        "pretrain": "KLUE와 같은 방식으로 인코더를 사전 학습합니다",
        "ablation": "한 가지만 다른 모델들을 사전 학습해 과제 성능을 비교합니다",
        "completion": "셸 자동 완성 스크립트를 출력합니다 (bash, zsh, fish)",
    },
    headings=("명령", "옵션", "예"),
    options={
        "--lang": "안내문의 언어, en 또는 ko (기본값: 시스템 로캘)",
        "--version": "버전을 출력합니다",
        "-h, --help": "이 도움말을, 명령 뒤에서는 그 명령의 도움말을 출력합니다",
    },
    more="각 명령의 플래그는 `klue COMMAND --help`로 볼 수 있습니다. GPU가 여럿이면: accelerate launch -m "
    "recipes.train_ner",
    which_task="어느 과제를 학습할까요? 가능한 값: {tasks}. 플래그는 `klue train ner --help`로 "
    "확인할 수 있습니다.",
    flags_are_english="아래의 플래그 설명은 영어로만 제공됩니다.",
    unknown="{word!r}: 알 수 없는 값입니다. 가능한 값: {known}.",
    nearest=" 혹시 {word}인가요?",
    not_here="{command} 명령에 필요한 {module} 모듈이 설치되어 있지 않습니다",
    lang_missing="--lang에 언어를 지정하지 않았습니다. 가능한 값: {languages}",
    lang_unknown="--lang 값 {value!r}은(는) 지원하지 않습니다. 가능한 값: {languages}",
    columns=("과제", "내용", "버전", "학습", "검증", "공식 지표", "스크립트"),
    first="처음 시작하기",
    steps=(
        "여덟 과제를 보여 줍니다",
        "작은 합성 말뭉치로 파인튜닝합니다. --mini를 빼면 KLUE로 학습합니다",
        "입력하는 기사 제목의 주제를 예측합니다",
    ),
    help_hint="전체 명령은 `klue --help`로 볼 수 있습니다.",
)

LANGUAGES: Mapping[str, Language] = {"en": ENGLISH, "ko": KOREAN}
