"""Tests of ner, re, dp, mrc and wos: comparison with naive loops, seqeval, scikit-learn and difflib."""

from __future__ import annotations

import math
import re
import string
import warnings
from pathlib import Path

import numpy as np
import pytest
import seqeval.metrics
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from klue_oracles import naive_dp, naive_ner, naive_rouge, naive_turn, random_tags
from seqeval.scheme import IOB2

import klue_datasets
import klue_metrics
from klue_datasets.tasks import DP_RELATIONS, TASKS
from klue_metrics.functional import compute
from klue_metrics.functional.mrc import normalize, question_scores
from klue_metrics.functional.ner import entity_counts
from klue_metrics.functional.re import precision_recall_areas

TAGS = TASKS["ner"].labels
RELATIONS = TASKS["re"].labels
SEEDS = st.integers(0, 2**32 - 1)
CASES = settings(max_examples=200, deadline=None)


@CASES
@given(seed=SEEDS, sentences=st.integers(1, 8), noise=st.sampled_from([0.1, 0.5, 1.0]))
def test_ner_agrees_with_the_loop_and_with_seqeval(seed: int, sentences: int, noise: float) -> None:
    generator = np.random.default_rng(seed)
    gold = random_tags(generator, sentences)
    other = [generator.choice(TAGS, len(tags)).tolist() for tags in gold]
    predicted = [
        [o if generator.random() < noise else g for g, o in zip(*pair, strict=True)]
        for pair in zip(gold, other, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = compute("ner", predicted, gold)
        in_one_list = [[tag for tags in side for tag in ["O", *tags, "O"]] for side in (gold, predicted)]
        oracle = seqeval.metrics.f1_score(
            [in_one_list[0]], [in_one_list[1]], average="macro", mode="strict", scheme=IOB2, zero_division=0
        )
    assert list(scores.values()) == pytest.approx(naive_ner(predicted, gold), abs=1e-9, nan_ok=True)
    if not math.isnan(scores["entity_macro_f1"]):
        assert scores["entity_macro_f1"] == pytest.approx(100 * oracle, abs=1e-9)


def test_ner_drops_blanks_where_tokens_are_given() -> None:
    gold = [["B-PS", "I-PS", "I-PS", "I-PS", "O"], ["B-LC", "I-LC"]]
    tokens = [["김", " ", "철", "수", "가"], [" ", "서"]]
    predicted = [["B-PS", "O", "I-PS", "I-PS", "O"], ["O", "B-LC"]]
    with_blanks, without = compute("ner", predicted, gold), compute("ner", predicted, gold, tokens=tokens)
    assert with_blanks["entity_macro_f1"] == 0
    # The gold entity that begins on a blank has lost its beginning: the predicted one is now wrong.
    assert without["entity_macro_f1"] == 50
    kept = [["B-PS", "I-PS", "I-PS", "O"], ["I-LC"]], [["B-PS", "I-PS", "I-PS", "O"], ["B-LC"]]
    assert list(without.values()) == pytest.approx(naive_ner(kept[1], kept[0]))


def test_ner_on_the_real_dev_set_has_the_figures_of_the_specification(shared: Path) -> None:
    rows = klue_datasets.load("ner", "validation", data_dir=shared / "data/klue-v1.1-dev")
    gold, tokens = list(rows["ner_tags"]), list(rows["tokens"])
    assert list(compute("ner", gold, gold, tokens=tokens).values()) == [100, 100, 100]
    outside = compute("ner", [["O"] * len(tags) for tags in gold], gold, tokens=tokens)
    assert outside["entity_macro_f1"] == 0
    assert outside["char_macro_f1"] == pytest.approx(6.77, abs=0.005)
    flat = np.concatenate([np.array(tags) for tags in gold])
    sentence = np.repeat(np.arange(len(gold)), [len(tags) for tags in gold])
    assert entity_counts(flat, flat, sentence)[2].sum() == 14_257
    keep = np.concatenate([np.array(characters) != " " for characters in tokens])
    assert entity_counts(flat[keep], flat[keep], sentence[keep])[2].sum() == 14_255


def test_ner_without_any_entity_is_nan_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="no entity in references or predictions"):
        assert math.isnan(compute("ner", [["O", "I-PS"]], [["O", "O"]])["entity_macro_f1"])


@CASES
@given(seed=SEEDS, size=st.integers(1, 80), digits=st.sampled_from([1, 2, 12]))
def test_re_agrees_with_scikit_learn(seed: int, size: int, digits: int) -> None:
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 30, size)
    steps = 10**digits  # few steps from 0 to 1: many ties
    probabilities = generator.multinomial(steps, generator.dirichlet(np.ones(30), size)) / steps
    predicted = probabilities.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = compute("re", predicted, gold, probabilities=probabilities)
        micro = sklearn.metrics.f1_score(
            gold, predicted, labels=range(1, 30), average="micro", zero_division=0
        )
    areas = []
    for relation in sorted(set(gold.tolist())):
        precision, recall, _ = sklearn.metrics.precision_recall_curve(
            gold == relation, probabilities[:, relation]
        )
        areas.append(sklearn.metrics.auc(recall, precision))
    assert scores["micro_f1"] == pytest.approx(100 * micro, abs=1e-9)
    assert scores["auprc_present"] == pytest.approx(100 * np.mean(areas), abs=1e-9)
    assert math.isnan(scores["auprc"]) == (len(areas) < 30)


