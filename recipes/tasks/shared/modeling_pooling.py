"""Sequence classification on pooled token vectors. This file is saved beside the weights."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from recipes.tasks.shared.encoder import EncoderModel

WIDTHS = {"mean": 1, "pair": 4, "entity_start": 2, "entity_mean": 3}  # pooled vectors that the head reads


class PoolingForSequenceClassification(EncoderModel):
    """An encoder with pooling over its last layer, dropout, and a linear layer.

    ``config.pooling`` is ``mean`` (of all real tokens) or ``pair``: the means u and v of the two sentences,
    compared as [u; v; |u - v|; u * v] (Conneau et al. 2017), while the encoder still reads them together;
    ``entity_start``: the vectors of the marks before two entities, one after the other (Baldini Soares et al.
    2019), or of the first token where a mark is missing; or ``entity_mean``: the means of what stands between
    the marks of each entity, and of all tokens.

    Args:
        config: The encoder's configuration; ``num_labels`` and ``problem_type`` as in transformers. For
            ``pair`` it has the ``sep_token_id`` that ends the first sentence; for entities the ids of the
            marks before each of the two, ``entity_start_ids``, and after them, ``entity_end_ids``.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(getattr(config, "hidden_dropout_prob", 0.1))
        width = config.hidden_size * WIDTHS[config.pooling]
        self.classifier = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Score a batch.

        Args:
            input_ids: Token ids, shape (batch, tokens).
            attention_mask: 1 on real tokens, 0 on padding, same shape; all real by default.
            token_type_ids: Segment ids, same shape, for encoders that have them.
            labels: Shape (batch,): class ids, or real numbers if ``problem_type`` is regression.
            **kwargs: Passed on to the encoder.

        Returns:
            ``logits`` of shape (batch, num_labels), and ``loss`` if labels are given.
        """
        if token_type_ids is not None:
            kwargs["token_type_ids"] = token_type_ids
        hidden = self.base_model(input_ids, attention_mask=attention_mask, **kwargs).last_hidden_state
        real = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        if self.config.pooling == "entity_mean":
            marks = zip(self.config.entity_start_ids, self.config.entity_end_ids, strict=True)
            spans = [_between(input_ids, *pair) for pair in marks]
            pooled = torch.cat([_mean(hidden, mask) for mask in (*spans, real)], dim=-1)
        elif self.config.pooling == "entity_start":
            pooled = torch.cat(
                [_first(hidden, input_ids, marks) for marks in self.config.entity_start_ids], dim=-1
            )
        elif self.config.pooling == "pair":
            separator = input_ids == self.config.sep_token_id
            is_second = separator.cumsum(dim=1) > 0
            first = _mean(hidden, real * ~is_second)
            second = _mean(hidden, real * is_second * ~separator)
            pooled = torch.cat([first, second, (first - second).abs(), first * second], dim=-1)
        else:
            pooled = _mean(hidden, real)
        logits = self.classifier(self.dropout(pooled))
        loss = None
        if labels is not None and self.config.problem_type == "regression":
            loss = nn.functional.mse_loss(logits.squeeze(-1).float(), labels.float())
        elif labels is not None:
            loss = nn.functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


def _first(hidden: torch.Tensor, input_ids: torch.Tensor, wanted: list[int]) -> torch.Tensor:
    """Select the vectors of the first wanted tokens: (batch, tokens, width) to (batch, width)."""
    found = _is_one_of(input_ids, wanted)
    rows = torch.arange(len(input_ids), device=input_ids.device)
    return hidden[rows, found.int().argmax(dim=1)]


def _between(input_ids: torch.Tensor, starts: list[int], ends: list[int]) -> torch.Tensor:
    """Return which tokens lie between a start and an end, both exclusive: (batch, tokens), the same."""
    start, end = _is_one_of(input_ids, starts), _is_one_of(input_ids, ends)
    return (start.cumsum(dim=1) > end.cumsum(dim=1)) & ~start


def _is_one_of(input_ids: torch.Tensor, wanted: list[int]) -> torch.Tensor:
    return torch.isin(input_ids, torch.tensor(wanted, device=input_ids.device))


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the tokens where ``mask`` (batch, tokens) is 1: (batch, tokens, width) to (batch, width)."""
    weights = mask.to(hidden.dtype).unsqueeze(-1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


# The pipeline text-classification logs an error about every model whose class is not in this list.
MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES["klue-pooling"] = PoolingForSequenceClassification.__name__
