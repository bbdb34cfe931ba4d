"""``python -m klue_metrics``: scores and comparisons of predictions files, errors of broken ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

import klue_datasets
from klue_datasets.tasks import TASKS
from klue_metrics.__main__ import main
from klue_metrics.functional import METRICS, compute
from klue_metrics.functional.bootstrap import intervals, paired_test

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str | Path, status: int = 0) -> str:
        if status:
            with pytest.raises(SystemExit) as ended:
                main([str(word) for word in words])
            assert ended.value.code == status
            return capsys.readouterr().err
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

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
    assert report["by_class"] == score["by_class"]
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
    """The gold of a row as a prediction."""
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
    """The gold of the mini corpus as predictions, as the recipes write them."""
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
    assert error == "wos: x.jsonl:1 has unequal states on its sides; expected one a user turn.\n"


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
    re = [
        {"index": i, "prediction": labels[i], "reference": labels[i], "probabilities": np.eye(30)[i].tolist()}
        for i in range(3)
    ]
    report = json.loads(run(*words, write(path, re), "--task", "re"))
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
    assert text.rstrip().endswith(f"{expected.p_value:.4f}")
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
        "nli: 7 ids there twice: nli-0 (p.jsonl:1 and p.jsonl:21), nli-1 (p.jsonl:2 and p.jsonl:22), "
        "nli-2 (p.jsonl:3 and p.jsonl:23), nli-3 (p.jsonl:4 and p.jsonl:24), "
        "nli-4 (p.jsonl:5 and p.jsonl:25) and 2 more; expected each once.\n"
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
    assert "No such file" in run("score", "--task", "nli", "--predictions", tmp_path / "none", status=1)
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
