"""Token ids of dialogues and states for text-to-text models, and generation of states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

from recipes.tasks.shared.merged_adapter import load_merged
from recipes.tasks.wos.configuration_dialogue_state import IGNORED
from recipes.tasks.wos.dialogue_text import turn_subwords
from recipes.tasks.wos.state_text import StateText, TextSettings

CUE = "상태:"  # text between dialogue and state for causal models
LOGITS = 200_000_000  # number of logits computed at a time for the probabilities of texts


class StateFrame:
    """Encode dialogues and states as token ids.

    Dialogues have the template of KLUE-baseline and the special tokens that the tokenizer adds to texts.
    Utterances are separated by [SEP] or, if the tokenizer does not have it, by a line break or the
    end-of-text token. Causal models read the dialogue, a separator and ``CUE``, and continue with the state.

    Args:
        settings: Settings of the model.
        tokenizer: Tokenizer of the model.
        config: Configuration of the model, for its architecture and its number of positions.
    """

    def __init__(self, settings: TextSettings, tokenizer: Any, config: Any) -> None:
        self.settings = settings
        self.text = StateText(settings, tokenizer)
        self.tokenize = self.text.reader.tokenize
        self.decode = tokenizer.decode
        self.is_causal = not config.is_encoder_decoder
        self.separator = separator_id(tokenizer)
        self.front, self.tail = outer_subwords(tokenizer)
        self.target_front: list[int] = self.front
        positions = getattr(config, "max_position_embeddings", None)
        self.room = positions - settings.max_new_tokens if self.is_causal and positions else None
        if self.is_causal:
            self.target_front = []
            self.tail = [self.separator, *self.tokenize([CUE])[0]]

    def prompt(self, utterances: Sequence[str], max_length: int) -> tuple[list[int], bool]:
        """Encode a turn; also return whether the beginning of the dialogue was truncated.

        Args:
            utterances: Utterances up to a user turn.
            max_length: Maximum number of tokens; causal models may have fewer, to have positions for the
                state.
        """
        subwords = turn_subwords(utterances, self.tokenize, self.separator)
        longest = max_length if self.room is None else min(max_length, self.room)
        room = max(longest - len(self.front) - len(self.tail), 1)
        return [*self.front, *subwords[-room:], *self.tail], len(subwords) > room

    def target(self, state: Sequence[str]) -> list[int]:
        """Encode the target text of a state, with the end token."""
        return [*self.target_front, *self.tokenize([self.text.write(state)])[0], self.settings.end_id]

    def written(self, ids: Sequence[int]) -> str:
        """Decode generated ids, up to the end token."""
        left_out = {*self.settings.stop_ids, IGNORED}
        end = self.settings.end_id
        ids = ids[: ids.index(end)] if end in ids else ids
        kept = [subword for subword in ids if subword not in left_out]
        return str(self.decode(kept, clean_up_tokenization_spaces=False)).strip() if kept else ""


class StateTextModel:
    """The class in ``auto_map`` of a LoRA adapter, with which pipelines load the merged model.

    The model itself is a class of transformers.
    """

    @classmethod
    def register_for_auto_class(cls, auto_class: Any = None) -> None:
        """Do nothing; transformers calls this method of classes in ``auto_map``."""

    @classmethod
    def from_pretrained(cls, path: Any, *, config: Any, **kwargs: Any) -> Any:
        """Load a model of transformers; see ``load_merged``."""
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        return load_merged(auto.from_pretrained, path, config, kwargs | {"trust_remote_code": False})


def separator_id(tokenizer: Any) -> int:
    """Return the id of the token between utterances."""
    if tokenizer.sep_token_id is not None:
        return int(tokenizer.sep_token_id)
    subwords = tokenizer("\n", add_special_tokens=False)["input_ids"]
    is_line = bool(subwords) and tokenizer.decode(subwords[-1:]) == "\n"
    return int(subwords[-1] if is_line else tokenizer.eos_token_id)


def outer_subwords(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the special tokens that a tokenizer adds before and after a text."""
    plain = tokenizer("가", add_special_tokens=False)["input_ids"]
    whole = tokenizer("가")["input_ids"]
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return whole[:start], whole[start + len(plain) :]
    return [], []


def set_generation(model: Any) -> None:
    """Configure ``generate`` according to the settings in the model's configuration.

    Beams are ranked by the probability of the text, without a length penalty.
    """
    settings = TextSettings.of(model.config)
    before = model.generation_config
    start = before.decoder_start_token_id
    model.generation_config = GenerationConfig(
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None)
        if start is None
        else start,
        bos_token_id=before.bos_token_id,
        eos_token_id=settings.end_id,
        pad_token_id=model.config.pad_token_id,
        max_new_tokens=settings.max_new_tokens,
        num_beams=settings.num_beams,
        do_sample=False,
        **({"length_penalty": 0.0} if settings.num_beams > 1 else {}),
    )


@torch.no_grad()
def generate_states(
    model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, **options: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generate the texts of a batch of dialogues.

    Args:
        model: A model configured by ``set_generation``; may be a PeftModel.
        input_ids: Prompts, shape (batch, tokens); padded on the left for causal models.
        attention_mask: 1 for real tokens, 0 for padding, same shape.
        **options: Further arguments of ``generate``.

    Returns:
        Token ids with the end token, int32, padded with -100, shape (batch, steps); and the probability of
        each text, float32, shape (batch,).
    """
    found = model.generate(input_ids=input_ids, attention_mask=attention_mask, **options)
    is_causal = not model.config.is_encoder_decoder
    found = found[:, input_ids.shape[1] if is_causal else 1 :]
    ends = (found == TextSettings.of(model.config).end_id).int()
    found = found.masked_fill(ends.cumsum(dim=1) > ends, IGNORED)
    vocabulary = model.get_input_embeddings().num_embeddings
    rows = max(1, LOGITS // (vocabulary * (input_ids.shape[1] + found.shape[1])))
    batch = (input_ids, attention_mask, found)
    scores = [
        _likelihoods(model, *(tensor[start : start + rows] for tensor in batch), is_causal=is_causal)
        for start in range(0, len(found), rows)
    ]
    return found.to(torch.int32), torch.cat(scores)


def _likelihoods(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, found: torch.Tensor, *, is_causal: bool
) -> torch.Tensor:
    """Compute the probabilities of texts, with the padding of training."""
    if is_causal:
        real = mask.bool()
        joined = [
            torch.cat([row[kept], text[text != IGNORED]])
            for row, kept, text in zip(ids, real, found, strict=True)
        ]
        prompts = real.sum(dim=1, keepdim=True)
        ids = torch.nn.utils.rnn.pad_sequence(joined, batch_first=True)
        places = torch.arange(ids.shape[1], device=ids.device)
        lengths = prompts + (found != IGNORED).sum(dim=1, keepdim=True)
        mask = (places < lengths).long()
        labels = ids.masked_fill((places < prompts) | (places >= lengths), IGNORED)[:, 1:]
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    else:
        labels = found
        logits = model(input_ids=ids, attention_mask=mask, labels=labels).logits
    losses = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses.view(labels.shape).sum(dim=1).neg().exp()
