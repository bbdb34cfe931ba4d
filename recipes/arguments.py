"""Everything that a recipe can be told, in one record: names, defaults, help. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from recipes.engine.redaction import redact

logger = logging.getLogger(__name__)
SCHEMA_VERSION = 1  # of the arguments file; raise it when the meaning of a field changes
# Settings that say where files are and how fast a run is: runs that differ in these alone have equal results.
PLACES = frozenset(
    {
        *("output_dir", "overwrite_output_dir", "resume_from_checkpoint", "preprocessing_num_workers"),
        *("per_device_eval_batch_size", "disable_tqdm", "dataloader_num_workers", "report_to", "use_cpu"),
    }
)
OWN_FILES = {"train": "train_file", "validation": "validation_file", "test": "test_file"}
DATA_SOURCES = frozenset({"data_dir", "dataset_name", "mini", *OWN_FILES.values()})


class UsageError(ValueError):
    """Flags that make no sense, together or on this machine; found before anything is loaded."""


def _flag(default: Any, help_text: str, **extra: Any) -> Any:
    """A field that is a flag.

    Args:
        default: Its value unless something says otherwise.
        help_text: What it is for.
        **extra: ``group``: a key of GROUPS. ``choices``: the values that it takes, or task -> these, which
            makes it a flag of those tasks only. ``tasks``: which tasks it is for. ``const``: its value
            where the flag is given without one.
    """
    return dataclasses.field(default=default, metadata={"help": help_text, **extra})


@dataclasses.dataclass
class RecipeArguments:
    """Everything that a recipe is told; named as in transformers' examples where these have a name for it."""

    # Model
    model_name_or_path: str = _flag(
        "klue/roberta-base", "checkpoint to start from: a Hub id or a folder", group="model"
    )
    model_revision: str = _flag("main", "branch, tag or commit of a Hub checkpoint", group="model")
    tokenizer_name: str | None = _flag(None, "tokenizer, where it is not the checkpoint's own", group="model")
    trust_remote_code: bool = _flag(
        False,
        "run the code that a checkpoint brings for its tokenizer and model: only if you have read it",
        group="model",
    )
    pooling: str | None = _flag(
        None,
        "what the head reads: the first token, the mean of all, the means of two sentences, compared; the "
        "marks before two entities, or the means of the two entities (default: the checkpoint's, else cls)",
        choices={
            "ynat": ("cls", "mean"),
            "sts": ("cls", "mean", "pair"),
            "nli": ("cls", "mean", "pair"),
            "re": ("cls", "entity_start", "entity_mean"),
        },
        group="model",
    )
    marker_style: str | None = _flag(
        None,
        "marks around the entities: <subj>, with the entity's type too, or none (default: official)",
        choices={"re": ("official", "typed", "none")},
        group="model",
    )
    gate: str | None = _flag(
        None, "what the gates of slots see: the dialogue's context alone, as in TRADE, or that compared with "
        "the slot: learns faster (default: the checkpoint's, else context)",
        choices={"wos": ("context", "compared")}, group="model",
    )  # fmt: skip
    slot_spread: float | None = _flag(
        None, "how different slots look to the decoder at first, such as 3: learns faster (default: the "
        "checkpoint's, else 0: as they come)", tasks=("wos",), group="model",
    )  # fmt: skip
    dropout: float | None = _flag(
        None, "share of each layer's outputs that training drops (default: the checkpoint's)",
        tasks=("wos",), group="model",
    )  # fmt: skip
    attention_scale: float | None = _flag(
        None, "factor of the decoder's attention scores (default: the checkpoint's, else 1)",
        tasks=("wos",), group="model",
    )  # fmt: skip
    head: str | None = _flag(
        None,
        "dp: what scores arcs, the baseline's LSTMs or biaffine attention alone; dst: what gives the state, "
        "TRADE's decoder or a seq2seq or causal model that writes it (default: the checkpoint's, else the "
        "first)",
        choices={"dp": ("klue", "biaffine"), "wos": ("trade", "generative")},
        group="model",
    )
    use_pos: bool | None = _flag(
        None,
        "read the words' parts of speech too (default: the checkpoint's, else true)",
        tasks=("dp",),
        group="model",
    )
    scalar_mix: bool | None = _flag(
        None,
        "read a learned mean of the encoder's layers, not the last (default: the checkpoint's, else false)",
        tasks=("dp",),
        group="model",
    )
    freeze_layers: int | None = _flag(
        None,
        "leave the encoder's embeddings and first N layers as they are: less to compute",
        group="model",
    )
    use_lora: bool = _flag(
        False, "train low-rank adapters (PEFT) and the head instead of all weights", group="model"
    )
    lora_r: int = _flag(16, "rank of the adapters", group="model")
    lora_alpha: int = _flag(32, "scale of the adapters: alpha / r", group="model")
    lora_dropout: float = _flag(0.05, "dropout before the adapters", group="model")
    lora_target_modules: list[str] | None = _flag(
        None,
        "names of the layers that get an adapter (default: every linear layer of the encoder)",
        group="model",
    )

    # Data
    dataset_name: str = _flag(
        "klue/klue", "a Hub id, or a folder written by klue_datasets export", group="data"
    )
    dataset_revision: str | None = _flag(
        None, "branch, tag or commit of a data set on the Hub (default: its newest)", group="data"
    )
    data_dir: str | None = _flag(
        None,
        "KLUE's own files instead: a KLUE checkout, its klue_benchmark folder, the folder of one task, or a "
        ".zip or .tar.gz of one of these",
        group="data",
    )
    train_file: str | None = _flag(
        None, "your own training data: CSV, TSV, JSON lines, Parquet or KLUE's format", group="data"
    )
    validation_file: str | None = _flag(None, "your own validation data, likewise", group="data")
    test_file: str | None = _flag(None, "your own test data, likewise", group="data")
    column: list[str] | None = _flag(
        None, "name of a column in your files, such as title=headline; may be repeated", group="data"
    )
    mini: bool = _flag(False, "the small synthetic corpus of this package instead", group="data")
    max_train_samples: int | None = _flag(None, "use only the first N training examples", group="data")
    max_eval_samples: int | None = _flag(None, "use only the first N validation examples", group="data")
    max_seq_length: int | None = _flag(
        None, "tokens an example at most; longer ones are cut and counted", group="data"
    )
    doc_stride: int | None = _flag(
        None,
        "tokens from one window's start to the next in a long text (default: mrc 128, else half a window)",
        tasks=("ner", "mrc"),
        group="data",
    )
    preprocessing_num_workers: int | None = _flag(None, "processes that tokenise", group="data")

    # What to do
    output_dir: str | None = _flag(None, "where everything is written (default: out/<task>)", group="run")
    do_train: bool = _flag(False, "train (with none of the do_ flags: train and evaluate)", group="run")
    do_eval: bool = _flag(False, "evaluate on the validation split", group="run")
    do_predict: bool = _flag(
        False, "write predictions for the test split, or validation if there is none", group="run"
    )
    resume_from_checkpoint: str | None = _flag(
        None,
        "go on from a checkpoint folder, or from the last whole one in output_dir",
        const="last",
        group="run",
    )
    overwrite_output_dir: bool = _flag(
        False, "drop the checkpoints of an unfinished run and start over", group="run"
    )
    seed: int = _flag(42, "seed of everything random", group="run")

    # Training
    learning_rate: float = _flag(5e-5, "peak learning rate", group="training")
    head_learning_rate: float | None = _flag(
        None, "peak learning rate of the head and whatever else the checkpoint lacked", group="training"
    )
    num_train_epochs: float = _flag(4.0, "passes over the training data", group="training")
    max_steps: int = _flag(-1, "updates; overrides the epochs when positive", group="training")
    per_device_train_batch_size: int = _flag(32, "training examples a device and step", group="training")
    per_device_eval_batch_size: int = _flag(64, "validation examples a device and step", group="training")
    gradient_accumulation_steps: int = _flag(1, "steps an update", group="training")
    warmup_ratio: float = _flag(
        0.0, "share of the updates over which the learning rate rises", group="training"
    )
    weight_decay: float = _flag(0.0, "weight decay, not on biases and layer norms", group="training")
    group_by_length: bool = _flag(False, "batches of examples of like length: less padding", group="training")
    bf16: bool = _flag(False, "compute in bfloat16; the weights stay float32", group="training")
    fp16: bool = _flag(False, "compute in float16; the weights stay float32", group="training")
    class_weights: str | None = _flag(
        None, "weights of the classes in the training loss; balanced: each is weighted by the inverse of its "
        "frequency (default: all classes alike)",
        choices={"ynat": ("balanced",), "re": ("balanced",)}, group="training",
    )  # fmt: skip
    eval_strategy: str = _flag(
        "epoch", "when to evaluate and save a checkpoint during training", choices=("no", "steps", "epoch"),
        group="training",
    )  # fmt: skip
    evaluations_per_epoch: int = _flag(
        1, "evaluations in every epoch with --eval_strategy epoch, at equal distances", group="training"
    )
    eval_steps: float | None = _flag(
        None, "updates between evaluations with --eval_strategy steps", group="training"
    )
    value_loss: str | None = _flag(
        None, "learn the values of all slots, none and yes included, or of those only that generate theirs "
        "(default: all)", choices={"wos": ("all", "pointed")}, group="training",
    )  # fmt: skip
    teacher_forcing: float | None = _flag(
        None, "share of the batches in which the decoder is fed gold tokens (default: 0.5)", tasks=("wos",),
        group="training",
    )  # fmt: skip
    early_stopping_patience: int | None = _flag(
        None, "stop after this many evaluations without a better primary metric", group="training"
    )

    label_all_tokens: bool = _flag(
        False, "train the tag O on special tokens and bare word marks too, as KLUE's baseline does (default: "
        "no loss there)", tasks=("ner",), group="training",
    )  # fmt: skip
    entity_endings: bool = _flag(
        True,
        "learn from the training data where entities and answers end inside subword tokens, and save it with "
        "the model (preset paper: false, as in KLUE's baseline)",
        tasks=("ner", "mrc"), group="training",
    )  # fmt: skip
    empty_windows: float | None = _flag(
        None,
        "share of the windows without the answer that answerable questions train on (default: 1, all)",
        tasks=("mrc",), group="training",
    )  # fmt: skip

    # Answers of reading comprehension
    n_best_size: int | None = _flag(
        None, "starts and ends that are tried in each window (default: 20)", tasks=("mrc",), group="answers"
    )
    max_answer_length: int | None = _flag(
        None, "tokens an answer at most (default: 30)", tasks=("mrc",), group="answers"
    )
    null_threshold: float | None = _flag(
        None,
        "how much better than the best span no answer has to be to win (default: 0)",
        tasks=("mrc",), group="answers",
    )  # fmt: skip
    tune_null_threshold: bool = _flag(
        False, "choose that threshold on a tenth of the training passages, held out for it", tasks=("mrc",),
        group="answers",
    )  # fmt: skip
    trim_josa: bool | None = _flag(
        None, "drop a particle from the end of an answer that takes in a whole word", tasks=("mrc",),
        group="answers",
    )  # fmt: skip

    # States of dialogues
    num_beams: int | None = _flag(
        None, "beams of the search for a value, or a state (default: the checkpoint's, else 1: greedy)",
        tasks=("wos",), group="answers",
    )  # fmt: skip
    max_value_length: int | None = _flag(
        None, "tokens of a value at most (default: the checkpoint's, else 10)", tasks=("wos",),
        group="answers",
    )  # fmt: skip
    max_new_tokens: int | None = _flag(
        None, "tokens of a state at most, head generative (default: the checkpoint's, else by training's "
        "longest)", tasks=("wos",), group="answers",
    )  # fmt: skip
    constrain_to_ontology: bool | None = _flag(
        None, "replace a generated value that is not known by the closest known one of its slot",
        tasks=("wos",), group="answers",
    )  # fmt: skip
    gold_gates: bool = _flag(
        False, "evaluate with the gold gates, to see what the values alone get wrong", tasks=("wos",),
        group="answers",
    )  # fmt: skip
    gold_values: bool = _flag(
        False, "evaluate with the gold values, to see what the gates alone get wrong", tasks=("wos",),
        group="answers",
    )  # fmt: skip

    # Trees of dependency parsing
    decoder: str | None = _flag(
        None,
        "how scores become trees; best: whichever is best on validation (default: the checkpoint's, "
        "else argmax)",
        choices={"dp": ("argmax", "mst", "projective", "head_final", "best")},
        group="answers",
    )

    # Any other field of transformers.TrainingArguments that recipes honour, by its own name.
    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def own_files(self) -> dict[str, str]:
        """Split name -> the user's own file."""
        return {split: path for split, name in OWN_FILES.items() if (path := getattr(self, name))}

    @property
    def columns(self) -> dict[str, str]:
        """Name of a column -> what the user's own files call it."""
        return {ours: theirs for ours, _, theirs in (word.partition("=") for word in self.column or ())}

    def __post_init__(self) -> None:
        """Raises UsageError where the flags that choose the data contradict each other."""
        sources = [f"--{name}" for name in ("mini", "data_dir") if getattr(self, name)]
        sources += [f"--{OWN_FILES[split]}" for split in list(self.own_files)[:1]]
        if len(sources) > 1:
            raise UsageError(f"{' and '.join(sources)} were both given; expected one source of data.")
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
    """The flags of a task's recipe: all that are not for other tasks only."""
    return {name: field for name, field in FIELDS.items() if task in _tasks(field, task)}


