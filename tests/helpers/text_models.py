"""Tiny random models that generate text, with their tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers.processors import ByteLevel
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

KINDS = ("seq2seq", "causal")


def make_text_model(kind: str, folder: Path, tiny: Path, byte_level: Any, **sizes: Any) -> Path:
    """Write a T5 with a WordPiece tokenizer, or a GPT-2 with a byte-level tokenizer without padding.

    Args:
        kind: One of KINDS.
        folder: Where.
        tiny: Folder of the WordPiece tokenizer.
        byte_level: The byte-level tokenizer.
        **sizes: Of the configuration, other than usual here.
    """
    torch.manual_seed(0)
    if kind == "seq2seq":
        tokenizer = AutoTokenizer.from_pretrained(tiny)
        model: Any = T5ForConditionalGeneration(
            T5Config(
                **{"vocab_size": len(tokenizer), "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2,
                   "num_heads": 4, "decoder_start_token_id": 0, "pad_token_id": 0, "dropout_rate": 0.0,
                   **sizes}
            )
        )  # fmt: skip
    else:
        tokenizer = without_padding(byte_level, folder)
        end = tokenizer.eos_token_id
        model = GPT2LMHeadModel(
            GPT2Config(
                **{"vocab_size": len(tokenizer), "n_positions": 400, "n_embd": 64, "n_layer": 2, "n_head": 4,
                   "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "bos_token_id": end,
                   "eos_token_id": end, **sizes}
            )
        )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def without_padding(byte_level: Any, folder: Path) -> Any:
    """Return the tokenizer of GPT-2, whose only special token is the end of text."""
    byte_level.save_pretrained(folder)
    plain = AutoTokenizer.from_pretrained(folder)
    plain.backend_tokenizer.post_processor = ByteLevel(trim_offsets=False)
    for name in ("bos_token", "pad_token", "sep_token", "cls_token"):
        setattr(plain, name, None)
    plain.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)
