"""Tests of the mini corpus: reproducible bytes, the official layout, and baselines that must fail on it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from docs.generator.mini_corpus import generate, nli, sts, ynat
from docs.generator.mini_corpus.korean import josa

Example = dict[str, Any]
Predict = Callable[[Sequence[str]], str]

DIRECTORIES = {"ynat": "ynat-v1.1", "sts": "klue-sts-v1.1", "nli": "klue-nli-v1.1"}
GUID_NAMES = {"ynat": "ynat-mini", "sts": "klue-sts-mini", "nli": "klue-nli-mini"}
LABELS = {"ynat": "label", "nli": "gold_label"}
INPUTS = {"ynat": ("title",), "sts": ("sentence1", "sentence2"), "nli": ("premise", "hypothesis")}
CLASSES = {
    "ynat": {"IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치"},
    "nli": {"entailment", "neutral", "contradiction"},
}
TASKS = tuple(DIRECTORIES)


def load(task: str, split: str) -> list[Example]:
    """Return the examples in a committed file."""
    name = DIRECTORIES[task]
    path = generate.MINI_DIR / name / f"{name}_{split}.json"
    examples: list[Example] = json.loads(path.read_text(encoding="utf-8"))
    return examples


def texts(task: str, example: Example) -> tuple[str, ...]:
    """Return the input texts of an example, in an order that does not matter for sts."""
    values = [example[key] for key in INPUTS[task]]
    return tuple(sorted(values)) if task == "sts" else tuple(values)


def words(text: str) -> list[str]:
    """Return the words of a text without punctuation."""
    return re.findall(r"\w+", text)


def pearson(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return Pearson's r."""
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / math.sqrt(sum((x - x_mean) ** 2 for x in xs) * sum((y - y_mean) ** 2 for y in ys))


def f1(gold: Sequence[str], predicted: Sequence[str], label: str) -> float:
    """Return the F1 score of one class."""
    hits = sum(g == p == label for g, p in zip(gold, predicted, strict=True))
    return 2 * hits / max(1, gold.count(label) + predicted.count(label))


def macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the mean F1 score over the classes in `gold`."""
    classes = sorted(set(gold))
    return sum(f1(gold, predicted, label) for label in classes) / len(classes)


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Return the share of equal labels."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def majority(gold: Sequence[str]) -> str:
    """Return the most frequent label."""
    return Counter(gold).most_common(1)[0][0]


def keyword_rule(inputs: Sequence[Sequence[str]], gold: Sequence[str]) -> Predict:
    """Return the rule that knows the best single word (by F1) of each class, else guesses the majority."""
    with_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tokens, label in zip(inputs, gold, strict=True):
        for token in sorted(set(tokens)):
            with_word[token][label] += 1
    sizes = Counter(gold)

    def word_f1(word: str, label: str) -> float:
        return 2 * with_word[word][label] / (with_word[word].total() + sizes[label])

    best = {label: max(sorted(with_word), key=lambda word: word_f1(word, label)) for label in sorted(sizes)}
    fallback = majority(gold)
    return lambda tokens: next((label for label, word in best.items() if word in tokens), fallback)


def naive_bayes(inputs: Sequence[Sequence[str]], gold: Sequence[str]) -> Predict:
    """Return a bag-of-words multinomial naive Bayes classifier."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tokens, label in zip(inputs, gold, strict=True):
        counts[label].update(tokens)
    vocabulary = len({token for tokens in inputs for token in tokens})
    priors = Counter(gold)

    def score(tokens: Sequence[str], label: str) -> float:
        total = counts[label].total() + vocabulary
        return math.log(priors[label]) + sum(math.log((counts[label][token] + 1) / total) for token in tokens)

    return lambda tokens: max(sorted(priors), key=lambda label: score(tokens, label))


