"""Dependency parsing as naive loops: KLUE's head, all trees of a sentence, Eisner's algorithm and pooling."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import torch

Weights = Mapping[str, torch.Tensor]


def naive_klue_head(weights: Weights, vectors: torch.Tensor, pos_ids: Sequence[int]) -> tuple[list, list]:
    """Compute KLUE's head for one sentence without dropout.

    Args:
        weights: Parameters of the head, by name.
        vectors: [first token; last subword token] of the root and of each word, shape (1 + words, width).
        pos_ids: Tag of the root and of each word.

    Returns:
        Scores of arcs, words x (1 + words), and of relations, words x (1 + words) x relations.
    """
    inputs = [
        torch.cat([vector, weights["pos.weight"][tag]]) for vector, tag in zip(vectors, pos_ids, strict=True)
    ]
    size = weights["encoder.weight_hh_l0"].shape[1]
    zero = inputs[0].new_zeros(size)
    forward, forward_cell = _lstm(weights, "encoder", "", inputs, zero, zero)
    backward, backward_cell = _lstm(weights, "encoder", "_reverse", inputs[::-1], zero, zero)
    states = [torch.cat(pair) for pair in zip(forward, backward[::-1], strict=True)]
    cell = _linear(weights, "to_initial_cell", torch.cat([forward_cell, backward_cell]))
    read = [_elu(_linear(weights, "to_decoder", state)) for state in states[1:]]
    decoded, _ = _lstm(weights, "decoder", "", read, torch.tanh(cell), cell)
    arcs, relations = [], []
    for state in decoded:
        arc_row, relation_row = [], []
        for candidate in states:
            x, y = _elu(_linear(weights, "arc_word", state)), _elu(_linear(weights, "arc_head", candidate))
            arc_row.append(_biaffine(weights, "arc_scorer", x, y)[0])
            x = _elu(_linear(weights, "relation_word", state))
            y = _elu(_linear(weights, "relation_head", candidate))
            relation_row.append(_biaffine(weights, "relation_scorer", x, y))
        arcs.append(arc_row)
        relations.append(relation_row)
    return arcs, relations


def naive_loss(rows: Sequence[Sequence[float]], gold: Sequence[int]) -> float:
    """Average the cross-entropies over words."""
    losses = [
        math.log(sum(math.exp(score) for score in row)) - row[g] for row, g in zip(rows, gold, strict=True)
    ]
    return sum(losses) / len(losses)


def all_trees(words: int) -> Iterator[tuple[int, ...]]:
    """Yield the heads of all trees with one root."""
    for heads in itertools.product(range(words + 1), repeat=words):
        if sum(head == 0 for head in heads) == 1 and all(
            _reaches_root(heads, word) for word in range(1, words + 1)
        ):
            yield heads


def is_projective(heads: Sequence[int]) -> bool:
    """Return whether no arcs cross, including the arc from the root, which precedes the first word."""
    spans = [tuple(sorted((word, head))) for word, head in enumerate(heads, start=1)]
    return not any(a < c < b < d for (a, b), (c, d) in itertools.permutations(spans, 2))


def is_head_final(heads: Sequence[int]) -> bool:
    """Return whether all heads follow their dependents; the head of the last word is the root."""
    return heads[-1] == 0 and all(head > word for word, head in enumerate(heads[:-1], start=1))


def score_of(heads: Sequence[int], scores: Sequence[Sequence[float]]) -> float:
    """Add the scores of the arcs of a tree."""
    return sum(row[head] for row, head in zip(scores, heads, strict=True))


def naive_eisner(scores: Sequence[Sequence[float]]) -> list[int]:
    """Find the best projective tree with one root by loops over spans."""
    words = len(scores)
    right = {(i, i): (0.0, -1) for i in range(words)}
    left = dict(right)
    open_right: dict[tuple[int, int], tuple[float, int]] = {}
    open_left: dict[tuple[int, int], tuple[float, int]] = {}
    for width in range(1, words):
        for i in range(words - width):
            j = i + width
            best, k = max((right[i, k][0] + left[k + 1, j][0], k) for k in range(i, j))
            open_right[i, j] = (best + scores[j][i + 1], k)
            open_left[i, j] = (best + scores[i][j + 1], k)
            right[i, j] = max((open_right[i, k][0] + right[k, j][0], k) for k in range(i + 1, j + 1))
            left[i, j] = max((left[i, k][0] + open_left[k, j][0], k) for k in range(i, j))
    _, root = max((scores[r][0] + left[0, r][0] + right[r, words - 1][0], r) for r in range(words))
    heads = [0] * words
    todo = [("left", 0, root), ("right", root, words - 1)]
    while todo:
        kind, i, j = todo.pop()
        if i == j:
            continue
        if kind in ("right", "left"):
            k = (right if kind == "right" else left)[i, j][1]
            todo += (
                [("open right", i, k), ("right", k, j)]
                if kind == "right"
                else [("left", i, k), ("open left", k, j)]
            )
            continue
        k = (open_right if kind == "open right" else open_left)[i, j][1]
        if kind == "open right":
            heads[j] = i + 1
        else:
            heads[i] = j + 1
        todo += [("right", i, k), ("left", k + 1, j)]
    return heads


def naive_batch(
    features: Sequence[Mapping[str, Sequence[int]]], fills: Mapping[str, int]
) -> dict[str, torch.Tensor]:
    """Pad number by number."""
    batch = {}
    for name, fill in fills.items():
        width = max(len(feature[name]) for feature in features)
        padded = torch.full((len(features), width), fill)
        for row, feature in enumerate(features):
            for column, value in enumerate(feature[name]):
                padded[row, column] = value
        batch[name] = padded
    return batch


def naive_pool(hidden: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Pool [first token; last token] of the root and each word in a loop; padding gets that of the root."""
    batch, words = first.shape
    pooled = hidden.new_zeros(batch, words + 1, 2 * hidden.shape[-1])
    for row in range(batch):
        pooled[row, 0] = torch.cat([hidden[row, 0], hidden[row, 0]])
        for word in range(words):
            begin, end = max(int(first[row, word]), 0), max(int(last[row, word]), 0)
            pooled[row, word + 1] = torch.cat([hidden[row, begin], hidden[row, end]])
    return pooled


