"""Sequence classification with mean pooling, around any encoder of AutoModel."""

from recipes.models.sentence_classification.modeling_mean_pooling import MeanPoolingForSequenceClassification

__all__ = ["MeanPoolingForSequenceClassification"]
