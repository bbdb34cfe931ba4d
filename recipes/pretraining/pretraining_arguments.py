"""The settings of a pre-training run, and its TrainingArguments."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from transformers import PreTrainedConfig, TrainingArguments

from recipes.engine.unreachable import model_errors
from recipes.pretraining.choices import WORD
from recipes.pretraining.configurations import GENERATOR_SIZES, POSITIONS, SCHEDULES, shape_of
from recipes.pretraining.corpora import TEXT

UNPACKED = ("modernbert",)  # architectures whose attention does not support masks of segments
CONTINUED = ("bert", "roberta", "modernbert")  # architectures whose masked language models can be continued


@dataclasses.dataclass(frozen=True)
class PretrainingArguments:
    """The settings of a run; 0 and "" stand for the default, from KLUE or the paper of the architecture.

    Attributes:
        output_dir: Output folder.
        tokenizer: Folder or Hub id of the tokenizer; with ``continue_from``, by default that of the model.
        corpus: Files and folders with documents.
        dataset_name: A data set on the Hub instead of files.
        text_column: Name of the column with the text.
        arch: Architecture.
        size: Size of the model.
        continue_from: A model whose training is continued, instead of one with random weights.
        teacher: For distillation, the model to learn from.
        generator_size: For ELECTRA, width of the generator relative to the discriminator.
        max_seq_length: Number of tokens of a block.
        pack: Whether a block may contain several documents.
        masking: ``static`` or ``dynamic``.
        mask_unit: ``word`` or ``token``.
        mlm_probability: Fraction of tokens to predict at the beginning of training.
        mlm_probability_end: Fraction at the end of training; 0 for the same.
        max_steps: Number of updates.
        global_batch_size: Number of blocks per update on all processes.
        per_device_train_batch_size: Number of blocks per device and forward pass.
        learning_rate: Peak learning rate.
        warmup: Fraction of the updates before the peak; negative for the default.
        weight_decay: Weight decay, except for biases and norms.
        held_out: Approximate number of documents held out for evaluation.
        eval_steps: Number of updates between evaluations.
        save_steps: Number of updates between checkpoints.
        logging_steps: Number of updates between log entries.
        seed: Random seed.
        bf16: Whether to compute in bfloat16 mixed precision.
        num_proc: Number of processes for tokenisation.
        overwrite_output_dir: Whether to replace an unfinished run.
        trainer: Further fields of TrainingArguments.
    """

    output_dir: str
    tokenizer: str = ""
    corpus: tuple[str, ...] = ()
    dataset_name: str | None = None
    text_column: str = TEXT
    arch: str = ""
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
        """Fill in the default values for architecture and size, or those of a continued model.

        Raises:
            ValueError: There is no such architecture or size, a setting is for another architecture, or the
                training of the model cannot be continued.
        """
        arch = _arch_of(self.continue_from) if self.continue_from else self.arch or "roberta"
        if self.arch not in ("", arch):
            raise ValueError(f"{self.continue_from} is a {arch} model; expected no other --arch.")
        if self.teacher and arch != "distilroberta":
            raise ValueError(f"--teacher was given for {arch}; expected --arch distilroberta.")
        if self.generator_size and arch != "electra":
            raise ValueError(f"--generator_size was given for {arch}; expected --arch electra.")
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


def make_training_arguments(arguments: PretrainingArguments) -> TrainingArguments:
    """Build the TrainingArguments of a run.

    Raises:
        ValueError: The batch cannot be divided between devices, or TrainingArguments has no such field.
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
        "train_sampling_strategy": "sequential",  # the order is that of Places
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
            f"The batch of {arguments.global_batch_size} blocks is not a multiple of the {at_once} that "
            f"{made.world_size} processes compute at once; expected another --per_device_train_batch_size or "
            "--global_batch_size."
        )
    made.gradient_accumulation_steps = arguments.global_batch_size // at_once
    return made


def _arch_of(model: str) -> str:
    """Return the architecture of a pre-trained model.

    Raises:
        ValueError: The architecture is not one of ``CONTINUED``.
    """
    with model_errors(model):
        arch = str(PreTrainedConfig.get_config_dict(model)[0].get("model_type"))
    if arch not in CONTINUED:
        raise ValueError(
            f"{model} is a model of the type {arch}; expected one of {', '.join(CONTINUED)} to train further."
        )
    return arch
