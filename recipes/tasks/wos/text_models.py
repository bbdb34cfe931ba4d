"""Load models that generate text, and collate their batches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import transformers
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel, register_fsdp_forward_method

from recipes.tasks.wos.text_generation import set_generation

IGNORED = -100  # label that the loss ignores


class TextLoader:
    """Provide ``from_pretrained`` of an auto class of transformers.

    Args:
        auto_class: Name of the auto class.
    """

    def __init__(self, auto_class: str) -> None:
        self.auto_class = auto_class

    def from_pretrained(self, path: str, *, output_loading_info: bool = False, **options: Any) -> Any:
        """Load a model and configure ``generate``; also return the loading info if requested."""
        auto = getattr(transformers, self.auto_class)
        model, info = auto.from_pretrained(path, output_loading_info=True, **options)
        set_generation(model)
        return (model, info) if output_loading_info else model


@contextlib.contextmanager
def able_to_generate(model: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Prepare a model that is distributed over processes for ``generate``.

    ``generate`` calls parts of the model, such as the encoder, without the ``forward`` of the wrapper, which
    gathers the weights that FSDP has sharded.

    Args:
        model: The model as prepared by Trainer, possibly wrapped in DDP or FSDP.

    Yields:
        The object with ``generate``, and further arguments for it.
    """
    is_sharded = isinstance(model, FSDPModule)
    if isinstance(model, FullyShardedDataParallel):
        with FullyShardedDataParallel.summon_full_params(model, writeback=False):
            yield model.module, {}
    elif is_sharded:
        if "generate" not in vars(model):
            register_fsdp_forward_method(model, "generate")
        # Layers gather their weights at every step, so all processes have to stop together.
        yield model, {"synced_gpus": True}
    else:
        yield getattr(model, "module", model), {}


class TextCollator:
    """Collate ``prompt_ids`` with padding on the left if present, or else inputs with labels."""

    def __init__(self, padding: int, pad_to_multiple_of: int | None) -> None:
        self.padding = padding
        self.multiple = pad_to_multiple_of or 1

    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` and ``attention_mask``, and ``labels`` for training."""
        if "prompt_ids" in features[0]:
            rows = [feature["prompt_ids"] for feature in features]
            return {
                "input_ids": self._padded(rows, self.padding, is_left=True),
                "attention_mask": self._padded([[1] * len(row) for row in rows], 0, is_left=True),
            }
        rows = [feature["input_ids"] for feature in features]
        batch = {
            "input_ids": self._padded(rows, self.padding),
            "attention_mask": self._padded([[1] * len(row) for row in rows], 0),
        }
        if "labels" in features[0]:
            batch["labels"] = self._padded([feature["labels"] for feature in features], IGNORED)
        return batch

    def _padded(self, rows: Sequence[Sequence[int]], value: int, *, is_left: bool = False) -> torch.Tensor:
        width = -(-max(map(len, rows)) // self.multiple) * self.multiple
        fill = [[value] * (width - len(row)) for row in rows]
        pairs = zip(fill, rows, strict=True) if is_left else zip(rows, fill, strict=True)
        return torch.tensor([[*left, *right] for left, right in pairs])
