"""Dependency parsing around any encoder of AutoModel. Saved beside the weights, all of it."""

from recipes.models.dependency_parsing.configuration_dependency_parsing import ParserSettings
from recipes.models.dependency_parsing.modeling_dependency_parsing import DependencyParser
from recipes.models.dependency_parsing.pipeline_dependency_parsing import DependencyParsingPipeline

__all__ = ["DependencyParser", "DependencyParsingPipeline", "ParserSettings"]
