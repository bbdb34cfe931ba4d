"""Parsing heads, which score arcs and relations. This file is saved with the model."""

from __future__ import annotations

import abc

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from recipes.tasks.dp.configuration_dependency_parsing import ARC_SIZE, RELATION_SIZE, ParserSettings
from recipes.tasks.dp.parsing_words import UNKNOWN_POS

Scores = tuple[torch.Tensor, torch.Tensor]


class ParserHead(nn.Module, abc.ABC):
    """Base class of both heads, which compute scores of arcs and relations.

    Args:
        word_size: Width of word vectors from the encoder.
        layers: Number of layers of the encoder that are mixed; 1 to use the last only.
        relations: Number of relations.
        settings: Further settings.
    """

    def __init__(self, word_size: int, layers: int, relations: int, settings: ParserSettings) -> None:
        super().__init__()
        self.dropout = settings.dropout
        self.mix = ScalarMix(layers) if settings.scalar_mix else None
        # The last row is for padding and the root, as in KLUE-baseline.
        self.pos = nn.Embedding(len(settings.pos_tags) + 1, settings.pos_size) if settings.use_pos else None
        self.input_size = word_size + (settings.pos_size if settings.use_pos else 0)
        self.arc_size = settings.arc_size or ARC_SIZE[settings.head]
        self.relation_size = settings.relation_size or RELATION_SIZE[settings.head]
        self.arc_scorer = Biaffine(self.arc_size, 1)
        self.relation_scorer = Biaffine(self.relation_size, relations)

    def forward(
        self,
        layers: torch.Tensor,
        lengths: torch.Tensor,
        pos_ids: torch.Tensor | None,
        heads: torch.Tensor | None,
    ) -> Scores:
        """Score all pairs of words and heads.

        Args:
            layers: Vectors of root and words, shape (layers, batch, 1 + words, width).
            lengths: Number of words of each sentence, shape (batch,).
            pos_ids: Tag id of each word, shape (batch, words); -1 if unknown.
            heads: If given, relations are scored for these heads only; shape (batch, words), 0 for the root.

        Returns:
            Scores of arcs, shape (batch, words, 1 + words); and of relations, shape (batch, words, 1 + words,
            relations), or (batch, words, relations) if ``heads`` are given.
        """
        words = layers[-1] if self.mix is None else self.mix(layers)
        if self.pos is not None:
            tags = _pos_vectors(self.pos, words, pos_ids)
            words = torch.cat([words, _drop_words(tags, self.dropout, training=self.training)], dim=-1)
        arc_word, arc_head, relation_word, relation_head = self.project(words, lengths)
        arcs = self.arc_scorer.pairs(arc_word, arc_head).squeeze(-1)
        if heads is None:
            return arcs, self.relation_scorer.pairs(relation_word, relation_head)
        sentence = torch.arange(len(heads), device=heads.device).unsqueeze(1)
        return arcs, self.relation_scorer(relation_word, relation_head[sentence, heads.clamp(min=0)])

    @abc.abstractmethod
    def project(self, words: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Project words as dependents and as heads, for arcs and for relations.

        Args:
            words: Vectors of shape (batch, 1 + words, ``input_size``), the root first.
            lengths: Number of words of each sentence, shape (batch,).

        Returns:
            For arcs, dependents (batch, words, ``arc_size``) and heads (batch, 1 + words, ``arc_size``);
            then the same for relations, with ``relation_size``.
        """


class KlueHead(ParserHead):
    """The head of KLUE-baseline (models/dependency_parsing.py).

    A BiLSTM reads the root and the words. A second LSTM, initialised with its final cell states, reads its
    outputs for the words. Heads are represented by the states of the first LSTM, dependents by those of the
    second. On an encoder of width 768, the head has 27,382,311 parameters.
    """

    def __init__(self, word_size: int, layers: int, relations: int, settings: ParserSettings) -> None:
        super().__init__(word_size, layers, relations, settings)
        size = settings.hidden_size
        self.encoder = nn.LSTM(self.input_size, size, batch_first=True, bidirectional=True)
        self.to_decoder = nn.Linear(2 * size, size)
        self.to_initial_cell = nn.Linear(2 * size, size)
        self.decoder = nn.LSTM(size, size, batch_first=True)
        self.arc_head = nn.Linear(2 * size, self.arc_size)
        self.relation_head = nn.Linear(2 * size, self.relation_size)
        self.arc_word = nn.Linear(size, self.arc_size)
        self.relation_word = nn.Linear(size, self.relation_size)

    def project(self, words: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the base class. Sequences are packed, so padding does not affect the states."""
        encoded, (_, cells) = _run(self.encoder, words, lengths + 1)
        encoded = _drop_features(encoded, self.dropout, training=self.training)
        cell = self.to_initial_cell(torch.cat([cells[-2], cells[-1]], dim=-1)).unsqueeze(0)
        read = nn.functional.elu(self.to_decoder(encoded[:, 1:]))
        decoded, _ = _run(self.decoder, read, lengths, (torch.tanh(cell), cell))
        decoded = _drop_features(decoded, self.dropout, training=self.training)
        elu = nn.functional.elu
        return (
            elu(self.arc_word(decoded)),
            elu(self.arc_head(encoded)),
            elu(self.relation_word(decoded)),
            elu(self.relation_head(encoded)),
        )


class BiaffineHead(ParserHead):
    """Deep biaffine attention (Dozat and Manning 2017, section 3.2) on the encoder, without LSTMs.

    On an encoder of width 768, the head has 2,802,015 parameters.
    """

    def __init__(self, word_size: int, layers: int, relations: int, settings: ParserSettings) -> None:
        super().__init__(word_size, layers, relations, settings)
        self.arc_word = nn.Linear(self.input_size, self.arc_size)
        self.arc_head = nn.Linear(self.input_size, self.arc_size)
        self.relation_word = nn.Linear(self.input_size, self.relation_size)
        self.relation_head = nn.Linear(self.input_size, self.relation_size)

    def project(self, words: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See the base class."""

        def mlp(layer: nn.Linear, vectors: torch.Tensor) -> torch.Tensor:
            states = nn.functional.leaky_relu(layer(vectors), 0.1)
            return _drop_features(states, self.dropout, training=self.training)

        return (
            mlp(self.arc_word, words[:, 1:]),
            mlp(self.arc_head, words),
            mlp(self.relation_word, words[:, 1:]),
            mlp(self.relation_head, words),
        )


class Biaffine(nn.Module):
    """Biaffine scores of dependents x and heads y: x U y + W x + V y + b for each output.

    Args:
        size: Width of x and y.
        outputs: Number of scores.
    """

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        self.both = nn.Parameter(torch.empty(outputs, size, size))
        self.word = nn.Parameter(torch.empty(outputs, size))
        self.head = nn.Parameter(torch.empty(outputs, size))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as in KLUE-baseline: zero bias, and Xavier initialisation, for which U is small."""
        for weight in (self.both, self.word, self.head):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.bias)

    def forward(self, words: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        """Score pairs of dependents and heads: two tensors (..., size) to (..., outputs)."""
        # torch.nn.functional.bilinear is many times slower on a CPU.
        both = (torch.einsum("...x,oxy->...oy", words, self.both) * heads.unsqueeze(-2)).sum(dim=-1)
        alone = nn.functional.linear(words, self.word) + nn.functional.linear(heads, self.head)
        return both + alone + self.bias

    def pairs(self, words: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        """Score all combinations: (batch, n, size) and (batch, m, size) to (batch, n, m, outputs)."""
        both = torch.einsum("bnx,oxy,bmy->bnmo", words, self.both, heads)
        alone = nn.functional.linear(words, self.word).unsqueeze(2)
        return both + alone + nn.functional.linear(heads, self.head).unsqueeze(1) + self.bias


class ScalarMix(nn.Module):
    """A learned, scaled mean of layers (Peters et al. 2018, equation 1)."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(layers))
        self.scale = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise to the unweighted mean."""
        nn.init.zeros_(self.weights)
        nn.init.ones_(self.scale)

    def forward(self, layers: torch.Tensor) -> torch.Tensor:
        """Mix layers: (layers, ...) to (...)."""
        return self.scale * torch.tensordot(self.weights.softmax(dim=0).to(layers.dtype), layers, dims=1)


def _pos_vectors(embedding: nn.Embedding, words: torch.Tensor, pos_ids: torch.Tensor | None) -> torch.Tensor:
    """Return embeddings of the tags of root and words; zeros for unknown tags.

    Training drops whole embeddings as well, so the model has seen words without tags.
    """
    ids = torch.full(words.shape[:2], UNKNOWN_POS, device=words.device, dtype=torch.long)
    ids[:, 0] = embedding.num_embeddings - 1
    if pos_ids is not None:
        ids[:, 1:] = pos_ids
    return (embedding(ids.clamp(min=0)) * (ids >= 0).unsqueeze(-1)).to(words.dtype)


def _run(
    lstm: nn.LSTM, inputs: torch.Tensor, lengths: torch.Tensor, state: Scores | None = None
) -> tuple[torch.Tensor, Scores]:
    """Run an LSTM over sentences of different lengths; zeros after their ends."""
    packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
    outputs, last = lstm(packed, state)
    padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
    return padded, last


def _drop_words(vectors: torch.Tensor, share: float, *, training: bool) -> torch.Tensor:
    """Drop whole vectors, like Dropout2d on (batch, words, width) in the torch 1.7 of KLUE-baseline."""
    return vectors * nn.functional.dropout(vectors.new_ones(*vectors.shape[:2], 1), share, training)


def _drop_features(vectors: torch.Tensor, share: float, *, training: bool) -> torch.Tensor:
    """Drop the same features in all words of a sentence."""
    kept = vectors.new_ones(vectors.shape[0], 1, vectors.shape[2])
    return vectors * nn.functional.dropout(kept, share, training)
