"""Tests of prediction on raw text from Python and the command line."""

from __future__ import annotations

import gzip
import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

import klue_datasets
from recipes.predict import load_pipeline, main
from recipes.prediction.raw_text import answered, read_items
from recipes.tasks import get_recipe


def test_answers_are_those_of_the_evaluation(finished: tuple[str, Path]) -> None:
    task, folder = finished
    recipe = get_recipe(task)
    answer = load_pipeline(task, folder, device="cpu", batch_size=7)
    rows = recipe.prepare(klue_datasets.load(task, "validation", mini=True)).select(range(40))
    lines = (folder / "predictions_validation.jsonl").read_text().splitlines()
    expected = [json.loads(line) for line in lines][:40]
    gold = {recipe.target} if hasattr(recipe, "target") else {"ner_tags", "label", "answers", "is_impossible"}
    bare = rows.remove_columns([name for name in gold if name in rows.column_names and task != "dp"])
    decoded = answer.decode(bare.to_list())
    same = 0
    for predicted, line in zip(decoded.predictions, expected, strict=True):
        if isinstance(predicted, float):
            assert predicted == pytest.approx(line["prediction"], abs=1e-4)
        same += json.loads(json.dumps(predicted)) == line["prediction"] or isinstance(predicted, float)
    assert same == len(expected)


def rounded(value: Any) -> Any:
    """Round the numbers of an answer to two decimals, since they depend on batches."""
    return json.loads(json.dumps(value), parse_float=lambda digits: round(float(digits), 2))


def test_loading_a_trained_model_says_nothing(finished: tuple[str, Path]) -> None:
    """transformers warns about unknown model types, such as ours."""
    task, folder = finished
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    logging.getLogger("transformers").addHandler(handler)
    try:
        load_pipeline(task, folder)
    finally:
        logging.getLogger("transformers").removeHandler(handler)
    assert told.getvalue() == ""


def test_one_input_gives_an_answer_and_several_a_list(finished: tuple[str, Path]) -> None:
    task, folder = finished
    recipe = get_recipe(task)
    answer = load_pipeline(task, folder, device="cpu")
    one = answer(recipe.raw_input.sample)
    several = answer([recipe.raw_input.sample] * 3)
    assert len(several) == 3
    assert rounded(several) == [rounded(one)] * 3
    assert answer([]) == [] or recipe.raw_input.is_single([])
    with pytest.raises(ValueError, match="; expected "):
        answer(3.5)


def test_bf16_gives_other_roundings_of_the_same_answers(finished: tuple[str, Path]) -> None:
    """All heads support autocast, and most answers are the same."""
    task, folder = finished
    recipe = get_recipe(task)
    rows = recipe.prepare(klue_datasets.load(task, "validation", mini=True)).select(range(8)).to_list()
    plain, half = (
        load_pipeline(task, folder, device="cpu", bf16=bf16).decode(rows) for bf16 in (False, True)
    )
    assert len(plain.predictions) == len(half.predictions)
    if plain.scores is not None:
        assert half.scores == pytest.approx(plain.scores, abs=0.1)
        assert half.scores != plain.scores
    elif task == "sts":
        assert half.predictions == pytest.approx(plain.predictions, abs=0.3)
        assert half.predictions != plain.predictions


BLANKS = ("", "  ", "\u200b")  # the last has no width


def with_blanks(sample: Any) -> list[Any]:
    """Return an input with each of its texts replaced by a blank, one at a time."""
    if isinstance(sample, str):
        return list(BLANKS)
    if isinstance(sample, list | tuple):
        places = range(len(sample))
        return [[*sample[:at], blank, *sample[at + 1 :]] for at in places for blank in BLANKS]
    names = [name for name, value in sample.items() if isinstance(value, str)]
    return [{**sample, name: blank} for name in names for blank in BLANKS]


