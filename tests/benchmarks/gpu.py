"""Check every recipe on a GPU, and measure the throughput of training: `make gpu`.

    python tests/benchmarks/gpu.py --output out/gpu

The script needs a GPU and the packages of the extra ``train``, but no network and no data other than the mini
corpus. It writes ``results.json`` and ``table.md``, and exits with status 1 if a check fails. ``--use_cpu``
is for testing the script.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers
from transformers import BertConfig, BertModel, TrainerCallback
from transformers.utils import is_flash_attn_2_available

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script runs the checkout it is in

from klue_datasets import load
from klue_metrics.functional import METRICS
from recipes.engine.command_line import make_parser, parse
from recipes.engine.encoding import encode_split
from recipes.engine.launching import Launcher
from recipes.engine.modeling import load_model
from recipes.engine.speed import for_device, set_attention
from recipes.engine.training import make_trainer
from recipes.engine.training_arguments import make_training_arguments
from recipes.sweeps.jobs import last_message
from recipes.tasks import SCRIPTS, get_recipe

ROOT = Path(__file__).resolve().parents[2]
UPDATES = 20
COMMON = f"--mini --max_steps {UPDATES} --max_train_samples 320 --max_eval_samples 100 --warmup_ratio 0.1"
COMMON += " --learning_rate 5e-4 --per_device_train_batch_size 16 --eval_strategy steps --eval_steps 10"
# Flags of each check. The first is compared with the CPU, and resumed.
CHECKS = {
    "fp32": "",
    "bf16": "--bf16",
    "fp16": "--fp16",
    "lora": "--bf16 --use_lora",
    "checkpointing": "--bf16 --gradient_checkpointing",
    "compile": "--bf16 --torch_compile",
    "flash": "--bf16 --set attn_implementation=flash_attention_2",
}
LONG = {  # inputs of the maximum length; the other tasks have nothing of their own at that length
    "dp": "--bf16 --max_seq_length 512 --head klue",
    "mrc": "--bf16 --max_seq_length 512",
    "wos": "--bf16 --max_seq_length 510",
}
# Peak of dense matrix products of one H100 (SXM) by NVIDIA's data sheet, in FLOP/s.
H100 = {"fp32": 67e12, "tf32": 494.5e12, "bf16": 989e12}
# Setting -> precision, and flags.
SETTINGS = {
    "fp32, fixed padding": ("fp32", "--tf32 false"),
    "fp32": ("fp32", "--tf32 false"),
    "tf32": ("tf32", "--tf32 true"),
    "bf16, fixed padding": ("bf16", "--bf16"),
    "bf16": ("bf16", "--bf16"),
    "bf16, grouped by length": ("bf16", "--bf16 --group_by_length"),
    "bf16, grouped, 4 workers": ("bf16", "--bf16 --group_by_length --dataloader_num_workers 4"),
    "bf16, compiled": ("bf16", "--bf16 --torch_compile"),
    "bf16, flash, no padding": ("bf16", "--bf16 --set attn_implementation=flash_attention_2"),
    "fast": ("bf16", "--bf16 --group_by_length --set fast=true"),
}
MEASURED = {"mrc": 512, "nli": 128}  # task -> maximum length
SKIPPED = 10  # updates before time is taken


@dataclasses.dataclass
class Check:
    """A run of a recipe, and its result."""

    task: str
    name: str
    words: list[str]
    folder: Path
    status: int | None = None
    seconds: float = 0.0
    message: str = ""

    def record(self) -> dict[str, Any]:
        """The row of the table."""
        record: dict[str, Any] = {"task": self.task, "check": self.name, "ok": self.status == 0}
        record |= {"seconds": round(self.seconds, 1), "message": self.message}
        if self.status == 0:
            results = json.loads((self.folder / "all_results.json").read_text(encoding="utf-8"))
            used = re.search(r"([\d.]+) GiB used", str(results.get("device")))
            record |= {
                "train_loss": results.get("train_loss"),
                "score": results[f"eval_{METRICS[self.task].primary}"],
                "peak_gib": float(used[1]) if used else None,
            }
        return record


def main() -> int:
    """Run several checks at once, then the measurements one by one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=ROOT / "out/gpu", help="where (default: out/gpu)")
    parser.add_argument("--tasks", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    parser.add_argument("--checks", nargs="*", choices=[*CHECKS, "long"], default=[*CHECKS, "long"])
    parser.add_argument("--updates", type=int, default=60, help="measured updates; 0 measures nothing")
    parser.add_argument("--jobs", type=int, default=max((os.cpu_count() or 2) // 2, 1), help="checks at once")
    parser.add_argument("--use_cpu", action="store_true", help="no GPU, and a tiny model throughout")
    arguments = parser.parse_args()
    output: Path = arguments.output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    transformers.utils.logging.disable_progress_bar()
    # In a process of its own: it may initialise CUDA, and forks of this one could not use it then.
    tiny_model = [sys.executable, str(ROOT / "recipes/tiny_model.py"), "--output_dir", str(output / "tiny")]
    subprocess.run(tiny_model, check=True)
    extra = ["--use_cpu"] if arguments.use_cpu else []
    if arguments.use_cpu or not is_flash_attn_2_available():
        print("FlashAttention 2 is not there: nothing is tried with it", flush=True)
        arguments.checks = [name for name in arguments.checks if name != "flash"]
        for name in [name for name in SETTINGS if "flash" in name]:
            del SETTINGS[name]

    begin = time.monotonic()
    checks = list(plan(arguments.tasks, arguments.checks, output, extra))
    launcher = Launcher(arguments.jobs, forks=True)
    launcher.run_all(run(launcher, check) for check in checks)
    follow_ups = [
        check for done in checks if done.status == 0 and done.name == "fp32" for check in again(done)
    ]
    launcher.run_all(run(launcher, check) for check in follow_ups)
    for check in follow_ups:
        compare(check)
    records = [check.record() for check in (*checks, *follow_ups)]
    print(f"{len(records)} checks in {time.monotonic() - begin:.0f} s", flush=True)

    device = "CPU" if arguments.use_cpu else torch.cuda.get_device_name()
    results = {"device": device, "torch": torch.__version__, "transformers": transformers.__version__}
    results |= {"checks": records, "throughput": []}
    write(results, output)
    if arguments.updates:
        model = output / "tiny"
        if not arguments.use_cpu:
            model = make_base_model(output / "base", output / "tiny")
        for task, setting in itertools.product(MEASURED, SETTINGS):
            # Compiling takes minutes for batches of many lengths.
            if task in arguments.tasks and ("compiled" not in setting or task == "mrc"):
                rate = measure(task, setting, model, output, arguments.updates, extra)
                results["throughput"].append(rate)
                write(results, output)
    print((output / "table.md").read_text(encoding="utf-8"))
    return 0 if all(record["ok"] for record in records) else 1


def plan(tasks: Sequence[str], names: Sequence[str], output: Path, extra: Sequence[str]) -> Iterator[Check]:
    """Return the checks of all tasks, slow ones first."""
    for name, task in itertools.product(sorted(names, key=lambda name: name != "compile"), tasks):
        flags = LONG.get(task) if name == "long" else CHECKS[name]
        if flags is None:
            continue
        folder = output / "runs" / task / name
        words = [*COMMON.split(), *flags.split(), *extra]
        if name == "long":
            words.remove("--mini")
            words += [
                "--train_file",
                str(long_file(task, output)),
                "--validation_file",
                str(long_file(task, output)),
            ]
        words += ["--model_name_or_path", str(output / "tiny"), "--output_dir", str(folder)]
        words += ["--save_total_limit", "3"]
        yield Check(task, name, words, folder)


def run(launcher: Launcher, check: Check) -> Iterator[None]:
    """Runs a recipe."""
    log, begin = check.folder.with_suffix(".log"), time.monotonic()
    job = launcher.start(f"train_{SCRIPTS[check.task]}.py", check.task, check.words, log)
    while (status := job.status()) is None:
        yield
    check.status, check.seconds = status, time.monotonic() - begin
    check.message = last_message(log) if check.status else ""
    print(f"{check.task} {check.name}: {check.message or 'ok'} ({check.seconds:.0f} s)", flush=True)


def again(done: Check) -> Iterator[Check]:
    """Resume the run from its middle, and evaluate its model on the CPU."""
    resumed = done.folder.with_name("resumed")
    half = f"checkpoint-{UPDATES // 2}"
    shutil.copytree(done.folder / half, resumed / half)
    words = [*done.words, "--output_dir", str(resumed), "--resume_from_checkpoint", "last"]
    yield Check(done.task, "resumed", words, resumed)
    on_cpu = done.folder.with_name("on_cpu")
    words = [*done.words, "--model_name_or_path", str(done.folder), "--output_dir", str(on_cpu), "--do_eval"]
    yield Check(done.task, "on_cpu", [*words, "--use_cpu"], on_cpu)


def compare(check: Check) -> None:
    """Compare weights and scores with those of the uninterrupted run on the GPU."""
    if check.status:
        return
    first, second = (
        json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
        for folder in (check.folder.with_name("fp32"), check.folder)
    )
    keys = [f"eval_{key}" for key in METRICS[check.task].names if first[f"eval_{key}"] is not None]
    apart = max(abs(first[key] - second[key]) for key in keys)
    check.message = f"scores differ by {apart:.4f}"
    if check.name == "resumed":
        left, right = (
            safetensors.torch.load_file(folder / "model.safetensors")
            for folder in (check.folder.with_name("fp32"), check.folder)
        )
        weights = max((left[name].float() - right[name].float()).abs().max().item() for name in left)
        check.message += f", weights by {weights:.1e}"


def long_file(task: str, output: Path) -> Path:
    """A file of examples of about 512 subword tokens: several of the mini corpus in one."""
    path = output / f"long-{task}.jsonl"
    if not path.is_file():
        rows = load(task, "train", mini=True).to_list()
        join, number = _JOIN[task]
        joined = [join(rows[start : start + number]) for start in range(0, len(rows) - number, 2)]
        path.write_text(
            "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in joined), encoding="utf-8"
        )
    return path


def _join_trees(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One tree of several: their roots depend on that of the last, as predicates do in Korean."""
    names = load("dp", "train", mini=True).features["deprel"].feature
    words: list[str] = []
    heads: list[int] = []
    for row in rows:
        before = len(words)
        words += row["word_form"]
        heads += [head + before if head else 0 for head in row["head"]]
    root = max(index for index, head in enumerate(heads) if not head)
    heads = [root + 1 if not head and index != root else head for index, head in enumerate(heads)]
    labels = [
        names.int2str(label) if isinstance(label, int) else label for row in rows for label in row["deprel"]
    ]
    joined = {"guid": rows[0]["guid"], "sentence": " ".join(words), "index": list(range(1, len(words) + 1))}
    joined |= {"word_form": words, "lemma": words, "head": heads, "deprel": labels}
    return joined | {"pos": [tag for row in rows for tag in row["pos"]]}


def _join_passages(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first question with the passages of all, its own first."""
    passages = dict.fromkeys(row["context"] for row in rows)
    return rows[0] | {"context": " ".join(passages)}


def _join_dialogues(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The turns of several dialogues, whose states add up."""
    turns, before, state = [], dict[str, str](), dict[str, str]()
    for row in rows:
        for turn in row["dialogue"]:
            if turn["state"]:  # not of the system; a later dialogue may give a slot another value
                state = before | {item.rpartition("-")[0]: item for item in turn["state"]}
            turns.append({**turn, "state": list(state.values()) if turn["state"] else []})
        before = state
    return rows[0] | {"dialogue": turns}


# Task -> what joins examples, and how many of them.
_JOIN = {"dp": (_join_trees, 24), "mrc": (_join_passages, 24), "wos": (_join_dialogues, 4)}


def make_base_model(folder: Path, tiny: Path) -> Path:
    """A random encoder of the size of BERT-base, with the tiny model's tokenizer."""
    vocabulary = json.loads((tiny / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    BertModel(BertConfig(vocab_size=vocabulary, pad_token_id=0)).save_pretrained(folder)
    for path in tiny.glob("tokenizer*"):
        shutil.copy(path, folder)
    return folder


class Timer(TrainerCallback):
    """Seconds between two updates, when the device has finished them."""

    def __init__(self, first: int) -> None:
        self.first, self.begin, self.end = first, 0.0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Takes the time after the first updates, and after the last."""
        if state.global_step in (self.first, state.max_steps):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            now = time.perf_counter()
            self.begin, self.end = (now, 0.0) if state.global_step == self.first else (self.begin, now)


def measure(
    task: str, setting: str, model: Path, output: Path, updates: int, extra: Sequence[str]
) -> dict[str, Any]:
    """Rows and tokens a second of training, peak memory, and the share of the device's peak FLOP/s.

    FLOPs are 6 for each weight outside the embeddings and each computed token, without those of attention.
    """
    precision, flags = SETTINGS[setting]
    if extra:  # a CPU has no TF32
        flags = flags.removeprefix("--tf32 true").removeprefix("--tf32 false")
    flags += f" --do_train --max_steps {SKIPPED + updates} --max_seq_length {MEASURED[task]} --preset demo"
    flags += " --per_device_train_batch_size 32 --save_strategy no --eval_strategy no --logging_steps 500"
    words = [*flags.split(), *extra, "--disable_tqdm", "true", "--output_dir", str(output / "measured")]
    words += ["--model_name_or_path", str(model)]
    arguments = for_device(parse(make_parser(task, None), task, words))
    recipe = get_recipe(task, arguments)
    data = {"data_files": str(long_file(task, output))} if task == "mrc" else {"mini": True}
    rows = recipe.prepare(load(task, "train", **data))
    loaded = load_model(recipe, arguments, {"train": rows})
    set_attention(loaded.model, arguments)
    split = encode_split(recipe, rows, loaded)
    training = make_training_arguments(recipe, arguments, output / "measured")
    trainer = make_trainer(recipe, arguments, training, loaded, split, {})
    if "fixed" in setting:
        collate, width = trainer.data_collator, loaded.max_length
        trainer.data_collator = lambda features: _padded(collate(features), width)
    counts = _count(trainer)
    timer = Timer(SKIPPED)
    trainer.add_callback(timer)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    trainer.train()
    seconds = timer.end - timer.begin
    of_rows, real, computed = (
        sum(map(int, column)) for column in zip(*counts[SKIPPED : SKIPPED + updates], strict=True)
    )
    if "no padding" in setting:
        computed = real
    weights = sum(
        weight.numel() for name, weight in loaded.model.named_parameters() if "embeddings" not in name
    )
    record = {"task": task, "setting": setting, "rows_a_second": of_rows / seconds}
    record |= {"tokens_a_second": real / seconds, "computed_per_real": computed / real}
    if torch.cuda.is_available() and not extra:
        record["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        record["share_of_peak"] = 6 * weights * computed / seconds / H100[precision]
    print(record, flush=True)
    return record


def _count(trainer: Any) -> list[tuple[int, torch.Tensor, int]]:
    """A list to which each update adds its rows, real tokens and computed tokens."""
    counts: list[tuple[int, torch.Tensor, int]] = []
    step = trainer.training_step

    def training_step(model: Any, inputs: Any, *more: Any) -> Any:
        mask = inputs["attention_mask"]
        counts.append((len(mask), mask.sum(), mask.numel()))
        return step(model, inputs, *more)

    trainer.training_step = training_step
    return counts


def _padded(batch: dict[str, torch.Tensor], width: int) -> dict[str, torch.Tensor]:
    """A batch with rows of a fixed width."""
    shape = batch["attention_mask"].shape
    missing = (0, width - shape[1])
    return {
        name: torch.nn.functional.pad(value, missing) if value.shape == shape else value
        for name, value in batch.items()
    }


def write(results: dict[str, Any], output: Path) -> None:
    """Writes the results so far."""
    (output / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    (output / "table.md").write_text(tables(results), encoding="utf-8")


def tables(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [f"{results['device']}, torch {results['torch']}, transformers {results['transformers']}", ""]
    lines += [
        "| task | check | result | train loss | primary metric | peak GiB | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["checks"]:
        cells = [row["task"], row["check"], row["message"] or "ok"]
        cells += [_figure(row.get(key)) for key in ("train_loss", "score", "peak_gib", "seconds")]
        lines.append(f"| {' | '.join(cells)} |")
    header = "| task | setting | rows a second | real tokens a second | computed per real token | peak GiB |"
    lines += ["", f"{header} share of peak FLOP/s |", "|---|---|---|---|---|---|---|"]
    for row in results["throughput"]:
        share = row.get("share_of_peak")
        cells = [
            row["task"],
            row["setting"],
            f"{row['rows_a_second']:,.0f}",
            f"{row['tokens_a_second']:,.0f}",
        ]
        cells += [_figure(row["computed_per_real"]), _figure(row.get("peak_gib"))]
        lines.append(f"| {' | '.join([*cells, '' if share is None else f'{share:.1%}'])} |")
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