def baseline_labels(
    task: str, key: str, train: Callable[[Sequence[Sequence[str]], Sequence[str]], Predict]
) -> tuple[list[str], list[str]]:
    """Return gold and predicted dev labels of a classifier that sees only the field `key`."""
    train_set, dev_set = load(task, "train"), load(task, "dev")
    predict = train([words(e[key]) for e in train_set], [e[LABELS[task]] for e in train_set])
    return [e[LABELS[task]] for e in dev_set], [predict(words(e[key])) for e in dev_set]


def test_committed_bytes_equal_generated_bytes() -> None:
    assert generate.differing_files(generate.MINI_DIR) == []


def test_check_names_the_file_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--output_dir", str(tmp_path)]) == 0
    assert generate.main(["--output_dir", str(tmp_path), "--check"]) == 0
    (tmp_path / "ynat-v1.1" / "ynat-v1.1_dev.json").write_bytes(b"[]\n")
    assert generate.main(["--output_dir", str(tmp_path), "--check"]) == 1
    message = capsys.readouterr().err
    assert "ynat-v1.1_dev.json" in message
    assert "train" not in message


@pytest.mark.parametrize("build", [ynat.build, sts.build, nli.build])
def test_unknown_split_is_refused(build: Callable[[str], list[Example]]) -> None:
    with pytest.raises(ValueError, match="unknown split 'test'"):
        build("test")


def test_files_are_plain_utf8_lines() -> None:
    for content in generate.corpus_files().values():
        assert b"\r" not in content
        assert b"\\u" not in content
        assert content.endswith((b"]\n", b"}\n", b"\n\n"))


@pytest.mark.parametrize("task", TASKS)
def test_sizes(task: str) -> None:
    assert 300 <= len(load(task, "train")) <= 1200
    assert 60 <= len(load(task, "dev")) <= 200


@pytest.mark.parametrize("task", TASKS)
def test_guids_number_the_examples(task: str) -> None:
    for split in ("train", "dev"):
        examples = load(task, split)
        assert [e["guid"] for e in examples] == [
            f"{GUID_NAMES[task]}_{split}_{number:05d}" for number in range(len(examples))
        ]


@pytest.mark.parametrize("task", TASKS)
def test_no_text_occurs_twice_in_or_across_splits(task: str) -> None:
    everything = [texts(task, example) for split in ("train", "dev") for example in load(task, split)]
    assert len(set(everything)) == len(everything)


@pytest.mark.parametrize("task", CLASSES)
def test_classes_are_roughly_balanced(task: str) -> None:
    for split in ("train", "dev"):
        counts = Counter(example[LABELS[task]] for example in load(task, split))
        assert set(counts) == CLASSES[task]
        assert len(set(counts.values())) > 1
        assert max(counts.values()) <= 2.5 * min(counts.values())


def test_ynat_layout() -> None:
    for example in load("ynat", "train") + load("ynat", "dev"):
        assert list(example) == [
            "guid", "title", "predefined_news_category", "label", "annotations", "url", "date",
        ]  # fmt: skip
        assert example["predefined_news_category"] in CLASSES["ynat"]
        assert re.fullmatch(r"20\d\d\.\d\d\.\d\d\. 오[전후] \d{1,2}:\d\d", example["date"])
        scopes = example["annotations"]["annotations"]
        assert len(set(example["annotations"]["annotators"])) == 3
        assert [len(scopes[f"{rank}-scope"]) for rank in ("first", "second", "third")] == [3, 3, 3]
        assert scopes["first-scope"].count(example["label"]) >= 2


def test_sts_labels_follow_from_the_annotations() -> None:
    for example in load("sts", "train") + load("sts", "dev"):
        labels, annotations = example["labels"], example["annotations"]
        scores = annotations["annotations"]
        assert 5 <= len(scores) <= 7
        assert len(set(annotations["annotators"])) == len(scores)
        assert annotations["agreement"] == ":".join(str(scores.count(score)) for score in range(6))
        assert labels["real-label"] == sum(scores) / len(scores)
        assert labels["label"] == round(labels["real-label"], 1)
        assert labels["binary-label"] == int(labels["real-label"] >= 3) == int(labels["label"] >= 3)