def test_trapezoids_against_average_precision_as_the_card_of_re_has_it() -> None:
    def both(scores: np.ndarray, gold: np.ndarray) -> tuple[float, float]:
        area = precision_recall_areas(np.stack([1 - scores, scores], axis=1), gold)[1]
        return area, sklearn.metrics.average_precision_score(gold, scores)

    assert both(np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1])) == pytest.approx((0.792, 0.833), abs=5e-4)
    generator = np.random.default_rng(0)
    for _ in range(300):
        gold = generator.integers(0, 2, generator.integers(2, 60))
        gold[0] = 1
        area, average = both(generator.permutation(len(gold)) / len(gold), gold)
        assert area <= average + 1e-12
    gold = np.arange(26)
    pairs = [both(np.full(26, 0.5), (gold == relation).astype(int)) for relation in gold]
    assert 100 * np.mean(pairs, axis=0) == pytest.approx([51.9, 3.8], abs=0.05)
    card = (Path(klue_metrics.path("re")) / "README.md").read_text(encoding="utf-8")
    for number in (".792", ".833", "51.9", "3.8 ("):
        assert number in card


def test_korquad_normalizes_brackets_as_the_card_of_mrc_says() -> None:
    def korquad(text: str) -> str:
        for symbol in "'\"《》<>〈〉()‘’":
            text = text.replace(symbol, " ")
        return " ".join(
            "".join(letter for letter in text.lower() if letter not in string.punctuation).split()
        )

    card = (Path(klue_metrics.path("mrc")) / "README.md").read_text(encoding="utf-8")
    ((prediction, answer),) = re.findall(r'The prediction "(.*?)" for the answer "(.*?)"', card)
    assert korquad(prediction) == korquad(answer)
    assert question_scores([prediction], [[answer]])[0] == [0]


def area_and_average_precision(scores: list[float], references: list[int]) -> tuple[float, float]:
    """Return the area of class 1 as a score of KLUE, and scikit-learn's average precision, from 0 to 1."""
    column = np.array(scores)
    area = precision_recall_areas(np.column_stack([1 - column, column]), np.array(references))[1]
    return area, sklearn.metrics.average_precision_score(references, scores)


