"""Sequence classification with pooling of token vectors. This file is saved with the model."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from recipes.tasks.shared.encoder import EncoderModel

WIDTHS = {"mean": 1, "pair": 4, "entity_start": 2, "entity_mean": 3}  # number of pooled vectors


class PoolingForSequenceClassification(EncoderModel):
    """An encoder with pooling over its last layer, dropout, and a linear layer.

    The pooling, ``config.pooling``, is one of:

    * ``mean``: the mean over all real tokens;
    * ``pair``: [u; v; |u - v|; u * v], where u and v are the means over the two sentences (Conneau et al.
      2017), which the encoder reads together;
    * ``entity_start``: the concatenated vectors of the markers before the two entities (Baldini Soares et al.
      2019), or of the first token if a marker is missing;
    * ``entity_mean``: the means over the tokens of each entity, and over all tokens.

    Args:
        config: The encoder's configuration, with ``num_labels`` and ``problem_type`` as in transformers. For
            ``pair``, its ``sep_token_id`` is the token after the first sentence. For entities,
            ``entity_start_ids`` and ``entity_end_ids`` are the ids of the markers before and after the two.
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
            attention_mask: 1 for real tokens, 0 for padding, same shape; by default all 1.
            token_type_ids: Segment ids, same shape, for encoders that have them.
            labels: Class ids, or real numbers if ``problem_type`` is regression; shape (batch,).
            **kwargs: Further inputs of the encoder.

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
    """Select the vector of the first token in a mask: (batch, tokens, width) to (batch, width)."""
    found = _is_one_of(input_ids, wanted)
    rows = torch.arange(len(input_ids), device=input_ids.device)
    return hidden[rows, found.int().argmax(dim=1)]


def _between(input_ids: torch.Tensor, starts: list[int], ends: list[int]) -> torch.Tensor:
    """Return the mask of the tokens between start and end, both exclusive, shape (batch, tokens)."""
    start, end = _is_one_of(input_ids, starts), _is_one_of(input_ids, ends)
    return (start.cumsum(dim=1) > end.cumsum(dim=1)) & ~start


def _is_one_of(input_ids: torch.Tensor, wanted: list[int]) -> torch.Tensor:
    return torch.isin(input_ids, torch.tensor(wanted, device=input_ids.device))


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the tokens in a mask of shape (batch, tokens): (batch, tokens, width) to (batch, width)."""
    weights = mask.to(hidden.dtype).unsqueeze(-1)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


# The pipeline text-classification logs an error for models whose class is not in this list.
MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES["klue-pooling"] = PoolingForSequenceClassification.__name__
