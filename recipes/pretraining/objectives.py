"""Pre-training objectives: masked tokens, replaced tokens, and distillation.

An objective is a module that wraps one or two models of transformers. Its ``forward`` takes a batch of
``PretrainingCollator`` and returns the loss. If the number of labels of an update is given, the loss is
divided by it, so that the result does not depend on the number of batches and processes. Heads are computed
for positions with labels only, since scores of the vocabulary are most of the computation of small models.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn
from transformers import (
    AutoModelForMaskedLM,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    PreTrainedModel,
    RobertaForMaskedLM,
)

from recipes.engine.unreachable import model_errors
from recipes.pretraining.configurations import configuration, generator_configuration
from recipes.pretraining.masking import IGNORED

WEIGHTS = "model.safetensors"
GENERATOR = "generator"  # subfolder of ELECTRA's generator
DISCRIMINATOR_WEIGHT = 50.0  # weight of the discriminator's loss (Clark et al., 2020)
# Weights of the losses of distillation, and temperature of the soft targets (Sanh et al., 2019).
SOFT, HARD, COSINE, TEMPERATURE = 5.0, 2.0, 1.0, 2.0


class Objective(nn.Module, abc.ABC):
    """Base class of the objectives, with the model to save and statistics for evaluation."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        labels: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **unused: Any,
    ) -> dict[str, torch.Tensor]:
        """Return the loss of a batch.

        Args:
            input_ids: Token ids, shape (batch, length).
            labels: Labels, shape (batch, length); ``IGNORED`` for tokens that are not predicted.
            attention_mask: Mask of shape (batch, length), or of shape (batch, 1, length, length) to be added
                to attention scores.
            position_ids: Positions, shape (batch, length); by default consecutive.
            num_items_in_batch: Number of labels in all batches of an update, on all processes.
            **unused: Other arguments of Trainer, which are ignored.

        Returns:
            ``loss``, and ``sums``, the statistics for ``report``, shape (k,).
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if position_ids is not None:
            inputs["position_ids"] = position_ids
        loss, sums = self.losses(inputs, labels)
        count = (labels != IGNORED).sum()
        if num_items_in_batch is not None:
            loss = loss * (count / num_items_in_batch)
        return {"loss": loss, "sums": sums.detach()}

    @abc.abstractmethod
    def losses(
        self, inputs: dict[str, torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss, and the sums for ``report``."""

    @abc.abstractmethod
    def report(self, sums: torch.Tensor) -> dict[str, float]:
        """Compute the results of an evaluation from sums; ``loss`` is that of masked tokens."""

    def save(self, folder: Path) -> None:
        """Save the model."""
        self.model.save_pretrained(folder)

    def load(self, folder: Path) -> None:
        """Load the weights written by ``save``."""
        _load(self.model, folder)

    def flops_per_token(self) -> float:
        """Return the FLOPs of a training step per token, six per weight in matrix products."""
        return 6.0 * _multiplied(self.model)


