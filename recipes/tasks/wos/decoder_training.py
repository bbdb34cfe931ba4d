"""The value loss of TRADE's decoder, computed at once for all positions with a gold token."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from recipes.tasks.wos.configuration_dialogue_state import IGNORED
from recipes.tasks.wos.decoder_loss import mixture_loss
from recipes.tasks.wos.decoder_search import Candidates
from recipes.tasks.wos.decoder_trade import NEVER, Memory, Packing, TradeDecoder


def decoder_losses(
    decoder: TradeDecoder, memory: Memory, targets: torch.Tensor, *, forced: bool, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the value loss and the gate scores.

    With teacher forcing, all inputs are known in advance: the GRU runs over packed positions, and attention,
    pointer and vocabulary are computed for all of them at once. Without it, the inputs are decoded first,
    without gradients.

    Args:
        decoder: The decoder.
        memory: The encoded dialogues.
        targets: Gold tokens including the end token, padded with IGNORED, shape (batch, slots, steps).
        forced: Whether inputs are gold tokens, or else the decoder's own best tokens.
        dtype: Data type of products with the vocabulary.

    Returns:
        The mean negative log-likelihood of the gold tokens, float32; and gate scores, shape (batch, slots,
        gates).
    """
    batch, slots = targets.shape[:2]
    packed = Packing.of(targets.flatten(0, 1))
    item, slot = packed.row // slots, packed.row % slots
    first = packed.sizes[0]
    # Both passes have the same dropout mask.
    keep = nn.functional.dropout(memory.hidden.new_ones(len(item), memory.hidden.shape[-1]), decoder.dropout)
    names, subwords = decoder.inputs(
        packed.before if forced else _own_subwords(decoder, memory, packed, keep)
    )
    inputs = torch.cat([names[slot[:first]], subwords]) * keep
    sequence = PackedSequence(inputs, torch.tensor(packed.sizes))
    states = decoder.gru(sequence, memory.pooled[item[:first]].unsqueeze(0))[0].data
    read = decoder.read(memory, states, item)
    logit = decoder.pointer_logit(inputs, states, read)
    gates = decoder.gates(states[:first], read.context[:first])
    gates = torch.empty_like(gates).index_copy(0, packed.row[:first], gates)
    is_gold = packed.gold != IGNORED
    is_copied = memory.ids[item] == packed.gold[:, None]
    log_copy = read.scores.masked_fill(~is_copied, NEVER).logsumexp(dim=1) - read.scores.logsumexp(dim=1)
    loss = mixture_loss(
        decoder.narrow(states)[is_gold],
        decoder.table,
        nn.functional.logsigmoid(logit)[is_gold],
        (nn.functional.logsigmoid(-logit) + log_copy)[is_gold],
        packed.gold[is_gold],
        dtype,
    )
    return loss / is_gold.sum().clamp(min=1), gates.view(batch, slots, -1)


@torch.no_grad()
def _own_subwords(decoder: TradeDecoder, memory: Memory, packed: Packing, keep: torch.Tensor) -> torch.Tensor:
    """Decode greedily to get the decoder's inputs after the first step, packed like the gold tokens."""
    slots = len(decoder.slots)
    item, slot = packed.row // slots, packed.row % slots
    begin = packed.sizes[0]
    known = Candidates.of(memory)
    states = memory.pooled[item[:begin]]
    inputs = decoder.inputs(slot.new_empty(0))[0][slot[:begin]] * keep[:begin]
    fed = [slot.new_empty(0)]
    for size in packed.sizes[1:]:
        states = decoder.step(inputs[:size], states[:size])
        best = known.best(decoder, inputs[:size], states, item[:size], 1)[1].squeeze(1)
        fed.append(best)
        inputs = decoder.embed(best) * keep[begin : begin + size]
        begin += size
    return torch.cat(fed)
