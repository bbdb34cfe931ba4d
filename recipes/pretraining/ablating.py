"""Ablations of pre-training: models that differ in one factor, compared on the same tasks and seeds."""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from klue_datasets.tasks import get_task
from klue_metrics.functional import METRICS
from recipes.engine.command_line import make_parser, parse
from recipes.engine.data import source_hash
from recipes.engine.pretrained import read_tokenizer
from recipes.engine.results import write_json
from recipes.pretraining.choices import MASKINGS, SEGMENTERS, UNITS
from recipes.pretraining.corpora import corpus_files, open_corpus, texts_of
from recipes.pretraining.pretraining_arguments import PretrainingArguments
from recipes.pretraining.pretraining_run import make_objective, pretrain
from recipes.pretraining.vocabulary import train_tokenizer
from recipes.reporting.page import build

RANDOM = "random"  # value for a model without pre-training
VALUES = {"tokenizer": SEGMENTERS, "masking": MASKINGS, "mask_unit": UNITS}
ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class AblationArguments:
    """The settings of an ablation; see the flags of ``recipes.ablation``."""

    output_dir: str
    factor: str
    values: tuple[str, ...]
    corpus: Sequence[str]
    kind: str
    vocab_size: int
    arch: str
    size: str
    pretrain_steps: int
    pretrain_batch: int
    pretrain_length: int
    pretrain_learning_rate: float
    held_out: int
    tasks: Sequence[str]
    seed: Sequence[int]
    jobs: int
    fine_tuning: tuple[str, ...] = ()


def ablate(arguments: AblationArguments) -> str:
    """Run the missing parts of an ablation.

    Returns:
        The table in Markdown, which is also written to ablation.md, next to ablation.json.

    Raises:
        ValueError: There are fewer than two values, a value is invalid for the factor, a setting of
            fine-tuning is invalid, or a step failed.
        FileNotFoundError: There are no raw files for a task.
    """
    if len(set(arguments.values)) < 2:
        raise ValueError(f"--values {' '.join(arguments.values)}: expected at least two different values.")
    if arguments.values[0] == RANDOM:
        raise ValueError(f"--values begins with {RANDOM}; expected a value for it to be compared with.")
    # All settings are checked before the first model is trained.
    for value in {*arguments.values} - {RANDOM}:
        _check_value(arguments.factor, value)
    for task in (get_task(name).name for name in arguments.tasks):
        source_hash(task, parse(make_parser(task, None), task, arguments.fine_tuning))
    corpus_files(arguments.corpus)
    output_dir = Path(arguments.output_dir)
    losses = {value: _pretrained(arguments, value, output_dir) for value in arguments.values}
    _fine_tune(arguments, output_dir)
    report = build([output_dir / "runs"])
    report.write(output_dir / "report")
    rows = table_rows(arguments, report.values["boards"])
    write_json(
        output_dir / "ablation.json",
        {"factor": arguments.factor, "pretraining": losses, "rows": rows, "left_out": list(report.problems)},
    )
    text = _markdown(arguments, losses, rows)
    (output_dir / "ablation.md").write_text(text + "\n", encoding="utf-8")
    return text


