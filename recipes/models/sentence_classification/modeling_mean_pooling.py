"""Sequence classification on the mean of all token vectors. This file is saved beside the weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


class MeanPoolingForSequenceClassification(PreTrainedModel):
    """An encoder, the mean of its last layer over the real tokens, dropout, and one linear layer.

    The encoder sits under the attribute name that its own models use (``bert``, ``roberta``, ...), so that
    checkpoints of the plain encoder load here, and checkpoints from here load with AutoModel.

    Args:
        config: The encoder's configuration; ``num_labels`` and ``problem_type`` as in transformers.
    """

    config_class = PreTrainedConfig

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        encoder = AutoModel.from_config(config)
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # the mean stands in its place
        self.base_model_prefix = encoder.base_model_prefix
        setattr(self, self.base_model_prefix, encoder)
        self.dropout = nn.Dropout(getattr(config, "hidden_dropout_prob", 0.1))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Scores a batch.

        Args:
            input_ids: Token ids, shape (batch, tokens).
            attention_mask: 1 on real tokens, 0 on padding, same shape; all real by default.
            token_type_ids: Segment ids, same shape, for encoders that have them.
            labels: Shape (batch,): class ids, or real numbers where ``problem_type`` is regression.
            **kwargs: Passed on to the encoder.

        Returns:
            ``logits`` of shape (batch, num_labels), and ``loss`` where labels are given.
        """
        if token_type_ids is not None:
            kwargs["token_type_ids"] = token_type_ids
        hidden = self.base_model(input_ids, attention_mask=attention_mask, **kwargs).last_hidden_state
        mask = (
            hidden.new_ones(hidden.shape[:2]) if attention_mask is None else attention_mask.to(hidden.dtype)
        )
        mean = (hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        logits = self.classifier(self.dropout(mean))
        loss = None
        if labels is not None and self.config.problem_type == "regression":
            loss = nn.functional.mse_loss(logits.squeeze(-1).float(), labels.float())
        elif labels is not None:
            loss = nn.functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)


MeanPoolingForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
