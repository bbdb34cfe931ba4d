"""One pre-training run, from the corpus to the model card. Read this file from top to bottom."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
import transformers
from transformers import PreTrainedTokenizerBase

from hub_cards import __version__, render
from recipes.engine.checkpoints import find_checkpoint, locked
from recipes.engine.hardware import hardware
from recipes.engine.pretrained import read_tokenizer
from recipes.engine.results import read_json, write_json
from recipes.engine.run import prepare_process
from recipes.engine.schedule import LogAtCheckpoints, mean_loss
from recipes.engine.settings_files import read_pairs
from recipes.pretraining.blocks import encode_corpus
from recipes.pretraining.choices import STATIC
from recipes.pretraining.configurations import table
from recipes.pretraining.corpora import COUNTS, open_corpus
from recipes.pretraining.masking import Masking, PretrainingCollator
from recipes.pretraining.objectives import Objective, continued_objective, new_objective
from recipes.pretraining.places import InOrder, Places
from recipes.pretraining.pretraining_arguments import PretrainingArguments, make_training_arguments
from recipes.pretraining.pretraining_trainer import PretrainingTrainer

ARGUMENTS = "pretraining_arguments.json"
RESULTS = "pretraining_results.json"  # written last
SAMPLE = 10_000  # number of blocks for estimating token frequencies
MATRIX = 2_048  # size of the matrix product for measuring the speed of the device
# Settings that a resumed run may change.
_MAY_CHANGE = {"output_dir", "overwrite_output_dir", "save_steps", "eval_steps", "logging_steps", "num_proc",
               "per_device_train_batch_size"}  # fmt: skip


def pretrain(arguments: PretrainingArguments) -> dict[str, Any]:
    """Pre-train a model according to the settings, and write it to ``output_dir``.

    Interrupted runs resume from their last checkpoint; finished runs are not repeated.

    Returns:
        The content of pretraining_results.json.

    Raises:
        ValueError: The settings do not match, or the folder contains another run.
    """
    # Settings.
    arguments = arguments.resolved()
    if not arguments.tokenizer:
        raise ValueError(
            "There is no tokenizer; expected --tokenizer, such as what klue tokenizer train wrote."
        )
    output_dir = Path(arguments.output_dir)
    training_arguments = make_training_arguments(arguments)
    if (finished := check_folder(output_dir, arguments)) is not None:
        return finished
    prepare_process(training_arguments)

    # Corpus.
    tokenizer = read_tokenizer(arguments.tokenizer)
    with training_arguments.main_process_first(desc="tokenising"):
        corpus = open_corpus(arguments.corpus, dataset_name=arguments.dataset_name)
        train, held_out = (encode_split(corpus, tokenizer, arguments, part) for part in (False, True))

    # Model.
    transformers.set_seed(arguments.seed)
    objective = make_objective(arguments, tokenizer)
    places = arguments.max_steps * arguments.global_batch_size
    trainer = PretrainingTrainer(
        model=objective,
        args=training_arguments,
        train_dataset=Places(train, places, arguments.seed),
        eval_dataset=InOrder(held_out),
        data_collator=make_collator(arguments, tokenizer, objective, places),
        eval_collator=make_collator(arguments, tokenizer, objective, places, held_out=True),
        processing_class=tokenizer,
        callbacks=[LogAtCheckpoints()],
    )
    is_main = trainer.is_world_process_zero()
    with locked(output_dir) if is_main else contextlib.nullcontext():
        if is_main and arguments.overwrite_output_dir:
            remove_run(output_dir)
        trainer.accelerator.wait_for_everyone()
        return train_and_evaluate(trainer, arguments, output_dir)


def train_and_evaluate(
    trainer: PretrainingTrainer, arguments: PretrainingArguments, output_dir: Path
) -> dict[str, Any]:
    """Train (or resume), evaluate, and write model, results and card."""
    # Training.
    objective, is_main = trainer.model, trainer.is_world_process_zero()
    train, tokenizer, world_size = (
        trainer.train_dataset.blocks,
        trainer.processing_class,
        trainer.args.world_size,
    )
    if is_main:
        write_json(output_dir / ARGUMENTS, dataclasses.asdict(arguments))
    checkpoint = find_checkpoint(output_dir, "last") if any(output_dir.glob("checkpoint-*")) else None
    started = time.monotonic()
    step = read_json(Path(checkpoint) / "trainer_state.json")["global_step"] if checkpoint else 0
    output = trainer.train(resume_from_checkpoint=checkpoint)
    seconds = time.monotonic() - started

    # Evaluation, results and card.
    scores = trainer.evaluate()
    tokens = mean_tokens(train) * arguments.global_batch_size
    rate = (arguments.max_steps - step) * tokens / seconds
    flops = rate * objective.flops_per_token()
    results = {
        **scores,
        "unigram_loss": unigram_loss(train, trainer),
        "train_loss": mean_loss(trainer.state.log_history, step, arguments.max_steps, output.training_loss),
        "train_steps": arguments.max_steps,
        "train_tokens": round(arguments.max_steps * tokens),
        "train_blocks": len(train),
        "passes": round(len(trainer.train_dataset) / len(train), 2),
        "train_tokens_per_second": round(rate, 1),
        "model_flops_per_second": flops,
        "share_of_matmul_flops": round(flops / world_size / matmul_flops(objective, arguments.bf16), 4),
        "vocabulary": len(tokenizer),
        "parameters": sum(weight.numel() for weight in objective.model.parameters()),
        "world_size": world_size,
        "device": hardware(),
        "klue_hub_version": __version__,
    }
    trainer.save_model(str(output_dir))
    if is_main:
        write_card(output_dir, arguments, results)
        write_json(output_dir / RESULTS, results)
    return results


def check_folder(output_dir: Path, arguments: PretrainingArguments) -> dict[str, Any] | None:
    """Check that a run may write to a folder.

    Returns:
        The results, if the folder contains the finished run; None otherwise.

    Raises:
        ValueError: The folder contains another run; the message names the different settings.
    """
    if arguments.overwrite_output_dir:
        return None
    old = read_json(output_dir / ARGUMENTS)
    new = json.loads(json.dumps(dataclasses.asdict(arguments)))
    differ = [name for name in new if name not in _MAY_CHANGE and old.get(name, new[name]) != new[name]]
    if differ:
        raise ValueError(
            f"{output_dir} holds a run with different settings ({', '.join(differ)}); expected another "
            "--output_dir, or --overwrite_output_dir to start over."
        )
    return read_json(output_dir / RESULTS) or None


def remove_run(output_dir: Path) -> None:
    """Delete the checkpoints and results of an earlier run."""
    for path in (*output_dir.glob("checkpoint-*"), output_dir / ARGUMENTS, output_dir / RESULTS):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def encode_split(
    corpus: datasets.Dataset,
    tokenizer: PreTrainedTokenizerBase,
    arguments: PretrainingArguments,
    held_out: bool,
) -> datasets.Dataset:
    """Encode the blocks for training, or the held-out blocks."""
    return encode_corpus(
        corpus,
        tokenizer,
        max_length=arguments.max_seq_length,
        pack=arguments.pack,
        text_column=arguments.text_column,
        num_proc=arguments.num_proc,
        every=max(len(corpus) // max(arguments.held_out, 1), 2),
        held_out=held_out,
    )


def make_objective(arguments: PretrainingArguments, tokenizer: PreTrainedTokenizerBase) -> Objective:
    """Create the model and its objective."""
    if arguments.continue_from:
        return continued_objective(arguments.continue_from)
    special = {
        name: value
        for name, value in (
            ("pad_token_id", tokenizer.pad_token_id),
            ("bos_token_id", tokenizer.bos_token_id if "roberta" in arguments.arch else None),
            ("eos_token_id", tokenizer.eos_token_id if "roberta" in arguments.arch else None),
        )
        if value is not None
    }
    if arguments.arch == "modernbert":
        special |= {f"{name}_token_id": tokenizer.cls_token_id for name in ("cls", "bos")}
        special |= {f"{name}_token_id": tokenizer.sep_token_id for name in ("sep", "eos")}
    return new_objective(
        arguments.arch,
        arguments.size,
        len(tokenizer),
        special,
        generator_size=arguments.generator_size,
        teacher=arguments.teacher,
    )


def make_collator(
    arguments: PretrainingArguments,
    tokenizer: PreTrainedTokenizerBase,
    objective: Objective,
    places: int,
    *,
    held_out: bool = False,
) -> PretrainingCollator:
    """Create the collator; held-out blocks have static masks with the final rate."""
    end = arguments.mlm_probability_end
    config = objective.model.config
    return PretrainingCollator(
        tokenizer,
        Masking(
            rate=end if held_out else arguments.mlm_probability,
            final_rate=end,
            unit=arguments.mask_unit,
            kind=STATIC if held_out else arguments.masking,
            seed=arguments.seed,
        ),
        places,
        first_position=config.pad_token_id + 1 if config.model_type == "roberta" else 0,
    )


def matmul_flops(objective: Objective, bf16: bool) -> float:
    """Measure the FLOP/s of a large matrix product on the device of a model."""
    device = next(objective.parameters()).device
    left, right = (
        torch.rand(MATRIX, MATRIX, device=device, dtype=torch.bfloat16 if bf16 else None) for _ in range(2)
    )
    best = math.inf
    for _ in range(4):
        started = time.perf_counter()
        (left @ right)[0, 0].item()  # synchronises with the device
        best = min(best, time.perf_counter() - started)
    return 2 * MATRIX**3 / best


def mean_tokens(blocks: datasets.Dataset) -> float:
    """Return the mean number of tokens per block."""
    sizes = [len(ids) for ids in blocks[: min(len(blocks), SAMPLE)]["input_ids"]]
    return sum(sizes) / len(sizes)


def unigram_loss(blocks: datasets.Dataset, trainer: PretrainingTrainer) -> float:
    """Compute the loss of predicting held-out labels by token frequency, in nats."""
    counts = np.ones(len(trainer.processing_class))
    for ids in blocks[: min(len(blocks), SAMPLE)]["input_ids"]:
        np.add.at(counts, ids, 1)
    logs = np.log(counts / counts.sum())
    losses = [logs[labels[labels >= 0].numpy()] for labels in trainer.held_out_labels()]
    return float(-np.concatenate(losses).mean())


def write_card(output_dir: Path, arguments: PretrainingArguments, results: dict[str, Any]) -> None:
    """Write README.md with data, tokenisation, training and results."""
    built = {source: read_json(Path(source) / COUNTS) for source in arguments.corpus}
    card = render(
        "pretrained.md",
        name=output_dir.resolve().name,
        arguments=dataclasses.replace(
            arguments,
            tokenizer=_without_folder(arguments.tokenizer),
            continue_from=_without_folder(arguments.continue_from),
            teacher=_without_folder(arguments.teacher),
        ),
        results=results,
        stages={Path(source).name: counts for source, counts in built.items() if counts},
    )
    (output_dir / "README.md").write_text(card, encoding="utf-8")


def _without_folder(name: str) -> str:
    """Return the name of a model or tokenizer, without parent folders if it is local."""
    return Path(name).name if name and Path(name).exists() else name


def command(given: argparse.Namespace) -> None:
    """Run ``recipes.pretrain``, and print the final loss or, with ``--list``, all configurations.

    Raises:
        ValueError: A setting is invalid, or the data does not match it.
    """
    values = {name: value for name, value in vars(given).items() if value is not None}
    if values.pop("list"):
        print(table())
        return
    if given.corpus:
        values["corpus"] = tuple(given.corpus)
    if given.output_dir:
        values["output_dir"] = str(given.output_dir)
    pack, trainer = not values.pop("no_packing"), read_pairs(values.pop("set"), "--set")
    results = pretrain(PretrainingArguments(**values, pack=pack, trainer=trainer))
    print(
        f"{given.output_dir}: loss {results['eval_loss']:.3f} on held-out text, "
        f"{results['unigram_loss']:.3f} by the frequency of tokens alone; "
        f"{results['train_tokens_per_second']:,.0f} tokens a second"
    )