def test_sts_scores_and_sources_are_spread() -> None:
    for split in ("train", "dev"):
        examples = load("sts", split)
        assert {e["source"] for e in examples} == {"mini-question", "mini-policy", "mini-review"}
        assert {round(e["labels"]["label"]) for e in examples} == set(range(6))
        assert 0.3 <= sum(e["labels"]["binary-label"] for e in examples) / len(examples) <= 0.7


def test_nli_source_key_differs_by_split() -> None:
    for split, key, other in (("train", "genre", "source"), ("dev", "source", "genre")):
        examples = load("nli", split)
        assert len({example[key] for example in examples}) == 3
        assert all(other not in example for example in examples)


def test_nli_gold_label_is_the_majority() -> None:
    for example in load("nli", "train") + load("nli", "dev"):
        votes = [example[key] for key in ("author", "label2", "label3", "label4", "label5")]
        assert votes.count(example["gold_label"]) >= 3


def test_nli_splits_share_no_premise() -> None:
    train, dev = ({e["premise"] for e in load("nli", split)} for split in ("train", "dev"))
    assert not train & dev


def test_nli_hypotheses_occur_with_several_labels() -> None:
    labels = defaultdict(set)
    for example in load("nli", "train"):
        labels[example["hypothesis"]].add(example["gold_label"])
    assert sum(len(found) > 1 for found in labels.values()) > 0.5 * len(labels)


def test_majority_guess_fails() -> None:
    for task in CLASSES:
        guess = majority([e[LABELS[task]] for e in load(task, "train")])
        gold = [e[LABELS[task]] for e in load(task, "dev")]
        assert macro_f1(gold, [guess] * len(gold)) < 0.25
        assert accuracy(gold, [guess] * len(gold)) < 0.45


def test_one_keyword_a_class_fails() -> None:
    assert macro_f1(*baseline_labels("ynat", "title", keyword_rule)) < 0.45
    assert accuracy(*baseline_labels("nli", "hypothesis", keyword_rule)) < 0.45


def test_one_nli_sentence_does_not_tell_the_label() -> None:
    assert accuracy(*baseline_labels("nli", "hypothesis", naive_bayes)) < 0.5
    assert accuracy(*baseline_labels("nli", "premise", naive_bayes)) < 0.5


def test_word_overlap_does_not_tell_the_sts_score() -> None:
    for split in ("train", "dev"):
        overlaps, scores = [], []
        for example in load("sts", split):
            first, second = (set(words(example[key])) for key in INPUTS["sts"])
            overlaps.append(len(first & second) / len(first | second))
            scores.append(example["labels"]["label"])
        assert pearson(overlaps, scores) < 0.6


@pytest.mark.parametrize("key", INPUTS["sts"])
def test_one_sts_sentence_does_not_tell_the_score(key: str) -> None:
    train = load("sts", "train")
    by_word: defaultdict[str, list[float]] = defaultdict(list)
    for example in train:
        for word in words(example[key]):
            by_word[word].append(example["labels"]["label"])
    means = {word: sum(scores) / len(scores) for word, scores in by_word.items()}
    overall = sum(e["labels"]["label"] for e in train) / len(train)
    dev = load("sts", "dev")
    guesses = [sum(means.get(w, overall) for w in words(e[key])) / len(words(e[key])) for e in dev]
    assert abs(pearson(guesses, [e["labels"]["label"] for e in dev])) < 0.4


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("회의", "은/는", "회의는"),
        ("공연", "은/는", "공연은"),
        ("서울", "으로/로", "서울로"),
        ("부산", "으로/로", "부산으로"),
        ("제주", "과/와", "제주와"),
        ("3", "이/가", "3이"),
        ("PC", "을/를", "PC를"),
    ],
)
def test_particles_agree_with_the_final_consonant(word: str, particle: str, expected: str) -> None:
    assert josa(word, particle) == expected


def test_unknown_particle_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown particle '도'"):
        josa("회의", "도")