def _check_value(factor: str, value: str) -> None:
    """Raise ValueError for an invalid value of the factor."""
    if factor in VALUES:
        is_known, wanted = value in VALUES[factor], f"one of {', '.join(VALUES[factor])}"
    else:
        is_known, wanted = _is_share(value), "a number above 0 and below 1"
    if not is_known:
        raise ValueError(f"--values: {factor} is {value!r}; expected {wanted}.")


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def _pretrained(arguments: AblationArguments, value: str, output_dir: Path) -> dict[str, Any]:
    """Pre-train the model of a value, or write an untrained model for ``random``."""
    source = arguments.values[0] if value == RANDOM else value
    segment = source if arguments.factor == "tokenizer" else "none"
    tokenizer = output_dir / "tokenizers" / segment
    if not (tokenizer / "tokenizer.json").is_file():
        texts = texts_of(open_corpus(arguments.corpus, streaming=True))
        made = train_tokenizer(texts, kind=arguments.kind, segment=segment, vocab_size=arguments.vocab_size)
        made.save_pretrained(tokenizer)
    setting: dict[str, Any] = {} if arguments.factor == "tokenizer" else {arguments.factor: source}
    if arguments.factor == "mlm_probability":
        setting = {arguments.factor: float(source)}
    settings = PretrainingArguments(
        output_dir=str(output_dir / "models" / value),
        tokenizer=str(tokenizer),
        corpus=tuple(arguments.corpus),
        arch=arguments.arch,
        size=arguments.size,
        max_steps=arguments.pretrain_steps,
        global_batch_size=arguments.pretrain_batch,
        per_device_train_batch_size=min(arguments.pretrain_batch, 32),
        max_seq_length=arguments.pretrain_length,
        learning_rate=arguments.pretrain_learning_rate,
        held_out=arguments.held_out,
        eval_steps=arguments.pretrain_steps,
        save_steps=max(arguments.pretrain_steps // 5, 1),
        trainer={"disable_tqdm": True},
        **setting,
    )
    if value != RANDOM:
        results = pretrain(settings)
        return {name: results[name] for name in ("eval_loss", "unigram_loss", "train_tokens")}
    folder = Path(settings.output_dir)
    if not (folder / "config.json").is_file():
        torch.manual_seed(settings.seed)
        loaded = read_tokenizer(str(tokenizer))
        loaded.save_pretrained(folder)
        make_objective(settings.resolved(), loaded).save(folder)
    return {}


def _fine_tune(arguments: AblationArguments, output_dir: Path) -> None:
    models = [str(output_dir / "models" / value) for value in arguments.values]
    words = [
        *("--model_name_or_path", *models),
        *("--tasks", *(get_task(task).name for task in arguments.tasks)),
        *("--seed", *map(str, arguments.seed)),
        *("--output_dir", str(output_dir / "runs")),
        *("--jobs", str(arguments.jobs)),
        *arguments.fine_tuning,
    ]
    done = subprocess.run([sys.executable, str(ROOT / "recipes" / "run_all.py"), *words])
    if done.returncode:
        raise ValueError(
            f"Fine-tuning ended with status {done.returncode}; its logs are below {output_dir / 'runs'}."
        )


def table_rows(arguments: AblationArguments, boards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each metric and value: mean, interval, and paired test with the first value."""
    rows = []
    tasks = {get_task(task).name for task in arguments.tasks}
    for board in (board for board in boards if board["task"] in tasks):
        scores = {Path(row["runs"][0]).parts[0]: row for row in board["rows"]}
        labels = {row["model"]: name for name, row in scores.items()}
        tests = {
            frozenset(labels[pair[side]] for side in ("first", "second")): pair
            for pair in board["comparisons"]
        }
        for key, name in METRICS[board["task"]].names.items():
            for value in arguments.values:
                if value not in scores or key not in scores[value]["scores"]:
                    continue
                score = scores[value]["scores"][key]
                pair = tests.get(frozenset((arguments.values[0], value)))
                found = pair["scores"].get(key, {}) if pair else {}
                difference = found.get("difference")  # None if one of the scores is undefined
                if pair and difference is not None and labels[pair["first"]] == arguments.values[0]:
                    difference = -difference
                rows.append(
                    {
                        "task": board["task"],
                        "metric": name,
                        "value": value,
                        **{part: score[part] for part in ("mean", "low", "high")},
                        "difference": difference,
                        "p": None if difference is None else found["p_value"],
                    }
                )
    return rows


def _markdown(
    arguments: AblationArguments, losses: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> str:
    lines = [
        f"Ablation of {arguments.factor}: {arguments.arch} {arguments.size}, {arguments.pretrain_steps:,} "
        f"updates of {arguments.pretrain_batch} blocks of {arguments.pretrain_length} tokens; fine-tuned "
        f"with the seeds {', '.join(map(str, arguments.seed))}.",
        "",
        "| model | loss on held-out text | by the frequency of tokens alone |",
        "|---|---|---|",
    ]
    for value, loss in losses.items():
        cells = [f"{loss[name]:.3f}" if name in loss else "" for name in ("eval_loss", "unigram_loss")]
        lines.append(f"| {value} | {' | '.join(cells)} |")
    lines += [
        "",
        f"| task | metric | model | mean | 95 % interval | minus {arguments.values[0]} | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        difference = "" if row["difference"] is None else f"{row['difference'] or 0.0:+.2f}"
        p_value = "" if row["p"] is None else f"{row['p']:.3f}"
        mean = "undefined" if row["mean"] is None else f"{row['mean']:.2f}"
        ends = "" if row["low"] is None else f"{row['low']:.2f} to {row['high']:.2f}"
        cells = [row["task"], row["metric"], row["value"], mean, ends, difference, p_value]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.ablation``: print the table."""
    settings = dict(vars(arguments))
    fine_tuning = tuple(settings.pop("passed_on"))
    settings["values"] = tuple(arguments.values)
    print(ablate(AblationArguments(**settings, fine_tuning=fine_tuning)))
