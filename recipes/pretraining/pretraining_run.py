"""One pre-training run, from the corpus to the model card: read it from top to bottom."""

from __future__ import annotations

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
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase, TrainingArguments

from hub_cards import __version__, render
from recipes.engine.checkpoints import find_checkpoint, locked
from recipes.engine.hardware import hardware
from recipes.engine.results import read_json, write_json
from recipes.engine.run import prepare_process
from recipes.engine.schedule import LogAtCheckpoints, mean_loss
from recipes.pretraining.blocks import encode_corpus
from recipes.pretraining.choices import STATIC, WORD
from recipes.pretraining.configurations import (
    GENERATOR_SIZES,
    POSITIONS,
    SCHEDULES,
    shape_of,
)
from recipes.pretraining.corpora import COUNTS, TEXT, open_corpus
from recipes.pretraining.masking import Masking, PretrainingCollator
from recipes.pretraining.objectives import Objective, continued_objective, new_objective
from recipes.pretraining.places import InOrder, Places
from recipes.pretraining.pretraining_trainer import PretrainingTrainer

ARGUMENTS = "pretraining_arguments.json"
RESULTS = "pretraining_results.json"  # written last
SAMPLE = 10_000  # blocks whose tokens are counted for the loss of unigrams
MATRIX = 2_048  # rows and columns of the product that a device's speed is measured by
UNPACKED = ("modernbert",)  # its windows of attention know no mask of segments
CONTINUED = ("bert", "roberta", "modernbert")  # whose masked language models can be trained further
# What a run that goes on may do otherwise.
_MAY_CHANGE = {"output_dir", "overwrite_output_dir", "save_steps", "eval_steps", "logging_steps", "num_proc",
               "per_device_train_batch_size"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class PretrainingArguments:
    """The settings of a run; 0 and "" stand for what KLUE, or the architecture's paper, has.

    Attributes:
        output_dir: Where the model goes.
        tokenizer: A tokenizer: a folder or a Hub id; with ``continue_from`` by default the model's own.
        corpus: Files and folders with documents.
        dataset_name: A data set of the Hub in their place.
        text_column: Where the text is.
        arch: Architecture.
        size: Size.
        continue_from: A model to train further, in place of one with random weights.
        teacher: Of a distilled model: the model to learn from.
        generator_size: Of ELECTRA: the generator's share of the discriminator's width.
        max_seq_length: Tokens in a block.
        pack: Whether a block holds several documents.
        masking: ``static`` or ``dynamic``.
        mask_unit: ``word`` or ``token``.
        mlm_probability: Share of tokens to predict, at the beginning.
        mlm_probability_end: The share at the end; 0 for the same.
        max_steps: Updates.
        global_batch_size: Blocks in an update, on all processes together.
        per_device_train_batch_size: Blocks that a device computes at once.
        learning_rate: At its peak.
        warmup: Share of the updates until the peak; negative for the usual one.
        weight_decay: Of weights, not of biases and norms.
        held_out: Documents that are kept for evaluation, about.
        eval_steps: Updates between evaluations.
        save_steps: Updates between checkpoints.
        logging_steps: Updates between logged losses.
        seed: Random seed.
        bf16: Whether to compute in bfloat16.
        num_proc: Processes that tokenise.
        overwrite_output_dir: Whether to start over where a run has begun.
        trainer: Further fields of TrainingArguments.
    """

    output_dir: str
    tokenizer: str = ""
    corpus: tuple[str, ...] = ()
    dataset_name: str | None = None
    text_column: str = TEXT
    arch: str = "roberta"
    size: str = "base"
    continue_from: str = ""
    teacher: str = ""
    generator_size: float = 0.0
    max_seq_length: int = POSITIONS
    pack: bool = True
    masking: str = ""
    mask_unit: str = WORD
    mlm_probability: float = 0.15
    mlm_probability_end: float = 0.0
    max_steps: int = 0
    global_batch_size: int = 0
    per_device_train_batch_size: int = 32
    learning_rate: float = 0.0
    warmup: float = -1.0
    weight_decay: float = 0.01
    held_out: int = 1_000
    eval_steps: int = 1_000
    save_steps: int = 1_000
    logging_steps: int = 100
    seed: int = 42
    bf16: bool = False
    num_proc: int | None = None
    overwrite_output_dir: bool = False
    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)

    def resolved(self) -> PretrainingArguments:
        """The arguments with the values of the architecture and size; a model trained further has its own.

        Raises:
            ValueError: There is no such architecture or size, or the model cannot be trained further.
        """
        arch = _arch_of(self.continue_from) if self.continue_from else self.arch
        shape_of(arch, self.size)
        schedule = SCHEDULES[arch][self.size]
        usual: dict[str, Any] = {
            "max_steps": schedule.steps,
            "global_batch_size": schedule.batch,
            "learning_rate": schedule.learning_rate,
            "masking": schedule.masking,
            "mlm_probability_end": self.mlm_probability,
            "generator_size": GENERATOR_SIZES[self.size] if arch == "electra" else 0.0,
            "tokenizer": self.continue_from or self.teacher,
        }
        chosen = {name: getattr(self, name) or value for name, value in usual.items()}
        return dataclasses.replace(
            self,
            **chosen,
            arch=arch,
            warmup=schedule.warmup if self.warmup < 0 else self.warmup,
            pack=self.pack and arch not in UNPACKED,
        )


