"""Parser settings in the encoder's configuration. This file is saved with the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from transformers import PreTrainedConfig

HEADS = ("klue", "biaffine")
DECODERS = ("argmax", "mst", "projective", "head_final")
# Widths of the projections for arcs and relations in KLUE-baseline, and in Dozat and Manning (2017).
ARC_SIZE = {"klue": 512, "biaffine": 500}
RELATION_SIZE = {"klue": 256, "biaffine": 100}


@dataclasses.dataclass(frozen=True)
class ParserSettings:
    """Settings of the parser: the mapping ``dependency_parsing`` in ``config.json``.

    The rest of the configuration is that of the encoder, so that AutoModel can load the encoder of a saved
    parser. The relations are the labels, ``id2label`` and ``label2id``.

    Attributes:
        head: ``klue`` (LSTMs, as in KLUE-baseline) or ``biaffine`` (Dozat and Manning 2017).
        use_pos: Whether parts of speech are embedded.
        scalar_mix: Whether to use a learned average of the encoder's layers instead of the last one.
        decoder: Default algorithm that converts scores to trees, one of ``DECODERS``.
        pos_tags: Tags with an embedding; there is an additional one for padding and the root.
        hidden_size: Width of the LSTMs per direction (``klue`` only).
        arc_size: Width of the projections for arcs; by default that of the paper of the head.
        relation_size: Width of the projections for relations; by default that of the paper.
        pos_size: Width of the embeddings of tags.
        dropout: Dropout probability of features and tags.
    """

    head: str = "klue"
    use_pos: bool = True
    scalar_mix: bool = False
    decoder: str = "argmax"
    pos_tags: Sequence[str] = ()
    hidden_size: int = 768
    arc_size: int | None = None
    relation_size: int | None = None
    pos_size: int = 256
    dropout: float = 0.33

    def __post_init__(self) -> None:
        for name, choices in (("head", HEADS), ("decoder", DECODERS)):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"dependency_parsing: {name} is {value!r}; expected one of {', '.join(choices)}."
                )
        if self.use_pos and not self.pos_tags:
            raise ValueError("dependency_parsing: use_pos is on without pos_tags; expected a list of tags.")

    @classmethod
    def of(cls, config: PreTrainedConfig) -> ParserSettings:
        """Read the settings from a model's configuration.

        Raises:
            ValueError: There are no settings, or a name or value is unknown.
        """
        values = getattr(config, "dependency_parsing", None)
        if values is None:
            raise ValueError(
                "The configuration has no dependency_parsing; expected that of a dependency parser."
            )
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"dependency_parsing: unknown setting {unknown[0]!r} in the configuration.")
        return cls(**values)

    def write(self, config: PreTrainedConfig, relations: Sequence[str]) -> None:
        """Write the settings, and the relations as labels, to a model's configuration.

        Existing labels that are the relations in another order, that of the model's outputs, are kept.
        """
        sizes = {
            "arc_size": self.arc_size or ARC_SIZE[self.head],
            "relation_size": self.relation_size or RELATION_SIZE[self.head],
            "pos_tags": list(self.pos_tags),
        }
        config.dependency_parsing = dataclasses.asdict(self) | sizes
        if sorted(config.id2label.values()) != sorted(relations):
            config.id2label = dict(enumerate(relations))
        config.label2id = {name: index for index, name in config.id2label.items()}