def _lstm(
    weights: Weights,
    name: str,
    direction: str,
    inputs: Sequence[torch.Tensor],
    hidden: torch.Tensor,
    cell: torch.Tensor,
) -> tuple[list[torch.Tensor], torch.Tensor]:
    states = []
    for vector in inputs:
        gates = weights[f"{name}.weight_ih_l0{direction}"] @ vector + weights[f"{name}.bias_ih_l0{direction}"]
        gates = (
            gates
            + weights[f"{name}.weight_hh_l0{direction}"] @ hidden
            + weights[f"{name}.bias_hh_l0{direction}"]
        )
        enter, forget, new, leave = gates.chunk(4)
        cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
        hidden = torch.sigmoid(leave) * torch.tanh(cell)
        states.append(hidden)
    return states, cell


def _linear(weights: Weights, name: str, vector: torch.Tensor) -> torch.Tensor:
    return weights[f"{name}.weight"] @ vector + weights[f"{name}.bias"]


def _elu(vector: torch.Tensor) -> torch.Tensor:
    return torch.where(vector > 0, vector, torch.exp(vector) - 1)


def _biaffine(weights: Weights, name: str, x: torch.Tensor, y: torch.Tensor) -> list[float]:
    return [
        float(x @ u @ y + w @ x + v @ y + b)
        for u, w, v, b in zip(
            *(weights[f"{name}.{part}"] for part in ("both", "word", "head", "bias")), strict=True
        )
    ]


def _reaches_root(heads: Sequence[int], word: int) -> bool:
    for _ in heads:
        word = heads[word - 1]
        if word == 0:
            return True
    return False
