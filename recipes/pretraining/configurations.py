"""Sizes and training schedules of the models that KLUE released or announced.

Sources: KLUE's README, which announced sizes, and section 5 of the paper (BERT-base and RoBERTa-small, -base
and -large were released). Values that neither states are from the paper of the architecture, and marked
below.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoConfig, AutoModel

from klue_metrics.scoring import format_table
from recipes.pretraining.choices import DYNAMIC, STATIC

VOCABULARY = 32_000  # size of the vocabulary in KLUE
POSITIONS = 512
# Numbers of parameters published by KLUE, in millions.
PUBLISHED_MILLIONS = {
    ("bert", "base"): 110,
    ("roberta", "small"): 68,
    ("roberta", "base"): 110,
    ("roberta", "large"): 337,
}


@dataclasses.dataclass(frozen=True)
class Shape:
    """Size of an encoder: widths of embeddings and layers, and numbers of layers and attention heads."""

    embedding: int
    hidden: int
    layers: int
    heads: int


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Training schedule of a model.

    Attributes:
        steps: Number of updates.
        batch: Number of blocks per update.
        learning_rate: Peak learning rate.
        warmup: Fraction of the updates before the peak.
        masking: ``static`` or ``dynamic``.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: float
    masking: str = DYNAMIC


SMALL, BASE, LARGE = Shape(512, 512, 4, 8), Shape(768, 768, 12, 12), Shape(1024, 1024, 24, 16)
TINY = Shape(128, 128, 2, 4)  # for tests and first trials; not one of KLUE's sizes
SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "bert": {"tiny": TINY, "small": SMALL, "base": BASE, "large": LARGE},
    "roberta": {"tiny": TINY, "small": Shape(768, 768, 6, 12), "base": BASE, "large": LARGE},
    "distilroberta": {"tiny": Shape(128, 128, 1, 4), "base": Shape(768, 768, 6, 12)},
    "electra": {"tiny": TINY, "small": Shape(128, 256, 12, 4), "base": BASE, "large": LARGE},
    # Warner et al., Smarter, Better, Faster, Longer, 2024; not one of KLUE's models.
    "modernbert": {"tiny": TINY, "base": Shape(768, 768, 22, 12), "large": Shape(1024, 1024, 28, 16)},
}
# KLUE does not state the warm-up. Steps, batches and learning rates of ELECTRA are those of Clark et al.,
# 2020; those of the distilled models and ModernBERT are those of RoBERTa-base.
_BERT = Schedule(1_000_000, 256, 1e-4, 0.01, STATIC)
_ROBERTA = Schedule(1_000_000, 2048, 1e-4, 0.05)
SCHEDULES: Mapping[str, Mapping[str, Schedule]] = {
    "bert": dict.fromkeys(SHAPES["bert"], _BERT),
    "roberta": {**dict.fromkeys(SHAPES["roberta"], _ROBERTA), "large": Schedule(500_000, 2048, 1e-4, 0.05)},
    "distilroberta": dict.fromkeys(SHAPES["distilroberta"], _ROBERTA),
    "electra": {
        "tiny": Schedule(1_000_000, 128, 5e-4, 0.01),
        "small": Schedule(1_000_000, 128, 5e-4, 0.01),
        "base": Schedule(766_000, 256, 2e-4, 0.013),
        "large": Schedule(400_000, 2048, 2e-4, 0.025),
    },
    "modernbert": dict.fromkeys(SHAPES["modernbert"], _ROBERTA),
}
# Width of the generator relative to the discriminator (Clark et al., 2020, table 6).
GENERATOR_SIZES = {"tiny": 0.25, "small": 0.25, "base": 1 / 3, "large": 0.25}
_CLASSES = {
    "bert": "bert", "roberta": "roberta", "distilroberta": "roberta", "electra": "electra",
    "modernbert": "modernbert",
}  # fmt: skip


def names() -> list[tuple[str, str]]:
    """Return architecture and size of all configurations."""
    return [(arch, size) for arch, sizes in SHAPES.items() for size in sizes]


def shape_of(arch: str, size: str) -> Shape:
    """Return the shape of a configuration.

    Raises:
        ValueError: There is no such architecture, or not in this size.
    """
    if arch not in SHAPES:
        raise ValueError(f"There is no architecture {arch!r}; expected one of {', '.join(SHAPES)}.")
    if size not in SHAPES[arch]:
        raise ValueError(f"{arch} has no size {size!r}; expected one of {', '.join(SHAPES[arch])}.")
    return SHAPES[arch][size]


def configuration(arch: str, size: str, vocabulary: int = VOCABULARY, **tokens: int) -> Any:
    """Build the configuration of a model.

    Args:
        arch: Architecture.
        size: Size of the model.
        vocabulary: Number of tokens.
        **tokens: Ids of special tokens, such as pad_token_id.

    Raises:
        ValueError: There is no such architecture, or not in this size.
    """
    shape = shape_of(arch, size)
    values: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": 4 * shape.hidden,
        "max_position_embeddings": POSITIONS,
        **tokens,
    }
    kind = _CLASSES[arch]
    if kind == "roberta":  # positions are numbered from the padding id + 1
        values["max_position_embeddings"] = POSITIONS + tokens.get("pad_token_id", 1) + 1
        values["type_vocab_size"] = 1
        values["layer_norm_eps"] = 1e-5
    if kind == "electra":
        values["embedding_size"] = shape.embedding
    if kind == "modernbert":
        values["intermediate_size"] = 3 * shape.hidden // 2  # gated layers have two input matrices
        values["max_position_embeddings"] = 8192
        for name in ("bos", "eos", "cls", "sep"):  # their default ids exceed a vocabulary of 32,000
            values.setdefault(f"{name}_token_id", values.get("pad_token_id", 0))
    return AutoConfig.for_model(kind, **values)


def generator_configuration(discriminator: Any, share: float) -> Any:
    """Build the configuration of ELECTRA's generator, which is narrower than the discriminator.

    Args:
        discriminator: The configuration of the discriminator.
        share: Width relative to that of the discriminator.

    Raises:
        ValueError: The width is not a multiple of the width of an attention head.
    """
    heads = max(round(discriminator.num_attention_heads * share), 1)
    width = discriminator.hidden_size // discriminator.num_attention_heads
    if not 0 < share <= 1:
        raise ValueError(f"The size of the generator is {share}; expected a share of the discriminator's.")
    generator = copy.deepcopy(discriminator)
    generator.num_attention_heads = heads
    generator.hidden_size = heads * width
    generator.intermediate_size = 4 * generator.hidden_size
    return generator


def parameters(arch: str, size: str) -> int:
    """Count the parameters of an encoder with its embeddings, but without a head."""
    with torch.device("meta"):
        model = AutoModel.from_config(configuration(arch, size, pad_token_id=1 if "roberta" in arch else 0))
    return sum(weight.numel() for weight in model.parameters())


def table() -> str:
    """Format the configurations with sizes, parameters, and KLUE's published figures."""
    header = ["arch", "size", "embedding", "hidden", "layers", "heads", "parameters", "published"]
    header += ["steps", "batch", "learning rate", "masking"]
    rows = [header]
    for arch, size in names():
        shape, schedule = SHAPES[arch][size], SCHEDULES[arch][size]
        published = PUBLISHED_MILLIONS.get((arch, size))
        rows.append(
            [
                *(arch, size, f"{shape.embedding}", f"{shape.hidden}", f"{shape.layers}", f"{shape.heads}"),
                f"{parameters(arch, size) / 1e6:.1f} M",
                f"{published} M" if published else "",
                *(f"{schedule.steps:,}", f"{schedule.batch:,}", f"{schedule.learning_rate:g}"),
                schedule.masking,
            ]
        )
    return format_table(rows, left=(0, 1, 11))
