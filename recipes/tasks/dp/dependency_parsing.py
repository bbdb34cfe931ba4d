"""Dependency parsing: the head of each word, and the relation to it."""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from klue_datasets.messages import excerpt
from klue_datasets.tasks import DP_POS_TAGS, DP_RELATIONS
from klue_metrics.functional import get_metric
from recipes.arguments import RecipeArguments
from recipes.subwords.special_tokens import Frame, outer_tokens
from recipes.tasks.dp.configuration_dependency_parsing import ParserSettings
from recipes.tasks.dp.conllu import are_words, parsed_words, read_sentence
from recipes.tasks.dp.modeling_dependency_parsing import DependencyParser
from recipes.tasks.dp.parsing_decoding import available_decoders, best_relations, decode_heads
from recipes.tasks.dp.parsing_words import ParserCollator, encode_words, last_tags
from recipes.tasks.dp.tree_svg import tree_svg
from recipes.tasks.protocol import Batch, Decoded, LoadedModel, RawInput, Recipe, Tuning
from recipes.tasks.shared.base_checkpoint import check_encoder
from recipes.tasks.shared.classification import output_ids

if TYPE_CHECKING:
    import datasets

BEST = "best"
CHOSEN_BY = "las"  # metric that chooses the decoder


class SentenceToParse(RawInput):
    """A sentence as input, and its words with their heads as answer."""

    sample = "진달래가 봄이면 온 산에 핀다"

    def is_single(self, items: list[Any]) -> bool:
        """Return whether the items are the words of one sentence."""
        return are_words(items)

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a text (words separated by blanks), a list of words, or a mapping with words and pos."""
        sentence = read_sentence(item)
        if not sentence.words:
            raise ValueError(f"dp: the input is {excerpt(item)}, which has no words; expected at least one.")
        unknown = ["_"] * len(sentence.words)
        return {"word_form": list(sentence.words), "pos": list(sentence.pos or unknown)}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return the words: index, word, head, relation, score, and pos if given."""
        answer, details = decoded.predictions[index], decoded.details or []
        pos = None if set(row["pos"]) == {"_"} else row["pos"]
        return parsed_words(
            row["word_form"], answer["head"], answer["deprel"], details[index]["word_scores"], pos
        )


