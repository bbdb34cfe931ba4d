"""Tests of published repositories: loading in a new process, Spaces, and repeated uploads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import Fault, HubServer
from publishing import Fresh, commits

import klue_datasets
from klue_datasets.__main__ import main as datasets_main
from klue_datasets.export import export
from recipes.publish import main

LOAD_DATA = """
import datasets
ynat = datasets.load_dataset("klue/klue", "ynat")
print({split: rows.num_rows for split, rows in ynat.items()})
print(ynat["train"].features["label"].names[:2], ynat["train"][0]["title"])
# To the end: a stream that is left in the middle may have a thread that aborts the process at its exit.
rows = list(datasets.load_dataset("klue/klue", "sts", split="validation", streaming=True))
print(rows[0]["guid"])
"""


def test_a_pushed_data_set_loads_in_a_fresh_process(hub: HubServer, fresh: Fresh) -> None:
    done = fresh(
        "-m", "recipes.publish", "dataset", "--mini", "--tasks", "ynat", "sts", "--repo_id", "klue/klue"
    )
    assert commits(hub, "dataset", "klue/klue") == 1
    assert "ynat/train-00000-of-00001.parquet: " in done.stdout
    loaded = fresh("-c", LOAD_DATA).stdout.splitlines()
    expected = klue_datasets.load("ynat", mini=True)
    assert loaded == [
        str({split: rows.num_rows for split, rows in expected.items()}),
        f"['IT과학', '경제'] {expected['train'][0]['title']}",
        klue_datasets.load("sts", "validation", mini=True)[0]["guid"],
    ]


LOAD_REVISION = """
import sys
from recipes.arguments import RecipeArguments
from recipes.engine.data import load_data
for revision in (sys.argv[1], None):
    arguments = RecipeArguments(dataset_name="klue/pinned", dataset_revision=revision, do_eval=True)
    data = load_data("sts", arguments)
    print(data.revision, data.splits["validation"].column_names, data.is_official)
"""


def test_a_pinned_revision_is_what_is_loaded_and_recorded(
    hub: HubServer, fresh: Fresh, tmp_path: Path
) -> None:
    history = []
    for number, tasks in enumerate((["sts"], ["sts", "nli"])):
        export(tmp_path / str(number), tasks=tasks, mini=True)
        hub.store.put("dataset", "klue/pinned", tmp_path / str(number))
        history += hub.store.repos["dataset", "klue/pinned"].commits[-1:]
    hub.store.repos["dataset", "klue/pinned"].commits[:] = history
    commits = [commit.oid for commit in history]
    assert len(set(commits)) == 2
    columns = klue_datasets.load("sts", "validation", mini=True).column_names
    loaded = fresh("-c", LOAD_REVISION, commits[0]).stdout.splitlines()
    assert loaded == [f"{commit} {columns} False" for commit in commits]


LOAD_MODELS = """
import sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
for name in sys.argv[1:]:
    trust = {"trust_remote_code": name.endswith("mean")}
    model = AutoModelForSequenceClassification.from_pretrained(name, **trust)
    tokenizer = AutoTokenizer.from_pretrained(name, **trust)
    answer = pipeline("text-classification", model=model, tokenizer=tokenizer)
    print(type(model).__name__, answer({"text": "한국의 기술", "text_pair": "기술의 한국"})["score"])
assert not any(name.split(".")[0] == "recipes" for name in sys.modules)
"""


def test_pushed_models_load_in_a_fresh_process_with_their_own_code_where_they_have_some(
    hub: HubServer, fresh: Fresh, model: Callable[..., Path]
) -> None:
    folders = {"me/nli": model("nli"), "me/nli-mean": model("nli", "--pooling", "mean")}
    for name, folder in folders.items():
        done = fresh("-m", "recipes.publish", "model", "--folder", folder, "--repo_id", name)
        assert "Uploaded in one commit: " in done.stdout
        assert commits(hub, "model", name) == 1
        files = hub.files("model", name)
        assert {"README.md", "model.safetensors", "all_results.json", "result.jsonl"} <= set(files)
        assert ".eval_results/klue.yaml" not in files  # these results are not official
        assert not any(path.startswith("checkpoint-") or path == "training_args.bin" for path in files)
        assert "trainer_state.json" in done.stdout.split("Left out")[1]
    loaded = fresh("-c", LOAD_MODELS, *folders).stdout.splitlines()
    assert [line.split()[0] for line in loaded] == [
        "BertForSequenceClassification",
        "PoolingForSequenceClassification",
    ]
    from transformers import pipeline

    for line, folder in zip(loaded, folders.values(), strict=True):
        answer = pipeline("text-classification", model=str(folder), trust_remote_code=True)
        score = answer({"text": "한국의 기술", "text_pair": "기술의 한국"})["score"]
        assert float(line.split()[1]) == pytest.approx(score, abs=1e-6)


LOAD_METRICS = """
import sys
import evaluate
for metric in evaluate.load("klue/klue_metric", "ynat"), evaluate.load("klue/klue_ynat"):
    print(metric.compute(predictions=["경제", "사회"], references=[1, 6]))
