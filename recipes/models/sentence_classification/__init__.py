"""Sequence classification on pooled token vectors, around any encoder of AutoModel."""

from recipes.models.sentence_classification.modeling_pooling import PoolingForSequenceClassification

__all__ = ["PoolingForSequenceClassification"]