def choices_of(field: dataclasses.Field[Any], task: str) -> tuple[str, ...] | None:
    """The values that a flag takes; None where any will do."""
    choices = field.metadata.get("choices")
    found: tuple[str, ...] | None = choices.get(task) if isinstance(choices, Mapping) else choices
    return found


def _tasks(field: dataclasses.Field[Any], task: str) -> Mapping[str, Any] | tuple[str, ...]:
    choices = field.metadata.get("choices")
    if isinstance(choices, Mapping):
        return choices
    tasks: tuple[str, ...] = field.metadata.get("tasks", (task,))
    return tasks


def as_settings(arguments: RecipeArguments, task: str) -> Mapping[str, Any]:
    """The arguments that a task's recipe takes as one flat mapping without secrets, for results and cards."""
    values = redact(dataclasses.asdict(arguments))
    return {**{name: values[name] for name in fields_of(task)}, **values["trainer"]}


def to_record(arguments: RecipeArguments) -> dict[str, Any]:
    """The content of an arguments file: every argument, without secrets."""
    return {"schema_version": SCHEMA_VERSION, **redact(dataclasses.asdict(arguments))}


def settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The content of an arguments file as one flat mapping, to compare runs by.

    Settings that the file lacks have their defaults, so that runs of different versions can be compared;
    settings that this version does not know are kept, since the run was made with them.
    """
    values = {**dataclasses.asdict(RecipeArguments()), **record}
    values.pop("schema_version", None)
    return values | dict(values.pop("trainer", None) or {})


def from_record(record: Mapping[str, Any], where: object) -> RecipeArguments:
    """Reads the content of an arguments file, also one that another version has written.

    Fields that this version does not have are reported and ignored; missing ones have their defaults.

    Args:
        record: The content; files from before the schema had a version have none.
        where: What messages call the file.
    """
    values = dict(record)
    version = values.pop("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        logger.warning(
            "%s has schema version %s; this version of klue-hub writes %s.", where, version, SCHEMA_VERSION
        )
    known = {field.name for field in dataclasses.fields(RecipeArguments)}
    if unknown := sorted(set(values) - known):
        logger.warning(
            "%s has settings that this version does not know; ignored: %s.", where, ", ".join(unknown)
        )
    return RecipeArguments(**{name: value for name, value in values.items() if name in known})
