"""A dependency parser: encoder, word vectors, parsing head. This file is saved beside the weights."""

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
        loss: Mean cross-entropy of the words' heads, plus that of their relations; None without gold.
        arc_scores: Shape (batch, words, 1 + words); 0 is the root, i the i-th word; -inf if the sentence
            has no such word.
        relation_scores: Shape (batch, words, 1 + words, relations): for every possible head. In training with
            gold heads it is (batch, words, relations): for those.
    """

    loss: torch.Tensor | None = None
    arc_scores: torch.Tensor | None = None
    relation_scores: torch.Tensor | None = None


class DependencyParser(EncoderModel):
    """An encoder, word vectors [first token; last token] with [CLS; CLS] for the root, and a parsing head.

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
        """Initialise with torch's defaults, as the baseline does, not with N(0, 0.02) as transformers."""
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
            input_ids: Token ids, shape (batch, tokens); or (batch, windows, tokens), where some sentence is
                too long to be read at once.
            attention_mask: 1 on real tokens, 0 on padding, same shape; all real by default.
            first_subwords: Position of each word's first token, shape (batch, words), -1 on padding. With
                windows it counts through all windows of the sentence.
            last_subwords: The same for the last subword token.
            pos_ids: Tag of each word, shape (batch, words); -1 if it is not known.
            heads: Gold head of each word, shape (batch, words), 0 for the root, -100 on padding.
            relations: Gold relation of each word to its head, same shape.
            **kwargs: Passed on to the encoder.

        Raises:
            ValueError: No positions of words were given.
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
    """Build word vectors from those of their subword tokens; the root, [CLS; CLS], comes first.

    Args:
        layers: Shape (layers, batch, tokens, width).
        first: Position of each word's first token, shape (batch, words); -1 on padding, which gets [CLS].
        last: The same for the last subword token.

    Returns:
        Shape (layers, batch, 1 + words, 2 x width).
    """
    root = torch.zeros_like(first[:, :1])
    sentence = torch.arange(len(first), device=first.device).unsqueeze(1)
    positions = (torch.cat([root, subwords.clamp(min=0)], dim=1) for subwords in (first, last))
    return torch.cat([layers[:, sentence, position] for position in positions], dim=-1)


def at_heads(relation_scores: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
    """Select relation scores of each word at one head from (batch, words, 1 + words, relations).

    Scores that are for one head a word already are returned as they are. Padding in ``heads`` counts as root.
    """
    if relation_scores.dim() == 3:
        return relation_scores
    index = heads.clamp(min=0)[..., None, None].expand(-1, -1, 1, relation_scores.shape[-1])
    return relation_scores.gather(2, index).squeeze(2)


def _loss(scores: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over words, from (batch, words, classes) and (batch, words)."""
    return nn.functional.cross_entropy(scores.float().flatten(0, 1), gold.flatten(), ignore_index=IGNORED)
