"""TRADE's decoder (Wu et al. 2019) as in KLUE: all slots are decoded in parallel with separate states.

Positions (slot, step) are packed step by step, longest target first, as torch packs sequences: no work is
done where a target has ended, and most end after two or three tokens. The encoder's output is never repeated
per slot. KLUE-baseline's DialogueStateTracking and SlotGenerator define the mathematics; one difference: a
slot's vector is the sum of its own subword tokens, while theirs adds the padding's too.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

from recipes.tasks.wos.configuration_dialogue_state import IGNORED

# Finite stand-in for log 0, which avoids NaN gradients.
NEVER = -1e9


@dataclasses.dataclass
class Memory:
    """The encoded dialogues of a batch, which the decoder attends to.

    Attributes:
        hidden: Encoder outputs, shape (batch, tokens, width).
        pooled: First states of the decoder, shape (batch, width).
        ids: Token ids, shape (batch, tokens).
        is_real: False on padding, shape (batch, tokens).
    """

    hidden: torch.Tensor
    pooled: torch.Tensor
    ids: torch.Tensor
    is_real: torch.Tensor


@dataclasses.dataclass
class Read:
    """Decoder outputs at some positions, each of which belongs to one dialogue.

    Attributes:
        scores: Attention scores, padding at NEVER; float32, shape (positions, tokens).
        context: The mean of the encoder outputs under the attention, shape (positions, width).
    """

    scores: torch.Tensor
    context: torch.Tensor


@dataclasses.dataclass
class TradeDecoder:
    """Functions of the decoder on modules that belong to the model.

    Attributes:
        gru: From inputs and states, both (…, width), to states.
        gate: From the context, or the context compared with the state, to the scores of the five gates.
        pointer: From [input; state; context] to the logit of the share of the vocabulary.
        table: Embeddings of the subword tokens, the encoder's own, shape (vocabulary, embedding width).
        widen: Projection from embeddings to the decoder's width, or None; its transpose maps back.
        slots: Subword token ids of the slots' names, padded with IGNORED, shape (slots, subword tokens).
        dropout: Share of each input that training drops.
        attention_scale: Factor of the attention's scores.
        compares: Whether the gate reads the slot's state in addition to the context.
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
        """Embed subword token ids, shape (n,), as inputs, shape (n, width)."""
        vectors = nn.functional.embedding(subwords, self.table)
        return vectors if self.widen is None else self.widen(vectors)

    def narrow(self, states: torch.Tensor) -> torch.Tensor:
        """Project states to the width of the embeddings."""
        return states if self.widen is None else states @ self.widen.weight

    def inputs(self, subwords: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the first inputs, shape (slots, width), and those for subword tokens, shape (n, width).

        One look-up for both: each one's gradient is as large as the whole table.
        """
        is_subword = self.slots != IGNORED
        vectors = self.embed(torch.cat([self.slots.clamp(min=0).flatten(), subwords]))
        names = vectors[: self.slots.numel()].view(*self.slots.shape, -1)
        return (names * is_subword.unsqueeze(-1)).sum(dim=1), vectors[self.slots.numel() :]

    def step(self, inputs: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Advance the GRU by one step, for any number of rows."""
        return self.gru(inputs.unsqueeze(0), states.unsqueeze(0))[0].squeeze(0)

    def read(self, memory: Memory, states: torch.Tensor, item: torch.Tensor) -> Read:
        """Attend from states, shape (n, width), each to its own dialogue ``item``, shape (n,)."""
        batch, tokens, width = memory.hidden.shape
        # States are grouped by dialogue for two batched products; place is the index within the group.
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

        Compared, the context is brought to unit variance first: the outputs of some encoders differ little
        from their common mean.
        """
        if not self.compares:
            return self.gate(context)
        context = nn.functional.layer_norm(context, context.shape[-1:])
        return self.gate(torch.cat([context, states, context * states], dim=-1))

    def pointer_logit(self, inputs: torch.Tensor, states: torch.Tensor, read: Read) -> torch.Tensor:
        """Return the logit of the vocabulary's share of the mixture, float32, shape (n,)."""
        return self.pointer(torch.cat([inputs, states, read.context], dim=-1)).squeeze(-1).float()


@dataclasses.dataclass
class Packing:
    """The positions of a batch of targets, step by step, rows with long targets first.

    Attributes:
        row: The row of each position, shape (positions,).
        gold: Its gold subword token, shape (positions,).
        before: The gold subword token before it, for all positions after the first step.
        sizes: Number of remaining rows at each step.
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
