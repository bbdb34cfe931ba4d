"""The settings of a recipe, with their names, defaults and help texts, without heavy imports."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from klue_datasets.commands import LARGEST_SEED, RAW_FILES
from klue_datasets.messages import in_range
from klue_datasets.tasks import HUB_DATASET

OWN_FILES = {"train": "train_file", "validation": "validation_file", "test": "test_file"}


class UsageError(ValueError):
    """Invalid or contradictory flags, detected before anything is loaded."""


def _flag(default: Any, help_text: str | Mapping[str, str], **extra: Any) -> Any:
    """Declare a field that is a flag.

    Args:
        default: Default value.
        help_text: Help text, or a mapping of tasks to help texts.
        **extra: ``group``, a key of GROUPS; ``choices``, the valid values, or a mapping from tasks to valid
            values for a flag of these tasks; ``tasks``, the tasks of the flag; ``const``, the value of the
            flag without an argument; ``word``, a valid word for a flag with numbers; ``least`` and ``most``,
            the range of numbers; and ``otherwise``, a description of the value, for all tasks or by task, if
            it is given neither by the user nor by the checkpoint.
    """
    return dataclasses.field(default=default, metadata={"help": help_text, **extra})


def _setting(default: Any, help_text: str | Mapping[str, str], **extra: Any) -> Any:
    """Declare an expert setting for YAML files and ``--set``; arguments as for ``_flag``."""
    return _flag(default, help_text, expert=True, **extra)


@dataclasses.dataclass
class RecipeArguments:
    """The settings of a recipe, with the names used in transformers' examples."""

    # Model
    model_name_or_path: str = _flag(
        "klue/roberta-base", "Checkpoint to start from: an id on the Hub or a local folder.", group="model"
    )
    model_revision: str = _flag("main", "Branch, tag or commit of a checkpoint on the Hub.", group="model")
    tokenizer_name: str | None = _setting(
        None, "Tokenizer, if it is not the one of the checkpoint.", group="model"
    )
    trust_remote_code: bool = _flag(
        False, "Run the code that the checkpoint provides for its tokenizer and model.", group="model"
    )
    pooling: str | None = _flag(
        None,
        {
            "ynat": "Input of the head: the first token, or the mean of all tokens",
            "sts": "Input of the head: the first token, the mean of all tokens, or the mean of each sentence",
            "nli": "Input of the head: the first token, the mean of all tokens, or the mean of each sentence",
            "re": "Input of the head: the first token, the entity markers, or the means of both entities",
        },
        choices={
            "ynat": ("cls", "mean"),
            "sts": ("cls", "mean", "pair"),
            "nli": ("cls", "mean", "pair"),
            "re": ("cls", "entity_start", "entity_mean"),
        },
        otherwise="cls",
        group="model",
    )
    marker_style: str | None = _flag(
        None, "Entity markers: those of KLUE (<subj>), markers that name the type of the entity, or none",
        choices={"re": ("official", "typed", "none")}, otherwise="official", group="model",
    )  # fmt: skip
    head: str | None = _flag(
        None,
        {
            "dp": "What scores arcs: the LSTMs of KLUE-baseline, or biaffine attention",
            "wos": "What predicts the state: the decoder of TRADE, or a seq2seq or causal model",
        },
        choices={"dp": ("klue", "biaffine"), "wos": ("trade", "generative")},
        otherwise={"dp": "klue", "wos": "trade"},
        group="model",
    )
    gate: str | None = _setting(
        None, "Input of the gates: the context vector, as in TRADE, or the context compared with the slot",
        choices={"wos": ("context", "compared")}, otherwise="context", group="model",
    )  # fmt: skip
    slot_spread: float | None = _setting(
        None, "How much the initial slot embeddings differ, such as 3", tasks=("wos",),
        otherwise="0, unchanged", least=0, group="model",
    )  # fmt: skip
    dropout: float | None = _setting(
        None,
        "Dropout of all layers; by default that of the checkpoint.",
        tasks=("wos",),
        least=0,
        most=1,
        group="model",
    )
    attention_scale: float | None = _setting(
        None,
        "Factor of the decoder's attention scores",
        tasks=("wos",),
        otherwise="1",
        least=0,
        group="model",
    )
    use_pos: bool | None = _setting(
        None, "Embed the words' parts of speech, too", tasks=("dp",), otherwise="true", group="model"
    )
    scalar_mix: bool | None = _setting(
        None, "Read a learned mean of the encoder's layers instead of the last layer", tasks=("dp",),
        otherwise="false", group="model",
    )  # fmt: skip
    attn_implementation: str | None = _setting(
        None,
        "Attention implementation of transformers, such as eager, sdpa or flash_attention_2; by default sdpa "
        "where the model has it.",
        group="model",
    )  # fmt: skip
    freeze_layers: int | None = _flag(
        None, "Freeze the embeddings and the first N layers of the encoder.", least=0, group="model"
    )
    use_lora: bool = _flag(
        False, "Train LoRA adapters (PEFT) and the head instead of all weights.", group="model"
    )
    lora_r: int = _flag(16, "Rank of the LoRA matrices.", least=1, group="model")
    lora_alpha: int = _flag(
        32, "Scaling factor of LoRA; updates are multiplied by alpha / r.", least=1, group="model"
    )
    lora_dropout: float = _setting(0.05, "Dropout of the LoRA layers.", least=0, most=1, group="model")
    lora_target_modules: list[str] | None = _setting(
        None, "Names of the layers that get an adapter; by default every linear layer of the encoder.",
        group="model",
    )  # fmt: skip

    # Data
    dataset_name: str = _flag(
        HUB_DATASET, "Data set on the Hub, or a folder written by `klue data export`.", group="data"
    )
    dataset_revision: str | None = _flag(
        None, "Branch, tag or commit of a data set on the Hub; by default the newest.", group="data"
    )
    data_dir: str | None = _flag(None, RAW_FILES, group="data")
    train_file: str | None = _flag(
        None, "Your own training data: CSV, TSV, JSON lines, Parquet or KLUE's format.", group="data"
    )
    validation_file: str | None = _flag(None, "Your own validation data.", group="data")
    test_file: str | None = _flag(None, "Your own test data.", group="data")
    column: list[str] | None = _flag(
        None, "Name of a column in your own files, such as title=headline; may be repeated.", group="data"
    )
    mini: bool = _flag(False, "Use the small synthetic corpus of this package.", group="data")
    max_train_samples: int | None = _flag(
        None, "Maximum number of training examples, for debugging.", least=1, group="data"
    )
    max_eval_samples: int | None = _flag(
        None, "Maximum number of validation examples, for debugging.", least=1, group="data"
    )
    max_seq_length: int | None = _flag(
        None,
        "Maximum number of tokens of an input; longer ones are truncated or split. Without training, "
        "the maximum of the model by default.",
        least=1,
        group="data",
    )
    doc_stride: int | None = _flag(
        None,
        "Tokens from the start of one window of a long text to the start of the next; in run_qa.py of "
        "transformers it is the overlap of the two",
        tasks=("ner", "mrc"),
        otherwise={"mrc": "128", "ner": "half a window"},
        least=1,
        group="data",
    )
    held_out_fraction: float | None = _setting(
        None,
        "Fraction of the training examples that is held out and evaluated in place of the validation split.",
        group="data",
    )
    preprocessing_num_workers: int | None = _setting(
        None, "Number of processes for tokenisation.", least=1, group="data"
    )

    # What to do
    output_dir: str | None = _flag(None, "Output folder; by default out/<task>.", group="run")
    do_train: bool = _flag(
        False, "Train. Without any of the do_ flags, a run trains and evaluates.", group="run"
    )
    do_eval: bool = _flag(False, "Evaluate on the validation split.", group="run")
    do_predict: bool = _flag(
        False, "Predict on the test split, or on validation if there is no test split.", group="run"
    )
    resume_from_checkpoint: str | None = _flag(
        None, "Resume from a checkpoint folder, or from the last complete one in output_dir.", const="last",
        group="run",
    )  # fmt: skip
    overwrite_output_dir: bool = _flag(
        False, "Delete the checkpoints of an unfinished run and start again.", group="run"
    )
    seed: int = _flag(42, "Random seed.", least=0, most=LARGEST_SEED, group="run")

    # Training
    learning_rate: float = _flag(5e-5, "Peak learning rate.", least=0, group="training")
    head_learning_rate: float | None = _flag(
        None, "Peak learning rate of the weights that are not in the checkpoint, such as the head.",
        least=0, group="training",
    )  # fmt: skip
    num_train_epochs: float = _flag(4.0, "Number of training epochs.", least=0, group="training")
    max_steps: int = _flag(-1, "Number of updates; overrides num_train_epochs if positive.", group="training")
    per_device_train_batch_size: int = _flag(32, "Training batch size per device.", least=1, group="training")
    per_device_eval_batch_size: int = _flag(
        64, "Evaluation batch size per device.", least=1, group="training"
    )
    gradient_accumulation_steps: int = _flag(1, "Number of batches per update.", least=1, group="training")
    warmup_ratio: float = _flag(0.0, "Fraction of the updates used for a linear warm-up.", group="training")
    weight_decay: float = _flag(
        0.0, "Weight decay of all weights but biases and layer norms.", least=0, group="training"
    )
    group_by_length: bool = _flag(
        False, "Batch examples of similar length, which reduces padding.", group="training"
    )
    tokens_per_batch: int | None = _setting(
        None,
        "Maximum number of tokens of a training batch per device, padding included; a batch then has as many "
        "examples of similar length as fit, in place of per_device_train_batch_size.",
        least=1,
        group="training",
    )
    fast: bool = _setting(
        False,
        "Use what the device offers: bf16 (with eager attention on CPUs), TF32, flash attention "
        "without padding where it is installed, data loader workers, and larger "
        "evaluation batches of short inputs.",
        group="training",
    )
    bf16: bool = _flag(False, "Train in bfloat16 mixed precision.", group="training")
    fp16: bool = _flag(False, "Train in float16 mixed precision.", group="training")
    class_weights: str | None = _flag(
        None, "Class weights of the loss; balanced: the inverse of the class frequencies",
        choices={"ynat": ("balanced",), "re": ("balanced",)}, group="training",
    )  # fmt: skip
    eval_strategy: str = _flag(
        "epoch", "When to evaluate and save a checkpoint.", choices=("no", "steps", "epoch"), group="training"
    )
    evaluations_per_epoch: int = _flag(
        1, "Number of evaluations per epoch with --eval_strategy epoch.", least=1, group="training"
    )
    eval_steps: float | None = _flag(
        None, "Number of updates between evaluations with --eval_strategy steps.", group="training"
    )
    early_stopping_patience: int | None = _flag(
        None,
        "Stop after this many evaluations without improvement of the primary metric.",
        least=1,
        group="training",
    )
    value_loss: str | None = _setting(
        None, "Slots whose values are learned: all, or those with a value in the dialogue",
        choices={"wos": ("all", "pointed")}, otherwise="all", group="training",
    )  # fmt: skip
    teacher_forcing: float | None = _setting(
        None, "Fraction of the batches in which the decoder reads gold tokens", tasks=("wos",),
        otherwise="0.5", least=0, most=1, group="training",
    )  # fmt: skip
    label_all_tokens: bool = _setting(
        False, "Train the tag O on special tokens and on word boundary tokens, as KLUE-baseline does.",
        tasks=("ner",), group="training",
    )  # fmt: skip
    entity_endings: bool = _setting(
        True, "Learn from the training data where entities and answers end inside subword tokens.",
        tasks=("ner", "mrc"), group="training",
    )  # fmt: skip
    empty_windows: float | None = _setting(
        None, "Fraction of the windows without the answer that are used in training", tasks=("mrc",),
        otherwise="1", least=0, most=1, group="training",
    )  # fmt: skip

    # Answers of reading comprehension
    n_best_size: int | None = _setting(
        None, "Number of start and end positions considered in each window", tasks=("mrc",), otherwise="20",
        least=1, group="answers",
    )  # fmt: skip
    max_answer_length: int | None = _flag(
        None,
        "Maximum number of tokens of an answer",
        tasks=("mrc",),
        otherwise="30",
        least=1,
        group="answers",
    )
    null_score_diff_threshold: float | str | None = _flag(
        None,
        "Predict no answer if its score exceeds that of the best span by more than this; auto: choose the "
        "threshold on a tenth of the training passages, which are then not trained on",
        tasks=("mrc",), otherwise="0", word="auto", group="answers",
    )  # fmt: skip
    trim_josa: bool | None = _setting(
        None, "Remove a particle from the end of an answer that covers a whole word", tasks=("mrc",),
        otherwise="false", group="answers",
    )  # fmt: skip

    # States of dialogues
    num_beams: int | None = _setting(
        None, "Number of beams in the search for a value or a state", tasks=("wos",), otherwise="1, greedy",
        least=1, group="answers",
    )  # fmt: skip
    max_value_length: int | None = _setting(
        None, "Maximum number of tokens of a value", tasks=("wos",), otherwise="10", least=1, group="answers"
    )
    max_new_tokens: int | None = _setting(
        None, "Maximum number of tokens of a state with --head generative", tasks=("wos",),
        otherwise="the longest of training", least=1, group="answers",
    )  # fmt: skip
    constrain_to_ontology: bool | None = _flag(
        None, "Replace a generated value that is unknown by the most similar known value of its slot",
        tasks=("wos",), otherwise="false", group="answers",
    )  # fmt: skip
    oracle: str | None = _flag(
        None, "Evaluate with the gold gates or the gold values, to see the errors of the other part.",
        choices={"wos": ("gates", "values")}, group="answers",
    )  # fmt: skip

    # Trees of dependency parsing
    decoder: str | None = _flag(
        None, "How arc scores become a tree; best: the best of these on the validation split",
        choices={"dp": ("argmax", "mst", "projective", "head_final", "best")}, otherwise="argmax",
        group="answers",
    )  # fmt: skip

    # Other fields of TrainingArguments that recipes support.
    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def own_files(self) -> dict[str, str]:
        """The user's own files, by split."""
        return {split: path for split, name in OWN_FILES.items() if (path := getattr(self, name))}

    @property
    def columns(self) -> dict[str, str]:
        """Mapping from our column names to those in the user's own files."""
        return {ours: theirs for ours, _, theirs in (word.partition("=") for word in self.column or ())}

    def __post_init__(self) -> None:
        """Raise UsageError if the flags for the data contradict each other."""
        sources = [f"--{name}" for name in ("mini", "data_dir") if getattr(self, name)]
        sources += [f"--{OWN_FILES[split]}" for split in list(self.own_files)[:1]]
        if len(sources) > 1:
            raise UsageError(f"{' and '.join(sources)} were both given; expected one source of data.")
        if self.held_out_fraction is not None and not 0 < self.held_out_fraction < 1:
            raise UsageError(
                f"held_out_fraction is {self.held_out_fraction}; expected a number above 0 and below 1."
            )
        if self.column and not self.own_files:
            raise UsageError("--column was given without --train_file, --validation_file or --test_file.")
        for word in self.column or ():
            if not all(word.partition("=")):
                raise UsageError(f"--column is {word!r}; expected NAME=THEIRS, such as title=headline.")