def test_inputs_without_text_get_an_answer_or_a_sentence(
    finished: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    items = with_blanks(get_recipe(task).raw_input.sample)
    assert len(items) >= len(BLANKS)
    answer = load_pipeline(task, folder, device="cpu")
    file, refused = tmp_path / "in.jsonl", 0
    for item in items:
        file.write_text(json.dumps(item) + "\n", encoding="utf-8")
        words = ["--task", task, "--model", str(folder), "--device", "cpu", "--input", str(file)]
        capsys.readouterr()
        if task == "re" or (task == "dp" and not item.strip()):
            refused += 1
            with pytest.raises(ValueError, match=f"^{task}: .*expected"):
                answer(item)
            # One text a line: a blank one has no answer; a mapping is an input whatever it holds.
            assert main(words) == (1 if task == "re" else 0)
            printed = capsys.readouterr()
            [row] = map(json.loads, printed.out.splitlines())
            assert list(row) == ["line", "error"] if task == "re" else row["prediction"] is None
            assert (": re: " in printed.err) == (task == "re")
            assert "Traceback" not in printed.err
            continue
        found = answer(item)
        if task == "ner":
            assert found == []
        if task == "mrc" and item["context"] in BLANKS:
            assert (found["answer"], found["start"], found["end"]) == ("", 0, 0)
        assert main(words) == 0
    assert refused == {"re": len(items), "dp": 2}.get(task, 0)


def with_surrogate(value: Any) -> Any:
    """Return a sample with a lone surrogate in its texts, which JSON can represent."""
    if isinstance(value, str):
        return f"{value} \ud800"
    if isinstance(value, dict):
        return {name: with_surrogate(part) for name, part in value.items()}
    return [with_surrogate(part) for part in value] if isinstance(value, list | tuple) else value


def test_a_text_that_is_no_unicode_costs_its_own_line_only(
    finished: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    sample = get_recipe(task).raw_input.sample
    answer = load_pipeline(task, folder)
    with pytest.raises(ValueError, match=r"lone surrogate|occurs 0 times"):
        answer(with_surrogate(sample))
    lines = [with_surrogate(sample), sample]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["--task", task, "--model", str(folder), "--input", str(tmp_path / "in.jsonl")]) == 1
    first, second, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert "error" in first
    assert "error" not in second


def test_the_command_answers_a_file_line_by_line(finished: tuple[str, Path], tmp_path: Path) -> None:
    task, folder = finished
    sample = get_recipe(task).raw_input.sample
    source, target = tmp_path / "in.jsonl", tmp_path / "deep" / "out.jsonl"
    source.write_text(f"{json.dumps(sample, ensure_ascii=False)}\n\n{json.dumps(sample)}\n", encoding="utf-8")
    words = ["--task", task, "--model", str(folder), "--device", "cpu"]
    assert main([*words, "--input", str(source), "--output", str(target)]) == 0
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [line["line"] for line in lines] == [1, 2, 3]
    assert lines[1] == {"line": 2, "input": "", "prediction": None}
    assert rounded({**lines[0], "line": 3}) == rounded(lines[2])


def test_every_line_of_text_has_one_answer(
    finished: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    sample = get_recipe(task).raw_input.sample
    source = tmp_path / "in.txt"
    if task == "re":
        pytest.skip("a text cannot say which entities")
    text = sample if isinstance(sample, str) else "\t".join(getattr(sample, "values", sample.__iter__)())
    source.write_text(f"\n{text}\n \n{text}\n\n" if task != "wos" else "\n가요\n네\n\n가요\n\n")
    assert main(["--task", task, "--model", str(folder), "--device", "cpu", "--input", str(source)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    if task == "wos":
        assert [(line["line"], line["turn"], line["user"]) for line in lines] == [
            (2, 0, "가요"),
            (5, 0, "가요"),
        ]
        return
    assert [(line["line"], line["prediction"] is None) for line in lines] == [
        (1, True), (2, False), (3, True), (4, False), (5, True),
    ]  # fmt: skip


def test_truncated_inputs_are_marked(finished: tuple[str, Path]) -> None:
    task, folder = finished
    long = "아주 긴 글 " * 2_000
    longer: dict[str, Any] = {
        "ynat": long, "sts": (long, "짧은 글"), "nli": (long, "짧은 글"), "mrc": (long, "짧은 글"),
        "wos": [long],
    }  # fmt: skip
    if task not in longer:  # the others read windows, or around the entities
        assert task in ("ner", "dp", "re")
        return
    first, second = load_pipeline(task, folder, device="cpu")(
        [longer[task], get_recipe(task).raw_input.sample]
    )
    found = [answer[0] if task == "wos" else answer for answer in (first, second)]
    assert [answer.get("truncated") for answer in found] == [True, None]


WRONG = {  # a line that the task cannot take, and what is said of it
    **dict.fromkeys(("sts", "nli", "mrc"), ("하나 둘", "has 0 tabs; expected two texts with a tab between")),
    **dict.fromkeys(("ynat", "ner", "dp", "wos"), ('{"title": ', "is not JSON")),
    "re": ("박보검은 배우다.", "expected a mapping with sentence, subject_entity and object_entity"),
}


def test_a_line_that_cannot_be_answered_is_named_and_the_others_are_answered(
    finished: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    line, said = WRONG[task]
    sample = get_recipe(task).raw_input.sample
    right = (
        json.dumps(sample, ensure_ascii=False)
        if line.startswith("{") or task == "re"
        else "\t".join(sample.values())
    )
    source = tmp_path / ("in.jsonl" if line.startswith("{") else "in.txt")
    source.write_text(f"{right}\n{line}\n\n{right}\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["--task", task, "--model", str(folder), "--input", str(source), "--device", "cpu"]) == 1
    captured = capsys.readouterr()
    rows = [json.loads(row) for row in captured.out.splitlines()]
    assert [row["line"] for row in rows] == [1, 2, 3, 4]
    assert list(rows[1]) == ["line", "error"]
    assert said in rows[1]["error"]
    assert f"{source.name}:2" in rows[1]["error"]
    assert rows[1]["error"] in captured.err
    assert rows[2]["prediction"] is None
    assert rounded(rows[0]["prediction"]) == rounded(rows[3]["prediction"]) is not None


def test_relations_and_questions_are_read_from_standard_input_as_json(
    finished: tuple[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder = finished
    if task not in ("re", "mrc"):
        return
    line = json.dumps(get_recipe(task).raw_input.sample) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(2 * line.encode())))
    assert main(["--task", task, "--model", str(folder), "--device", "cpu"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert rounded(rows[0]["prediction"]) == rounded(rows[1]["prediction"])
    assert rows[0]["input"] == get_recipe(task).raw_input.sample


def test_lines_are_read_as_they_are_answered(
    finished: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most two chunks are in memory."""
    task, folder = finished
    if task != "ynat":
        return
    monkeypatch.setattr("recipes.engine.inference.CHUNK", 10)
    read: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(1_000):
            read.append(number)
            yield f"제목 {number}".encode()

    monkeypatch.setattr("recipes.prediction.raw_text._typed_lines", lines)
    answers = answered(load_pipeline(task, folder, device="cpu"), read_items(task, None), [])
    for number in range(1, 26):
        assert next(answers)[0] == number
        assert len(read) <= number + 20


def test_inputs_that_are_encoded_ahead_have_the_same_answers(
    finished: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder = finished
    answer = load_pipeline(task, folder, device="cpu")
    sample = get_recipe(task).raw_input.sample
    expected = rounded([answer(sample)] * 7)
    encode, threads = answer._encode, []

    def noted(*words: Any, **options: Any) -> Any:
        threads.append(threading.current_thread())
        return encode(*words, **options)

    monkeypatch.setattr(answer, "_encode", noted)
    monkeypatch.setattr("recipes.engine.inference.CHUNK", 2)
    assert rounded(list(answer.stream([sample] * 7))) == expected
    assert len(threads) == 4
    assert threads[0] is threading.main_thread()
    assert threading.main_thread() not in threads[1:]
    answers = answer.stream([*[sample] * 4, {}])
    assert rounded([next(answers) for _ in range(4)]) == expected[:4]
    with pytest.raises(ValueError, match="expected"):
        next(answers)


def test_a_file_in_utf_16_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match="the file is UTF-16; expected UTF-8"):
        next(read_items("ynat", str(tmp_path / "in.jsonl")))


def test_a_model_without_a_trained_head_is_refused(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("가\n".encode())))
    assert main(["--task", "ner", "--model", str(tiny)]) == 1
    assert "has no trained head" in capsys.readouterr().err


@pytest.mark.parametrize(("device", "reason"), [("cuda:99", "CUDA|cuda"), ("foo", "device type")])
def test_a_device_that_does_not_exist_is_refused(
    finished: tuple[str, Path], device: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    task, folder = finished
    source = folder / "config.json"  # any file
    words = ["--task", task, "--model", str(folder), "--input", str(source), "--device", device]
    assert main(words) == 1
    (message,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert re.search(rf"the device is '{device}', which PyTorch refuses \(.*({reason})", message)


def test_extensions_may_be_upper_case_and_compressed(finished: tuple[str, Path], tmp_path: Path) -> None:
    task, _ = finished
    line = json.dumps(get_recipe(task).raw_input.sample).encode() + b"\n"
    expected = json.loads(line)
    for name, data in (
        ("a.JSONL", line),
        ("a.jsonl.gz", gzip.compress(line)),
        ("a.JSON.GZ", gzip.compress(line)),
    ):
        (tmp_path / name).write_bytes(data)
        assert [item for _, item in read_items(task, str(tmp_path / name))] == [expected]


def test_a_line_that_is_not_utf_8_is_the_error_of_its_dialogue(
    finished: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, folder = finished
    if task != "wos":
        return
    data = "\ufeff서울 호텔이요\n네\n\n".encode() + b"\xff\n" + "네\n가요\n\n안녕하세요\n".encode()
    source = tmp_path / "in.txt"
    source.write_bytes(data)
    words = ["--task", "wos", "--model", str(folder)]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    for more, name in (["--input", str(source)], str(source)), ([], "standard input"):
        assert main([*words, *more]) == 1
        captured = capsys.readouterr()
        rows = [json.loads(row) for row in captured.out.splitlines()]
        assert [(row["line"], row.get("user")) for row in rows] == [
            (1, "서울 호텔이요"),
            (4, None),
            (8, "안녕하세요"),
        ]
        assert rows[1]["error"].startswith(f"wos: {name}:4 is not UTF-8 text")
        assert rows[1]["error"] in captured.err


def test_standard_input_is_one_text_a_line(
    finished: tuple[str, Path], python: Any, monkeypatch: Any, capsys: Any
) -> None:
    task, folder = finished
    if not isinstance(get_recipe(task).raw_input.sample, str):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
        assert main(["--task", task, "--model", str(folder)]) == 0
        assert capsys.readouterr().out == ""
        return
    text = "박보검 담주에 파리 화보 촬영 간대!\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert main(["--task", task, "--model", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["input"] == text.strip()


def test_raw_input_is_answered_without_arrow(
    finished: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, folder = finished
    answer = load_pipeline(task, folder, device="cpu")
    for name in ("map", "from_list", "from_dict", "select"):
        monkeypatch.setattr(datasets.Dataset, name, lambda *_, **__: pytest.fail("a data set was made"))
    assert answer(get_recipe(task).raw_input.sample) is not None


def test_top_k_gives_the_best_answers_in_order(
    finished: tuple[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    task, folder = finished
    sample = get_recipe(task).raw_input.sample
    answer = load_pipeline(task, folder, device="cpu", top_k=3)
    if task not in ("ynat", "nli", "re", "mrc"):
        with pytest.raises(ValueError, match=f"{task}: a model gives one answer to each input"):
            answer(sample)
        return
    best = load_pipeline(task, folder, device="cpu")(sample)
    ranked = answer(sample)
    assert rounded(ranked[0]) == rounded(best)
    assert len(ranked) == 3
    assert len({json.dumps(entry) for entry in ranked}) == 3
    scores = [entry["score"] for entry in ranked]
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1 + 1e-5
    assert rounded(answer([sample, sample])) == [rounded(ranked)] * 2
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(sample) + "\n", encoding="utf-8")
    words = ["--task", task, "--model", str(folder), "--device", "cpu", "--input", str(file)]
    assert main([*words, "--top_k", "3"]) == 0
    assert rounded(json.loads(capsys.readouterr().out)["prediction"]) == rounded(ranked)
    with pytest.raises(SystemExit):
        main([*words, "--top_k", "0"])
    assert "argument --top_k: 0 is out of range; expected 1 or more" in capsys.readouterr().err
    with pytest.raises(ValueError, match="top_k is 0; expected 1 or more"):
        load_pipeline(task, folder, top_k=0)
