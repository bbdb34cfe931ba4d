"""Tests of decoders: comparison with all trees, and scores for which greedy heads are not a tree."""

from __future__ import annotations

import itertools

import pytest
import torch
from parsing_oracles import all_trees, is_head_final, is_projective, naive_eisner, score_of

from recipes.tasks.dp import parsing_decoding as decoding
from recipes.tasks.dp.parsing_decoding import decode_heads

KINDS = {
    "mst": lambda heads: True,
    "projective": is_projective,
    "head_final": is_head_final,
}


def random_scores(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("decoder", KINDS)
@pytest.mark.parametrize("words", [1, 2, 3, 4, 5])
def test_the_best_tree_of_all(decoder: str, words: int) -> None:
    scores = random_scores(20, words, words + 1, seed=words)
    scores[10:, :, 0] += 5  # every word would be a root
    scores[15:] *= 100
    trees = [heads for heads in all_trees(words) if KINDS[decoder](heads)]
    found = decode_heads(scores, torch.full((20,), words), decoder).tolist()
    for heads, rows in zip(found, scores.tolist(), strict=True):
        assert tuple(heads) in trees
        best = max(score_of(tree, rows) for tree in trees)
        assert score_of(heads, rows) == pytest.approx(best, abs=1e-4)


def test_argmax_takes_each_words_best_head_tree_or_not() -> None:
    scores = torch.tensor([[[0.0, 1.0, 2.0], [0.0, 3.0, 1.0]]])
    assert decode_heads(scores, torch.tensor([2]), "argmax").tolist() == [[2, 1]]
    assert decode_heads(scores, torch.tensor([2]), "mst").tolist() == [[0, 1]]


@pytest.mark.parametrize("decoder", ["argmax", *KINDS])
def test_a_sentence_has_the_same_heads_in_any_batch(decoder: str) -> None:
    lengths = torch.tensor([7, 1, 12, 4])
    scores = random_scores(4, 12, 13)
    scores[:, :, 5:] += 10  # what lies behind the end of a sentence looks best
    together = decode_heads(scores, lengths, decoder)
    for index, words in enumerate(lengths.tolist()):
        alone = decode_heads(
            scores[index : index + 1, :words, : words + 1], lengths[index : index + 1], decoder
        )
        assert together[index].tolist() == alone[0].tolist() + [-100] * (12 - words)


def test_eisner_agrees_with_plain_python_on_long_sentences() -> None:
    lengths = [40, 33, 21, 2]
    scores = random_scores(4, 40, 41).double()
    found = decode_heads(scores, torch.tensor(lengths), "projective").tolist()
    for heads, rows, words in zip(found, scores.float().tolist(), lengths, strict=True):
        expected = naive_eisner([row[: words + 1] for row in rows[:words]])
        assert heads[:words] == expected
        assert is_projective(expected)


def test_a_sentence_without_words_has_no_heads() -> None:
    for decoder in ("argmax", *KINDS):
        assert decode_heads(random_scores(1, 1, 2), torch.tensor([0]), decoder).tolist() == [[-100]]


def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(
        ValueError, match="no decoder 'best'; expected one of argmax, mst, projective, head_final"
    ):
        decode_heads(random_scores(1, 1, 2), torch.tensor([1]), "best")
    with pytest.raises(ValueError, match="NaN"):
        decode_heads(torch.full((1, 1, 2), torch.nan), torch.tensor([1]), "mst")


def test_without_its_package_mst_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "chu_liu_edmonds", None)
    assert decoding.available_decoders() == ("argmax", "projective", "head_final")
    with pytest.raises(ImportError, match=r"not installed: pip install ufal.chu-liu-edmonds"):
        decode_heads(random_scores(1, 1, 2), torch.tensor([1]), "mst")


def test_the_oracles_count_trees_as_known() -> None:
    """There are n^(n-1) trees with one root (Cayley), and (n-1)! head-final ones."""
    assert [sum(1 for _ in all_trees(n)) for n in range(1, 6)] == [n ** (n - 1) for n in range(1, 6)]
    assert [sum(map(is_head_final, all_trees(n))) for n in range(1, 6)] == [1, 1, 2, 6, 24]
    assert [sum(map(is_projective, all_trees(n))) for n in itertools.chain(range(1, 5))] == [1, 2, 7, 30]
