"""Tests of runs on own files, and of the page about them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from runs import QUICK, read, run

import klue_datasets
from klue_datasets.tasks import TASKS, get_task
from klue_metrics.functional import METRICS
from recipes.arguments import RecipeArguments, UsageError
from recipes.engine import run as story
from recipes.engine.command_line import make_parser, parse
from recipes.engine.data import load_data, prepare_splits, source_hash
from recipes.tasks import get_recipe

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")


@pytest.fixture
def page_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files on the page to the working directory."""
    found = re.findall(r"`([\w-]+\.(?:csv|tsv|jsonl))`[^`]*\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert [name for name, _ in found] == [
        *("ynat.csv", "headlines.tsv", "sts.csv", "nli.jsonl", "ner.jsonl", "ner.tsv"),
        *("re.jsonl", "dp.jsonl", "dp.tsv", "mrc.jsonl", "wos.jsonl"),
    ]
    for name, text in found:
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_s_files_load_by_its_commands(page_files: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    loaded = set()
    for line in lines:
        script, *words = shlex.split(line)[1:]
        assert (ROOT / script).is_file()
        task = get_task(Path(script).stem.removeprefix("train_")).name
        data = load_data(task, parse(make_parser(task, ""), task, words))
        assert {split: rows.num_rows > 0 for split, rows in data.splits.items()} == {
            "train": True,
            "validation": True,
        }
        assert not data.is_official
        assert data.is_comparable
        assert data.hash
        assert get_recipe(task).prepare(data.splits["train"]).num_rows > 0
        loaded.add(task)
    assert loaded == set(TASKS)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["data"]["train"]["label"][:] == [0, 5]


@pytest.mark.parametrize(
    ("task", "column", "ending"), [("ynat", "title", "csv"), ("ner", "tokens", "parquet")]
)
def test_a_run_on_own_files_is_no_klue_score(
    task: str, column: str, ending: str, tiny: Path, tmp_path: Path
) -> None:
    files = {}
    for split, rows in klue_datasets.load(task, mini=True).items():
        files[split] = tmp_path / f"my-{split}.{ending}"
        renamed = rows.select(range(60)).rename_column(column, "theirs")
        getattr(renamed, f"to_{ending}")(files[split])
    quick = [word for word in QUICK if word != "--mini"]
    words = ["--train_file", str(files["train"]), "--validation_file", str(files["validation"])]
    words += ["--column", f"{column}=theirs", "--model_name_or_path", str(tiny), "--max_steps", "2"]
    out = tmp_path / "out"
    arguments = parse(make_parser(task, ""), task, [*quick, *words, "--output_dir", str(out)])
    story.run(task, arguments)
    results = read(out / "all_results.json")
    assert results["eval_data_is_official"] is False
    assert results["eval_data"] == f"my-validation.{ending}"
    assert results["data_hash"] == source_hash(task, arguments)
    assert (results["train_samples"], results["eval_samples"]) == (60, 50)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert re.search(r"these numbers are not\s+KLUE scores", card)
    assert str(tmp_path) not in card
    assert f"* data: my-train.{ending}" in card


@pytest.mark.parametrize("preset", ["paper", "tuned"])
@pytest.mark.parametrize("task", TASKS)
def test_a_training_file_alone_is_enough_unless_something_is_chosen_on_validation(
    task: str, preset: str, tiny: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.parquet"
    klue_datasets.load(task, "train[:12]", mini=True).to_parquet(file)
    words = ["--train_file", str(file), "--preset", preset, "--do_train", "--model_name_or_path", str(tiny)]
    arguments = parse(make_parser(task, ""), task, words)
    recipe, data = get_recipe(task, arguments), load_data(task, arguments)
    tuning = recipe.tuning(arguments)
    if tuning is None:
        assert list(prepare_splits(recipe, arguments, data)) == ["train"]
    elif tuning.hold_out is None:
        with pytest.raises(
            ValueError, match=rf"{task}: mine.parquet has no validation split \(it has: train\)"
        ):
            prepare_splits(recipe, arguments, data)
    else:
        with pytest.raises(
            ValueError, match=r"the training data has \d groups .*, too few to hold out a share of 0.1"
        ):
            prepare_splits(recipe, arguments, data)


@pytest.mark.parametrize("task", TASKS)
def test_one_example_is_evaluated_or_refused_before_training(task: str, tiny: Path, tmp_path: Path) -> None:
    words = ["--max_train_samples", "1", "--max_eval_samples", "1", "--max_steps", "1"]
    if METRICS[task].fewest == 1:
        results = run(task, tiny, tmp_path, *words)
        assert results["train_samples"] >= 1
        assert results["eval_samples"] >= 1
    else:
        with pytest.raises(ValueError, match="has 1 example; expected 2 or more, which the metric needs"):
            run(task, tiny, tmp_path / "out", *words)
        assert not (tmp_path / "out").exists()


WRONG = {
    "sts": ("labels", {"label": 7.0, "real-label": 7.0, "binary-label": 1}, "expected both in 0 to 5"),
    "ner": ("ner_tags", lambda tags: [1, *[12] * (len(tags) - 1)], "expected B- first"),
    "re": ("subject_entity", lambda entity: entity | {"start_idx": entity["start_idx"] + 1}, "expected '"),
    "dp": ("head", lambda heads: [2, 1, *[1] * (len(heads) - 2)], "expected one root"),
    "mrc": ("answers", {"answer_start": [0], "text": ["\0"]}, "at 0 there is"),
    "wos": ("dialogue", lambda turns: turns[::-1], "expected user, turn by turn"),
}


@pytest.mark.parametrize("task", WRONG)
def test_labels_that_contradict_their_text_are_named(
    task: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Training on them may lead to a loss of NaN."""
    rows = klue_datasets.load(task, "train[:12]", mini=True)
    column, change, sentence = WRONG[task]
    for name, number in (("right", None), ("wrong", 3)):
        wrong = rows.map(
            lambda row, index, at=number: (
                row if index != at else row | {column: change(row[column]) if callable(change) else change}
            ),
            with_indices=True,
            features=rows.features,
        )
        wrong.to_parquet(tmp_path / f"{name}.parquet")
        caplog.clear()
        load_data(task, RecipeArguments(train_file=str(tmp_path / f"{name}.parquet"), do_train=True))
        assert ("defects" in caplog.text) == (number is not None)
    assert f"{rows['guid'][3]}: {column}" in caplog.text
    assert sentence in caplog.text


def test_even_the_official_file_given_as_own_data_is_not_called_official(shared: Path) -> None:
    path = shared / "data/klue-v1.1-dev/klue-sts-v1.1/klue-sts-v1.1_dev.json"
    data = load_data("sts", RecipeArguments(validation_file=str(path), do_eval=True))
    assert data.splits["validation"].num_rows == 519
    assert (data.is_official, data.version) == (False, None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--mini", "--train_file", "x"],
            "--mini and --train_file were both given; expected one source of data",
        ),
        (["--data_dir", "d", "--test_file", "x"], "--data_dir and --test_file were both given"),
        (["--column", "title=x"], "--column was given without --train_file"),
        (["--train_file", "x", "--column", "title"], "--column is 'title'; expected NAME=THEIRS"),
    ],
)
def test_flags_that_contradict_each_other(words: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse(make_parser("ynat", ""), "ynat", words)


def test_columns_may_be_given_together_or_one_by_one() -> None:
    for words in (["--column", "title=a", "label=b=c"], ["--column", "title=a", "--column", "label=b=c"]):
        arguments = parse(make_parser("ynat", ""), "ynat", ["--train_file", "x", *words])
        assert arguments.columns == {"title": "a", "label": "b=c"}