@settings(max_examples=300, deadline=None)
@given(seed=SEEDS, size=st.integers(1, 40))
def test_without_ties_the_area_is_not_above_average_precision(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    references = [1, *rng.integers(0, 2, size).tolist()]
    area, average = area_and_average_precision(rng.permutation(size + 1).tolist(), references)
    assert area <= average + 1e-12


def test_the_card_of_re_compares_the_area_with_average_precision() -> None:
    card = (Path(klue_metrics.path("re")) / "README.md").read_text(encoding="utf-8")
    area, average = area_and_average_precision([0.9, 0.8, 0.7], [1, 0, 1])
    figures = re.search(r"the area is (\S+) and average precision (\S+)\.\s", card)
    assert figures is not None
    assert [float(text) for text in figures.groups()] == [round(area, 3), round(average, 3)]
    present = np.arange(26)
    tied = np.full((26, 30), 1 / 30)
    scores = precision_recall_areas(tied, present)[:26]
    averages = [sklearn.metrics.average_precision_score(present == one, tied[:, one]) for one in present]
    figures = re.search(r"score (\S+), and\s+their average precision is (\S+) \(26 relations", card)
    assert figures is not None
    assert [float(text) for text in figures.groups()] == [
        round(100 * float(np.mean(found)), 1) for found in (scores, averages)
    ]


def test_re_auprc_counts_no_relation_and_is_nan_with_names_where_relations_are_absent() -> None:
    everything = np.arange(30)
    scores = compute("re", everything, everything, probabilities=np.eye(30))
    assert scores == {"micro_f1": 100, "auprc": pytest.approx(100), "auprc_present": pytest.approx(100)}
    with pytest.warns(UserWarning, match="hold no per:title; auprc is NaN"):
        scores = compute("re", everything[:29], everything[:29], probabilities=np.eye(30)[:29])
    assert math.isnan(scores["auprc"])
    assert scores["auprc_present"] == pytest.approx(100)
    assert list(compute("re", ["no_relation"], ["no_relation"]).values()) == [0.0]


@CASES
@given(seed=SEEDS, sentences=st.integers(1, 6), noise=st.sampled_from([0.0, 0.2, 1.0]))
def test_dp_agrees_with_the_loop(seed: int, sentences: int, noise: float) -> None:
    generator = np.random.default_rng(seed)

    def sentence(size: int) -> dict:
        return {
            "head": generator.integers(0, size + 1, size).tolist(),
            "deprel": generator.choice(DP_RELATIONS, size).tolist(),
        }

    gold = [sentence(int(size)) for size in generator.integers(1, 12, sentences)]
    predicted = []
    for right in gold:
        other = sentence(len(right["head"]))
        keep = generator.random(len(right["head"])) >= noise
        predicted.append(
            {
                name: [r if k else o for r, o, k in zip(right[name], other[name], keep, strict=True)]
                for name in ("head", "deprel")
            }
        )
    assert list(compute("dp", predicted, gold).values()) == pytest.approx(naive_dp(predicted, gold), abs=1e-9)


def test_one_wrong_head_costs_dp_a_seventeenth(shared: Path) -> None:
    rows = klue_datasets.load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    gold = [{"head": row["head"], "deprel": row["deprel"]} for row in rows]
    assert set(compute("dp", gold, gold).values()) == {100.0}
    wrong = [{**sentence, "head": list(sentence["head"])} for sentence in gold]
    wrong[0]["head"][0] += 1
    scores = compute("dp", wrong, gold)
    assert scores["las_macro_f1"] == pytest.approx(94.117, abs=0.02)
    assert scores["uas"] == pytest.approx(100 * (1 - 1 / 22_496))
    chain = [{**s, "head": [*range(2, len(s["head"]) + 1), 0]} for s in gold]
    assert compute("dp", chain, gold)["uas"] == pytest.approx(66.6, abs=1.5)


def test_one_head_at_a_position_without_gold_costs_dp_a_thirty_sixth(shared: Path) -> None:
    """Check the figures in docs/generator/metrics/dp.md."""
    rows = klue_datasets.load("dp", "validation", data_dir=shared / "data/klue-v1.1-dev")
    gold = [{"head": row["head"], "deprel": row["deprel"]} for row in rows]
    positions = {head for sentence in gold for head in sentence["head"]}
    assert len(positions) == 35
    assert 1 not in positions
    scores = {}
    for wrong_head in (1, 2):
        wrong = [{**sentence, "head": list(sentence["head"])} for sentence in gold]
        place = next(index for index, head in enumerate(wrong[0]["head"]) if head > 2)
        wrong[0]["head"][place] = wrong_head
        scores[wrong_head] = compute("dp", wrong, gold)
        assert scores[wrong_head]["las_macro_f1"] == pytest.approx(94.1, abs=0.02)
    assert scores[1]["uas_macro_f1"] == pytest.approx(97.22, abs=0.005)
    assert 99.9 < scores[2]["uas_macro_f1"] < 100


TEXT = st.text(alphabet="가나다 한국ab.%", max_size=40)
LONG = st.text(alphabet="가나", min_size=190, max_size=260)


@CASES
@given(
    st.lists(st.tuples(TEXT | LONG, st.lists(TEXT | LONG, min_size=1, max_size=3)), min_size=1, max_size=6)
)
def test_mrc_agrees_with_difflib(questions: list[tuple[str, list[str]]]) -> None:
    exact, rouge = question_scores([p for p, _ in questions], [options for _, options in questions])
    for (prediction, options), e, r in zip(questions, exact, rouge, strict=True):
        pairs = [tuple(normalize([prediction, option])) for option in options]
        assert e == max(p == o for p, o in pairs)
        assert r == pytest.approx(max(naive_rouge(p, o) for p, o in pairs), abs=1e-9)


def test_mrc_normalises_as_officially() -> None:
    assert normalize([f"A{string.punctuation}b\n c  《d》", "3.5%"]) == ["ab c 《d》", "35"]
    assert normalize(["a\0b.", "C"]) == ["a\0b", "c"]
    assert normalize([]) == []


def test_mrc_difflib_ignores_frequent_characters_of_long_answers() -> None:
    gold = "가나" * 150
    scores = compute(
        "mrc", [{"guid": "q", "prediction_text": "나가나가나"}], [{"guid": "q", "answers": {"text": [gold]}}]
    )
    assert scores == {"exact_match": 0.0, "rouge_w": 0.0}


def test_mrc_unanswerable_questions_in_either_view() -> None:
    references = [
        {"guid": "a", "answers": {"text": [], "answer_start": []}},
        {"guid": "b", "answers": {"text": ["거짓"], "answer_start": [3]}, "is_impossible": True},
        {
            "guid": "c",
            "answers": {"text": ["한 달가량", "한 달"], "answer_start": [0, 0]},
            "is_impossible": False,
        },
    ]
    predictions = [
        {"guid": guid, "prediction_text": text} for guid, text in (("c", "한 달"), ("b", ""), ("a", "답"))
    ]
    assert compute("mrc", predictions, references) == pytest.approx(
        {"exact_match": 200 / 3, "rouge_w": 200 / 3}
    )


STATE = st.lists(st.sampled_from([f"식당-{slot}-{value}" for slot in "abc" for value in "xy"]), max_size=4)


@CASES
@given(st.lists(st.tuples(STATE, STATE), min_size=1, max_size=8))
def test_wos_agrees_with_the_loop(turns: list[tuple[list[str], list[str]]]) -> None:
    predicted, gold = map(list, zip(*turns, strict=True))
    scores = compute("wos", predicted, gold)
    assert scores["joint_goal_accuracy"] == pytest.approx(
        100 * sum(set(p) == set(g) for p, g in turns) / len(turns)
    )
    assert scores["slot_micro_f1"] == pytest.approx(
        100 * sum(naive_turn(p, g) for p, g in turns) / len(turns)
    )


@pytest.mark.parametrize(
    ("task", "predictions", "references", "extra", "sentence"),
    [
        ("ner", [["B-XX"]], [["O"]], {}, r"ner: predictions\[0\]\[0\] is 'B-XX'; expected class names"),
        ("ner", [["O"]], [["O", "O"]], {}, "sentence 0 has 1 predicted tags and 2 gold tags"),
        ("ner", ["O"], [["O"]], {}, r"ner: predictions\[0\] is 'O'; expected lists of class names"),
        ("ner", [["O"]], [["O"]], {"tokens": [["가", "나"]]}, "sentence 0 has 2 tokens and 1 gold tags"),
        ("ner", [["O"]], [["O"]], {"tokens": []}, "tokens of 0 sentences; expected those of 1"),
        ("ner", [], [], {}, "ner: predictions and references are empty"),
        ("ner", [[True]], [["O"]], {}, r"ner: predictions\[0\]\[0\] is True"),
        (
            "re",
            [0],
            [0],
            {"probabilities": [[0.5, 0.5]]},
            r"re: probabilities\[0\] has 2 numbers; expected 30 in each row",
        ),
        ("re", [0], [0], {"probabilities": [[float("nan")] * 30]}, r"re: probabilities\[0\]\[0\] is nan"),
        ("dp", [{"head": [0]}], [{"head": [0], "deprel": ["NP"]}], {}, r"predictions\[0\] has no deprel"),
        (
            "dp",
            [{"head": [-1], "deprel": ["NP"]}],
            [{"head": [0], "deprel": ["NP"]}],
            {},
            r"dp: head of predictions\[0\]\[0\] is -1; expected whole",
        ),
        (
            "dp",
            [{"head": [0], "deprel": ["X_X"]}],
            [{"head": [0], "deprel": ["NP"]}],
            {},
            "is 'X_X'; expected class",
        ),
        (
            "dp",
            [[0]],
            [{"head": [0], "deprel": ["NP"]}],
            {},
            r"dp: predictions\[0\] is \[0\]; expected mappings",
        ),
        ("mrc", [], [{"guid": "a", "answers": {"text": []}}], {}, "1 questions have no prediction: a"),
        (
            "mrc",
            [{"guid": "a", "prediction_text": 3}],
            [],
            {},
            "has the prediction_text 3; expected a string",
        ),
        ("mrc", [{"guid": "a", "prediction_text": ""}] * 2, [], {}, "repeats the guid a; expected"),
        (
            "mrc",
            [{"guid": "a", "prediction_text": ""}],
            [{"guid": "a", "answers": 3}],
            {},
            "has the answers 3",
        ),
        ("wos", [["a"]], [["a"], []], {}, "wos: 1 predictions and 2 references"),
        (
            "wos",
            ["a-b-c"],
            [["a-b-c"]],
            {},
            r"wos: predictions\[0\] is 'a-b-c'; expected lists of state strings",
        ),
        ("wos", [[3]], [["a"]], {}, r"wos: predictions\[0\] is \[3\]"),
    ],
)
def test_bad_input_is_one_sentence(task: str, predictions, references, extra: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        compute(task, predictions, references, **extra)
