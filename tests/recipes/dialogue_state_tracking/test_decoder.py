"""Tests of the decoder: comparison with the textbook decoder, half precision and beam search."""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import pytest
import torch
from trade_oracle import textbook, textbook_loss, textbook_values
from transformers import BertConfig, ElectraConfig

from recipes.tasks.wos import decoder_loss as decoder_loss_module
from recipes.tasks.wos.configuration_dialogue_state import IGNORED, POINT, StateSettings
from recipes.tasks.wos.decoder_loss import mixture_loss
from recipes.tasks.wos.decoder_trade import NEVER
from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker


def gradients(model: torch.nn.Module, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def subwords(values: torch.Tensor) -> list[list[list[int]]]:
    return [[[subword for subword in row if subword != IGNORED] for row in rows] for rows in values.tolist()]


@pytest.mark.parametrize("chunk", [97 * 16, 8_000_000], ids=["several chunks", "one chunk"])
@pytest.mark.parametrize("forced", [True, False], ids=["forced", "free"])
def test_loss_and_gradients_are_the_textbooks(
    forced: bool, chunk: int, tracker: DialogueStateTracker, batch: dict[str, Any], monkeypatch
) -> None:
    monkeypatch.setattr(decoder_loss_module, "CHUNK", chunk)
    loss = tracker(**batch, teacher_forcing=forced).loss
    lean = gradients(tracker, loss)
    memory = tracker.remember(batch["input_ids"], batch["attention_mask"])
    expected = textbook_loss(
        tracker.decoder, memory, batch["value_labels"], batch["gate_labels"], forced=forced
    )
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=0)
    full = gradients(tracker, expected)
    assert set(lean) == set(full) == {name for name, _ in tracker.named_parameters()}
    for name, gradient in full.items():
        torch.testing.assert_close(lean[name], gradient, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("gates", ["own", "all point"])
def test_decoded_states_are_the_textbooks(
    gates: str, tracker: DialogueStateTracker, batch: dict[str, Any]
) -> None:
    ids, mask = batch["input_ids"], batch["attention_mask"]
    given = torch.full_like(batch["gate_labels"], POINT) if gates == "all point" else None
    with torch.no_grad():  # about every other gate asks for a value
        lead = tracker(ids, mask).gate_logits
        bias = next(bias for name, bias in list(tracker.gate.named_parameters())[::-1] if "bias" in name)
        bias[POINT] += (lead.amax(dim=-1) - lead[..., POINT]).median() + 0.01  # no tie
    scores, values = tracker.track(ids, mask, gates=given)
    memory = tracker.remember(ids, mask)
    expected_gates, expected = textbook_values(tracker.decoder, memory, 10, tracker.settings.stop_ids)
    assert torch.equal(scores.argmax(dim=-1), expected_gates)
    points = (expected_gates if given is None else given) == POINT
    assert points.any()
    assert given is not None or not points.all()
    found = subwords(values)
    for dialogue, slot in product(range(3), range(points.shape[1])):
        wanted = expected[dialogue][slot] if points[dialogue, slot] else []
        assert found[dialogue][slot] == wanted


def test_values_end_at_any_special_subword(tracker: DialogueStateTracker, batch: dict[str, Any]) -> None:
    ids, mask = batch["input_ids"], batch["attention_mask"]
    gates = torch.full_like(batch["gate_labels"], POINT)
    longer = subwords(tracker.track(ids, mask, gates=gates)[1])
    tracker.settings.stop_ids = [longer[0][0][2], longer[2][3][1]]
    memory = tracker.remember(ids, mask)
    shorter = subwords(tracker.track(ids, mask, gates=gates)[1])
    assert shorter == textbook_values(tracker.decoder, memory, 10, tracker.settings.stop_ids)[1]
    assert shorter != longer


@torch.no_grad()
def test_beams_find_the_likeliest_values(tracker: DialogueStateTracker, batch: dict[str, Any]) -> None:
    """With as many beams as there are sequences of two steps, the search is exhaustive."""
    ids, mask = batch["input_ids"][:1], batch["attention_mask"][:1]
    gates = torch.full((1, len(tracker.settings.slots)), POINT)
    tracker.settings.max_value_length, tracker.settings.num_beams = 2, 97
    found = subwords(tracker.track(ids, mask, gates=gates)[1])[0]
    memory = tracker.remember(ids, mask)
    decoder, vocabulary = tracker.decoder, len(tracker.decoder.table)
    for slot in range(2):
        best, best_score = None, -float("inf")
        for first in range(vocabulary):
            fed = torch.full((1, len(gates[0]), 2), first)
            probability = textbook(decoder, memory, 2, fed)[0][0, slot]
            second = int(probability[1].argmax())
            if first in tracker.settings.stop_ids:
                score, value = float(probability[0, first].log()), []
            else:
                score = float(probability[0, first].log() + probability[1, second].log())
                value = [first] if second in tracker.settings.stop_ids else [first, second]
            if score > best_score:
                best, best_score = value, score
        assert found[slot] == best


def test_one_beam_is_greedy_and_more_are_no_less_likely(
    tracker: DialogueStateTracker, batch: dict[str, Any]
) -> None:
    ids, mask = batch["input_ids"], batch["attention_mask"]
    gates = torch.full_like(batch["gate_labels"], POINT)
    memory = tracker.remember(ids, mask)

    @torch.no_grad()
    def likelihoods(beams: int) -> torch.Tensor:
        tracker.settings.num_beams = beams
        values = tracker.track(ids, mask, gates=gates)[1]
        assert (values != IGNORED).all()  # so that sums of as many terms are compared
        probability = textbook(tracker.decoder, memory, 10, values)[0]
        return probability.gather(3, values[..., None]).log().sum(dim=(2, 3))

    tracker.settings.stop_ids = [96]
    assert float(likelihoods(4).mean()) > float(likelihoods(1).mean())


def test_rows_without_a_target_add_no_loss(tracker: DialogueStateTracker, batch: dict[str, Any]) -> None:
    batch["value_labels"][:, 2] = IGNORED
    memory = tracker.remember(batch["input_ids"], batch["attention_mask"])
    expected = textbook_loss(tracker.decoder, memory, batch["value_labels"], batch["gate_labels"])
    torch.testing.assert_close(tracker(**batch).loss, expected, atol=1e-4, rtol=0)
    batch["value_labels"][:] = IGNORED
    assert tracker(**batch).value_loss.item() == 0


def test_nothing_is_nan_where_a_subword_is_all_but_impossible() -> None:
    states = torch.tensor([[300.0, 0.0], [0.0, 300.0]], requires_grad=True)
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], requires_grad=True)
    log_generate = torch.tensor([-80.0, -1e-9], requires_grad=True)
    log_copied = torch.tensor([NEVER, NEVER], requires_grad=True)
    loss = mixture_loss(states, table, log_generate, log_copied, torch.tensor([2, 2]), torch.float32)
    loss.backward()
    assert loss.item() == pytest.approx(680 + 300 - 0, rel=0.4)
    for tensor in (states, table, log_generate, log_copied):
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("forced", [True, False], ids=["forced", "free"])
def test_half_precision_is_finite_and_close(
    forced: bool, dtype: torch.dtype, tracker: DialogueStateTracker, batch: dict[str, Any]
) -> None:
    full = tracker(**batch, teacher_forcing=True).loss
    with torch.autocast("cpu", dtype):
        mixed = tracker(**batch, teacher_forcing=forced).loss
    half_tracker = copy.deepcopy(tracker).to(dtype)
    half = half_tracker(**batch, teacher_forcing=forced).loss
    for model, loss in ((tracker, mixed), (half_tracker, half)):
        assert loss.dtype == torch.float32
        if forced:  # left alone, another best subword token leads elsewhere
            assert loss.item() == pytest.approx(full.item(), rel=0.1)
        assert all(torch.isfinite(gradient).all() for gradient in gradients(model, loss).values())
    scores, values = half_tracker.track(batch["input_ids"], batch["attention_mask"])
    assert torch.isfinite(scores).all()
    assert values.dtype == torch.long


