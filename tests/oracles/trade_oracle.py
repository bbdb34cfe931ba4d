"""The textbook TRADE decoder, with full distributions for every slot and step.

Slots are a part of the batch (--parallel_decoding of KLUE-baseline), and the encoder's output is repeated for
each. Each step computes the distribution over the vocabulary, the copy distribution scattered over it, and
their mixture. It is written from the description of the model, independently of our decoder.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

NOTHING = -100


def textbook(decoder, memory, steps, targets=None, forced=True):
    """Run ``steps`` steps for all slots of all dialogues.

    Args:
        decoder: Has gru, gate, pointer, table, slots (padded with -100) and compares (the gate's kind).
        memory: Has hidden, pooled, ids and is_real.
        steps: How many.
        targets: Gold subword tokens (batch, slots, steps), padded with -100, fed where ``forced``.
        forced: Whether gold is fed, else the best subword tokens.

    Returns:
        Distributions (batch, slots, steps, vocabulary), gate scores (batch, slots, 5).
    """
    batch = len(memory.hidden)
    slots, vocabulary = len(decoder.slots), len(decoder.table)
    names = []
    for subwords in decoder.slots.tolist():
        names.append(sum(decoder.table[subword] for subword in subwords if subword != NOTHING))
    inputs = torch.stack(names).repeat(batch, 1)
    hidden = memory.hidden.repeat_interleave(slots, dim=0)
    ids = memory.ids.repeat_interleave(slots, dim=0)
    is_pad = ~memory.is_real.repeat_interleave(slots, dim=0)
    state = memory.pooled.repeat_interleave(slots, dim=0)[None]
    distributions = []
    gates = None
    for step in range(steps):
        output, state = decoder.gru(inputs[None], state)
        query = output[0]
        scores = torch.bmm(hidden, query[:, :, None])[:, :, 0].masked_fill(is_pad, -1e9)
        attention = F.softmax(scores, dim=1)
        vocab = F.softmax(query @ decoder.table.T, dim=1)
        context = torch.bmm(attention[:, None], hidden)[:, 0]
        share = torch.sigmoid(decoder.pointer(torch.cat([inputs, query, context], dim=1)))
        copy = torch.zeros_like(vocab).scatter_add(1, ids, attention)
        mixture = share * vocab + (1 - share) * copy
        distributions.append(mixture)
        if step == 0:
            gates = decoder.gate(compared(context, query) if decoder.compares else context)
        if targets is not None and forced:
            subwords = targets[:, :, step].flatten().clamp(min=0)
        else:
            subwords = mixture.argmax(dim=1)
        inputs = F.embedding(subwords, decoder.table)
    return torch.stack(distributions, dim=1).view(batch, slots, steps, vocabulary), gates.view(
        batch, slots, -1
    )


def compared(context, query):
    """Return the input of compared gates: the normalised context, the query, and their product."""
    deviation = (context.var(dim=1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    context = (context - context.mean(dim=1, keepdim=True)) / deviation
    return torch.cat([context, query, context * query], dim=1)


def textbook_loss(decoder, memory, targets, gold_gates, forced=True):
    """Compute gate cross-entropy plus the mean of -log p over gold tokens from full distributions."""
    mixture, gates = textbook(decoder, memory, targets.shape[2], targets, forced)
    probability = mixture.gather(3, targets.clamp(min=0)[..., None])[..., 0]
    is_gold = targets != NOTHING
    value_loss = -torch.log(probability)[is_gold].sum() / is_gold.sum()
    return F.cross_entropy(gates.flatten(0, 1), gold_gates.flatten()) + value_loss


@torch.no_grad()
def textbook_values(decoder, memory, steps, stop_ids):
    """Return gates (batch, slots) and the greedy tokens of each slot up to the end of the value."""
    mixture, gates = textbook(decoder, memory, steps, forced=False)
    values = []
    for dialogue in mixture.argmax(dim=3).tolist():
        values.append([])
        for subwords in dialogue:
            ends = [place for place, subword in enumerate(subwords) if subword in stop_ids]
            values[-1].append(subwords[: ends[0]] if ends else subwords)
    return gates.argmax(dim=2), values
