"""Tests of containers: the same scores for all containers and entry points."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import datasets
import evaluate
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import klue_metrics
from klue_datasets.tasks import DP_RELATIONS, TASKS
from klue_metrics.functional import METRICS, compute
from klue_metrics.functional.bootstrap import intervals, paired_test
from klue_metrics.functional.inputs import to_python
from klue_metrics.predictions import cases_of
from klue_metrics.scoring import score_cases

# Predictions, references and further arguments.
CASES: dict[str, tuple[list[Any], list[Any], dict[str, list[Any]]]] = {
    "ynat": ([0, 1, 2, 1, 6], [0, 2, 2, 1, 1], {}),
    "sts": ([1.5, 3.25, 4.0, 0.5], [1.0, 3.0, 4.5, 3.5], {"sources": ["a", "a", "b", "b"]}),
    "nli": ([0, 1, 2, 1], [0, 2, 2, 1], {"sources": ["a", "b", "a", "b"]}),
    "ner": (
        [[6, 7, 12], [0, 1, 12, 12], [2]],
        [[6, 7, 12], [12, 0, 1, 12], [2]],
        {"tokens": [["박", "씨", " "], ["어", "제", " ", "밤"], ["곳"]]},
    ),
    "re": (
        [0, 1, 2],
        [0, 1, 3],
        {"probabilities": [[0.5, 0.25, 0.25] + [0] * 27, [0.25, 0.75] + [0] * 28, [0] * 2 + [1] + [0] * 27]},
    ),
    "dp": (
        [{"head": [2, 0], "deprel": [0, 2]}, {"head": [0], "deprel": [2]}],
        [{"head": [2, 0], "deprel": [0, 22]}, {"head": [0], "deprel": [2]}],
        {},
    ),
    "mrc": (
        [{"guid": "b", "prediction_text": "무엇"}, {"guid": "a", "prediction_text": "한 달"}],
        [
            {
                "guid": "a",
                "answers": {"text": ["한 달가량", "한 달"], "answer_start": [0, 0]},
                "is_impossible": False,
                "question_type": 1,
            },
            {
                "guid": "b",
                "answers": {"text": ["거짓"], "answer_start": [3]},
                "is_impossible": True,
                "question_type": 3,
            },
        ],
        {},
    ),
    "wos": ([["식당-이름-가", "식당-지역-나"], ["숙소-이름-다"]], [["식당-이름-가"], ["숙소-이름-다"]], {}),
}
assert CASES.keys() == METRICS.keys()

Wrap = Callable[[list[Any]], Any]


def zero_dimensional(values: list[Any]) -> list[Any]:
    return [np.array(value) for value in values]


def mixed(values: list[Any]) -> list[Any]:
    """Return a list of scalars of Python, NumPy and torch."""
    makers: list[Callable[[Any], Any]] = [lambda value: value, np.array, lambda value: np.array([value])[0]]
    if not isinstance(values[0], str):
        makers += [torch.tensor, np.float64 if isinstance(values[0], float) else np.uint8]
    return [makers[index % len(makers)](value) for index, value in enumerate(values)]


def column(values: list[Any], form: str | None = None) -> Any:
    return datasets.Dataset.from_dict({"x": values}).with_format(form)["x"]


# Containers of scalars; those of torch, and numpy's by dtype, hold numbers only.
FLAT: dict[str, tuple[Wrap, bool]] = {
    "tuple": (tuple, True),
    "iterator": (iter, True),
    "numpy": (np.array, True),
    "numpy object": (lambda values: np.array(values, dtype=object), True),
    "numpy float32 or int8": (
        lambda values: np.array(values, dtype=np.float32 if isinstance(values[0], float) else np.int8),
        False,
    ),
    "numpy float16 or uint64": (
        lambda values: np.array(values, dtype=np.float16 if isinstance(values[0], float) else np.uint64),
        False,
    ),
    "numpy 0-d": (zero_dimensional, True),
    "numpy scalars": (lambda values: list(np.array(values)), True),
    "torch": (torch.tensor, False),
    "rows of torch": (lambda values: list(torch.tensor(values)), False),
    "mixed": (mixed, True),
    "pandas": (pd.Series, True),
    "polars": (pl.Series, True),
    "pyarrow": (pa.array, True),
    "pyarrow scalars": (lambda values: list(pa.array(values)), True),
    "column": (column, True),
}
# Containers of a whole side, nested as it is.
WHOLE: dict[str, Wrap] = {
    "pandas": pd.Series,
    "polars": pl.Series,
    "pyarrow": pa.array,
    "pyarrow chunks": lambda values: pa.chunked_array([pa.array(values)]),
    "column": column,
    **{f"column as {form}": functools.partial(column, form=form) for form in ("numpy", "torch", "pandas")},
}


def wrapped(value: Any, wrap: Wrap, takes_texts: bool) -> Any:
    """Return a copy of plain data with other containers for lists of scalars."""
    if isinstance(value, dict):
        return {key: wrapped(inner, wrap, takes_texts) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    if isinstance(value[0], list | dict):
        return [wrapped(inner, wrap, takes_texts) for inner in value]
    if len({type(item) for item in value}) > 1:  # one row of probabilities: dtypes would differ
        value = [float(item) for item in value]
    return wrap(value) if takes_texts or not isinstance(value[0], str) else value


@functools.cache
def module(task: str) -> evaluate.Metric:
    return klue_metrics.load(task, keep_in_memory=True)


def by_function(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    return compute(task, predictions, references, **extra)


def by_compute(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    return module(task).compute(predictions=predictions, references=references, **extra)


def by_batch(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    module(task).add_batch(predictions=predictions, references=references)
    return module(task).compute(**extra)


def by_example(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    for prediction, reference in zip(predictions, references, strict=True):
        module(task).add(prediction=prediction, reference=reference)
    return module(task).compute(**extra)


def by_intervals(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    extra = {name: values for name, values in extra.items() if name != "sources"}
    return intervals(task, predictions, references, resamples=20, **extra)


def by_test(task: str, predictions: Any, references: Any, extra: dict[str, Any]) -> Any:
    extra = {name: values for name, values in extra.items() if name == "tokens"}
    plain = CASES[task][0]
    return paired_test(task, predictions, plain, references, resamples=20, **extra)


ENTRIES = (by_function, by_compute, by_batch, by_example, by_intervals, by_test)


def check_all_entries(task: str, make: Callable[[Any], Any]) -> None:
    """Check that all entry points have the same results for ``make`` of the data as for lists."""
    predictions, references, extra = CASES[task]
    for entry in ENTRIES:
        expected = entry(task, predictions, references, extra)
        found = entry(
            task, make(predictions), make(references), {name: make(side) for name, side in extra.items()}
        )
        np.testing.assert_equal(found, expected, err_msg=entry.__name__)


@pytest.mark.parametrize("kind", FLAT)
@pytest.mark.parametrize("task", METRICS)
@pytest.mark.filterwarnings("ignore:re. the references hold no")
def test_lists_of_scalars_in_any_container(task: str, kind: str) -> None:
    wrap, takes_texts = FLAT[kind]
    if task in ("mrc", "wos") and not takes_texts:
        takes_texts, wrap = True, zero_dimensional  # nothing but texts, which torch cannot hold
    check_all_entries(task, lambda side: wrapped(side, wrap, takes_texts))


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("task", METRICS)
@pytest.mark.filterwarnings("ignore:re. the references hold no")
def test_whole_sides_in_any_container(task: str, kind: str) -> None:
    check_all_entries(task, WHOLE[kind])


def test_rows_of_zero_dimensional_tensors_score_as_lists_do() -> None:
    predicted, gold = torch.tensor([[6, 7, 12], [0, 1, 12]]), torch.tensor([[12, 12, 0], [12, 0, 1]])
    sides = [list(row) for row in predicted], [list(row) for row in gold]
    for entry in ENTRIES[:4]:
        scores = entry("ner", *sides, {})
        assert scores["entity_macro_f1"] == 0.0
        assert scores["char_macro_f1"] == pytest.approx(66.27, abs=0.005)


@pytest.mark.parametrize("task", ["ynat", "nli", "re", "ner", "dp"])
@pytest.mark.parametrize("wrong", ["날씨", 99, -1, 1.0, True, None, float("nan"), [[]], "1"])
def test_what_is_neither_a_label_nor_an_id_is_named_by_its_position(task: str, wrong: Any) -> None:
    predictions, references, _ = CASES[task]
    if task == "ner":
        predictions, place = [predictions[0], [0, wrong, 12, 12], predictions[2]], r"predictions\[1\]\[1\]"
    elif task == "dp":
        predictions = [{"head": [2, 0], "deprel": [0, wrong]}, predictions[1]]
        place = r"deprel of predictions\[0\]\[1\]"
    else:
        predictions, place = [predictions[0], wrong, *predictions[2:]], r"predictions\[1\]"
    calls = [by_function, by_compute, by_batch, by_intervals]
    for entry in calls:
        with pytest.raises(ValueError, match=rf"^{task}: {place} is .*; expected class names \("):
            entry(task, predictions, references, {})


@pytest.mark.parametrize("task", METRICS)
@pytest.mark.filterwarnings("ignore:re. the references hold no")
def test_every_calling_form_of_evaluate(task: str) -> None:
    predictions, references, extra = CASES[task]
    metric = module(task)
    expected = pytest.approx(compute(task, predictions, references, **extra), nan_ok=True)
    combined = evaluate.combine([metric])

    def gather(add: Callable[..., Any]) -> None:
        for prediction, reference in zip(predictions, references, strict=True):
            add(prediction, reference)

    for add in (
        lambda one, gold: metric.add(prediction=one, reference=gold),
        lambda one, gold: metric.add(references=gold, predictions=one),
        lambda one, gold: metric.add_batch(references=[gold], predictions=[one]),
    ):
        gather(add)
        assert metric.compute(**extra) == expected
    for add in (
        lambda one, gold: combined.add(one, gold),
        lambda one, gold: combined.add(reference=gold, prediction=one),
        lambda one, gold: combined.add(references=gold, predictions=one),
        lambda one, gold: combined.add_batch([one], [gold]),
        lambda one, gold: combined.add_batch(references=[gold], predictions=[one]),
    ):
        gather(add)
        assert combined.compute(**extra) == expected
    assert combined.compute(predictions=predictions, references=references, **extra) == expected
    assert metric.compute(references=references, predictions=predictions, **extra) == expected


def mrc_rows() -> datasets.Dataset:
    """Return questions in the format of the Hub, one with two answers and one without."""
    two, none = {"text": ["한 달가량", "한 달"], "answer_start": [0, 0]}, {"text": [], "answer_start": []}
    rows = [
        {"guid": "a", "question_type": 1, "is_impossible": False, "answers": two},
        {"guid": "b", "question_type": 3, "is_impossible": True, "answers": none},
    ]
    return datasets.Dataset.from_list(rows)


MRC_FORMS: dict[str, Callable[[], Any]] = {
    "rows": lambda: list(mrc_rows()),
    "data set": mrc_rows,
    "pandas records": lambda: mrc_rows().to_pandas().to_dict("records"),
    "numpy": lambda: mrc_rows().with_format("numpy"),
    "torch": lambda: list(mrc_rows().with_format("torch")),
    "raw KLUE": lambda: [
        {
            **row,
            "answers": [
                {"text": text, "answer_start": start}
                for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
            ],
        }
        for row in mrc_rows()
    ],
}


@pytest.mark.parametrize("form", MRC_FORMS)
def test_mrc_references_in_every_form_that_data_comes_in(form: str) -> None:
    predictions = [{"guid": "a", "prediction_text": "한 달"}, {"guid": "b", "prediction_text": "무엇"}]
    for entry in ENTRIES[:4]:
        scores = entry("mrc", predictions, MRC_FORMS[form](), {})
        assert scores == {"exact_match": 50.0, "rouge_w": 50.0}, entry.__name__
    by_type = compute("mrc", predictions, MRC_FORMS[form](), by="type")["by_type"]
    assert {name: scores["exact_match"] for name, scores in by_type.items()} == {
        "paraphrase": 100.0,
        "unanswerable": 0.0,
    }


SCALARS = st.integers(0, 12) | st.sampled_from(["B-PS", "O"]) | st.booleans() | st.none()
MAKERS: tuple[Callable[[Any], Any], ...] = (list, tuple, iter, lambda items: np.array(items, dtype=object))


@settings(max_examples=200, deadline=None)
@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=12), st.data())
def test_a_conversion_never_changes_the_number_of_items(value: Any, data: st.DataObject) -> None:
    def hidden(part: Any) -> Any:
        if isinstance(part, list):
            items = [hidden(item) for item in part]
            make = data.draw(st.sampled_from(MAKERS))
            if make is MAKERS[-1]:  # numpy must not look inside
                array = np.empty(len(items), dtype=object)
                array[:] = items
                return array
            return make(items)
        if isinstance(part, int):
            return data.draw(st.sampled_from([part, np.array(part), torch.tensor(part), pa.scalar(part)]))
        return part

    assert to_python(hidden(value)) == value


def test_sets_have_no_order_and_are_refused() -> None:
    with pytest.raises(ValueError, match=r"nli: predictions are .*; expected a sequence of class names"):
        compute("nli", {0, 1}, [0, 1])


@pytest.mark.parametrize("task", ["ynat", "nli", "re", "dp", "ner"])
def test_a_label_in_another_unicode_form_is_told_from_its_twin(task: str) -> None:
    import unicodedata

    name = DP_RELATIONS[0] if task == "dp" else TASKS[task].labels[1]
    wide = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in name)
    forms = [(unicodedata.normalize("NFD", name), "Unicode normalization form NFD")]
    forms.append((wide, "with compatibility characters"))
    checked = 0
    for text, form in forms:
        if text == name:  # plain ASCII is the same in NFC and NFD
            continue
        value = {"head": [0], "deprel": [text]} if task == "dp" else [text] if task == "ner" else text
        with pytest.raises(ValueError, match=rf"expected class names .*It is '{name}' .*{form}"):
            compute(task, [value], [value])
        checked += 1
    assert checked == 1  # ynat's second label is Korean alone, those of the other tasks are ASCII


def test_of_many_labels_the_three_most_similar_are_listed() -> None:
    with pytest.raises(
        ValueError, match=r"\(org:members, org:member_of, .* and 27 more\) or their ids"
    ) as caught:
        compute("re", ["org:membrs"], [0])
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("digits", [400, 5_000])
def test_numbers_beyond_the_range_of_a_float_or_an_integer_are_one_sentence(digits: int) -> None:
    huge = 10**digits
    words = [{"head": [head], "deprel": ["NP"]} for head in (huge, 0)]
    for task, value, gold, place in (
        ("sts", [huge, 1.0], [1.0, 2.0], r"predictions\[0\]"),
        ("ynat", [huge], [0], r"predictions\[0\]"),
        ("re", [huge], [0], r"predictions\[0\]"),
        ("ner", [[huge]], [[0]], r"predictions\[0\]\[0\]"),
        ("dp", words[:1], words[1:], r"head of predictions\[0\]\[0\]"),
    ):
        for entry in (by_function, by_compute, by_intervals):
            with pytest.raises(ValueError, match=rf"^{task}: {place} is .*; expected [^\n]*\.$"):
                entry(task, value, gold, {})
    rows = {"probabilities": [[huge] + [0] * 29]}
    with pytest.raises(
        ValueError, match=r"^re: probabilities\[0\]\[0\] is .*; expected numbers that a float"
    ):
        by_function("re", [0], [0], rows)
    gold = [{"guid": "a", "answers": ["가"], "question_type": huge}]
    with pytest.raises(ValueError, match=r"^mrc: references\[0\] has the question_type "):
        by_compute("mrc", [{"guid": "a", "prediction_text": "가"}], gold, {})


@pytest.mark.parametrize("task", METRICS)
def test_predictions_that_are_still_in_memory_may_be_tensors(task: str) -> None:
    predictions, references, _ = CASES[task]

    def lines(make: Callable[[Any], Any]) -> list[dict[str, Any]]:
        pairs = zip(predictions, references, strict=True)
        if task == "mrc":
            gold = {row["guid"]: row for row in references}
            pairs = ((row["prediction_text"], gold[row["guid"]]) for row in predictions)
        return [
            {"index": index, "prediction": make(one), "reference": make(other)}
            for index, (one, other) in enumerate(pairs)
        ]

    plain, tensors = (
        score_cases(task, cases_of(task, lines(make)), resamples=20, confidence=0.95)
        for make in (lambda value: value, lambda value: wrapped([value], zero_dimensional, True)[0])
    )
    np.testing.assert_equal(tensors, plain)
