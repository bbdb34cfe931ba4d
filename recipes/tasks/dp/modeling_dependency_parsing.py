"""A dependency parser: encoder, word vectors and parsing head. This file is saved with the model."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_outputs import ModelOutput

from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.parsing_heads import BiaffineHead, KlueHead, ParserHead
from recipes.tasks.dp.parsing_words import IGNORED
from recipes.tasks.dp.pipeline_dependency_parsing import TASK, DependencyParsingPipeline
from recipes.tasks.shared.encoder import EncoderModel


@dataclasses.dataclass
class DependencyParserOutput(ModelOutput):
    """Output of the parser for a batch.

    Attributes:
        loss: Mean cross-entropy of heads plus that of relations; None without gold labels.
        arc_scores: Scores of the heads of each word, shape (batch, words, 1 + words); 0 is the root, i the
            i-th word. The scores of padding are -inf.
        relation_scores: Scores of relations for each possible head, shape (batch, words, 1 + words,
            relations); in training for the gold heads only, shape (batch, words, relations).
    """

    loss: torch.Tensor | None = None
    arc_scores: torch.Tensor | None = None
    relation_scores: torch.Tensor | None = None


class DependencyParser(EncoderModel):
    """An encoder, word vectors [first token; last token], with [CLS; CLS] for the root, and a parsing head.

    Args:
        config: The encoder's configuration, with ``dependency_parsing`` (see ParserSettings) and the
            relations as labels.
    """

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config)
        settings = ParserSettings.of(config)
        self.reads_all_layers = settings.scalar_mix
        layers = config.num_hidden_layers + 1 if settings.scalar_mix else 1
        make_head: type[ParserHead] = KlueHead if settings.head == "klue" else BiaffineHead
        self.parser: nn.Module = make_head(2 * config.hidden_size, layers, config.num_labels, settings)
        # Imported so that its file is saved with the model.
        file = DependencyParsingPipeline.__module__.rpartition(".")[2]
        implementation = f"{file}.{DependencyParsingPipeline.__name__}"
        config.custom_pipelines = {TASK: {"impl": implementation, "pt": ["AutoModel"]}}
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise with the defaults of torch, like KLUE-baseline, instead of N(0, 0.02)."""
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        first_subwords: torch.Tensor | None = None,
        last_subwords: torch.Tensor | None = None,
        pos_ids: torch.Tensor | None = None,
        heads: torch.Tensor | None = None,
        relations: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> DependencyParserOutput:
        """Score a batch from ``parsing_words.ParserCollator``.

        Args:
            input_ids: Token ids, shape (batch, tokens), or (batch, windows, tokens) if a sentence is longer
                than the model's input.
            attention_mask: 1 for real tokens, 0 for padding, same shape; by default all 1.
            first_subwords: Position of the first token of each word, shape (batch, words), -1 for padding.
                With windows, positions continue through all windows of the sentence.
            last_subwords: Position of the last token of each word, same shape.
            pos_ids: Tag id of each word, shape (batch, words); -1 if unknown.
            heads: Gold head of each word, shape (batch, words); 0 for the root, -100 for padding.
            relations: Gold relation of each word to its head, same shape.
            **kwargs: Further inputs of the encoder.

        Raises:
            ValueError: The positions of words are missing.
        """
        if first_subwords is None or last_subwords is None:
            raise ValueError(
                "The parser got no first_subwords and last_subwords; expected the words' positions."
            )
        layers = self._encode(input_ids, attention_mask, **kwargs)
        words = pool_words(layers, first_subwords, last_subwords)
        lengths = (first_subwords >= 0).sum(dim=1)
        wanted = heads if self.training else None
        arcs, scores = self.parser(words, lengths, pos_ids, wanted)
        position = torch.arange(arcs.shape[2], device=arcs.device)
        arcs = arcs.float().masked_fill(position > lengths[:, None, None], -torch.inf)
        loss = None
        if heads is not None and relations is not None:
            loss = _loss(arcs, heads) + _loss(at_heads(scores, heads), relations)
        return DependencyParserOutput(loss=loss, arc_scores=arcs, relation_scores=scores.float())

    def _encode(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, **kwargs: Any
    ) -> torch.Tensor:
        """Return the vectors of all tokens, shape (layers, batch, tokens of all windows, width)."""
        batch = len(input_ids)
        flat = {
            name: values.reshape(-1, values.shape[-1])
            for name, values in (("input_ids", input_ids), ("attention_mask", attention_mask))
            if values is not None
        }
        outputs = self.base_model(**flat, **kwargs, output_hidden_states=self.reads_all_layers)
        last = outputs.last_hidden_state
        layers = torch.stack(outputs.hidden_states) if self.reads_all_layers else last.unsqueeze(0)
        return layers.reshape(len(layers), batch, -1, layers.shape[-1])


def pool_words(layers: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Build word vectors from token vectors; the root, [CLS; CLS], is first.

    Args:
        layers: Token vectors, shape (layers, batch, tokens, width).
        first: Position of the first token of each word, shape (batch, words); -1 for padding, which gets the
            vector of [CLS].
        last: Position of the last token of each word, same shape.

    Returns:
        Word vectors, shape (layers, batch, 1 + words, 2 x width).
    """
    root = torch.zeros_like(first[:, :1])
    sentence = torch.arange(len(first), device=first.device).unsqueeze(1)
    positions = (torch.cat([root, subwords.clamp(min=0)], dim=1) for subwords in (first, last))
    return torch.cat([layers[:, sentence, position] for position in positions], dim=-1)


def at_heads(relation_scores: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
    """Select the relation scores of one head per word from (batch, words, 1 + words, relations).

    Scores for one head per word are returned unchanged. Padding in ``heads`` counts as the root.
    """
    if relation_scores.dim() == 3:
        return relation_scores
    index = heads.clamp(min=0)[..., None, None].expand(-1, -1, 1, relation_scores.shape[-1])
    return relation_scores.gather(2, index).squeeze(2)


def _loss(scores: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of scores (batch, words, classes) and labels (batch, words)."""
    return nn.functional.cross_entropy(scores.float().flatten(0, 1), gold.flatten(), ignore_index=IGNORED)
