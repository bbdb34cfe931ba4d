"""Memory-efficient negative log-likelihood of TRADE's mixture of generation and copying."""

from __future__ import annotations

from typing import Any

import torch

CHUNK = 8_000_000  # number of logits computed at a time


def chunk_rows(vocabulary: int) -> int:
    """Return the number of rows of logits to compute at a time."""
    return max(16, CHUNK // vocabulary)


def mixture_loss(
    states: torch.Tensor,
    table: torch.Tensor,
    log_generate: torch.Tensor,
    log_copied: torch.Tensor,
    gold: torch.Tensor,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Sum -log(generate * softmax(states @ table.T)[gold] + copied) over positions.

    Logits are computed for a few rows at a time, together with the gradients of states and table. This is
    possible because the loss is a sum, so that its gradient is the same factor for all rows.

    Args:
        states: States of the decoder, shape (positions, width).
        table: Token embeddings, shape (vocabulary, width).
        log_generate: Log of the weight of the vocabulary in the mixture, float32, shape (positions,).
        log_copied: Log of (1 - that weight) times the copy probability of the gold token, float32, shape
            (positions,); very negative but finite if the token cannot be copied.
        gold: Ids of the gold tokens, shape (positions,).
        dtype: Data type of the large matrix products.

    Returns:
        The sum, a float32 scalar, which can be differentiated once with respect to the first four arguments.
    """
    grad = torch.is_grad_enabled()
    apply: Any = _MixtureLoss.apply
    loss: torch.Tensor = apply(states, table, log_generate, log_copied, gold, dtype, grad)
    return loss


class _MixtureLoss(torch.autograd.Function):
    """Autograd function of ``mixture_loss``."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        table: torch.Tensor,
        log_generate: torch.Tensor,
        log_copied: torch.Tensor,
        gold: torch.Tensor,
        dtype: torch.dtype,
        grad: bool,
    ) -> torch.Tensor:
        with torch.autocast(states.device.type, enabled=False):
            low_states, low_table = states.to(dtype), table.to(dtype)
            wants_states, wants_table = (grad and wanted for wanted in ctx.needs_input_grad[:2])
            d_states = torch.empty_like(low_states) if wants_states else None
            # float32, since thousands of small terms are added
            d_table = torch.zeros_like(table, dtype=torch.float32) if wants_table else None
            nothing = log_copied.new_empty(0)
            log_shares, log_likelihoods = [nothing], [nothing]
            rows = chunk_rows(len(table))
            for start in range(0, len(states), rows):
                part = slice(start, start + rows)
                logits = (low_states[part] @ low_table.T).float()
                wanted = gold[part, None]
                top = logits.amax(dim=1)
                at_gold = logits.gather(1, wanted).squeeze(1) - top
                weights = logits.sub_(top[:, None]).exp_()
                total = weights.sum(dim=1)
                from_table = log_generate[part] + at_gold - total.log()
                likelihood = torch.logaddexp(from_table, log_copied[part])
                log_share = from_table - likelihood
                log_likelihoods.append(likelihood)
                log_shares.append(log_share)
                if d_states is None and d_table is None:
                    continue
                # gradient of the logits: weight * (softmax - one-hot vector of the gold token)
                share = log_share.exp()
                weights.mul_((share / total)[:, None]).scatter_add_(1, wanted, -share[:, None])
                low = weights.to(dtype)
                if d_states is not None:
                    torch.mm(low, low_table, out=d_states[part])
                if d_table is not None and dtype == torch.float32:
                    d_table.addmm_(low.T, low_states[part])
                elif d_table is not None:
                    d_table += (low.T @ low_states[part]).float()
        ctx.dtypes = (states.dtype, table.dtype)
        ctx.gradients = (d_states, d_table, torch.cat(log_shares) if grad else None)
        ctx.log_copied = log_copied
        ctx.log_likelihoods = torch.cat(log_likelihoods)
        return -ctx.log_likelihoods.sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError("mixture_loss was differentiated twice; its gradients exist only once.")
        d_states, d_table, log_share = ctx.gradients
        ctx.gradients = None
        d_generate = -log_share.exp() * upstream
        d_copied = -(ctx.log_copied - ctx.log_likelihoods).exp() * upstream
        if d_states is not None:
            d_states = d_states.to(ctx.dtypes[0]).mul_(upstream.to(ctx.dtypes[0]))
        if d_table is not None:
            d_table = d_table.mul_(upstream).to(ctx.dtypes[1])
        return d_states, d_table, d_generate, d_copied, None, None, None
