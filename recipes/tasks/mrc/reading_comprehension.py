"""Machine reading comprehension: the span of a passage that answers a question, or no answer."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering, PreTrainedConfig, PreTrainedTokenizerBase

from klue_metrics.functional.mrc import question_scores
from recipes.arguments import RecipeArguments
from recipes.subwords.endings import learn_tails, tail_length
from recipes.subwords.offsets import flat, ragged, subwords_with_spans
from recipes.subwords.special_tokens import Frame, is_causal
from recipes.subwords.windows import Windows
from recipes.tasks.mrc.answer_spans import Answers, best_answers, best_threshold, without_josa
from recipes.tasks.mrc.gold_answers import (
    answer_columns,
    first_answer,
    gold_subwords,
    last_subwords,
    window_targets,
)
from recipes.tasks.protocol import Batch, Decoded, LoadedModel, RawInput, Recipe, Tuning, text_fields
from recipes.tasks.shared.classification import set_labels
from recipes.tasks.shared.held_out import hold_out

if TYPE_CHECKING:
    import datasets

MAX_QUESTION = 64  # maximum number of tokens of a question, as in KLUE-baseline
OUTPUTS = ("LABEL_0", "LABEL_1")  # transformers' names of the scores of first and last token
SHOWN = 5  # number of answers in the predictions file
AUTO = "auto"  # value of null_score_diff_threshold: choose it on held-out questions
# Settings for decoding, and their defaults.
SETTINGS: Mapping[str, Any] = {
    "doc_stride": 128,
    "n_best_size": 20,
    "max_answer_length": 30,
    "trim_josa": False,
    "empty_windows": 1.0,
}


class QuestionAndPassage(RawInput):
    """A question and a passage as input, and an answer span."""

    sample: Any = {
        "question": "한강은 어디로 흘러드는가?",
        "context": "한강은 태백산맥에서 시작하여 서울을 지나 황해로 흘러든다.",
    }

    def parse(self, item: Any) -> dict[str, Any]:
        """Read a mapping with ``question`` and ``context``, or a sequence of both."""
        return {"guid": "", **text_fields(item, ("question", "context"), "mrc")}

    def present(self, decoded: Decoded, index: int, row: Mapping[str, Any]) -> Any:
        """Return the answer ("" for no answer), its score, and its position in the context."""
        text = decoded.predictions[index]["prediction_text"]
        start = (decoded.details or [])[index]["n_best"][0]["start"] if text else 0
        score = (decoded.scores or [])[index]
        return decoded.marked(index, _answer(text, start, score))


@dataclasses.dataclass(frozen=True)
class ReadingComprehension(Recipe):
    """Cross-entropy of the answer's first and last token, or of ``Frame.summary`` for no answer."""

    task: str = "mrc"
    gold: tuple[str, ...] = ("answers", "is_impossible")
    raw_input: RawInput = QuestionAndPassage()
    peft_task_type: ClassVar[str | None] = "QUESTION_ANS"
    settings: ClassVar[tuple[str, ...]] = (*SETTINGS, "null_threshold", "answer_tails")
    kept: ClassVar[tuple[str, ...]] = ("left", "right")
    prediction_inputs: ClassVar[tuple[str, ...]] = (
        "first", "last", "own_first", "own_last", "null", "n_best",
    )  # fmt: skip

    def is_trained(self, config: PreTrainedConfig) -> bool:
        """Return whether the configuration is that of a recipe or of another model for this task."""
        names = config.architectures or ()
        return hasattr(config, "null_threshold") or any("ForQuestionAnswering" in name for name in names)

    def configure(
        self,
        config: PreTrainedConfig,
        tokenizer: PreTrainedTokenizerBase,
        arguments: RecipeArguments,
        splits: Mapping[str, datasets.Dataset],
    ) -> None:
        """Configure windows and answers, and learn where answers end inside tokens."""
        set_labels(config, OUTPUTS)
        for name, default in SETTINGS.items():
            asked = getattr(arguments, name)
            setattr(config, name, getattr(config, name, default) if asked is None else asked)
        threshold = arguments.null_score_diff_threshold
        is_chosen = threshold is None or threshold == AUTO
        config.null_threshold = getattr(config, "null_threshold", 0.0) if is_chosen else threshold
        # Missing in models that were not trained here.
        config.answer_tails = getattr(config, "answer_tails", {})
        if "train" in splits:
            last = last_subwords(splits["train"], tokenizer) if arguments.entity_endings else ()
            config.answer_tails = learn_tails(last)

    def model_class(self, config: PreTrainedConfig) -> Any:
        """Return AutoModelForQuestionAnswering."""
        return AutoModelForQuestionAnswering

    def least_length(self, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig) -> int:
        """Return the number of special tokens and one token each of question and passage."""
        return Frame(tokenizer, sequences=2).added + 2

    def encode(
        self, batch: Batch, tokenizer: PreTrainedTokenizerBase, config: PreTrainedConfig, max_length: int
    ) -> dict[str, Any]:
        """Encode question and passage as windows: [CLS] question [SEP] part of the passage [SEP].

        For decoding, ``left`` and ``right`` have the first character of an answer that begins at each token,
        and the end (exclusive) of one that ends there. For prediction, the passage has the positions
        ``first`` to ``last`` (exclusive), answers of this window begin at ``own_first`` to ``own_last``, and
        ``null`` represents no answer.
        """
        frame = Frame(tokenizer, sequences=2)
        questions = tokenizer(list(batch["question"]), add_special_tokens=False, verbose=False)["input_ids"]
        longest = min(MAX_QUESTION, max_length - frame.added - 1)
        contexts = list(dict.fromkeys(batch["context"]))  # several questions may have the same passage
        tokens = dict(zip(contexts, subwords_with_spans(tokenizer, contexts), strict=True))
        tail_of = functools.cache(functools.partial(tail_length, tails=config.answer_tails))
        has_gold = "answers" in batch
        reads_leftwards = is_causal(config)
        columns: dict[str, list[Any]] = {}
        for row, (whole, text) in enumerate(zip(questions, batch["context"], strict=True)):
            question, (ids, _, left, right) = whole[:longest], tokens[text]
            until = right
            if config.answer_tails:
                until = [stop - tail_of(text[begin:stop]) for begin, stop in zip(left, right, strict=True)]
            windows = Windows(len(ids), max_length - frame.added - len(question), config.doc_stride)
            first = frame.start(1, len(question))
            gold = gold_subwords(first_answer(batch, row), text, left, right) if has_gold else None
            for number, (start, end) in enumerate(windows.spans):
                own = windows.own[number]
                null = frame.summary(len(question), end - start, is_causal=reads_leftwards)
                feature = {
                    **frame(question, ids[start:end]),
                    "row": row,
                    "left": left[start:end],
                    "right": until[start:end],
                    "first": first,
                    "last": first + end - start,
                    "own_first": first + own[0] - start,
                    "own_last": first + own[1] - start,
                    "null": null,
                    "n_best": config.n_best_size,
                    "truncated": len(question) < len(whole),
                }
                feature["length"] = len(feature["input_ids"])
                if has_gold:
                    feature |= window_targets(gold, start, end, first, null)
                for name, value in feature.items():
                    columns.setdefault(name, []).append(value)
        return columns

    def select(self, features: datasets.Dataset, config: PreTrainedConfig, seed: int) -> datasets.Dataset:
        """Select windows with an answer, those of unanswerable questions, and a fraction of the others."""
        if config.empty_windows >= 1:
            return features
        columns = (features[name] for name in ("start_positions", "null", "example"))
        start, null, example = map(np.asarray, columns)
        is_answerable = np.isin(example, example[start != null])
        is_drawn = np.random.default_rng(seed).random(len(start)) < config.empty_windows
        return features.select(np.flatnonzero((start != null) | ~is_answerable | is_drawn))

    def predict(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | None, Any]:
        """Return the best starts and ends of each window, and the score of no answer.

        The arrays are positions and logits of the starts, and positions and logits of the ends, shape
        (batch, n_best) each, and the logits of no answer, shape (batch,). Positions outside the passage have
        the logit -inf.
        """
        asked = {name: inputs[name] for name in self.prediction_inputs}
        output = model(**{name: value for name, value in inputs.items() if name not in asked})
        start, end = output.start_logits.float(), output.end_logits.float()
        place = torch.arange(start.shape[1], device=start.device)
        null = (start + end).gather(1, asked["null"][:, None]).squeeze(1)
        size = min(int(asked["n_best"].max()), start.shape[1])
        kept = []
        for logits, first, last in ((start, "own_first", "own_last"), (end, "first", "last")):
            inside = (place >= asked[first][:, None]) & (place < asked[last][:, None])
            best = logits.masked_fill(~inside, -torch.inf).topk(size, dim=1)
            kept += [best.indices, best.values]
        return getattr(output, "loss", None), (*kept, null)

    def answers(self, outputs: Any, features: datasets.Dataset, config: PreTrainedConfig) -> Answers:
        """Find the best spans of each question, over all windows of all questions at once."""
        offsets = (flat(features, "left"), flat(features, "right"), ragged(features, "left"))
        return best_answers(
            outputs,
            np.asarray(features["first"]),
            np.asarray(features["example"]),
            offsets,
            n_best=config.n_best_size,
            max_length=config.max_answer_length,
        )

    def decode(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> Decoded:
        """Return the text of the best span, or "" if no answer is better by more than the threshold."""
        found = self.answers(outputs, features, loaded.config)
        is_null = found.margin > loaded.config.null_threshold
        probability = found.probabilities()
        guids = _guids(examples)
        predictions, scores, details = [], [], []
        for row, context in enumerate(examples["context"]):
            shown = [
                {"text": text, "start": start, "score": round(float(score), 4)}
                for text, start, score in zip(
                    *self._texts(found, row, context, loaded.config), probability[row, 1:], strict=False
                )
            ][:SHOWN]
            text = "" if is_null[row] or not shown else shown[0]["text"]
            predictions.append({"guid": guids[row], "prediction_text": text})
            scores.append(float(probability[row, 0 if not text else 1]))
            details.append({"n_best": shown, "null_margin": round(float(found.margin[row]), 4)})
        figures = self._figures(predictions, details, examples) if "answers" in examples.column_names else {}

        def ranked(row: int) -> list[dict[str, Any]]:
            texts, starts = self._texts(found, row, examples["context"][row], loaded.config)
            texts, starts = ["", *texts], [0, *starts]
            chosen = 0 if not predictions[row]["prediction_text"] else 1
            order = np.argsort(-probability[row, : len(texts)], kind="stable").tolist()
            order.sort(key=lambda place: place != chosen)  # the first answer depends on the threshold
            return [_answer(texts[place], starts[place], float(probability[row, place])) for place in order]

        return Decoded(predictions, scores, details, figures=figures, ranked=ranked)

    def is_hidden(self, row: Mapping[str, Any]) -> bool:
        """Return whether a question has no answer although it is not marked as impossible."""
        answers = row["answers"]
        return answers is None or not (row["is_impossible"] or answer_columns(answers)["text"])

    def _figures(
        self, predictions: list[Any], details: list[dict[str, Any]], examples: datasets.Dataset
    ) -> dict[str, float]:
        """Score answerable questions, as predicted and with the best span of each."""
        gold = [list(reference["answers"]["text"]) for reference in self.references(examples)]
        rows = [row for row, texts in enumerate(gold) if texts]
        if not rows:
            return {}
        spans = [(details[row]["n_best"] or [{"text": ""}])[0]["text"] for row in rows]
        figures = {}
        for name, texts in (
            ("answerable", [predictions[row]["prediction_text"] for row in rows]),
            ("answerable_best_span", spans),
        ):
            exact, overlap = question_scores(texts, [gold[row] for row in rows])
            figures[f"{name}_exact_match"] = 100 * float(exact.mean())
            figures[f"{name}_rouge_w"] = 100 * float(overlap.mean())
        return figures

    def _texts(
        self, found: Answers, row: int, context: str, config: PreTrainedConfig
    ) -> tuple[list[str], list[int]]:
        """Return texts and first characters of the best spans of a question."""
        spans = [(int(start), int(end)) for start, end in found.spans(row)]
        texts = [context[start:end] for start, end in spans]
        if config.trim_josa:
            texts = [without_josa(text, context[end:]) for text, (_, end) in zip(texts, spans, strict=True)]
        return texts, [start for start, _ in spans]

    def references(self, examples: datasets.Dataset) -> list[Any]:
        """Return the right answers of each question; none for impossible questions."""
        types = examples["question_type"] if "question_type" in examples.column_names else None
        references = []
        for row, (guid, answers, impossible) in enumerate(
            zip(_guids(examples), examples["answers"], examples["is_impossible"], strict=True)
        ):
            gold = {"text": [], "answer_start": []} if impossible else answer_columns(answers)
            reference = {"guid": guid, "answers": gold, "is_impossible": bool(impossible)}
            references.append(reference if types is None else reference | {"question_type": types[row]})
        return references

    def constants(self, train: datasets.Dataset, examples: datasets.Dataset) -> list[Decoded]:
        """Predict no answer everywhere."""
        return [Decoded([{"guid": guid, "prediction_text": ""} for guid in _guids(examples)])]

    def tuning(self, arguments: RecipeArguments) -> Tuning | None:
        """Tune the null threshold on questions held out from training, if requested."""
        if arguments.null_score_diff_threshold != AUTO:
            return None
        return Tuning(self.choose_threshold, hold_out_passages)

    def choose_threshold(
        self, outputs: Any, examples: datasets.Dataset, features: datasets.Dataset, loaded: LoadedModel
    ) -> dict[str, Any]:
        """Choose the null threshold with the highest ROUGE-W."""
        found = self.answers(outputs, features, loaded.config)
        contexts = list(examples["context"])
        texts = [
            (self._texts(found, row, context, loaded.config)[0] or [""])[0]
            for row, context in enumerate(contexts)
        ]
        gold = [list(reference["answers"]["text"]) or [""] for reference in self.references(examples)]
        _, of_spans = question_scores(texts, gold)
        _, of_null = question_scores([""] * len(gold), gold)
        loaded.config.null_threshold = best_threshold(found.margin, of_spans, of_null)
        return {"null_threshold": loaded.config.null_threshold, "held_out_samples": len(examples)}


def hold_out_passages(train: datasets.Dataset) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Split questions into those for training and those on every tenth passage."""
    return hold_out(train, "context", 0.1)


def _answer(text: str, start: int, score: float) -> dict[str, Any]:
    return {"answer": text, "score": score, "start": start, "end": start + len(text)}


def _guids(examples: datasets.Dataset) -> Sequence[str]:
    return list(examples["guid"])


RECIPE = ReadingComprehension()
