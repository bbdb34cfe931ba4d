"""Compare time and peak memory of our state decoder and the textbook decoder.

Each decoder runs in its own process, for which the kernel reports peak memory. Run as a script, this file is
such a process.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BATCH, SLOTS, VOCABULARY, TOKENS, WIDTH, STEPS = 16, 45, 32_000, 128, 768, 10
# How many slots of the 2,164 training turns of klue-small have a value of so many tokens (e5-small-ko's), the
# one that ends it included; 80 % are none, which has three.
LENGTHS = {2: 6389, 3: 5688 + 77858, 4: 4633, 5: 1304, 6: 743, 7: 295, 8: 328, 9: 86, 10: 44, 16: 12}
POINTS = 14_850 / (2_164 * SLOTS)  # share of the slots there whose value is generated
END = 3


@pytest.mark.parametrize("forced", [True, False], ids=["gold fed", "own subword tokens fed"])
def test_a_training_step_takes_half_the_time_and_a_fifth_of_the_memory(forced: bool, python: Any) -> None:
    lean, full = (measured(python, side, "train", forced) for side in ("lean", "textbook"))
    print(
        f"\nDST training step, {'gold' if forced else 'own subword tokens'} fed: "
        f"{lean['seconds']:.2f} s, peak {lean['megabytes']:,} MB; "
        f"textbook {full['seconds']:.2f} s, {full['megabytes']:,} MB: "
        f"{full['seconds'] / lean['seconds']:.1f} times faster, "
        f"{full['megabytes'] / lean['megabytes']:.1f} times smaller; "
        f"loss {lean['loss']:.5f} and {full['loss']:.5f}"
    )
    assert lean["loss"] == pytest.approx(full["loss"], abs=1e-4)
    assert lean["gradient"] == pytest.approx(full["gradient"], rel=1e-3)
    assert lean["seconds"] <= full["seconds"] / 2
    assert lean["megabytes"] <= full["megabytes"] / 5


def test_evaluation_is_three_times_faster(python: Any) -> None:
    lean, full = (measured(python, side, "evaluate", True) for side in ("lean", "textbook"))
    print(
        f"\nDST evaluation of {BATCH} turns: {lean['seconds']:.2f} s; textbook {full['seconds']:.2f} s: "
        f"{full['seconds'] / lean['seconds']:.1f} times faster"
    )
    assert lean["values"] == full["values"]
    assert lean["seconds"] <= full["seconds"] / 3


def test_steps_of_the_whole_model_by_attention(shared: Path) -> None:
    """Steps with eager and with scaled-dot-product attention in turn, at the longest input.

    Eager is what the model had before it took over its encoder's attention.
    """
    import torch
    from transformers import AutoConfig

    from recipes.tasks.wos.configuration_dialogue_state import StateSettings
    from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker

    slots = [f"숙소-{number}" for number in range(SLOTS)]
    models = {}
    for attention in ("eager", "sdpa"):
        config = AutoConfig.from_pretrained(shared / "models/e5-small-ko", attn_implementation=attention)
        settings = StateSettings(slots=slots, values={slot: [] for slot in slots})
        settings.slot_subwords, settings.stop_ids, settings.end_id = [[5, 6]] * SLOTS, [END], END
        settings.write(config)
        torch.manual_seed(0)
        models[attention] = DialogueStateTracker(config).train()
        assert models[attention].base_model.config._attn_implementation == attention
    ids = torch.randint(5, 20_000, (4, 510))
    labels = {
        "gate_labels": torch.zeros(4, SLOTS, dtype=torch.long),
        "value_labels": torch.full((4, SLOTS, 3), END),
    }
    seconds: dict[str, list[float]] = {attention: [] for attention in models}
    for _ in range(6):
        for attention, model in models.items():
            started = time.perf_counter()
            model(input_ids=ids, **labels, teacher_forcing=True).loss.backward()
            model.zero_grad()
            seconds[attention].append(time.perf_counter() - started)
    eager, sdpa = (seconds[attention][1:] for attention in ("eager", "sdpa"))  # the first warms up
    ratios = [before / after for before, after in zip(eager, sdpa, strict=True)]
    print(
        f"\nDST training step of 4 x 510 tokens, e5-small-ko, medians of {len(ratios)}: sdpa "
        f"{statistics.median(sdpa):.2f} s, eager {statistics.median(eager):.2f} s, "
        f"{statistics.median(ratios):.2f} times faster (pairs {min(ratios):.2f} to {max(ratios):.2f})"
    )


def measured(python: Any, *words: object) -> dict[str, Any]:
    """What a process of this file prints."""
    result: dict[str, Any] = json.loads(python(__file__, *map(str, words)).stdout.splitlines()[-1])
    return result


def problem() -> tuple[Any, Any, Any, Any]:
    """Decoder, encoder outputs, targets and gates; the same on both sides."""
    import torch

    from recipes.tasks.wos.configuration_dialogue_state import POINT
    from recipes.tasks.wos.decoder_trade import Memory, TradeDecoder

    torch.manual_seed(0)
    draw = random.Random(0)
    decoder = TradeDecoder(
        gru=torch.nn.GRU(WIDTH, WIDTH),
        gate=torch.nn.Linear(WIDTH, 5),
        pointer=torch.nn.Linear(3 * WIDTH, 1),
        table=torch.nn.Parameter(torch.randn(VOCABULARY, WIDTH) * 0.1),
        widen=None,
        slots=torch.randint(5, VOCABULARY, (SLOTS, 4)),
        dropout=0.0,
    )
    memory = Memory(
        hidden=torch.randn(BATCH, TOKENS, WIDTH).mul_(0.3).requires_grad_(),
        pooled=torch.rand(BATCH, WIDTH).mul_(2).sub_(1).requires_grad_(),
        ids=torch.randint(5, VOCABULARY, (BATCH, TOKENS)),
        is_real=torch.ones(BATCH, TOKENS, dtype=torch.bool),
    )
    lengths = draw.choices(list(LENGTHS), weights=list(LENGTHS.values()), k=BATCH * SLOTS)
    targets = torch.full((BATCH * SLOTS, max(lengths)), -100)
    for row, length in zip(targets, lengths, strict=True):
        row[: length - 1] = torch.randint(5, VOCABULARY, (length - 1,))
        row[length - 1] = END
    gates = torch.where(torch.rand(BATCH, SLOTS) < POINTS, POINT, 0)
    return decoder, memory, targets.view(BATCH, SLOTS, -1), gates


def train(side: str, forced: bool) -> dict[str, Any]:
    """One step: its time, and by how much it raised the peak."""
    import torch

    from recipes.tasks.wos.decoder_training import decoder_losses

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))
    from trade_oracle import textbook_loss

    decoder, memory, targets, gates = problem()
    before = peak()
    started = time.perf_counter()
    if side == "lean":
        loss, scores = decoder_losses(decoder, memory, targets, forced=forced, dtype=torch.float32)
        loss = loss + torch.nn.functional.cross_entropy(scores.flatten(0, 1), gates.flatten())
    else:
        loss = textbook_loss(decoder, memory, targets, gates, forced=forced)
    loss.backward()
    seconds = time.perf_counter() - started
    megabytes = peak() - before
    gradient = float(decoder.table.grad.double().square().sum().sqrt())
    return {
        "seconds": seconds,
        "megabytes": megabytes,
        "loss": float(loss.detach()),
        "gradient": gradient,
    }


def evaluate(side: str) -> dict[str, Any]:
    """Values of the slots whose gate asks for one; with random weights none ends before the tenth token."""
    import torch

    from recipes.tasks.wos.configuration_dialogue_state import POINT
    from recipes.tasks.wos.decoder_search import decode_values

    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracles"))
    from trade_oracle import textbook_values

    decoder, memory, _, gates = problem()
    started = time.perf_counter()
    if side == "lean":
        stop = torch.tensor([END])
        found = decode_values(
            decoder, memory, gates=gates, point=POINT, stop_ids=stop, max_value_length=STEPS, num_beams=1
        )[1].tolist()
    else:
        found = textbook_values(decoder, memory, STEPS, [END])[1]
    seconds = time.perf_counter() - started
    values = [
        [subword for subword in found[item][slot] if subword != -100]
        for item, slot in (gates == POINT).nonzero().tolist()
    ]
    return {"seconds": seconds, "values": values}


def peak() -> int:
    """The most memory that this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


if __name__ == "__main__":
    kind, what, is_forced = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    print(json.dumps(train(kind, is_forced == "True") if what == "train" else evaluate(kind)))
