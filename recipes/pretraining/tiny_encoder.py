"""A tiny random encoder and its tokenizer, for demos and tests without the Hub."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, BertTokenizer

from klue_datasets.tasks import TASKS
from recipes.pretraining.klue_texts import texts_of_split

VOCABULARY = 4_000
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONFIG = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.04,  # a smaller range slows down learning
    "intermediate_size": 512,
    "max_position_embeddings": 512,
}


def command(arguments: argparse.Namespace) -> None:
    """Run ``recipes.tiny_model``."""
    make_tiny_model(arguments.output_dir, seed=arguments.seed)
    print(f"Written to {arguments.output_dir}")


def make_tiny_model(output_dir: str | Path, *, seed: int = 42) -> None:
    """Write a two-layer BERT with random float32 weights, and its WordPiece tokenizer.

    Args:
        output_dir: Output folder.
        seed: Random seed of the weights.
    """
    vocabulary = train_wordpiece(list(mini_texts()))
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=False, model_max_length=512)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertModel(BertConfig(vocab_size=len(vocabulary), pad_token_id=0, **CONFIG))
    model.save_pretrained(output_dir)
    tokenizer.save_pretrained(output_dir)


def train_wordpiece(texts: Sequence[str]) -> dict[str, int]:
    """Train a cased WordPiece vocabulary deterministically; return its tokens and their ids."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # Fix the order of inner letters, which breaks ties and otherwise varies between runs.
    letters = sorted(set("".join(tokenizer.normalizer.normalize_str(text) for text in texts)) - {" "})
    inner = [f"##{letter}" for letter in letters]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=[*SPECIAL_TOKENS, *inner], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return dict(sorted(tokenizer.get_vocab().items(), key=lambda subword: subword[1]))


def mini_texts() -> Iterator[str]:
    """Yield the texts in the training splits of the mini corpus, by task."""
    for task in TASKS:
        yield from texts_of_split(task, "train", mini=True)