def test_gates_alone_and_wrong_labels(tracker: DialogueStateTracker, batch: dict[str, Any]) -> None:
    gates = tracker(batch["input_ids"], batch["attention_mask"]).gate_logits
    torch.testing.assert_close(gates, tracker(**batch).gate_logits)
    with pytest.raises(ValueError, match="Only one of gate_labels and value_labels was given"):
        tracker(batch["input_ids"], gate_labels=batch["gate_labels"])
    with pytest.raises(ValueError, match=r"\(3, 6\).*expected \(batch, 7\)"):
        tracker(**{**batch, "gate_labels": batch["gate_labels"][:, 1:]})


def test_dropout_and_forcing_are_drawn_in_training_only(
    tracker: DialogueStateTracker, batch: dict[str, Any]
) -> None:
    forced, free = (tracker(**batch, teacher_forcing=value).loss.item() for value in (True, False))
    assert forced != free
    assert tracker(**batch).loss.item() == forced
    tracker.train()
    seen = {tracker(**batch).loss.item() for _ in range(12)}
    assert seen == {forced, free}
    tracker.config.hidden_dropout_prob = 0.3
    assert len({tracker(**batch, teacher_forcing=True).loss.item() for _ in range(4)}) > 1


def test_slots_have_states_of_their_own(tracker: DialogueStateTracker, batch: dict[str, Any]) -> None:
    """KLUE-baseline without --parallel_decoding passes the state of a slot to the next."""
    loss = tracker(**batch).value_loss
    order = torch.tensor([4, 2, 0, 6, 1, 3, 5])
    tracker.settings.slot_subwords = [tracker.settings.slot_subwords[slot] for slot in order]
    moved = {**batch, "gate_labels": batch["gate_labels"][:, order]}
    moved["value_labels"] = batch["value_labels"][:, order]
    torch.testing.assert_close(tracker(**moved).value_loss, loss)


