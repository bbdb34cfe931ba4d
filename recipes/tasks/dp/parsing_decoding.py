"""Four batched decoders, which convert arc scores to heads. This file is saved with the model."""

from __future__ import annotations

import numpy as np
import torch

from recipes.tasks.dp.configuration_dependency_parsing import DECODERS
from recipes.tasks.dp.parsing_words import IGNORED

try:
    from ufal.chu_liu_edmonds import chu_liu_edmonds
except ImportError:
    chu_liu_edmonds = None


def available_decoders() -> tuple[str, ...]:
    """Return the available decoders in order; ``mst`` needs a package."""
    return tuple(decoder for decoder in DECODERS if decoder != "mst" or chu_liu_edmonds is not None)


def decode_heads(arc_scores: torch.Tensor, lengths: torch.Tensor, decoder: str) -> torch.Tensor:
    """Decode the head of each word.

    * ``argmax``: the best head of each word, as in KLUE-baseline; the result may not be a tree.
    * ``mst``: the best tree (Chu and Liu 1965, Edmonds 1967).
    * ``projective``: the best tree without crossing arcs (Eisner 1996).
    * ``head_final``: the best tree in which heads follow their dependents, as in KLUE's annotation of Korean;
      the last word is then the root.

    The trees have exactly one root.

    Args:
        arc_scores: Score of each head (0 is the root) for each word, shape (batch, words, 1 + words).
        lengths: Number of words of each sentence, shape (batch,).
        decoder: Name of the decoder.

    Returns:
        Heads, shape (batch, words), on the device of the scores; -100 for padding.

    Raises:
        ValueError: There is no such decoder, or scores within a sentence are NaN.
        ImportError: The package ufal.chu-liu-edmonds, which ``mst`` needs, is not installed.
    """
    if decoder not in DECODERS:
        raise ValueError(f"There is no decoder {decoder!r}; expected one of {', '.join(DECODERS)}.")
    words = arc_scores.shape[1]
    position = torch.arange(1 + words, device=arc_scores.device)
    is_word = position[1:] <= lengths[:, None]
    is_head = position <= lengths[:, None]
    if bool((arc_scores.isnan() & is_word[:, :, None] & is_head[:, None]).any()):
        raise ValueError("Scores of arcs are NaN; expected numbers. Did training diverge?")
    scores = arc_scores.float().masked_fill(~is_head[:, None], -torch.inf)
    solve = {"argmax": _argmax, "mst": _mst, "projective": _projective, "head_final": _head_final}[decoder]
    return solve(scores, lengths).masked_fill(~is_word, IGNORED)


