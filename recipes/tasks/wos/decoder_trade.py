"""The decoder of TRADE (Wu et al. 2019), as in KLUE: slots are decoded in parallel, each with its own state.

Positions (slot, step) are packed by step, with the longest targets first, like packed sequences in torch, so
that nothing is computed after the end of a target. The output of the encoder is not repeated for each slot.
The definitions follow DialogueStateTracking and SlotGenerator of KLUE-baseline, with one difference: the
vector of a slot is the sum over its own tokens, without padding.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

from recipes.tasks.wos.configuration_dialogue_state import IGNORED

# Finite replacement of log 0, which avoids NaN gradients.
NEVER = -1e9


@dataclasses.dataclass
class Memory:
    """The encoded dialogues of a batch, to which the decoder attends.

    Attributes:
        hidden: Outputs of the encoder, shape (batch, tokens, width).
        pooled: Initial states of the decoder, shape (batch, width).
        ids: Token ids, shape (batch, tokens).
        is_real: Mask of tokens that are not padding, shape (batch, tokens).
    """

    hidden: torch.Tensor
    pooled: torch.Tensor
    ids: torch.Tensor
    is_real: torch.Tensor


@dataclasses.dataclass
class Read:
    """Attention of the decoder at some positions, each to one dialogue.

    Attributes:
        scores: Attention scores, NEVER for padding; float32, shape (positions, tokens).
        context: Mean of the encoder's outputs, weighted by attention, shape (positions, width).
    """

    scores: torch.Tensor
    context: torch.Tensor


@dataclasses.dataclass
class TradeDecoder:
    """Functions of the decoder, computed with modules of the model.

    Attributes:
        gru: Maps inputs and states, both (…, width), to states.
        gate: Maps the context, or the context compared with the state, to the scores of the gates.
        pointer: Maps [input; state; context] to the logit of the weight of the vocabulary.
        table: Token embeddings of the encoder, shape (vocabulary, embedding width).
        widen: Projection from embeddings to the decoder's width, or None; its transpose is the inverse map.
        slots: Token ids of the names of slots, padded with IGNORED, shape (slots, tokens).
        dropout: Dropout probability of inputs.
        attention_scale: Factor of the attention scores.
        compares: Whether gates read the state of the slot in addition to the context.
    """

    gru: Any
    gate: Any
    pointer: Any
    table: torch.Tensor
    widen: Any
    slots: torch.Tensor
    dropout: float
    attention_scale: float = 1.0
    compares: bool = False

    def embed(self, subwords: torch.Tensor) -> torch.Tensor:
        """Embed token ids of shape (n,) as inputs of shape (n, width)."""
        vectors = nn.functional.embedding(subwords, self.table)
        return vectors if self.widen is None else self.widen(vectors)

    def narrow(self, states: torch.Tensor) -> torch.Tensor:
        """Project states to the width of the embeddings."""
        return states if self.widen is None else states @ self.widen.weight

    def inputs(self, subwords: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the first inputs, shape (slots, width), and those for tokens, shape (n, width).

        Both use the same look-up, since the gradient of each look-up is as large as the table.
        """
        is_subword = self.slots != IGNORED
        vectors = self.embed(torch.cat([self.slots.clamp(min=0).flatten(), subwords]))
        names = vectors[: self.slots.numel()].view(*self.slots.shape, -1)
        return (names * is_subword.unsqueeze(-1)).sum(dim=1), vectors[self.slots.numel() :]

    def step(self, inputs: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Compute one step of the GRU for any number of rows."""
        return self.gru(inputs.unsqueeze(0), states.unsqueeze(0))[0].squeeze(0)

    def read(self, memory: Memory, states: torch.Tensor, item: torch.Tensor) -> Read:
        """Attend from states of shape (n, width) to the dialogues with the indices ``item``, shape (n,)."""
        batch, tokens, width = memory.hidden.shape
        # States are grouped by dialogue for two batched products; place is the index in the group.
        counts = torch.bincount(item, minlength=batch)
        order = torch.argsort(item, stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(item), device=item.device) - (counts.cumsum(0) - counts)[item[order]]
        most = int(counts.max())
        flat = item * most + place
        grouped = states.new_zeros(batch * most, width).index_copy(0, flat, states * self.attention_scale)
        scores = (grouped.view(batch, most, width) @ memory.hidden.transpose(1, 2)).float()
        scores = scores.masked_fill(~memory.is_real[:, None, :], NEVER)
        context = scores.softmax(dim=-1).to(memory.hidden.dtype) @ memory.hidden
        return Read(scores.view(-1, tokens)[flat], context.view(-1, width)[flat])

    def gates(self, states: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Return gate scores after the first step, shape (n, gates).

        For the comparison, the context is normalised to unit variance, since the outputs of some encoders
        differ little from their mean.
        """
        if not self.compares:
            return self.gate(context)
        context = nn.functional.layer_norm(context, context.shape[-1:])
        return self.gate(torch.cat([context, states, context * states], dim=-1))

    def pointer_logit(self, inputs: torch.Tensor, states: torch.Tensor, read: Read) -> torch.Tensor:
        """Return the logit of the weight of the vocabulary in the mixture, float32, shape (n,)."""
        return self.pointer(torch.cat([inputs, states, read.context], dim=-1)).squeeze(-1).float()


@dataclasses.dataclass
class Packing:
    """The positions of a batch of targets by step, with the longest targets first.

    Attributes:
        row: Row of each position, shape (positions,).
        gold: Gold token of each position, shape (positions,).
        before: Previous gold token of each position after the first step.
        sizes: Number of rows at each step.
    """

    row: torch.Tensor
    gold: torch.Tensor
    before: torch.Tensor
    sizes: list[int]

    @classmethod
    def of(cls, targets: torch.Tensor) -> Packing:
        """Pack targets of shape (rows, steps) that are padded with IGNORED."""
        lengths = (targets != IGNORED).sum(dim=1).clamp(min=1)
        order = torch.argsort(lengths, descending=True, stable=True)
        steps = torch.arange(targets.shape[1], device=targets.device)
        is_there = lengths[order] > steps[:, None]
        step, place = is_there.nonzero(as_tuple=True)
        row = order[place]
        sizes = [size for size in is_there.sum(dim=1).tolist() if size]
        later = slice(sizes[0], None)
        return cls(row, targets[row, step], targets[row[later], step[later] - 1], sizes)