@pytest.mark.parametrize("width", [32, 16], ids=["same width", "narrow embeddings"])
def test_encoders_without_a_pooler_and_with_narrow_embeddings(width: int, batch: dict[str, Any]) -> None:
    config = ElectraConfig(
        vocab_size=97, hidden_size=32, embedding_size=width, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    slots = [f"식당-{number}" for number in range(7)]
    StateSettings(slots=slots, slot_subwords=[[9]] * 7, end_id=3, stop_ids=[3]).write(config)
    model = DialogueStateTracker(config)
    found = gradients(model, model(**batch).loss)
    assert set(found) == {name for name, _ in model.named_parameters()}
    assert ("widen.weight" in found) == (width == 16)
    values = model.eval().track(batch["input_ids"], gates=torch.full((3, 7), POINT))[1]
    assert values.shape == (3, 7, 10)


def test_attention_scale_is_a_factor_of_the_scores(
    tracker: DialogueStateTracker, batch: dict[str, Any]
) -> None:
    memory = tracker.remember(batch["input_ids"], batch["attention_mask"])
    states, item = torch.randn(3, memory.hidden.shape[-1]), torch.arange(3)
    plain = tracker.decoder.read(memory, states, item)
    tracker.settings.attention_scale = 0.25
    scaled = tracker.decoder.read(memory, states, item)
    real = memory.is_real
    torch.testing.assert_close(scaled.scores[real], 0.25 * plain.scores[real])
    expected = torch.einsum("nt,ntw->nw", (0.25 * plain.scores).softmax(dim=-1), memory.hidden)
    torch.testing.assert_close(scaled.context, expected)


def test_a_configuration_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="The configuration has no dialogue_state"):
        DialogueStateTracker(BertConfig(num_hidden_layers=1))
    config = BertConfig(num_hidden_layers=1)
    StateSettings(slots=["식당-이름"]).write(config)
    with pytest.raises(ValueError, match="has no slot_subwords"):
        DialogueStateTracker(config)
