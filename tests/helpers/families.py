"""Tiny random checkpoints of many model families, each with the kind of tokenizer of its family."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from recipes.pretraining.tiny_encoder import mini_texts

VOCABULARY = 1_500
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "max_position_embeddings": 300,
}  # fmt: skip
DECODER = SMALL | {"num_key_value_heads": 2, "head_dim": 16}
BERT = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
ROBERTA = {
    "bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "cls_token": "<s>",
    "sep_token": "</s>",
}  # fmt: skip


@functools.cache
def texts() -> list[str]:
    """Return the texts on which tokenizers are trained."""
    return list(mini_texts())


@functools.cache
def trained(kind: str, special: tuple[str, ...]) -> str:
    """Train a tokenizer without special tokens in texts; return its JSON."""
    if kind in ("wordpiece", "jamo"):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        cased = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        tokenizer.normalizer = cased if kind == "wordpiece" else normalizers.NFD()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer: Any = trainers.WordPieceTrainer(
            vocab_size=VOCABULARY, special_tokens=[*special], show_progress=False
        )
    elif kind == "byte-level":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=[*special], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )  # fmt: skip
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=VOCABULARY, special_tokens=[*special], unk_token="<unk>", show_progress=False
        )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer.to_str()


def make_tokenizer(
    kind: str, names: dict[str, str], single: str = "$A", pair: str = "$A $B:1", **options: Any
) -> PreTrainedTokenizerFast:
    """Create a tokenizer with special tokens, which it adds to texts by templates."""
    special = tuple(dict.fromkeys(names.values()))
    tokenizer = Tokenizer.from_str(trained(kind, special))
    if single != "$A":
        known = [(token, tokenizer.token_to_id(token)) for token in special]
        tokenizer.post_processor = processors.TemplateProcessing(single, pair, known)
    elif kind == "byte-level":
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, **options)


def wordpiece(kind: str = "wordpiece") -> PreTrainedTokenizerFast:
    """As BERT has it."""
    return make_tokenizer(kind, BERT, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", model_max_length=300)


def roberta(kind: str) -> PreTrainedTokenizerFast:
    """As RoBERTa (byte-level) and XLM-R (unigram) have it."""
    return make_tokenizer(
        kind, ROBERTA, "<s> $A </s>", "<s> $A </s> </s> $B </s>", model_max_length=298,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def xlnet() -> PreTrainedTokenizerFast:
    """[CLS] is the last token, and padding is on the left."""
    names = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<cls>", "sep_token": "<sep>",
             "eos_token": "</s>", "bos_token": "<s>"}  # fmt: skip
    pair = "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2"
    return make_tokenizer("unigram", names, "$A:0 <sep>:0 <cls>:2", pair, padding_side="left")


def gpt2() -> PreTrainedTokenizerFast:
    """An end of text, and no other special token."""
    end = "<|endoftext|>"
    return make_tokenizer("byte-level", {"bos_token": end, "eos_token": end, "unk_token": end})


def llama() -> PreTrainedTokenizerFast:
    """A beginning in front of each text; no padding token."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return make_tokenizer("unigram", names, "<s> $A", "<s> $A <s>:1 $B:1", padding_side="left")


def gemma() -> PreTrainedTokenizerFast:
    """Like Llama's, with padding, on the left."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return make_tokenizer("unigram", names, "<s> $A", "<s> $A <s>:1 $B:1", padding_side="left")


def qwen() -> PreTrainedTokenizerFast:
    """Nothing around a text, no beginning at all, padding on the left."""
    names = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    return make_tokenizer("byte-level", names, padding_side="left", model_max_length=131_072)


def bloom() -> PreTrainedTokenizerFast:
    """Nothing around a text, although there are a beginning and an end."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return make_tokenizer("byte-level", names, padding_side="left")


def kobart() -> PreTrainedTokenizerFast:
    """Nothing around a text, although the model's head reads the end."""
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return make_tokenizer("unigram", names)


def t5() -> PreTrainedTokenizerFast:
    """The end of text behind each text."""
    names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return make_tokenizer("unigram", names, "$A </s>", "$A </s> $B </s>")


# Family -> the class that saves its checkpoint ("": AutoModel's), model type, configuration, tokenizer.
Family = tuple[str, str, dict[str, Any], Callable[[], PreTrainedTokenizerFast]]
BART = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "max_position_embeddings": 300}  # fmt: skip
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2}
FAMILIES: dict[str, Family] = {
    "bert": ("", "bert", SMALL, wordpiece),
    "bert-jamo": ("BertForMaskedLM", "bert", SMALL, functools.partial(wordpiece, "jamo")),
    "klue-roberta": ("", "roberta", SMALL | {"type_vocab_size": 1}, wordpiece),
    "roberta": ("RobertaForMaskedLM", "roberta", SMALL | {"type_vocab_size": 1},
                functools.partial(roberta, "byte-level")),
    "xlm-roberta": ("", "xlm-roberta", SMALL | {"type_vocab_size": 1}, functools.partial(roberta, "unigram")),
    "electra": ("ElectraForPreTraining", "electra", SMALL | {"embedding_size": 16}, wordpiece),
    "distilbert": ("", "distilbert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 32,
                                      "max_position_embeddings": 300}, wordpiece),
    "deberta-v2": ("DebertaV2ForMaskedLM", "deberta-v2",
                   SMALL | {"relative_attention": True, "position_biased_input": False, "type_vocab_size": 0,
                            "pos_att_type": ["p2c", "c2p"]}, functools.partial(roberta, "unigram")),
    "modernbert": ("ModernBertForMaskedLM", "modernbert", SMALL, functools.partial(roberta, "byte-level")),
    "big_bird": ("", "big_bird", SMALL | {"block_size": 16, "num_random_blocks": 2}, wordpiece),
    "xlnet": ("XLNetLMHeadModel", "xlnet", {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 32}, xlnet),
    "gpt2": ("GPT2LMHeadModel", "gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 400}, gpt2),
    "llama": ("LlamaForCausalLM", "llama", DECODER, llama),
    "gemma": ("GemmaForCausalLM", "gemma", DECODER, gemma),
    "qwen3": ("Qwen3ForCausalLM", "qwen3", DECODER | {"max_position_embeddings": 400}, qwen),
    "bloom": ("BloomForCausalLM", "bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 2}, bloom),
    "bart": ("BartForConditionalGeneration", "bart", BART, kobart),
    "t5": ("T5ForConditionalGeneration", "t5", T5, t5),
}  # fmt: skip


def make_family(name: str, folder: Path) -> Path:
    """Write a checkpoint of a family with random weights and its tokenizer."""
    class_name, kind, settings, make = FAMILIES[name]
    tokenizer = make()
    roles = [f"{role}_token_id" for role in ("pad", "bos", "eos", "cls", "sep")]
    known = {role: getattr(tokenizer, role) for role in roles if getattr(tokenizer, role) is not None}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **settings | known)
    torch.manual_seed(0)
    if config.is_encoder_decoder:
        config.decoder_start_token_id = config.pad_token_id
    model_class = getattr(transformers, class_name) if class_name else AutoModel
    model = model_class(config) if class_name else model_class.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
