"""Tests of layers without padding, with a substitute for flash attention, which needs a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES
from runs import run
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification
from transformers.integrations.flash_attention import flash_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, flash_attention_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

import klue_datasets
from recipes.arguments import RecipeArguments, UsageError
from recipes.engine import padding_free, speed
from recipes.engine.encoding import Collator, encode_split
from recipes.engine.modeling import load_model
from recipes.tasks import SCRIPTS, get_recipe
from recipes.tasks.protocol import plain_model

NAME = "sequences_one_by_one"
SKIPS = ("bert", "klue-roberta", "roberta", "xlm-roberta", "electra", "distilbert")
DOES_NOT = ("deberta-v2", "modernbert", "gpt2", "bart")


class Attention:
    """Attention within each sequence, with the arguments that transformers passes to a flash kernel.

    Attributes:
        shapes: Of the queries: (batch, heads, tokens, width).
    """

    def __init__(self) -> None:
        self.shapes: list[torch.Size] = []

    def __call__(
        self,
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        scaling: Any = None,
        **how: Any,
    ) -> tuple[torch.Tensor, None]:
        """Compute attention like ``flash_attention_forward``, without a mask."""
        self.shapes.append(query.shape)
        if (ends := how.get("cu_seq_lens_q")) is None:
            mask = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
            attended = scaled_dot_product_attention(query, key, value, mask, scale=scaling)
            return attended.transpose(1, 2), None
        assert attention_mask is None
        assert len(query) == 1
        assert ends.dtype == torch.int32
        assert int(ends.diff().max()) <= how["max_length_q"] == how["max_length_k"]
        torch.testing.assert_close(how["cu_seq_lens_k"], ends)
        sizes = ends.diff().tolist()
        parts = zip(*(states.split(sizes, dim=2) for states in (query, key, value)), strict=True)
        attended = torch.cat([scaled_dot_product_attention(*part, scale=scaling) for part in parts], dim=2)
        return attended.transpose(1, 2), None


@pytest.fixture
def attention(monkeypatch: pytest.MonkeyPatch) -> Iterator[Attention]:
    """Register an attention implementation that counts as flash attention and runs on a CPU."""
    attention = Attention()
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, NAME, attention)
    monkeypatch.setitem(ALL_MASK_ATTENTION_FUNCTIONS._global_mapping, NAME, flash_attention_mask)
    monkeypatch.setattr(
        padding_free, "is_flash_attention_requested", lambda config: config._attn_implementation == NAME
    )
    return attention


def make(family: str, auto_class: Any = AutoModel) -> Any:
    _, kind, settings, _ = FAMILIES[family]
    torch.manual_seed(0)
    settings = {"vocab_size": 1_500, "pad_token_id": 0, **settings}
    model = auto_class.from_config(AutoConfig.for_model(kind, **settings), attn_implementation=None)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


@pytest.mark.parametrize("family", SKIPS)
@pytest.mark.parametrize("auto_class", [AutoModel, AutoModelForSequenceClassification])
def test_outputs_and_gradients_are_those_with_padding(
    family: str, auto_class: Any, attention: Attention
) -> None:
    lengths = torch.tensor([20, 3, 11, 7])
    mask = (torch.arange(20) < lengths[:, None]).long()
    ids = torch.randint(5, 1_500, mask.shape, generator=torch.Generator().manual_seed(0)) * mask
    outputs, gradients = [], []
    for name in (None, NAME):
        model = make(family, auto_class)
        if name:
            speed.set_attention(model, RecipeArguments(attn_implementation=name))
        output = model(input_ids=ids, attention_mask=mask)[0]
        if auto_class is AutoModel:
            output = output * mask.unsqueeze(-1)
        output.square().sum().backward()
        outputs.append(output)
        gradients.append([weight.grad for weight in model.parameters() if weight.grad is not None])
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
    assert {(len(shape), shape[0], shape[2]) for shape in attention.shapes} == {(4, 1, int(lengths.sum()))}
    assert len(gradients[0]) > 20


@pytest.mark.parametrize("family", DOES_NOT)
def test_other_families_read_padding(family: str, attention: Attention) -> None:
    model = make(family)
    before = [len(module._forward_pre_hooks) for module in model.modules()]
    if model._supports_flash_attn:
        model.set_attn_implementation(NAME)
    assert not padding_free.remove_padding(model)
    assert [len(module._forward_pre_hooks) for module in model.modules()] == before
    assert not attention.shapes


def test_batches_without_padding_stay_as_they_are(attention: Attention) -> None:
    model = make("bert")
    speed.set_attention(model, RecipeArguments(attn_implementation=NAME))
    ids = torch.full((3, 9), 7)
    model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert {shape[0] for shape in attention.shapes} == {3}


def zero_padding(encoder: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
    """Set the vectors of padding to zero in a forward hook."""
    output["last_hidden_state"] = output[0] * kwargs["attention_mask"].unsqueeze(-1)


@pytest.mark.parametrize("adapters", [False, True])
@pytest.mark.parametrize("task", SCRIPTS)
def test_all_heads_learn_the_same(task: str, adapters: bool, tiny: Path, attention: Attention) -> None:
    """Losses and gradients of all heads are equal, with all weights and with LoRA.

    The loss of reading comprehension is over all tokens including padding, whose vectors are zero here.
    """
    arguments = RecipeArguments(model_name_or_path=str(tiny), do_train=True, use_lora=adapters)
    recipe = get_recipe(task, arguments)
    rows = recipe.prepare(klue_datasets.load(task, "train", mini=True))
    steps = []
    for name in (None, NAME):
        torch.manual_seed(0)
        loaded = load_model(recipe, arguments, {"train": rows})
        split = encode_split(recipe, rows.select(range(4)), loaded)
        batch = Collator(recipe, loaded, pad_to_multiple_of=16)(
            split.training_inputs(loaded.config, 0).to_list()
        )
        model = loaded.model.eval()
        plain = plain_model(model)
        if name:
            speed.set_attention(plain, RecipeArguments(attn_implementation=name))
        else:
            plain.base_model.register_forward_hook(zero_padding, with_kwargs=True)
        torch.manual_seed(1)
        loss = model(**batch).loss
        loss.backward()
        steps.append((loss, [weight.grad for weight in model.parameters() if weight.grad is not None]))
    torch.testing.assert_close(*steps, rtol=1e-4, atol=1e-5)
    assert len(steps[0][1]) > 10
    assert attention.shapes
    assert {shape[0] for shape in attention.shapes} == {1}


def test_fast_takes_flash_attention_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    model = make("bert")
    monkeypatch.setattr(model, "set_attn_implementation", chosen.append)
    fast = RecipeArguments(fast=True, bf16=True)
    speed.set_attention(model, fast)
    assert chosen == []
    monkeypatch.setattr(speed, "is_flash_attn_2_available", lambda: True)
    speed.set_attention(model, RecipeArguments(fast=True))  # kernels read half precision only
    speed.set_attention(model, RecipeArguments(bf16=True))
    assert chosen == []
    speed.set_attention(make("deberta-v2"), fast)
    speed.set_attention(model, fast)
    speed.set_attention(model, RecipeArguments(fast=True, bf16=True, attn_implementation="sdpa"))
    assert chosen == ["flash_attention_2", "sdpa"]


def test_fast_takes_eager_attention_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "is_flash_attn_2_available", lambda: True)
    for kind in ("bert", "deberta-v2"):
        model = make(kind)
        speed.set_attention(model, RecipeArguments(fast=True, bf16=True, trainer={"use_cpu": True}))
        assert model.config._attn_implementation == "eager"
    model = make("bert")
    speed.set_attention(model, RecipeArguments(bf16=True, trainer={"use_cpu": True}))
    assert model.config._attn_implementation == "sdpa"


def test_fast_goes_on_without_a_kernel_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without flash-attn, the package kernels downloads the attention from the Hub."""

    def unreachable(name: str) -> None:
        raise OSError(f"the Hub cannot be reached ({name})")

    model = make("bert")
    before = model.config._attn_implementation
    monkeypatch.setattr(model, "set_attn_implementation", unreachable)
    monkeypatch.setattr(speed, "is_kernels_available", lambda: True)
    speed.set_attention(model, RecipeArguments(fast=True, bf16=True))  # there is no GPU
    assert not caplog.messages
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    speed.set_attention(model, RecipeArguments(fast=True, bf16=True))
    assert "without flash attention" in caplog.text
    assert "the Hub cannot be reached (flash_attention_2)" in caplog.text
    assert model.config._attn_implementation == before
    with pytest.raises(UsageError, match="which transformers refuses: the Hub cannot be reached"):
        speed.set_attention(model, RecipeArguments(attn_implementation="flash_attention_2"))


def test_attention_that_is_not_there_is_a_usage_error() -> None:
    for name, message in (("flash_attention_3", "installed"), ("no-such", "not supported")):
        with pytest.raises(UsageError, match=rf"attn_implementation is {name}.*{message}"):
            speed.set_attention(make("bert"), RecipeArguments(attn_implementation=name))


@pytest.mark.parametrize("task", SCRIPTS)
def test_refused_attention_leaves_an_unfinished_run_as_it_is(task: str, tiny: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint-1"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text("{}")
    with pytest.raises(UsageError, match="attn_implementation is no-such"):
        run(task, tiny, tmp_path, "--set", "attn_implementation=no-such", "--overwrite_output_dir")
    assert [path.name for path in tmp_path.rglob("*.json")] == ["trainer_state.json"]


def test_kernels_of_transformers_take_the_names_of_the_arguments() -> None:
    """The hooks add arguments with these names to those of the layers."""
    names = flash_attention_forward.__globals__["_flash_attention_forward"].__code__.co_varnames
    assert {"cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k"} <= {*names}