assert not any(name.split(".")[0] in ("klue_metrics", "klue_datasets", "recipes") for name in sys.modules)
"""


def test_pushed_metrics_load_in_a_fresh_process_without_this_project(hub: HubServer, fresh: Fresh) -> None:
    for name in ("klue/klue_metric", "klue/klue_ynat"):
        fresh("-m", "recipes.publish", "metrics", "--repo_id", name)
        assert commits(hub, "space", name) == 1
        assert hub.store.repos["space", name].sdk == "gradio"
        assert f', "{name}")' in hub.files("space", name)["app.py"].decode()
    first, second = fresh("-c", LOAD_METRICS).stdout.splitlines()
    from klue_metrics.functional import compute

    assert first == second == str(compute("ynat", ["경제", "사회"], [1, 6]))


def test_all_metrics_go_to_spaces_of_one_owner(hub: HubServer, here: list[float]) -> None:
    assert main(["metrics", "--repo_id", "me", "--private"]) == 0
    spaces = {name: repo for (kind, name), repo in hub.store.repos.items() if kind == "space"}
    mine = [name for name in spaces if name.startswith("me/")]
    assert len(mine) == 9
    assert all(spaces[name].private and commits(hub, "space", name) == 1 for name in mine)


def test_a_metric_under_a_name_that_evaluate_would_not_find_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["metrics", "--repo_id", "me/my-metric"]) == 1
    assert "evaluate looks in a Space for a script of the same name" in capsys.readouterr().err


def test_a_dry_run_shows_everything_and_asks_no_one(
    hub: HubServer, here: list[float], small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / "checkpoint-3").mkdir()
    (small / "checkpoint-3" / "optimizer.pt").touch()
    assert main(["model", "--folder", str(small), "--repo_id", "me/dry", "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert "-> me/dry: 5 files, " in printed
    assert "  model.safetensors: 1,000 bytes" in printed
    assert "only the run itself needs it: checkpoint-3/optimizer.pt" in printed
    assert "# A model" in printed
    assert "Nothing was sent" in printed
    assert main(["dataset", "--mini", "--tasks", "sts", "--repo_id", "me/dry", "--dry_run"]) == 0
    assert "-> datasets/me/dry: 4 files" in capsys.readouterr().out
    assert hub.requests == []


def test_what_a_new_run_no_longer_has_is_removed_and_an_unchanged_one_sends_nothing(
    hub: HubServer, here: list[float], small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model", "--folder", str(small), "--repo_id", "me/again"]
    (small / "model.safetensors").rename(small / "model-00001-of-00001.safetensors")
    assert main(words) == 0
    (small / "model-00001-of-00001.safetensors").rename(small / "model.safetensors")
    assert main([*words, "--private"]) == 0
    assert sorted(hub.files("model", "me/again")) == [
        ".eval_results/klue.yaml", "README.md", "all_results.json", "config.json", "model.safetensors",
    ]  # fmt: skip
    assert not hub.store.repos["model", "me/again"].private
    capsys.readouterr()
    assert main(words) == 0
    assert "me/again holds exactly these files already: nothing was sent." in capsys.readouterr().out
    assert commits(hub, "model", "me/again") == 2


def test_klue_datasets_push_goes_the_same_way(
    hub: HubServer, here: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["push", "--repo_id", "me/klue", "--mini", "--tasks"]
    assert datasets_main([*words, "sts", "nli"]) == 0
    files = hub.files("dataset", "me/klue")
    assert datasets_main([*words, "sts"]) == 1
    assert "me/klue holds nli too, which this upload would delete" in capsys.readouterr().err
    assert hub.files("dataset", "me/klue") == files
    assert datasets_main([*words, "sts", "nli", "re"]) == 0
    assert {name.split("/")[0] for name in hub.files("dataset", "me/klue")} == {
        "README.md",
        "eval.yaml",
        "sts",
        "nli",
        "re",
    }
    assert commits(hub, "dataset", "me/klue") == 2
    hub.faults.append(Fault("commit", 403))
    assert datasets_main([*words, "sts", "nli", "re", "ynat"]) == 1
    assert "me/klue: your token may not write there (403)" in capsys.readouterr().err