class MaskedTokens(Objective):
    """Masked language modelling."""

    def losses(
        self, inputs: dict[str, torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean cross-entropy; the sums are the total cross-entropy and the number of labels."""
        where = labels != IGNORED
        logits = token_logits(self.model, encode(self.model, inputs)[where])
        loss = nn.functional.cross_entropy(logits.float(), labels[where])
        count = where.sum()
        return loss, torch.stack([loss * count, count])

    def report(self, sums: torch.Tensor) -> dict[str, float]:
        """Return the mean loss."""
        return {"loss": float(sums[0] / sums[1])}


class ReplacedTokens(Objective):
    """Replaced-token detection: a generator fills masks, and the discriminator detects wrong tokens.

    The discriminator is the model to save; both share their embeddings. Source: Clark et al., ELECTRA:
    Pre-training Text Encoders as Discriminators Rather Than Generators, 2020.
    """

    def __init__(self, model: ElectraForPreTraining, generator: ElectraForMaskedLM) -> None:
        super().__init__(model)
        self.generator = generator
        shared = model.electra.embeddings
        generator.electra.embeddings = shared
        generator.generator_lm_head.weight = shared.word_embeddings.weight

    def losses(
        self, inputs: dict[str, torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the generator's mean cross-entropy plus 50 times the discriminator's binary one.

        The sums are both losses, the numbers of masked and of all tokens, and the number of tokens for which
        the discriminator is right.
        """
        where = labels != IGNORED
        logits = token_logits(self.generator, encode(self.generator, inputs)[where]).float()
        generated = nn.functional.cross_entropy(logits, labels[where])
        with torch.no_grad():
            drawn = torch.multinomial(logits.softmax(dim=-1), 1)[:, 0]
            filled = inputs["input_ids"].clone()
            original = torch.where(where, labels, filled)
            filled[where] = drawn
        real = inputs["input_ids"] != self.model.config.pad_token_id
        hidden = encode(self.model, inputs | {"input_ids": filled})[real]
        score = self.model.discriminator_predictions(hidden).float()
        replaced = (filled != original)[real].float()
        detected = nn.functional.binary_cross_entropy_with_logits(score, replaced)
        counts = where.sum(), real.sum()
        right = ((score > 0) == (replaced > 0.5)).sum()
        sums = torch.stack([generated * counts[0], counts[0], detected * counts[1], counts[1], right])
        return generated + DISCRIMINATOR_WEIGHT * detected, sums

    def report(self, sums: torch.Tensor) -> dict[str, float]:
        """Return the losses of generator and discriminator, and the accuracy of the discriminator."""
        return {
            "loss": float(sums[0] / sums[1]),
            "discriminator_loss": float(sums[2] / sums[3]),
            "discriminator_accuracy": float(sums[4] / sums[3]),
        }

    def save(self, folder: Path) -> None:
        """Save the discriminator, and the generator in a subfolder."""
        self.model.save_pretrained(folder)
        self.generator.save_pretrained(folder / GENERATOR)

    def load(self, folder: Path) -> None:
        """Load both models."""
        _load(self.model, folder)
        _load(self.generator, folder / GENERATOR)

    def flops_per_token(self) -> float:
        """Return the FLOPs of both models."""
        return 6.0 * (_multiplied(self.model) + _multiplied(self.generator))


class Distillation(MaskedTokens):
    """Distillation with losses on masked tokens, the teacher's predictions, and its last hidden states.

    Source: Sanh et al., DistilBERT, a distilled version of BERT, 2019. The teacher's predictions are used for
    masked tokens, for which the student computes predictions as well.
    """

    def __init__(self, model: PreTrainedModel, teacher: PreTrainedModel) -> None:
        super().__init__(model)
        self.teacher = teacher.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Distillation:
        """Set training mode for the student only, so that the teacher has no dropout."""
        super().train(mode)
        self.teacher.eval()
        return self

    def losses(
        self, inputs: dict[str, torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weighted sum of the losses; the sums are those of ``MaskedTokens``."""
        where = labels != IGNORED
        hidden = encode(self.model, inputs)
        logits = token_logits(self.model, hidden[where]).float()
        with torch.no_grad():
            of_teacher = encode(self.teacher, inputs)
            targets = token_logits(self.teacher, of_teacher[where]).float()
        hard = nn.functional.cross_entropy(logits, labels[where])
        soft = nn.functional.kl_div(
            nn.functional.log_softmax(logits / TEMPERATURE, dim=-1),
            nn.functional.softmax(targets / TEMPERATURE, dim=-1),
            reduction="batchmean",
        )
        real = inputs["input_ids"] != self.model.config.pad_token_id
        cosine = 1 - nn.functional.cosine_similarity(hidden[real].float(), of_teacher[real].float()).mean()
        count = where.sum()
        loss = SOFT * TEMPERATURE**2 * soft + HARD * hard + COSINE * cosine
        return loss, torch.stack([hard * count, count])


def encode(model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the last hidden states of the encoder, shape (batch, length, hidden)."""
    hidden: torch.Tensor = model.base_model(**inputs)[0]
    return hidden


def token_logits(model: PreTrainedModel, hidden: torch.Tensor) -> torch.Tensor:
    """Return the scores of the vocabulary of a masked language model.

    Args:
        model: BERT, RoBERTa, ELECTRA's generator or ModernBERT.
        hidden: Hidden states, shape (n, hidden).

    Returns:
        Scores of shape (n, vocabulary).

    Raises:
        ValueError: The head of the model is unknown.
    """
    logits: torch.Tensor
    if hasattr(model, "cls"):
        logits = model.cls(hidden)
    elif hasattr(model, "lm_head"):
        logits = model.lm_head(hidden)
    elif hasattr(model, "generator_lm_head"):
        logits = model.generator_lm_head(model.generator_predictions(hidden))
    elif hasattr(model, "decoder"):
        logits = model.decoder(model.head(hidden))
    else:
        raise ValueError(
            f"The head of {type(model).__name__} is not supported; expected a model of the type bert, "
            "roberta, electra or modernbert."
        )
    return logits


def new_objective(
    arch: str,
    size: str,
    vocabulary: int,
    special: Mapping[str, int],
    *,
    generator_size: float | None = None,
    teacher: str = "",
) -> Objective:
    """Create an objective with random weights or, for distillation, every other layer of the teacher.

    Args:
        arch: Architecture.
        size: Size of the model.
        vocabulary: Number of tokens.
        special: Name of a special token in configurations -> its id.
        generator_size: For ELECTRA, width of the generator relative to the discriminator.
        teacher: For distillation, the model to learn from.

    Raises:
        ValueError: There is no such configuration, or the teacher does not match it.
    """
    config = configuration(arch, size, vocabulary, **special)
    if arch == "electra":
        assert generator_size is not None
        generator = ElectraForMaskedLM(generator_configuration(config, generator_size))
        return ReplacedTokens(ElectraForPreTraining(config), generator)
    if arch == "distilroberta":
        if not teacher:
            raise ValueError("Distillation needs a teacher model; expected --teacher.")
        return _distillation(config, teacher)
    return MaskedTokens(AutoModelForMaskedLM.from_config(config))


def continued_objective(name: str) -> Objective:
    """Load a pre-trained model to continue its training.

    Raises:
        ValueError: The head of the model is unknown.
    """
    with model_errors(name):
        model = AutoModelForMaskedLM.from_pretrained(name, trust_remote_code=False)
    token_logits(model, torch.zeros(1, model.config.hidden_size))
    return MaskedTokens(model)


def _distillation(config: Any, teacher_name: str) -> Distillation:
    with model_errors(teacher_name):
        teacher = AutoModelForMaskedLM.from_pretrained(teacher_name, trust_remote_code=False)
    same = ("model_type", "vocab_size", "hidden_size", "num_attention_heads", "intermediate_size")
    differ = [name for name in same if getattr(teacher.config, name) != getattr(config, name)]
    if differ:
        raise ValueError(
            f"The teacher {teacher_name} differs from the student in {', '.join(differ)}; expected a model "
            "that differs only in the number of layers."
        )
    of_student = copy.deepcopy(teacher.config)
    of_student.num_hidden_layers = config.num_hidden_layers
    student = RobertaForMaskedLM(of_student)
    layers = teacher.config.num_hidden_layers
    step = layers // config.num_hidden_layers
    if not step:
        raise ValueError(f"The teacher {teacher_name} has {layers} layers; expected at least the student's.")
    weights = {}
    for name, weight in teacher.state_dict().items():
        head, mark, tail = name.partition(".encoder.layer.")
        if mark:
            number, rest = tail.split(".", 1)
            if int(number) % step or int(number) // step >= config.num_hidden_layers:
                continue
            name = f"{head}{mark}{int(number) // step}.{rest}"
        weights[name] = weight
    student.load_state_dict(weights)
    return Distillation(student, teacher)


def _load(model: PreTrainedModel, folder: Path) -> None:
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = set(model.state_dict()) - set(weights)
    if unexpected or set(missing) - tied:
        raise ValueError(f"{folder} does not hold the weights of this model; expected its own checkpoint.")
    model.tie_weights()


def _multiplied(model: PreTrainedModel) -> int:
    """Count the weights in matrix products for each token, which are all but embeddings."""
    embedded = {id(weight) for weight in model.base_model.embeddings.parameters()}
    return sum(weight.numel() for weight in model.parameters() if id(weight) not in embedded)
