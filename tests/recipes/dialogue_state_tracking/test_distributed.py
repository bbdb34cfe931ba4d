"""Tests of states predicted by models in DDP or FSDP with two processes.

Run as a script, this file is one of the processes.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from warm_python import WarmPython

WRAPPERS = ("ddp", "fsdp", "fsdp2")
HEADS = ("trade", "seq2seq", "causal")


def test_wrapped_models_give_the_states_of_plain_ones(warm_python: WarmPython, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    warm_python.run_ranks(2, __file__, root, tmp_path, cwd=root)
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert len(found) == len(WRAPPERS) * len(HEADS)
        assert {name: is_equal for name, is_equal in found.items() if not is_equal} == {}


def check(rank: int) -> dict[str, bool]:
    """Return whether all kinds of models predict the same with and without wrappers."""
    torch.manual_seed(rank)  # each rank has dialogues of its own
    inputs = {"input_ids": torch.randint(4, 60, (3, 9)), "attention_mask": torch.ones(3, 9, dtype=torch.long)}
    found = {}
    for head in HEADS:
        # The texts of one rank end before the other's: no rank may wait for the other's generate.
        model, recipe, layer = make(head, max_new_tokens=5 + 4 * rank)
        with torch.no_grad():
            _, expected = recipe.predict(model, dict(inputs))
            for wrapper in WRAPPERS:
                wrapped = wrap(make(head, max_new_tokens=5 + 4 * rank)[0], wrapper, layer)
                _, outputs = recipe.predict(wrapped, dict(inputs))
                found[f"{head} {wrapper}"] = all(
                    torch.allclose(got.float(), wanted.float(), atol=1e-5)
                    for got, wanted in zip(outputs, expected, strict=True)
                )
    return found


def make(head: str, max_new_tokens: int) -> tuple[nn.Module, Any, type[nn.Module]]:
    """Create a random model; return it with its recipe and the class of its layers."""
    from transformers import BertConfig, GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration
    from transformers.models.bert.modeling_bert import BertLayer
    from transformers.models.gpt2.modeling_gpt2 import GPT2Block
    from transformers.models.t5.modeling_t5 import T5Block

    from recipes.tasks.wos.configuration_dialogue_state import StateSettings
    from recipes.tasks.wos.generative import CausalStates, SequenceStates
    from recipes.tasks.wos.modeling_dialogue_state import DialogueStateTracker
    from recipes.tasks.wos.state_text import TextSettings
    from recipes.tasks.wos.text_generation import set_generation
    from recipes.tasks.wos.trade import Trade

    torch.manual_seed(0)
    slots = ["숙소-이름", "숙소-종류"]
    if head == "trade":
        config: Any = BertConfig(
            vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )
        StateSettings(slots=slots, slot_subwords=[[7], [8]], end_id=3, stop_ids=[3]).write(config)
        return DialogueStateTracker(config).eval(), Trade(), BertLayer
    if head == "seq2seq":
        config = T5Config(
            vocab_size=60, d_model=32, d_kv=8, d_ff=32, num_layers=2, num_heads=4, decoder_start_token_id=0,
            pad_token_id=0,
        )  # fmt: skip
    else:
        config = GPT2Config(vocab_size=60, n_positions=40, n_embd=32, n_layer=2, n_head=2, pad_token_id=0)
    settings = TextSettings(slots=slots, end_id=1, stop_ids=[0, 1], max_new_tokens=max_new_tokens)
    settings.write(config)
    of_head: dict[str, tuple[Callable[[Any], Any], Any, type[nn.Module]]] = {
        "seq2seq": (T5ForConditionalGeneration, SequenceStates(), T5Block),
        "causal": (GPT2LMHeadModel, CausalStates(), GPT2Block),
    }
    model_class, recipe, layer = of_head[head]
    model = model_class(config).eval()
    set_generation(model)
    return model, recipe, layer


def wrap(model: nn.Module, wrapper: str, layer: type[nn.Module]) -> nn.Module:
    """The model as Accelerate prepares it; FSDP spreads each layer."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
    from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy

    if wrapper == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    if wrapper == "fsdp":
        policy = functools.partial(transformer_auto_wrap_policy, transformer_layer_cls={layer})
        return FullyShardedDataParallel(
            model, auto_wrap_policy=policy, use_orig_params=True, device_id=torch.device("cpu")
        )
    mesh = init_device_mesh("cpu", (2,))
    for module in [module for module in model.modules() if isinstance(module, layer)]:
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    torch.distributed.init_process_group("gloo")
    number = torch.distributed.get_rank()
    Path(sys.argv[2], f"{number}.json").write_text(json.dumps(check(number)))
    torch.distributed.destroy_process_group()
