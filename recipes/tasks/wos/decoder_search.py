"""Greedy and beam search for the values of TRADE, only for slots with a generated value."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from recipes.tasks.wos.configuration_dialogue_state import IGNORED
from recipes.tasks.wos.decoder_loss import chunk_rows
from recipes.tasks.wos.decoder_trade import Memory, TradeDecoder


@dataclasses.dataclass
class Candidates:
    """The best tokens of the mixture of generation and copying, found without computing the mixture.

    One of the k best tokens either occurs in the dialogue or is one of the k best tokens of the vocabulary,
    because copying only adds probability. Copy probabilities are therefore computed for the tokens of the
    dialogue only.

    Attributes:
        memory: The encoded dialogues.
        first: Position of the first occurrence of each token, shape (batch, tokens).
        is_first: Whether a position is the first occurrence of its token and not padding, same shape.
    """

    memory: Memory
    first: torch.Tensor
    is_first: torch.Tensor

    @classmethod
    def of(cls, memory: Memory) -> Candidates:
        """Prepare the candidates of a batch."""
        same = memory.ids[:, :, None] == memory.ids[:, None, :]
        first = same.to(torch.uint8).argmax(dim=2)
        places = torch.arange(memory.ids.shape[1], device=first.device)
        return cls(memory, first, (first == places) & memory.is_real)

    def best(
        self, decoder: TradeDecoder, inputs: torch.Tensor, states: torch.Tensor, item: torch.Tensor, k: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log-probabilities and ids of the k best tokens, shape (n, k) each.

        Args:
            decoder: The decoder.
            inputs: Inputs of the decoder, shape (n, width).
            states: States after these inputs, shape (n, width).
            item: Index of the dialogue of each row, shape (n,).
            k: Number of tokens.
        """
        read = decoder.read(self.memory, states, item)
        logit = decoder.pointer_logit(inputs, states, read)
        log_generate, log_point = nn.functional.logsigmoid(logit), nn.functional.logsigmoid(-logit)
        attention = read.scores.softmax(dim=1)
        copied = torch.zeros_like(attention).scatter_add_(1, self.first[item], attention)
        log_copied = (log_point[:, None] + copied.log()).masked_fill(~self.is_first[item], -torch.inf)
        queries, ids = decoder.narrow(states), self.memory.ids[item]
        rows = chunk_rows(len(decoder.table))
        parts = []
        for start in range(0, len(states), rows):
            part = slice(start, start + rows)
            logits = (queries[part] @ decoder.table.T).float()
            log_table = log_generate[part] - logits.logsumexp(dim=1)
            top, top_ids = logits.topk(k, dim=1)
            here = log_table[:, None] + logits.gather(1, ids[part])
            here = torch.logaddexp(here, log_copied[part]).masked_fill(~self.is_first[item[part]], -torch.inf)
            # The best tokens of the vocabulary that also occur in the dialogue are among its candidates.
            is_double = (top_ids[:, :, None] == ids[part][:, None, :]) & self.is_first[item[part]][:, None, :]
            alone = (log_table[:, None] + top).masked_fill(is_double.any(dim=2), -torch.inf)
            scores, places = torch.cat([alone, here], dim=1).topk(k, dim=1)
            parts.append((scores, torch.cat([top_ids, ids[part]], dim=1).gather(1, places)))
        return torch.cat([scores for scores, _ in parts]), torch.cat([subwords for _, subwords in parts])


@torch.no_grad()
def decode_values(
    decoder: TradeDecoder,
    memory: Memory,
    *,
    gates: torch.Tensor | None,
    point: int,
    stop_ids: torch.Tensor,
    max_value_length: int,
    num_beams: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode the gates, and the values of slots whose gate is that of a generated value.

    Args:
        decoder: The decoder.
        memory: The encoded dialogues.
        gates: Gates to use instead of the predicted ones, shape (batch, slots).
        point: Index of the gate for a generated value.
        stop_ids: Ids that end a value.
        max_value_length: Maximum number of tokens of a value.
        num_beams: Number of beams; 1 for greedy search.

    Returns:
        Gate scores, float32, shape (batch, slots, gates); and token ids without the end token, padded with
        IGNORED, shape (batch, slots, max_value_length).
    """
    batch, slots = len(memory.ids), len(decoder.slots)
    item = torch.arange(batch, device=memory.ids.device).repeat_interleave(slots)
    names = decoder.inputs(item.new_empty(0))[0]
    inputs = names.repeat(batch, 1)
    states = decoder.step(inputs, memory.pooled[item])
    scores = decoder.gates(states, decoder.read(memory, states, item).context).float().view(batch, slots, -1)
    chosen = scores.argmax(dim=-1) if gates is None else gates
    rows = (chosen == point).flatten().nonzero().squeeze(1)
    values = item.new_full((batch * slots, max_value_length), IGNORED)
    if len(rows):
        search = _Search(decoder, Candidates.of(memory), stop_ids, num_beams)
        values[rows] = search.run(inputs[rows], states[rows], item[rows], max_value_length)
    return scores, values.view(batch, slots, -1)


@dataclasses.dataclass
class _Search:
    """Search for the most probable values; the score of a beam is the sum of its log-probabilities."""

    decoder: TradeDecoder
    known: Candidates
    stop_ids: torch.Tensor
    beams: int

    def run(self, inputs: torch.Tensor, states: torch.Tensor, item: torch.Tensor, steps: int) -> torch.Tensor:
        """Return the token ids of each row, shape (n, steps), padded with IGNORED."""
        k, n = self.beams, len(item)
        values = item.new_full((n, k, steps), IGNORED)
        totals = inputs.new_zeros((n, k), dtype=torch.float32)
        totals[:, 1:] = -torch.inf  # all beams of a row are equal at the start, so only the first is used
        is_open = torch.ones((n, k), dtype=torch.bool, device=item.device)
        is_open[:, 1:] = False
        width = states.shape[-1]
        inputs, states = inputs[:, None].repeat(1, k, 1), states[:, None].repeat(1, k, 1)
        rows = torch.arange(n, device=item.device)
        for step in range(steps):
            live = is_open[rows]
            found, ids = self.known.best(
                self.decoder, inputs[live], states[live], item[rows, None].expand(-1, k)[live], k
            )
            # A finished beam is kept as the first of its k continuations.
            scores = totals.new_full((len(rows), k, k), -torch.inf)
            scores[:, :, 0] = totals[rows].masked_fill(live, -torch.inf)
            scores[live] = totals[rows][live][:, None] + found
            subwords = values.new_full((len(rows), k, k), IGNORED)
            subwords[live] = ids
            totals[rows], places = scores.flatten(1).topk(k, dim=1)
            beam = places // k
            subword = subwords.flatten(1).gather(1, places)
            values[rows] = values[rows].gather(1, beam[:, :, None].expand(-1, -1, steps))
            ends = torch.isin(subword, self.stop_ids) | (subword == IGNORED)
            values[rows, :, step] = subword.masked_fill(ends, IGNORED)
            is_open[rows] = ~ends & totals[rows].isfinite()
            if step + 1 == steps:
                break
            # The best beam has finished and stays the best, since scores only decrease.
            is_on = is_open[rows, 0]
            rows, subword, beam = rows[is_on], subword[is_on], beam[is_on]
            if not len(rows):
                break
            states = states[is_on].gather(1, beam[:, :, None].expand(-1, -1, width))
            inputs = self.decoder.embed(subword.clamp(min=0).flatten()).view(*subword.shape, -1)
            states = self.decoder.step(inputs.flatten(0, 1), states.flatten(0, 1)).view_as(states)
        return values[:, 0]
