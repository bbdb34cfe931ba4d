"""Special tokens around one or two sequences of tokens, and their completion in tokenizers."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import processors
from transformers import PreTrainedConfig, PreTrainedTokenizerBase
from transformers.models.auto import modeling_auto


class Frame:
    """Add special tokens to sequences: [CLS] a [SEP], [CLS] a [SEP] b [SEP], or as the model needs it.

    Args:
        tokenizer: A fast tokenizer.
        sequences: Number of sequences per input: 1 or 2.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, sequences: int = 1) -> None:
        encoding = tokenizer(*["a", "a"][:sequences]).encodings[0]
        self.names = [name for name in tokenizer.model_input_names if name != "attention_mask"]
        self.cls_token_id = tokenizer.cls_token_id
        # Special tokens, with a placeholder for each sequence.
        self.layout: list[tuple[int | None, int, int]] = []
        for entry in zip(encoding.sequence_ids, encoding.ids, encoding.type_ids, strict=True):
            if entry[0] is None or all(entry[0] != known for known, _, _ in self.layout):
                self.layout.append(entry)
        self.added = len(self.layout) - sequences

    def __call__(self, *sequences: Sequence[int]) -> dict[str, list[int]]:
        """Build model inputs from sequences of subword token ids."""
        ids: list[int] = []
        types: list[int] = []
        for sequence, token, kind in self.layout:
            subwords = [token] if sequence is None else sequences[sequence]
            ids += subwords
            types += [kind] * len(subwords)
        values = {"input_ids": ids, "token_type_ids": types}
        return {**{name: values[name] for name in self.names}, "attention_mask": [1] * len(ids)}

    def start(self, sequence: int, *lengths: int) -> int:
        """Return the position of a sequence in the inputs, given the lengths of those before it."""
        return self._position([entry[0] for entry in self.layout].index(sequence), lengths)

    def summary(self, *lengths: int, is_causal: bool) -> int:
        """Return the position of the token that represents the input, given the lengths of all sequences.

        It is [CLS], or the last token if there is no [CLS] or the model is causal.
        """
        found = [
            place
            for place, (sequence, token, _) in enumerate(self.layout)
            if sequence is None and token == self.cls_token_id and not is_causal
        ]
        return self._position(found[0] if found else len(self.layout) - 1, lengths)

    def _position(self, place: int, lengths: Sequence[int]) -> int:
        return sum(1 if entry[0] is None else lengths[entry[0]] for entry in self.layout[:place])


def is_causal(config: PreTrainedConfig) -> bool:
    """Return whether a model is decoder-only, such as GPT-2."""
    # Encoders are registered as causal models as well, for use as decoders; XLNet is bidirectional.
    is_masked = config.model_type in (*modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, "xlnet")
    is_known = config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return is_known and not is_masked and not config.is_encoder_decoder


def outer_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[list[str], list[str]]:
    """Return the special tokens that a tokenizer adds before and after a text."""
    encoding = tokenizer("가").encodings[0]
    inside = [place for place, sequence in enumerate(encoding.sequence_ids) if sequence is not None]
    return encoding.tokens[: inside[0]], encoding.tokens[inside[-1] + 1 :]


def complete_tokenizer(tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> None:
    """Add special tokens that fine-tuning needs, and that tokenizers of language models may not have.

    The end-of-text token is used for padding, as separator between texts, and at the end of inputs for models
    whose head reads it (BART, T5) and for tokenizers that add no special tokens. The changes are saved with
    the tokenizer, so that transformers' pipelines have the same inputs.

    Args:
        tokenizer: A fast tokenizer, which is changed in place.
        config: The model's configuration, in which the ids of the separator and, for encoder-decoder models,
            of the end of the input are set.

    Raises:
        ValueError: A token is missing, and there is no end-of-text token to replace it.
    """
    end = tokenizer.eos_token or tokenizer.sep_token
    separator = tokenizer.sep_token or end
    front, tail = outer_tokens(tokenizer)
    is_bare = not front and not tail
    needs_end = bool(config.is_encoder_decoder) and end not in tail
    probe = tokenizer("가", "가").encodings[0]
    between = probe.tokens[probe.sequence_ids.index(0) : probe.sequence_ids.index(1)]
    is_framed = not is_bare and not needs_end and separator in between
    if end is None and not (is_framed and tokenizer.pad_token):
        raise ValueError(
            f"The tokenizer of {config.name_or_path} has neither an end of text nor a separator to serve as "
            "the special tokens that it lacks; expected a tokenizer with an eos_token."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = end
    config.sep_token_id = tokenizer.convert_tokens_to_ids(separator)
    if config.is_encoder_decoder:
        config.eos_token_id = tokenizer.convert_tokens_to_ids(end)
    if is_framed:
        return
    if is_bare and tokenizer.bos_token not in (None, end):
        front = [tokenizer.bos_token]
    if is_bare or needs_end:
        tail = [*tail, end]
    pair = [*front, "$A:0", separator, "$B:1", *(f"{token}:1" for token in tail or [separator])]
    known = {*front, *tail, separator}
    template = processors.TemplateProcessing(
        single=[*front, "$A", *tail],
        pair=pair,
        special_tokens=[(token, tokenizer.convert_tokens_to_ids(token)) for token in known],
    )
    before = tokenizer.backend_tokenizer.post_processor
    # A post-processor that adds no tokens, such as that of byte-level BPE, may change offsets.
    steps = [before, template] if is_bare and before is not None else [template]
    tokenizer.backend_tokenizer.post_processor = processors.Sequence(steps)
    for name in ("add_bos_token", "add_eos_token"):  # otherwise loading rebuilds the template
        tokenizer.init_kwargs.pop(name, None)
