"""Tests of the RE mini corpus: all thirty relations, offsets that fit, baselines that fail."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from docs.generator.mini_corpus import generate, re
from klue_datasets import TASKS, load

Example = dict[str, Any]
FOLDER = generate.MINI_DIR / "klue-re-v1.1"
SIZES = {"train": (850, 950), "dev": (160, 200)}
SPLITS = tuple(SIZES)
ENTITY_TYPES = {"PER", "ORG", "LOC", "DAT", "POH", "NOH"}


def read(split: str) -> list[Example]:
    """Return the examples in a committed file."""
    examples: list[Example] = json.loads((FOLDER / f"klue-re-v1.1_{split}.json").read_text(encoding="utf-8"))
    return examples


def type_pair(example: Example) -> str:
    """Return the types of subject and object."""
    return f"{example['subject_entity']['type']} {example['object_entity']['type']}"


def micro_f1(gold: list[str], predicted: list[str]) -> float:
    """Return the micro F1 score without no_relation."""
    hits = sum(g == p != "no_relation" for g, p in zip(gold, predicted, strict=True))
    named = sum(label != "no_relation" for label in gold + predicted)
    return 2 * hits / named


def lookup_f1(key: Callable[[Example], list[str]]) -> float:
    """Return the dev score of the label that is most frequent in train among examples that share a key.

    An example can have several keys; the one whose label is surest decides.
    """
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in read("train"):
        for value in key(example):
            labels[value][example["label"]] += 1

    def guess(example: Example) -> str:
        known = [labels[value] for value in key(example) if value in labels]
        best = max(known, key=lambda found: found.most_common(1)[0][1] / (found.total() + 2), default=None)
        return best.most_common(1)[0][0] if best else "no_relation"

    dev = read("dev")
    return micro_f1([e["label"] for e in dev], [guess(e) for e in dev])


def keywords(example: Example) -> list[str]:
    """Return the words of the sentence."""
    words: list[str] = example["sentence"].split()
    return words


def types_only(example: Example) -> list[str]:
    """Return the one key of the types of both entities."""
    return [type_pair(example)]


def test_relation_list_is_the_official_one() -> None:
    relations = json.loads((FOLDER / "relation_list.json").read_text(encoding="utf-8"))
    assert tuple(relations["relations"]) == TASKS["re"].labels


@pytest.mark.parametrize("split", SPLITS)
def test_layout_and_offsets(split: str) -> None:
    examples = read(split)
    assert SIZES[split][0] <= len(examples) <= SIZES[split][1]
    for number, example in enumerate(examples):
        assert list(example) == ["guid", "sentence", "subject_entity", "object_entity", "label", "source"]
        assert example["guid"] == f"klue-re-mini_{split}_{number:05d}"
        subject, target = example["subject_entity"], example["object_entity"]
        for entity in (subject, target):
            assert list(entity) == ["word", "start_idx", "end_idx", "type"]
            assert entity["word"] == example["sentence"][entity["start_idx"] : entity["end_idx"] + 1]
        assert subject["end_idx"] < target["start_idx"] or target["end_idx"] < subject["start_idx"]
        assert subject["type"] in {"PER", "ORG"}


@pytest.mark.parametrize("split", SPLITS)
def test_classes_types_and_order(split: str) -> None:
    examples = read(split)
    counts = Counter(example["label"] for example in examples)
    assert set(counts) == set(TASKS["re"].labels)
    assert min(counts.values()) >= (16 if split == "train" else 4)
    assert 0.15 <= counts["no_relation"] / len(examples) <= 0.4
    assert counts.most_common(1)[0][0] == "no_relation"
    assert {example["object_entity"]["type"] for example in examples} == ENTITY_TYPES
    first = sum(e["subject_entity"]["start_idx"] < e["object_entity"]["start_idx"] for e in examples)
    assert 0.3 <= first / len(examples) <= 0.75


def test_no_sentence_occurs_twice() -> None:
    sentences = [example["sentence"] for split in SPLITS for example in read(split)]
    assert len(set(sentences)) == len(sentences)


def test_load_gives_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded = load("re", mini=True, cache_dir=tmp_path_factory.mktemp("cache"))
    for split, name in (("train", "train"), ("dev", "validation")):
        labels = loaded[name].features["label"]
        assert [{**row, "label": labels.int2str(row["label"])} for row in loaded[name]] == read(split)


def test_keywords_and_types_fail() -> None:
    assert lookup_f1(types_only) < 0.4
    assert lookup_f1(keywords) < 0.5


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        re.build("test")
