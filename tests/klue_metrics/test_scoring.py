"""Tests of ``python -m klue_metrics``: scores, comparisons, and errors for invalid files."""

from __future__ import annotations

import gzip
import json
import math
import re
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

import klue_datasets
import klue_metrics
from klue_datasets.tasks import TASKS
from klue_metrics.__main__ import PROG, main
from klue_metrics.functional import METRICS, compute
from klue_metrics.functional.bootstrap import breakdown_intervals, intervals, paired_test

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str | Path, status: int = 0) -> str:
        try:
            ended = main([str(word) for word in words])
        except SystemExit as error:  # of argparse
            ended = int(error.code or 0)
        assert ended == status
        printed = capsys.readouterr()
        return printed.err.removeprefix(f"{PROG}: ") if status else printed.out

    return call


def write(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def nli_rows(count: int = 40, seed: int = 0) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    labels = TASKS["nli"].labels
    gold = np.random.default_rng(99).choice(labels, count).tolist()
    return [
        {
            "guid": f"nli-{index}",
            "prediction": label if generator.random() < 0.7 else str(generator.choice(labels)),
            "reference": label,
        }
        for index, label in enumerate(gold)
    ]


def sides(rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    return [row["prediction"] for row in rows], [row["reference"] for row in rows]


def test_score_prints_scores_intervals_and_breakdown(run: Run, tmp_path: Path) -> None:
    rows = nli_rows()
    path = write(tmp_path / "p.jsonl", rows)
    report = json.loads(run("score", "--task", "nli", "--predictions", path, "--json"))
    score = compute("nli", *sides(rows), by="class")
    low, high = intervals("nli", *sides(rows))["accuracy"]
    assert report["scores"] == {"accuracy": {"score": score["accuracy"], "low": low, "high": high}}
    ends = breakdown_intervals("nli", *sides(rows), "class")
    assert report["by_class"] == {
        name: row | dict(zip(("low", "high"), ends[name]["f1"], strict=True))
        for name, row in score["by_class"].items()
    }
    assert (report["examples"], report["resamples"], report["clusters"]) == (40, 1000, None)
    text = run("score", "--task", "nli", "--predictions", path)
    assert text.splitlines() == [
        "nli: 40 examples; low and high: 95 % percentile interval of 1,000 resamples, seed 0",
        "",
        "metric    score    low   high",
        f"accuracy  {score['accuracy']:.2f}  {low:.2f}  {high:.2f}",
        "",
        *text.splitlines()[5:],
    ]
    assert "class          precision" in text
    assert "gold \\ predicted  entailment  neutral  contradiction" in text
    options = ("--method", "bca", "--seed", "3", "--confidence", "0.9", "--resamples", "200", "--by", "none")
    report = json.loads(run("score", "--task", "nli", "--predictions", path, "--json", *options))
    expected = intervals("nli", *sides(rows), method="bca", seed=3, confidence=0.9, resamples=200)
    assert (report["scores"]["accuracy"]["low"], report["scores"]["accuracy"]["high"]) == expected["accuracy"]
    assert "by_class" not in report
    assert "low" not in run("score", "--task", "nli", "--predictions", path, "--resamples", "0")


def test_references_from_a_file_in_any_order(run: Run, tmp_path: Path) -> None:
    rows = nli_rows()
    predictions = [{key: row[key] for key in ("guid", "prediction")} for row in rows]
    references = [{key: row[key] for key in ("guid", "reference")} for row in rows]
    path = write(tmp_path / "p.jsonl", predictions[::-1])
    gold = write(tmp_path / "r.jsonl", references)
    text = run("score", "--task", "nli", "--predictions", path, "--references", gold, "--json")
    assert json.loads(text)["scores"]["accuracy"]["score"] == compute("nli", *sides(rows))["accuracy"]
    error = run("score", "--task", "nli", "--predictions", path, status=1)
    assert error.startswith(
        "nli: no reference in p.jsonl:1, p.jsonl:2, p.jsonl:3, p.jsonl:4, p.jsonl:5 and 35 "
    )


def natural(task: str, row: dict[str, Any]) -> Any:
    """Return the gold label of a row as a prediction."""
    if task == "sts":
        return row["labels"]["real-label"]
    if task == "ner":
        return [TASKS["ner"].labels[tag] for tag in row["ner_tags"]]
    if task == "dp":
        return {"head": row["head"], "deprel": row["deprel"]}
    if task == "mrc":
        return "" if row["is_impossible"] else row["answers"]["text"][0]
    if task == "wos":
        return [turn["state"] for turn in row["dialogue"] if turn["role"] == "user"]
    return TASKS[task].labels[row["label"]]


def mini_predictions(task: str) -> list[dict[str, Any]]:
    """Write the gold labels of the mini corpus as a predictions file."""
    rows = [
        {"guid": row["guid"], "prediction": natural(task, row)}
        for row in klue_datasets.load(task, "validation", mini=True)
    ]
    if task != "wos":
        return rows
    return [
        {"guid": row["guid"], "turn": turn, "prediction": state}
        for row in rows
        for turn, state in enumerate(row["prediction"])
    ]


@pytest.mark.parametrize("task", METRICS)
def test_gold_scores_100_against_the_data(task: str, run: Run, tmp_path: Path) -> None:
    rows = mini_predictions(task)
    words = ("score", "--task", task, "--mini", "--json", "--predictions")
    report = json.loads(run(*words, write(tmp_path / "p.jsonl", rows)))
    for key, row in report["scores"].items():
        assert row == pytest.approx({"score": 100, "low": 100, "high": 100}, abs=1e-9), key
    assert report["examples"] == len(rows)
    assert (report["clusters"] is not None) == (task in ("nli", "mrc", "wos"))
    breakdown = {"sts": "source", "nli": "class", "mrc": "type", "wos": "domain"}.get(task)
    assert any(key == f"by_{breakdown}" if breakdown else key.startswith("by_") for key in report)
    by_index = [
        {"index": index, "prediction": row["prediction"]} for index, row in enumerate(rows)
    ]  # of wos, the user turns
    again = json.loads(run(*words, write(tmp_path / "i.jsonl", by_index)))
    assert again["scores"] == report["scores"]
    assert "100.00" in run("score", "--task", task, "--mini", "--predictions", tmp_path / "p.jsonl")


def test_wos_dialogues_are_scored_turn_by_turn_and_drawn_as_a_whole(run: Run, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    turns = [
        (f"wos-{dialogue}", turn, ["식당-이름-가"] if generator.random() < 0.7 else [])
        for dialogue in range(12)
        for turn in range(4)
    ]
    gold = ["식당-이름-가"]
    flat = write(
        tmp_path / "flat.jsonl",
        [{"guid": g, "turn": t, "prediction": state, "reference": gold} for g, t, state in turns],
    )
    nested = write(
        tmp_path / "nested.jsonl",
        [
            {
                "guid": f"wos-{dialogue}",
                "prediction": [state for _, _, state in turns[4 * dialogue : 4 * dialogue + 4]],
                "reference": [gold] * 4,
            }
            for dialogue in range(12)
        ],
    )
    reports = [
        json.loads(run("score", "--task", "dst", "--predictions", path, "--json")) for path in (flat, nested)
    ]
    assert reports[0] == reports[1]
    states, clusters = [state for *_, state in turns], [guid for guid, *_ in turns]
    low, high = intervals("wos", states, [gold] * 48, clusters=clusters)["joint_goal_accuracy"]
    assert reports[0]["scores"]["joint_goal_accuracy"]["low"] == low
    assert reports[0]["scores"]["joint_goal_accuracy"]["high"] == high
    assert reports[0]["clusters"] == 12
    rows = [{"guid": "a", "prediction": [[], []], "reference": [[]]}]
    error = run("score", "--task", "wos", "--predictions", write(tmp_path / "x.jsonl", rows), status=1)
    assert (
        error == "wos: x.jsonl:1 has different numbers of states in prediction and reference; expected "
        "one of each per user turn.\n"
    )


def test_further_fields_of_the_file_are_used(run: Run, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"index": 0, "prediction": ["B-PS", "I-PS"], "reference": ["B-PS", "I-PS"], "tokens": ["가", "나"]},
        {"index": 1, "prediction": ["B-LC", "O"], "reference": ["B-LC", "I-LC"], "tokens": ["다", " "]},
    ]
    path = write(tmp_path / "ner.jsonl", rows)
    words = ("score", "--json", "--predictions")
    report = json.loads(run(*words, path, "--task", "ner"))
    assert report["scores"]["entity_macro_f1"]["score"] == 100  # the blank is dropped
    del rows[1]["tokens"]
    error = run(*words, write(path, rows), "--task", "ner", status=1)
    assert error == "ner: 1 of 2 lines have tokens; expected all or none.\n"
    nli = [{**row, "source": "ab"[index % 2]} for index, row in enumerate(nli_rows())]
    report = json.loads(run(*words, write(path, nli), "--task", "nli", "--by", "source"))
    assert list(report["by_source"]) == ["a", "b"]
    labels = TASKS["re"].labels
    relations = [
        {"index": i, "prediction": labels[i], "reference": labels[i], "probabilities": np.eye(30)[i].tolist()}
        for i in range(3)
    ]
    report = json.loads(run(*words, write(path, relations), "--task", "re"))
    assert report["scores"]["auprc"] == {"score": None, "low": None, "high": None}
    assert report["scores"]["auprc_present"] == {"score": 100, "low": 100, "high": 100}
    assert "the references hold no" in report["notes"][0]
    report = json.loads(run("compare", path, path, "--task", "re", "--json"))
    assert report["scores"]["auprc_present"]["p_value"] == 1
    assert "Note: re: the references hold no" in run("score", "--predictions", path, "--task", "re")


def test_compare(run: Run, tmp_path: Path) -> None:
    first, second = nli_rows(seed=0), nli_rows(seed=1)
    paths = write(tmp_path / "a.jsonl", first), write(tmp_path / "b.jsonl", second[::-1])
    report = json.loads(run("compare", "--task", "nli", *paths, "--json"))
    expected = paired_test("nli", sides(first)[0], *sides(second))["accuracy"]
    row = report["scores"]["accuracy"]
    assert {key: row[key] for key in expected._fields} == expected._asdict()
    assert row["first"] - row["second"] == pytest.approx(row["difference"])
    text = run("compare", "--task", "nli", *paths)
    assert "metric    first  second  difference" in text
    assert text.split("\n\n")[-2].endswith(f"{expected.p_value:.4f}")
    same = json.loads(run("compare", "--task", "nli", paths[0], paths[0], "--json"))["scores"]["accuracy"]
    assert (same["difference"], same["low"], same["high"], same["p_value"]) == (0, 0, 0, 1)
    second[3]["reference"] = TASKS["nli"].labels[TASKS["nli"].labels.index(second[3]["reference"]) - 1]
    error = run("compare", "--task", "nli", paths[0], write(tmp_path / "c.jsonl", second), status=1)
    assert "nli: 1 references differ between" in error
    assert "nli-3; expected the same" in error
    error = run("compare", "--task", "nli", paths[0], write(tmp_path / "d.jsonl", second[:-1]), status=1)
    assert "nli: 1 ids are in only one of the two files" in error
    assert "nli-39" in error


def test_wrong_ids_are_listed_with_their_lines(run: Run, tmp_path: Path) -> None:
    rows = nli_rows(20)
    gold = write(tmp_path / "r.jsonl", rows)

    def error(lines: list[Any]) -> str:
        path = write(tmp_path / "p.jsonl", lines)
        return run("score", "--task", "nli", "--predictions", path, "--references", gold, status=1)

    assert "nli: 2 ids missing in " in error(rows[2:])
    assert "p.jsonl: nli-0 (r.jsonl:1), nli-1 (r.jsonl:2); expected exactly those" in error(rows[2:])
    assert "nli: 1 ids unknown in " in error([*rows, {**rows[0], "guid": "x"}])
    assert "x (p.jsonl:21)" in error([*rows, {**rows[0], "guid": "x"}])
    assert error([*rows, *rows[:7]]) == (
        "nli: 7 ids occur more than once: nli-0 (p.jsonl:1 and p.jsonl:21), "
        "nli-1 (p.jsonl:2 and p.jsonl:22), nli-2 (p.jsonl:3 and p.jsonl:23), "
        "nli-3 (p.jsonl:4 and p.jsonl:24), nli-4 (p.jsonl:5 and p.jsonl:25) and 2 more; expected each once.\n"
    )


def test_broken_lines_are_listed(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(
        b'{"guid": "a", "prediction": 0}\n{"guid"\n[]\n{"guid": "b"}\n{"prediction": 1}\n"\xff"\n'
    )
    error = run("score", "--task", "nli", "--predictions", path, status=1)
    assert error.startswith("nli: 5 broken lines: p.jsonl:2 (")
    for part in ("p.jsonl:3 (no object)", "p.jsonl:4 (no prediction)", "p.jsonl:5 (no guid and no index)"):
        assert part in error
    path.write_bytes(b"")
    assert "is empty" in run("score", "--task", "nli", "--predictions", path, status=1)
    assert "there is no file" in run("score", "--task", "nli", "--predictions", tmp_path / "none", status=1)
    write(path, [{"index": 0, "prediction": "maybe", "reference": "neutral"}])
    error = run("score", "--task", "nli", "--predictions", path, status=1)
    assert error.startswith("nli: predictions[0] is 'maybe'; expected class names")
    write(path, [{"guid": "g", "prediction": [], "reference": []}])
    error = run("score", "--task", "wos", "--predictions", path, "--mini", status=1)
    assert error.startswith("wos: the lines have a guid but no turn")


def test_a_damaged_copy_of_the_real_ner_dev_set_takes_seconds(
    cold_python: Callable[..., CompletedProcess[str]], shared: Path, tmp_path: Path
) -> None:
    table = klue_datasets.load("ner", "validation", data_dir=shared / "data/klue-v1.1-dev")
    generator, labels = np.random.default_rng(0), TASKS["ner"].labels
    rows = []
    for guid, tags, tokens in zip(table["guid"], table["ner_tags"], table["tokens"], strict=True):
        noise = generator.random(len(tags)) < 0.03
        damaged = np.where(noise, generator.integers(0, 13, len(tags)), tags)
        names = {"prediction": [labels[tag] for tag in damaged], "reference": [labels[tag] for tag in tags]}
        rows.append({"guid": guid, "tokens": tokens, **names})
    path = write(tmp_path / "p.jsonl", rows)
    begin = time.perf_counter()
    done = cold_python(
        "-X", "importtime", "-m", "klue_metrics", "score", "--task", "ner", "--predictions", path
    )
    assert time.perf_counter() - begin < 5
    assert "ner: 5,000 examples" in done.stdout
    assert "PS " in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert not imported & {"datasets", "evaluate", "torch", "pyarrow", "scipy", "sklearn"}


def test_help_imports_no_libraries_of_hugging_face(cold_python: Callable[..., CompletedProcess[str]]) -> None:
    for command in ([], ["score"], ["compare"], ["export"]):
        begin = time.perf_counter()
        done = cold_python("-X", "importtime", "-m", "klue_metrics", *command, "--help")
        assert time.perf_counter() - begin < 1.5
        assert "usage: python -m klue_metrics" in done.stdout
        assert "pyarrow" not in done.stderr


# A wrong prediction of the same shape.
DAMAGE: dict[str, Callable[[Any], Any]] = {
    "sts": lambda score: 5 - score,
    "ner": lambda tags: ["O"] * len(tags),
    "dp": lambda words: {**words, "deprel": ["NP"] * len(words["deprel"])},
    "mrc": lambda text: text[1:],
    "wos": lambda state: state[1:],
    **{task: lambda label, first=TASKS[task].labels[0]: first for task in ("ynat", "nli", "re")},
}


def damaged_predictions(task: str) -> list[dict[str, Any]]:
    """Write predictions of the mini corpus by index, of which every third is wrong."""
    rows = mini_predictions(task)
    return [
        {"index": index, "prediction": (DAMAGE[task] if index % 3 == 0 else lambda value: value)(value)}
        for index, value in enumerate(row["prediction"] for row in rows)
    ]


@pytest.mark.parametrize("task", METRICS)
def test_a_field_that_is_null_is_a_missing_field(task: str, run: Run, tmp_path: Path) -> None:
    """Null does not replace passages, dialogues, sources, tokens and references of the data."""
    rows = damaged_predictions(task)
    plain = write(tmp_path / "plain.jsonl", rows)
    words = ("score", "--task", task, "--mini", "--json", "--resamples", "50", "--predictions")
    expected = run(*words, plain)
    assert json.loads(expected)["scores"][METRICS[task].primary]["score"] < 100
    fields = ["guid", "turn", "cluster", "source", "tokens", "probabilities", "reference"]
    cases: list[dict[str, Any]] = [{field: None} for field in fields]
    cases += [{"guid": "", "cluster": ""}, dict.fromkeys(fields, math.nan)]
    for nulls in cases:
        path = write(tmp_path / "nulls.jsonl", [{**nulls, **row} for row in rows])
        assert run(*words, path) == expected, nulls
    both = ("compare", "--task", task, "--mini", "--json", "--resamples", "50")
    assert run(*both, path, plain) == run(*both, plain, plain) == run(*both, plain, path)


def test_predictions_that_are_null_are_named_by_their_lines_except_for_sts(run: Run, tmp_path: Path) -> None:
    for task in METRICS:
        rows = damaged_predictions(task)
        rows[1]["prediction"] = None
        path = write(tmp_path / "p.jsonl", rows)
        words = ("score", "--task", task, "--mini", "--json", "--predictions", path)
        if task == "sts":
            assert json.loads(run(*words))["scores"]["pearsonr"]["score"] is None
        else:
            assert f"{task}: 1 broken lines: p.jsonl:2 (no prediction)" in run(*words, status=1)


@pytest.mark.parametrize("task", METRICS)
def test_one_cluster_has_no_intervals_and_no_test(task: str, run: Run, tmp_path: Path) -> None:
    rows = damaged_predictions(task)
    path = write(tmp_path / "p.jsonl", [{**row, "cluster": "x"} for row in rows])
    report = json.loads(run("score", "--task", task, "--mini", "--json", "--predictions", path))
    assert {(row["low"], row["high"]) for row in report["scores"].values()} == {(None, None)}
    assert "All examples are in one cluster, so there are no intervals." in report["notes"]
    words = run("score", "--task", task, "--mini", "--predictions", path)
    assert "Note: All examples are in one cluster" in words
    error = run("compare", "--task", task, "--mini", path, path, status=1)
    assert error.startswith(
        f"{task}: all {len(rows)} examples are in one cluster; expected two clusters or more"
    )


def test_clusters_of_either_file_count(run: Run, tmp_path: Path) -> None:
    rows = nli_rows()
    plain = write(tmp_path / "plain.jsonl", rows)
    grouped = [{**row, "cluster": str(index // 4)} for index, row in enumerate(nli_rows(seed=1))]
    with_clusters = write(tmp_path / "clusters.jsonl", grouped)
    words = ("compare", "--task", "nli", "--json")
    reports = [json.loads(run(*words, *paths)) for paths in ((plain, with_clusters), (with_clusters, plain))]
    assert [report["clusters"] for report in reports] == [10, 10]


@pytest.mark.parametrize("task", METRICS)
def test_blank_lines_line_ends_and_compression_do_no_harm(task: str, run: Run, tmp_path: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False) for row in damaged_predictions(task)]
    words = ("score", "--task", task, "--mini", "--json", "--resamples", "20", "--predictions")
    texts = {
        "plain": "\n".join(lines),
        "trailing": "\n".join(lines) + "\n\n \n",
        "between": "\n\n".join(lines),
        "windows": "\r\n".join(lines) + "\r\n",
        "twice converted": "\r\r\n".join(lines) + "\r\r\n",
    }
    contents = {name: text.encode() for name, text in texts.items()}
    contents["byte order mark"] = b"\xef\xbb\xbf" + contents["plain"]
    contents["gzip"] = gzip.compress(contents["trailing"])
    results = set()
    for content in contents.values():
        path = tmp_path / "p.jsonl"
        path.write_bytes(content)
        results.add(run(*words, path))
    assert len(results) == 1
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        path.write_bytes(texts["plain"].encode(encoding))
        error = run(*words, path, status=1)
        assert error == (
            f"{path}: the file is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW\n"
        )
    path.write_bytes(contents["gzip"][:-20])
    assert "a broken gzip file" in run(*words, path, status=1)


@pytest.mark.parametrize("task", METRICS)
def test_an_index_may_be_a_whole_float_and_nothing_else(task: str, run: Run, tmp_path: Path) -> None:
    rows = damaged_predictions(task)
    words = ("score", "--task", task, "--mini", "--json", "--resamples", "20", "--predictions")
    expected = run(*words, write(tmp_path / "p.jsonl", rows))
    floats = [{**row, "index": float(row["index"])} for row in rows]
    assert run(*words, write(tmp_path / "p.jsonl", floats)) == expected
    for wrong, shown in ((3.5, "3.5"), (math.inf, "inf"), (True, "True"), ([1], "[1]")):
        broken = [{**row, "index": wrong} if row["index"] == 1 else row for row in rows]
        error = run(*words, write(tmp_path / "p.jsonl", broken), status=1)
        assert f"{task}: 1 broken lines: p.jsonl:2 (index {shown}, expected a whole number)" in error


def test_a_number_of_400_digits_is_one_sentence(run: Run, tmp_path: Path) -> None:
    rows = damaged_predictions("sts")
    rows[1]["prediction"] = 10**400
    path = write(tmp_path / "p.jsonl", rows)
    error = run("score", "--task", "sts", "--mini", "--predictions", path, status=1)
    assert error.startswith("sts: predictions[1] is 1000")
    assert error.endswith("expected numbers that a float can hold, up to 1.8e308.\n")


def relation_lines(order: np.ndarray | None = None, *, logits: bool = False) -> list[dict[str, Any]]:
    """Return predictions of re with a softmax over random logits, or with the logits."""
    generator = np.random.default_rng(0)
    labels = TASKS["re"].labels
    values = generator.normal(0, 2, (60, 30))
    gold = np.concatenate([np.arange(30), generator.integers(0, 30, 30)])
    values[np.arange(60), gold] += 2
    table = values if logits else np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    shown = table if order is None else table[:, order]
    return [
        {
            "index": index,
            "prediction": labels[values[index].argmax()],
            "reference": labels[gold[index]],
            "probabilities": shown[index].tolist(),
        }
        for index in range(60)
    ]


def test_probabilities_that_are_no_distributions_are_refused_everywhere(run: Run, tmp_path: Path) -> None:
    right = relation_lines()
    predictions, references = sides(right)
    table = np.array([row["probabilities"] for row in right])
    low, far, near = table.copy(), table.copy(), table.copy()
    low[7, :2] = -0.01, low[7, :2].sum() + 0.01
    far[7, 0] += 0.002
    near[7, 0] += 0.0005
    logits = np.array([row["probabilities"] for row in relation_lines(logits=True)])
    compute("re", predictions, references, probabilities=near)
    module = klue_metrics.load("re", keep_in_memory=True)
    for wrong, count in ((low, 1), (far, 1), (logits, 60)):
        sentence = (
            rf"^re: {count} of 60 rows of probabilities are not distributions: .*Apply softmax to logits"
        )
        calls: list[Callable[[], Any]] = [
            lambda wrong=wrong: compute("re", predictions, references, probabilities=wrong),
            lambda wrong=wrong: intervals("re", predictions, references, probabilities=wrong),
            lambda wrong=wrong: paired_test(
                "re", predictions, predictions, references, probabilities=(table, wrong)
            ),
            lambda wrong=wrong: module.compute(
                predictions=predictions, references=references, probabilities=wrong
            ),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=sentence):
                call()
        rows = [{**row, "probabilities": line} for row, line in zip(right, wrong.tolist(), strict=True)]
        path = write(tmp_path / "wrong.jsonl", rows)
        gold = write(tmp_path / "right.jsonl", right)
        for words in (("score", "--predictions", path), ("compare", gold, path), ("compare", path, gold)):
            assert re.match(sentence, run(words[0], "--task", "re", *words[1:], status=1))


def test_probabilities_in_another_order_are_noticed_everywhere(run: Run, tmp_path: Path) -> None:
    right, wrong = relation_lines(), relation_lines(np.roll(np.arange(30), 1))
    sentence = (
        "re: 60 of 60 predictions are not the most probable relation of their row of probabilities. Expected "
        "columns in this order: no_relation, org:dissolved, "
    )
    module = klue_metrics.load("re", keep_in_memory=True)
    predictions, references = sides(wrong)
    both = {"predictions": predictions, "references": references}
    for score in (lambda **given: compute("re", **given), module.compute):
        with pytest.warns(UserWarning, match=re.escape(sentence)):
            score(**both, probabilities=[row["probabilities"] for row in wrong])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            score(**both, probabilities=[row["probabilities"] for row in right])
    path, gold = write(tmp_path / "wrong.jsonl", wrong), write(tmp_path / "right.jsonl", right)
    for words in (("score", "--predictions", path), ("compare", path, gold), ("compare", gold, path)):
        notes = json.loads(run(words[0], "--task", "re", "--json", *words[1:]))["notes"]
        assert [note.startswith(sentence) for note in notes] == [True]
        assert sentence in run(words[0], "--task", "re", *words[1:])
    assert json.loads(run("score", "--task", "re", "--json", "--predictions", gold))["notes"] == []


def test_relations_without_probabilities_are_told_what_auprc_needs(run: Run, tmp_path: Path) -> None:
    rows = [
        {"guid": str(number), "prediction": "org:founded", "reference": "org:founded"} for number in range(4)
    ]
    files = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    for file in files:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    score = ("score", "--task", "re", "--predictions", files[0], "--resamples", "10")
    compare = ("compare", "--task", "re", *files, "--resamples", "10")
    for words in (score, compare):
        assert "AUPRC and AUPRC (present) need the probability of each relation" in run(*words)
        report = json.loads(run(*words, "--json"))
        assert list(report["scores"]) == ["micro_f1"]