def best_relations(
    arc_scores: torch.Tensor, relation_scores: torch.Tensor, heads: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best relation of each word to its head, and the probability of both.

    Args:
        arc_scores: Scores of heads, shape (batch, words, 1 + words).
        relation_scores: Scores of relations, shape (batch, words, 1 + words, relations).
        heads: Heads, shape (batch, words); padding (below 0) counts as the root.

    Returns:
        Relation ids, and probabilities of the head times that of the relation, shape (batch, words) each.
    """
    index = heads.clamp(min=0).unsqueeze(-1)
    of_head = arc_scores.softmax(dim=-1).gather(2, index).squeeze(2)
    columns = index.unsqueeze(-1).expand(-1, -1, 1, relation_scores.shape[-1])
    best = relation_scores.gather(2, columns).squeeze(2).softmax(dim=-1).max(dim=-1)
    return best.indices, of_head * best.values


def _argmax(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    return scores.argmax(dim=-1)


def _head_final(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Decode exactly without a search, since any choice of heads to the right is a tree.

    Heads to the right lead from each word to the last one, whose head is the root, and each such tree is a
    choice of such heads. The sum of scores is therefore maximal if each word has its best head.
    """
    words = scores.shape[1]
    position = torch.arange(1 + words, device=scores.device)
    dependent = position[1:, None]
    to_right = (position > dependent) & (position <= lengths[:, None, None])
    to_root = (position == 0) & (dependent == lengths[:, None, None])
    return scores.masked_fill(~(to_right | to_root), -torch.inf).argmax(dim=-1)


def _mst(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Decode sentence by sentence, in float64 on the CPU.

    To get a single root, the scores of all arcs from the root are reduced by an amount larger than any
    difference between trees, so that the best tree has as few of them as possible, which is one.
    """
    if chu_liu_edmonds is None:
        raise ImportError(
            "The decoder mst needs a package that is not installed: pip install ufal.chu-liu-edmonds"
        )
    heads = torch.zeros(scores.shape[:2], dtype=torch.long)
    matrices = scores.double().cpu().numpy()
    for index, words in enumerate(lengths.tolist()):
        if not words:
            continue
        arcs = matrices[index, :words, : words + 1]
        # Only differences within a row matter, since a tree has one arc per row. Avoid 0, which the package
        # may treat as a missing arc.
        arcs = np.maximum(arcs - arcs.max(axis=1, keepdims=True), -1e6) - 1
        arcs[:, 0] += arcs.min(axis=1).sum()
        square = np.full((words + 1, words + 1), np.nan)
        square[1:] = arcs
        np.fill_diagonal(square, np.nan)
        heads[index, :words] = torch.tensor(chu_liu_edmonds(square)[0][1:])
    return heads.to(scores.device)


def _projective(scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Run Eisner's algorithm for all sentences and all spans of the same width at once.

    The charts do not include the root, whose dependent is the word with the highest sum of its arc from the
    root and its two halves. There is thus exactly one.
    """
    batch, words = scores.shape[:2]
    if not words:
        return scores.new_zeros(batch, 0, dtype=torch.long)
    # The score of padding is finite to avoid -inf - -inf; no tree of a sentence includes it.
    arcs = scores.masked_fill(scores.isinf(), -1e9)
    chart = _Chart(arcs[:, :, 1:])
    word = torch.arange(words, device=scores.device)
    last = (lengths - 1).clamp(min=0)
    sentence = torch.arange(batch, device=scores.device)
    rest = last[:, None] - word
    left = chart.left_by_start[:, 0]  # halves of the words 0 to r, with the head r
    right = chart.right_by_start[sentence[:, None], word, rest.clamp(min=0)]
    total = (arcs[:, :, 0] + left + right).masked_fill(rest < 0, -torch.inf)
    root = total.argmax(dim=1)
    return chart.backtrack(root, last)


class _Chart:
    """Best halves of subtrees: ``by_start[b, i, w]`` of words i to i + w, ``by_end[b, i, w]`` of i - w to i.

    ``right`` are complete halves whose head is their first word, and ``left`` those whose head is their last
    word; ``open_right`` and ``open_left`` are two halves under a new arc to the right or left.

    Args:
        arcs: Score of each head for each word, shape (batch, words, words).
    """

    def __init__(self, arcs: torch.Tensor) -> None:
        batch, words, _ = arcs.shape
        shape = (batch, words, words)
        self.right_by_start, self.right_by_end = arcs.new_zeros(shape), arcs.new_zeros(shape)
        self.left_by_start, self.left_by_end = arcs.new_zeros(shape), arcs.new_zeros(shape)
        open_right, open_left = arcs.new_zeros(shape), arcs.new_zeros(shape)  # by start, by end
        self.split_open, self.split_right, self.split_left = (
            torch.zeros(shape, dtype=torch.long, device=arcs.device) for _ in range(3)
        )
        for width in range(1, words):
            starts, ends = slice(0, words - width), slice(width, words)
            # Where the two halves under the arc meet, 0 to width - 1 words from the start.
            halves = self.right_by_start[:, starts, :width] + self.left_by_end[:, ends, :width].flip(-1)
            best, self.split_open[:, starts, width] = halves.max(dim=-1)
            to_right = arcs.diagonal(-width, dim1=1, dim2=2)  # the word at the end, its head at the start
            to_left = arcs.diagonal(width, dim1=1, dim2=2)
            open_right[:, starts, width] = best + to_right
            open_left[:, ends, width] = best + to_left
            # The outermost dependent of the head, 1 to width words from the start.
            halves = open_right[:, starts, 1 : width + 1] + self.right_by_end[:, ends, :width].flip(-1)
            best, split = halves.max(dim=-1)
            self.split_right[:, starts, width] = split + 1
            self.right_by_start[:, starts, width] = self.right_by_end[:, ends, width] = best
            # The same to the left, 0 to width - 1 words from the start.
            halves = self.left_by_start[:, starts, :width] + open_left[:, ends, 1 : width + 1].flip(-1)
            best, self.split_left[:, starts, width] = halves.max(dim=-1)
            self.left_by_start[:, starts, width] = self.left_by_end[:, ends, width] = best

    def backtrack(self, root: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Return the heads of the words from 1, shape (batch, words); 0 for the dependent of the root.

        Args:
            root: Index of the dependent of the root in each sentence, shape (batch,).
            last: Index of the last word in each sentence.
        """
        shape = self.split_open.shape
        # Spans of the best tree; each consists of narrower spans, or of an open span of the same width.
        right, left, open_right, open_left = (
            torch.zeros(shape, dtype=torch.bool, device=root.device) for _ in range(4)
        )
        sentences = torch.arange(len(root), device=root.device)
        left[sentences, 0, root] = True
        right[sentences, root, (last - root).clamp(min=0)] = True
        heads = torch.zeros(shape[:2], dtype=torch.long, device=root.device)
        for width in range(shape[1] - 1, 0, -1):
            sentence, start = right[:, :, width].nonzero(as_tuple=True)
            split = self.split_right[sentence, start, width]
            open_right[sentence, start, split] = True
            right[sentence, start + split, width - split] = True

            sentence, start = left[:, :, width].nonzero(as_tuple=True)
            split = self.split_left[sentence, start, width]
            left[sentence, start, split] = True
            open_left[sentence, start + split, width - split] = True

            for spans, head_offset, word_offset in ((open_right, 0, width), (open_left, width, 0)):
                sentence, start = spans[:, :, width].nonzero(as_tuple=True)
                heads[sentence, start + word_offset] = start + head_offset + 1
                split = self.split_open[sentence, start, width]
                right[sentence, start, split] = True
                left[sentence, start + split + 1, width - split - 1] = True
        return heads