@dataclasses.dataclass(frozen=True)
class DependencyParsing(Recipe):
    """Cross-entropy of the head and relation of each word; evaluations run all decoders."""

    task: str = "dp"
    gold: tuple[str, ...] = ("head", "deprel")
    raw_input: RawInput = SentenceToParse()
    peft_task_type: ClassVar[str | None] = None
    pipeline_task: ClassVar[str | None] = "dependency-parsing"
    settings: ClassVar[tuple[str, ...]] = ("dependency_parsing", "custom_pipelines")

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the configuration has parser settings."""
        return getattr(config, "dependency_parsing", None) is not None

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Set the head, the 38 relations and the 45 parts of speech."""
        check_encoder(self.task, config, "a parser", "")
        if not outer_tokens(tokenizer)[0]:
            raise ValueError(
                f"dp: the tokenizer of {config.name_or_path} puts no special token in front of a text, where "
                "a parser reads the root; expected an encoder such as BERT, RoBERTa or ELECTRA."
            )
        given: dict[str, Any] = {
            name: getattr(arguments, name)
            for name in ("head", "use_pos", "scalar_mix")
            if getattr(arguments, name) is not None
        }
        if arguments.decoder == BEST:
            if not arguments.do_train:
                raise ValueError("dp: the decoder is best, which training chooses; expected --do_train.")
            given["decoder"] = ParserSettings.decoder  # replaced after training
        elif arguments.decoder:
            given["decoder"] = arguments.decoder
        if getattr(config, "dependency_parsing", None) is None:
            settings = ParserSettings(**{"pos_tags": DP_POS_TAGS, **given})
        else:
            settings = _changed(ParserSettings.of(config), given)
        settings.write(config, DP_RELATIONS)

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return DependencyParser."""
        return DependencyParser

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the number of special tokens, and two tokens for a word."""
        return Frame(tokenizer).added + 2

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode words; see ``encode_words``. Long sentences are split into windows, not truncated."""
        settings = ParserSettings.of(config)
        features = encode_words(batch["word_form"], tokenizer, max_length)
        if settings.use_pos:
            features["pos_ids"] = [last_tags(chains, settings.pos_tags) for chains in batch["pos"]]
        if "head" in batch:
            features["heads"] = list(batch["head"])
            ids = dict(zip(DP_RELATIONS, output_ids(config, DP_RELATIONS), strict=True))
            features["relations"] = [[ids[name] for name in names] for names in batch["deprel"]]
        features["length"] = [len(ids) for ids in features["input_ids"]]
        features["truncated"] = [False] * len(features["length"])
        return features

    def collator(
        self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, pad_to_multiple_of: int | None
    ) -> Any:
        """Pad subword tokens, and words."""
        tags = len(ParserSettings.of(config).pos_tags)
        return ParserCollator(tokenizer.pad_token_id or 0, tags, pad_to_multiple_of)

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return heads, relations and scores, shape (batch, words, decoders) each.

        Heads and relations are int32, since gloo does not support int16.
        """
        output = model(**inputs)
        lengths = (inputs["first_subwords"] >= 0).sum(dim=1)
        kept = []
        for decoder in available_decoders():
            heads = decode_heads(output.arc_scores, lengths, decoder)
            kept.append((heads, *best_relations(output.arc_scores, output.relation_scores, heads)))
        heads, relations, scores = (torch.stack(parts, dim=-1) for parts in zip(*kept, strict=True))
        return output.loss, (heads.to(torch.int32), relations.to(torch.int32), scores.float())

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Decode heads and relation names with the model's decoder; figures are scores of all decoders."""
        decoder = ParserSettings.of(loaded.config).decoder
        if decoder not in available_decoders():
            raise ValueError(
                "dp: the model's decoder is mst, whose package is not installed; expected "
                "pip install ufal.chu-liu-edmonds, or another --decoder."
            )
        scores = outputs[2][..., available_decoders().index(decoder)]
        word_scores = [
            row[: len(words)].tolist() for row, words in zip(scores, examples["word_form"], strict=True)
        ]
        predictions = _sentences(outputs, examples, decoder, loaded.config)
        return Decoded(
            predictions,
            scores=[float(np.mean(row)) if row else 0.0 for row in word_scores],
            details=[{"word_scores": [round(score, 4) for score in row]} for row in word_scores],
            figures=self._figures(outputs, examples, loaded.config)
            if "head" in examples.column_names
            else {},
            picture=functools.partial(_picture, predictions, examples),
        )

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return heads and relation names."""
        columns = zip(examples["head"], examples["deprel"], strict=True)
        return [{"head": list(heads), "deprel": list(names)} for heads, names in columns]

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Attach each word to the next, with the most frequent relation of the training split."""
        counts = collections.Counter(name for names in train["deprel"] for name in names)
        relation = counts.most_common(1)[0][0]
        lengths = [len(words) for words in examples["word_form"]]
        return [
            Decoded(
                [{"head": [*range(2, n + 1), 0][:n], "deprel": [relation] * n} for n in lengths],
            )
        ]

    def tuning(self, arguments: RecipeArguments) -> Tuning | None:
        """Choose the decoder on the validation split, if ``best`` is set."""
        return Tuning(self.choose_decoder) if arguments.decoder == BEST else None

    def choose_decoder(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> dict[str, Any]:
        """Choose the decoder with the best LAS or, of equal ones, the most constrained."""
        figures = self._figures(outputs, examples, loaded.config)
        best = max(reversed(available_decoders()), key=lambda decoder: figures[f"{decoder}_{CHOSEN_BY}"])
        dataclasses.replace(ParserSettings.of(loaded.config), decoder=best).write(loaded.config, DP_RELATIONS)
        return {"best_decoder": best}

    def _figures(
        self, outputs: Any, examples: datasets.Dataset, config: PreTrainedConfig
    ) -> dict[str, float]:
        """Return the scores of all decoders, with keys ``<decoder>_<key>``."""
        references = self.references(examples)
        compute = get_metric(self.task).compute
        return {
            f"{decoder}_{key}": score
            for decoder in available_decoders()
            for key, score in compute(_sentences(outputs, examples, decoder, config), references).items()
        }


def _picture(predictions: list[dict[str, Any]], examples: datasets.Dataset) -> str:
    """Draw the tree of the first sentence with four to ten words."""
    lengths = [len(words) for words in examples["word_form"]]
    index = next((i for i, length in enumerate(lengths) if 4 <= length <= 10), 0)
    answer = predictions[index]
    fields = zip(examples[index]["word_form"], answer["head"], answer["deprel"], strict=True)
    return tree_svg([{"word": w, "head": head, "relation": name} for w, head, name in fields])


def _sentences(
    outputs: Any, examples: datasets.Dataset, decoder: str, config: PreTrainedConfig
) -> list[dict[str, Any]]:
    """Convert the output of one decoder to the format of the metric."""
    index = available_decoders().index(decoder)
    names = np.array([config.id2label[output] for output in range(config.num_labels)], dtype=object)
    heads, relations = (part[..., index] for part in outputs[:2])
    lengths = [len(words) for words in examples["word_form"]]
    return [
        {"head": row[:n].tolist(), "deprel": names[ids[:n]].tolist()}
        for row, ids, n in zip(heads, relations, lengths, strict=True)
    ]


def _changed(settings: ParserSettings, given: Mapping[str, Any]) -> ParserSettings:
    """Override the settings of a trained parser; another head has its own default sizes."""
    if given.get("head", settings.head) != settings.head:
        settings = dataclasses.replace(settings, arc_size=None, relation_size=None)
    return dataclasses.replace(settings, **given)


RECIPE = DependencyParsing()
