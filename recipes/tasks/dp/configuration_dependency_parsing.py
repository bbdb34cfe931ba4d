"""Parser settings in the encoder's configuration. This file is saved beside the weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from transformers import PreTrainedConfig

HEADS = ("klue", "biaffine")
DECODERS = ("argmax", "mst", "projective", "head_final")
# Widths of the spaces in which arcs and relations are scored: KLUE-baseline; Dozat and Manning (2017).
ARC_SIZE = {"klue": 512, "biaffine": 500}
RELATION_SIZE = {"klue": 256, "biaffine": 100}


@dataclasses.dataclass(frozen=True)
class ParserSettings:
    """The parser's part of a configuration: the mapping ``dependency_parsing`` in ``config.json``.

    The encoder's configuration stays what it is, so that AutoModel also finds the plain encoder in a saved
    parser. The relations are its labels: ``id2label`` and ``label2id``, as in any other model.

    Attributes:
        head: ``klue`` (LSTMs, as in KLUE's baseline) or ``biaffine`` (Dozat and Manning 2017).
        use_pos: Whether parts of speech are embedded, too.
        scalar_mix: Read a learned average of the encoder's layers instead of the last one.
        decoder: How scores become trees where nobody says otherwise; one of ``DECODERS``.
        pos_tags: The tags that have a vector; one vector more is for padding and the root.
        hidden_size: Width of the LSTMs, each direction (``klue`` only).
        arc_size: Width of the space in which heads are scored; None for that of the head's paper.
        relation_size: The same for relations.
        pos_size: Width of the vector of a tag.
        dropout: Share of the features, and of the tags, that training drops.
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
            ValueError: It has none, or one with an unknown name or value.
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

        Labels that are the relations in another order stay as they are: it is that of the model's outputs.
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