FIELDS = {field.name: field for field in dataclasses.fields(RecipeArguments) if "help" in field.metadata}
GROUPS = {
    "model": "model",
    "data": "data",
    "run": "what to do",
    "training": "training",
    "answers": "answers",
}


def fields_of(task: str) -> dict[str, dataclasses.Field[Any]]:
    """Return the settings that apply to a task."""
    return {name: field for name, field in FIELDS.items() if task in _tasks(field, task)}


def is_expert(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field can be set only in YAML files and with ``--set``."""
    return bool(field.metadata.get("expert"))


def help_of(field: dataclasses.Field[Any], task: str) -> str:
    """Return the help text of a field for a task, without a full stop."""
    return str(_of_task(field.metadata["help"], task)).removesuffix(".")


def default_of(field: dataclasses.Field[Any], task: str) -> str:
    """Describe the value used if a setting is not given; empty if there is none."""
    otherwise = _of_task(field.metadata.get("otherwise"), task)
    if otherwise is not None:
        return f"that of the checkpoint, or {otherwise}"
    if field.default is None:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def _of_task(value: Any, task: str) -> Any:
    return value.get(task) if isinstance(value, Mapping) else value


def choices_of(field: dataclasses.Field[Any], task: str) -> tuple[str, ...] | None:
    """Return the valid values of a setting; None if all are valid."""
    found: tuple[str, ...] | None = _of_task(field.metadata.get("choices"), task)
    return found


def check_number(name: str, value: Any, least: float, most: float = math.inf) -> None:
    """Raise ValueError for a number outside the range of a setting; other values pass."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not (least <= value <= most and math.isfinite(value)):
        raise ValueError(f"{name} is {value}; expected {in_range(least, most)}.")


def _tasks(field: dataclasses.Field[Any], task: str) -> Mapping[str, Any] | tuple[str, ...]:
    choices = field.metadata.get("choices")
    if isinstance(choices, Mapping):
        return choices
    tasks: tuple[str, ...] = field.metadata.get("tasks", (task,))
    return tasks
