"""Tests of breakdowns: comparison with scikit-learn, with scores of parts, and with manual results."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics

import klue_datasets
import klue_metrics
from klue_datasets.tasks import DP_RELATIONS, TASKS
from klue_metrics.functional import METRICS, compute

COLUMNS = ("precision", "recall", "f1", "support")


def assert_like_scikit_learn(table: dict[str, Any], gold: list[str], predicted: list[str]) -> None:
    names = list(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = sklearn.metrics.precision_recall_fscore_support(
            gold, predicted, labels=names, zero_division=np.nan
        )
    for index, name in enumerate(names):
        expected = [*(100 * column[index] for column in oracle[:3]), oracle[3][index]]
        found = [table[name][column] for column in COLUMNS]
        assert found == pytest.approx(expected, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize(("task", "by"), [("ynat", "class"), ("nli", "class"), ("re", "relation")])
def test_classes_agree_with_scikit_learn(task: str, by: str) -> None:
    labels = TASKS[task].labels
    for seed in range(20):
        generator = np.random.default_rng(seed)
        gold = generator.choice(labels[:-1], 50).tolist()
        predicted = [g if generator.random() < 0.6 else str(generator.choice(labels[1:])) for g in gold]
        result = compute(task, predicted, gold, by=by)
        table = result.pop(f"by_{by}")
        assert result == compute(task, predicted, gold)
        assert list(table) == list(labels)
        assert_like_scikit_learn(table, gold, predicted)
        if by == "class":
            matrix = [list(row["predicted_as"].values()) for row in table.values()]
            oracle = sklearn.metrics.confusion_matrix(gold, predicted, labels=labels)
            assert matrix == oracle.tolist()


def test_a_class_on_neither_side_has_no_scores() -> None:
    row = compute("nli", ["neutral"], ["neutral"], by="class")["by_class"]["entailment"]
    assert [math.isnan(row[column]) for column in COLUMNS] == [True, True, True, False]
    assert row["support"] == 0


def test_ner_by_type() -> None:
    gold = [["B-PS", "I-PS", "O", "B-LC"], ["B-PS", "O"]]
    predicted = [["B-PS", "I-PS", "O", "B-OG"], ["B-PS", "I-PS"]]
    table = compute("ner", predicted, gold, by="type")["by_type"]
    assert table["PS"] == {"precision": 50, "recall": 50, "f1": 50, "support": 2}
    assert table["LC"]["recall"] == 0
    assert math.isnan(table["LC"]["precision"])
    assert table["OG"]["precision"] == 0
    assert list(table) == ["DT", "LC", "OG", "PS", "QT", "TI"]
    present = [row["f1"] for row in table.values() if not math.isnan(row["f1"])]
    assert compute("ner", predicted, gold)["entity_macro_f1"] == pytest.approx(np.mean(present))


def test_ner_by_type_on_the_real_dev_set_counts_its_entities(shared: Path) -> None:
    rows = klue_datasets.load("ner", "validation", data_dir=shared / "data/klue-v1.1-dev")
    gold = list(rows["ner_tags"])
    table = compute("ner", gold, gold, by="type")["by_type"]
    counts = {"PS": 4418, "QT": 3151, "DT": 2312, "OG": 2182, "LC": 1649, "TI": 545}
    assert {name: row["support"] for name, row in table.items()} == counts
    assert all(row["f1"] == 100 for row in table.values())


@pytest.mark.parametrize("task", ["nli", "sts"])
def test_sources_are_scored_apart(task: str) -> None:
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 3, 60) if task == "nli" else generator.uniform(0, 5, 60)
    predicted = generator.permutation(gold)
    sources = generator.choice(["airbnb", "policy", "paraKQC"], 60)
    table = compute(task, predicted, gold, by="source", sources=sources)["by_source"]
    assert list(table) == ["airbnb", "paraKQC", "policy"]
    for name, row in table.items():
        part = sources == name
        assert row.pop("support") == part.sum()
        assert row == pytest.approx(compute(task, predicted[part], gold[part]), abs=1e-9)
    with pytest.raises(ValueError, match=f"{task}: by='source' needs sources="):
        compute(task, predicted, gold, by="source")
    with pytest.raises(ValueError, match=f"{task}: 2 sources for 60 examples; expected one for each"):
        compute(task, predicted, gold, by="source", sources=["a", "b"])
    with pytest.raises(ValueError, match=rf"{task}: sources\[1\] is 7; expected a string"):
        compute(task, predicted, gold, by="source", sources=["a", 7])


def test_a_source_with_one_pair_has_no_correlation() -> None:
    table = compute("sts", [1, 2, 4], [1, 2, 3], by="source", sources=["a", "a", "b"])["by_source"]
    assert table["a"] == {"pearsonr": pytest.approx(100), "f1": 0, "support": 2}
    assert math.isnan(table["b"]["pearsonr"])
    assert table["b"]["f1"] == 100


def random_sentences(seed: int) -> tuple[list[Any], list[Any]]:
    generator = np.random.default_rng(seed)
    sides: tuple[list[Any], list[Any]] = ([], [])
    for _ in range(60):
        length = int(generator.integers(1, 30))
        for side in sides:
            heads = generator.integers(0, 3, length).tolist()
            side.append({"head": heads, "deprel": generator.choice(DP_RELATIONS[:20], length).tolist()})
    return sides


def test_dp_by_relation_counts_words() -> None:
    predicted, gold = random_sentences(0)
    words = [
        (*pair[0], *pair[1])
        for sides in zip(predicted, gold, strict=True)
        for pair in zip(*(zip(side["head"], side["deprel"], strict=True) for side in sides), strict=True)
    ]
    table = compute("dp", predicted, gold, by="relation")["by_relation"]
    assert list(table) == list(DP_RELATIONS)
    for name in DP_RELATIONS[:20]:
        there = [word for word in words if word[3] == name]
        found = [word for word in words if word[1] == name]
        hits = [word for word in found if word[3] == name and word[0] == word[2]]
        row = table[name]
        assert row["support"] == len(there)
        assert row["precision"] == pytest.approx(100 * len(hits) / len(found))
        assert row["recall"] == pytest.approx(100 * len(hits) / len(there))
        assert row["f1"] == pytest.approx(200 * len(hits) / (len(there) + len(found)))
        assert row["uas"] == pytest.approx(100 * np.mean([word[0] == word[2] for word in there]))
    assert math.isnan(table[DP_RELATIONS[30]]["uas"])


def test_dp_by_length_scores_the_sentences_of_each_length() -> None:
    predicted, gold = random_sentences(1)
    table = compute("dp", predicted, gold, by="length")["by_length"]
    assert list(table) == ["01-05", "06-10", "11-15", "16-20", "21-more"]
    for name, (low, high) in zip(table, [(1, 5), (6, 10), (11, 15), (16, 20), (21, 99)], strict=True):
        part = [index for index, side in enumerate(gold) if low <= len(side["head"]) <= high]
        row = table[name]
        assert row.pop("support") == len(part)
        expected = compute("dp", [predicted[i] for i in part], [gold[i] for i in part])
        assert row == pytest.approx(expected, abs=1e-9)


def questions() -> tuple[list[Any], list[Any]]:
    texts = [("서울", "서울"), ("부산", "부산 시"), ("", ""), ("인천", "")]
    predictions = [{"guid": str(i), "prediction_text": text} for i, (text, _) in enumerate(texts)]
    references = [
        {
            "guid": str(i),
            "answers": {"text": [gold] if gold else []},
            "question_type": [1, 2, 3, 3][i],
            "is_impossible": not gold,
        }
        for i, (_, gold) in enumerate(texts)
    ]
    return predictions[::-1], references  # in any order


def test_mrc_by_type_and_by_answerable() -> None:
    predictions, references = questions()
    rouge = 100 * 2 * 2 / (2 + 4)
    assert compute("mrc", predictions, references, by="type")["by_type"] == {
        "multi_sentence": {"exact_match": 0, "rouge_w": pytest.approx(rouge), "support": 1},
        "paraphrase": {"exact_match": 100, "rouge_w": 100, "support": 1},
        "unanswerable": {"exact_match": 50, "rouge_w": 50, "support": 2},
    }
    assert compute("mrc", predictions, references, by="answerable")["by_answerable"] == {
        "answerable": {"exact_match": 50, "rouge_w": pytest.approx((100 + rouge) / 2), "support": 2},
        "unanswerable": {"exact_match": 50, "rouge_w": 50, "support": 2},
    }
    references[1]["question_type"] = None
    with pytest.raises(ValueError, match="mrc: question 1 has the question_type None; by='type' needs 1, 2"):
        compute("mrc", predictions, references, by="type")


def test_wos_by_domain_and_by_slot() -> None:
    gold = [["식당-이름-가"], ["식당-이름-가", "택시-종류-나-다"], []]
    predicted = [["식당-이름-가"], ["식당-이름-라", "택시-종류-나-다"], ["숙소-지역-마"]]
    assert compute("wos", predicted, gold, by="domain")["by_domain"] == {
        "숙소": {"joint_goal_accuracy": 0, "slot_micro_f1": 0, "support": 1},
        "식당": {"joint_goal_accuracy": 50, "slot_micro_f1": 50, "support": 2},
        "택시": {"joint_goal_accuracy": 100, "slot_micro_f1": 100, "support": 1},
    }
    table = compute("wos", predicted, gold, by="slot")["by_slot"]
    assert table["식당-이름"] == {"precision": 50, "recall": 50, "f1": 50, "support": 2}
    assert table["택시-종류"] == {"precision": 100, "recall": 100, "f1": 100, "support": 1}
    assert table["숙소-지역"]["support"] == 0
    assert compute("wos", [[]], [[]], by="slot")["by_slot"] == {}
    assert compute("wos", [[]], [[]], by="domain")["by_domain"] == {}


@pytest.mark.parametrize("task", METRICS)
def test_an_unknown_breakdown_is_named(task: str) -> None:
    names = ", ".join(METRICS[task].breakdowns)
    with pytest.raises(
        ValueError, match=f"{task}: there is no breakdown by 'colour'; expected one of {names}."
    ):
        compute(task, [], [], by="colour")


def test_breakdowns_through_the_evaluate_modules() -> None:
    nli = klue_metrics.load("nli")
    both = {"predictions": [0, 1, 2, 2], "references": [0, 1, 1, 2]}
    assert nli.compute(**both, by="class") == compute("nli", *both.values(), by="class")
    by_source = {"by": "source", "sources": ["a", "b", "b", "b"]}
    assert nli.compute(**both, **by_source) == compute("nli", *both.values(), **by_source)
    predictions, references = questions()
    mrc = klue_metrics.load("mrc")
    for by in ("type", "answerable"):
        found = mrc.compute(predictions=predictions, references=references, by=by)
        assert found == compute("mrc", predictions, references, by=by)
    for row in references:
        del row["question_type"]
    flat = mrc.compute(predictions=predictions, references=references)
    assert flat == compute("mrc", predictions, references)
