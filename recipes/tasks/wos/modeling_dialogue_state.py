"""An encoder with the decoder of TRADE, which predicts all slots of a state at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers import initialization as init
from transformers.utils import ModelOutput

from recipes.tasks.shared.encoder import EncoderModel
from recipes.tasks.wos.configuration_dialogue_state import GATES, IGNORED, POINT, StateSettings
from recipes.tasks.wos.decoder_search import decode_values
from recipes.tasks.wos.decoder_trade import Memory, TradeDecoder
from recipes.tasks.wos.decoder_training import decoder_losses
from recipes.tasks.wos.pipeline_dialogue_state import TASK, DialogueStatePipeline

PIPELINE = f"{DialogueStatePipeline.__module__.split('.')[-1]}.{DialogueStatePipeline.__name__}"


@dataclasses.dataclass
class StateOutput(ModelOutput):
    """Output of the model for a batch.

    Attributes:
        loss: ``gate_loss`` + ``value_loss``.
        gate_logits: Scores of the gates, shape (batch, slots, 5).
        value_ids: Token ids of the values, padded with -100, shape (batch, slots, max_value_length); None if
            labels are given.
        gate_loss: Mean cross-entropy of the gates of all slots.
        value_loss: Mean negative log-likelihood of the gold tokens.
    """

    loss: torch.Tensor | None = None
    gate_logits: torch.Tensor | None = None
    value_ids: torch.Tensor | None = None
    gate_loss: torch.Tensor | None = None
    value_loss: torch.Tensor | None = None


class DialogueStateTracker(EncoderModel):
    """TRADE (Wu et al. 2019) on any encoder, as in KLUE-baseline.

    The decoder shares the encoder's embeddings.

    Args:
        config: The encoder's configuration with the slots, see ``StateSettings.write``.
    """

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__(config, pooler=True)
        self.settings = StateSettings.of(config)
        if not self.settings.slot_subwords:
            raise ValueError(
                "The configuration has no slot_subwords; expected StateSettings.read_subwords first."
            )
        config.custom_pipelines = {TASK: {"impl": PIPELINE, "pt": ["AutoModel"], "type": "text"}}
        encoder = self.base_model
        width = config.hidden_size
        if getattr(encoder, "pooler", None) is None:
            self.pooler = nn.Linear(width, width)  # KLUE-baseline adds BERT's pooler, for example to ELECTRA
        embedded = encoder.get_input_embeddings().embedding_dim
        if embedded != width:
            self.widen = nn.Linear(embedded, width, bias=False)
        self.gru = nn.GRU(width, width)
        self.gate: nn.Module = nn.Linear(width, len(GATES))
        if self.settings.gate == "compared":
            self.gate = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, len(GATES)))
        self.pointer = nn.Linear(3 * width, 1)
        self.post_init()

    @classmethod
    def from_pretrained(cls, path: Any, **kwargs: Any) -> Any:
        """Load a model, see ``EncoderModel``; a new GRU is scaled by ``scale_slots``."""
        wants_info = kwargs.pop("output_loading_info", False)
        model, info = super().from_pretrained(path, output_loading_info=True, **kwargs)
        if model.settings.slot_spread and "gru.weight_ih_l0" in info["missing_keys"]:
            model.scale_slots()
        return (model, info) if wants_info else model

    @torch.no_grad()
    def scale_slots(self) -> None:
        """Scale the GRU's input weights so that the vectors of the slots have a given spread.

        Embeddings are small, so that all slots are nearly equal for a new decoder, and no gate is learned
        before the decoder distinguishes them; with a random encoder, that takes most of a short training.
        """
        decoder = self.decoder
        names, _ = decoder.inputs(decoder.slots.new_empty(0))
        spread = (names - names.mean(dim=0)).std()
        if len(names) > 1 and spread > 0:
            self.gru.get_parameter("weight_ih_l0").mul_(self.settings.slot_spread / spread)

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the decoder with the defaults of torch, and the rest with those of transformers."""
        if module is self.gru:
            bound = self.gru.hidden_size**-0.5
        elif module is self.pointer or (module in self.gate.modules() and isinstance(module, nn.Linear)):
            bound = module.in_features**-0.5
        else:
            super()._init_weights(module)
            return
        for parameter in module.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        gate_labels: torch.Tensor | None = None,
        value_labels: torch.Tensor | None = None,
        teacher_forcing: bool | None = None,
        gates: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> StateOutput:
        """Return the loss of a batch of dialogues if labels are given, and otherwise their states.

        Without labels, values are decoded without gradients, only for slots whose gate requires one.

        Args:
            input_ids: Token ids, shape (batch, tokens).
            attention_mask: 1 for real tokens, 0 for padding, same shape; by default all 1.
            gate_labels: Gold gates, shape (batch, slots).
            value_labels: Gold tokens of the values of all slots, including none and yes, each with the end
                token, padded with -100, shape (batch, slots, steps).
            teacher_forcing: Whether the decoder reads gold tokens; by default drawn for each batch in
                training, and True otherwise.
            gates: Gates to use instead of the predicted ones without labels, shape (batch, slots).
            **kwargs: Further inputs of the encoder.

        Raises:
            ValueError: Only one kind of labels is given, or the labels are for other slots.
        """
        if (gate_labels is None) != (value_labels is None):
            raise ValueError("Only one of gate_labels and value_labels was given; expected both or none.")
        if gate_labels is None or value_labels is None:
            return self._decoded(self.remember(input_ids, attention_mask, **kwargs), gates)
        slots = len(self.settings.slots)
        if gate_labels.shape[1:] != (slots,) or value_labels.shape[1:2] != (slots,):
            raise ValueError(
                f"Labels have shapes {tuple(gate_labels.shape)} and {tuple(value_labels.shape)}; "
                f"expected (batch, {slots}) and (batch, {slots}, steps)."
            )
        if teacher_forcing is None:
            forced = not self.training or float(torch.rand(())) < self.settings.teacher_forcing
        else:
            forced = teacher_forcing
        memory = self.remember(input_ids, attention_mask, **kwargs)
        device = input_ids.device.type
        dtype = self._decoder_dtype
        if torch.is_autocast_enabled(device):
            dtype = torch.get_autocast_dtype(device)
        # The decoder is computed in the type of its weights, except for products with the vocabulary.
        with torch.autocast(device, enabled=False):
            value_loss, logits = decoder_losses(
                self.decoder, memory, value_labels, forced=forced, dtype=dtype
            )
            gate_loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), gate_labels.flatten())
        return StateOutput(
            loss=gate_loss + value_loss, gate_logits=logits, gate_loss=gate_loss, value_loss=value_loss
        )

    @torch.no_grad()
    def track(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        gates: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of a batch of dialogues: the output of ``forward`` without labels, as a tuple.

        Args:
            input_ids: Token ids, shape (batch, tokens).
            attention_mask: 1 for real tokens, 0 for padding, same shape; by default all 1.
            gates: Gates to use instead of the predicted ones, shape (batch, slots).
            **kwargs: Further inputs of the encoder.

        Returns:
            Gate scores, float32, shape (batch, slots, 5); and token ids of the values, padded with -100,
            shape (batch, slots, max_value_length).
        """
        output = self(input_ids, attention_mask, gates=gates, **kwargs)
        return output.gate_logits, output.value_ids

    def _decoded(self, memory: Memory, gates: torch.Tensor | None) -> StateOutput:
        with torch.autocast(memory.ids.device.type, enabled=False):
            scores, values = decode_values(
                self.decoder,
                memory,
                gates=gates,
                point=POINT,
                stop_ids=torch.tensor(self.settings.stop_ids, device=memory.ids.device),
                max_value_length=self.settings.max_value_length,
                num_beams=self.settings.num_beams,
            )
        return StateOutput(gate_logits=scores, value_ids=values)

    def remember(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **kwargs: Any
    ) -> Memory:
        """Encode a batch of dialogues; arguments as in ``forward``."""
        output = self.base_model(input_ids, attention_mask=attention_mask, **kwargs)
        if hasattr(self, "pooler"):
            pooled = self.pooler(output.last_hidden_state[:, 0]).tanh()
        else:
            pooled = output.pooler_output
        is_real = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        dtype = self._decoder_dtype
        return Memory(output.last_hidden_state.to(dtype), pooled.to(dtype), input_ids, is_real.bool())

    @property
    def decoder(self) -> TradeDecoder:
        """Return the decoder with the current modules, which adapters may have wrapped, and dropout."""
        longest = max(map(len, self.settings.slot_subwords))
        slots = [subwords + [IGNORED] * (longest - len(subwords)) for subwords in self.settings.slot_subwords]
        embeddings = self.base_model.get_input_embeddings()
        table = embeddings.weight
        if hasattr(table, "full_tensor"):  # FSDP2 gathers a sharded weight only in the forward of its module
            table = embeddings(torch.arange(len(table), device=table.device))
        return TradeDecoder(
            gru=self.gru,
            gate=self.gate,
            pointer=self.pointer,
            table=table,
            widen=getattr(self, "widen", None),
            slots=torch.tensor(slots, device=table.device),
            dropout=getattr(self.config, "hidden_dropout_prob", 0.1) if self.training else 0.0,
            attention_scale=self.settings.attention_scale,
            compares=self.settings.gate == "compared",
        )

    @property
    def _decoder_dtype(self) -> torch.dtype:
        return next(self.gru.parameters()).dtype