def pretrain(arguments: PretrainingArguments) -> dict[str, Any]:
    """Pre-train a model as the arguments say, and write it to their ``output_dir``.

    A run that was interrupted goes on from its last checkpoint; a finished one is not repeated.

    Returns:
        What pretraining_results.json holds.

    Raises:
        ValueError: The arguments do not go together, or the folder holds another run.
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
    tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer)
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
    """Train, or go on from the last checkpoint; evaluate; write model, results and card."""
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
    """Whether a run may write into a folder.

    Returns:
        The results of the same run, if it is finished there; None otherwise.

    Raises:
        ValueError: There is another run; says which settings differ.
    """
    if arguments.overwrite_output_dir:
        return None
    old = read_json(output_dir / ARGUMENTS)
    new = json.loads(json.dumps(dataclasses.asdict(arguments)))
    differ = [name for name in new if name not in _MAY_CHANGE and old.get(name, new[name]) != new[name]]
    if differ:
        raise ValueError(
            f"{output_dir} holds another run, with another {', '.join(differ)}; expected another "
            "--output_dir, or --overwrite_output_dir to start over."
        )
    return read_json(output_dir / RESULTS) or None


def remove_run(output_dir: Path) -> None:
    """Remove the checkpoints and results of an earlier run."""
    for path in (*output_dir.glob("checkpoint-*"), output_dir / ARGUMENTS, output_dir / RESULTS):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def make_training_arguments(arguments: PretrainingArguments) -> TrainingArguments:
    """What Trainer is told.

    Raises:
        ValueError: The batch cannot be divided, or a field is not one of TrainingArguments.
    """
    values: dict[str, Any] = {
        "output_dir": arguments.output_dir,
        "max_steps": arguments.max_steps,
        "per_device_train_batch_size": arguments.per_device_train_batch_size,
        "per_device_eval_batch_size": arguments.per_device_train_batch_size,
        "learning_rate": arguments.learning_rate,
        "weight_decay": arguments.weight_decay,
        "warmup_steps": math.ceil(arguments.warmup * arguments.max_steps),
        "lr_scheduler_type": "linear",
        "seed": arguments.seed,
        "bf16": arguments.bf16,
        "eval_strategy": "steps",
        "eval_steps": arguments.eval_steps,
        "save_steps": arguments.save_steps,
        "save_total_limit": 2,
        "logging_steps": arguments.logging_steps,
        "train_sampling_strategy": "sequential",  # Places has an order of its own
        "remove_unused_columns": False,
        "ddp_find_unused_parameters": False,
        "report_to": "none",
    }
    try:
        made = TrainingArguments(**values | arguments.trainer)
    except TypeError as error:
        raise ValueError(f"--set: {error}; expected fields of TrainingArguments.") from error
    at_once = made.per_device_train_batch_size * made.world_size
    if arguments.global_batch_size % at_once:
        raise ValueError(
            f"The batch of {arguments.global_batch_size} blocks is no multiple of the {at_once} that "
            f"{made.world_size} processes compute at once; expected another --per_device_train_batch_size or "
            "--global_batch_size."
        )
    made.gradient_accumulation_steps = arguments.global_batch_size // at_once
    return made


def encode_split(
    corpus: datasets.Dataset,
    tokenizer: PreTrainedTokenizerBase,
    arguments: PretrainingArguments,
    held_out: bool,
) -> datasets.Dataset:
    """The blocks of training, or those that are held out."""
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
    """The model and what it is trained for."""
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
    """What masks and pads; held-out blocks are masked once, at the rate of the end."""
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
    """Floating point operations a second of a large matrix product, on the device of a model."""
    device = next(objective.parameters()).device
    left, right = (
        torch.rand(MATRIX, MATRIX, device=device, dtype=torch.bfloat16 if bf16 else None) for _ in range(2)
    )
    best = math.inf
    for _ in range(4):
        started = time.perf_counter()
        (left @ right)[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - started)
    return 2 * MATRIX**3 / best


def mean_tokens(blocks: datasets.Dataset) -> float:
    """Tokens in a block, on average."""
    sizes = [len(ids) for ids in blocks[: min(len(blocks), SAMPLE)]["input_ids"]]
    return sum(sizes) / len(sizes)


def unigram_loss(blocks: datasets.Dataset, trainer: PretrainingTrainer) -> float:
    """What predicting tokens by their frequency alone would lose on the held-out labels, in nats."""
    counts = np.ones(len(trainer.processing_class))
    for ids in blocks[: min(len(blocks), SAMPLE)]["input_ids"]:
        np.add.at(counts, ids, 1)
    logs = np.log(counts / counts.sum())
    losses = [logs[labels[labels >= 0].numpy()] for labels in trainer.held_out_labels()]
    return float(-np.concatenate(losses).mean())


def write_card(output_dir: Path, arguments: PretrainingArguments, results: dict[str, Any]) -> None:
    """Write README.md: data, tokenisation, training and results."""
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


def _arch_of(model: str) -> str:
    """The architecture of a pre-trained model.

    Raises:
        ValueError: It is none of ``CONTINUED``.
    """
    arch = str(AutoConfig.from_pretrained(model).model_type)
    if arch not in CONTINUED:
        raise ValueError(
            f"{model} is a model of the type {arch}; expected one of {', '.join(CONTINUED)} to train further."
        )
    return arch


def _without_folder(name: str) -> str:
    """The name of a model or tokenizer; of one on this machine, without the folders above it."""
    return Path(name).name if name and Path(name).exists() else name
