"""Publishing to a Hub in a thread: what arrives there loads in a fresh process, what must not never does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub_server import Fault, HubServer

import klue_datasets
from klue_datasets.__main__ import main as datasets_main
from recipes.engine import training
from recipes.engine.command_line import make_parser, parse
from recipes.publish import main
from recipes.tasks import get_recipe

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hf_" + "a" * 34  # of the right form, and of nobody
QUICK = ["--mini", "--max_train_samples", "32", "--max_eval_samples", "20", "--max_steps", "2", "--use_cpu"]
QUICK += ["--disable_tqdm", "true", "--per_device_train_batch_size", "16"]

Fresh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[HubServer]:
    """The Hub of the whole file; each repository belongs to one test."""
    with HubServer({TOKEN: ["me", "klue"], "hf_reader": ["reader"]}) as server:
        yield server


@pytest.fixture
def hub(shared_hub: HubServer) -> Iterator[HubServer]:
    shared_hub.faults.clear()
    shared_hub.requests.clear()
    yield shared_hub
    shared_hub.faults.clear()


@pytest.fixture
def fresh(hub: HubServer, tmp_path: Path) -> Fresh:
    """Runs this Python with that Hub and empty caches, in an empty folder; expects the status 0."""

    def run(*words: str | Path, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        home = tmp_path / "home"
        shutil.rmtree(home, ignore_errors=True)
        (home / "empty").mkdir(parents=True)
        caches = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = caches | {
            "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token,
            "HF_UPDATE_DOWNLOAD_COUNTS": "0", "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)]),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=home / "empty", env=environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert token not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def here(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Makes this process use that Hub, without waiting between attempts; gives the seconds not waited."""
    waited: list[float] = []
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return waited


@pytest.fixture(scope="module")
def model(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a short run of a task."""
    made: dict[tuple[str, ...], Path] = {}

    def make(task: str, *words: str) -> Path:
        key = (task, *words)
        if key not in made:
            folder = made[key] = tmp_path_factory.mktemp("runs") / f"{task}-{len(made)}"
            given = ("--model_name_or_path", str(tiny), "--output_dir", str(folder), *QUICK, *words)
            training.run(get_recipe(task), parse(make_parser(task, ""), task, given))
        return made[key]

    return make


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder that looks like a finished run, and is one in every way that publishing asks for."""
    folder = tmp_path / "run"
    (folder / ".eval_results").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlanguage: ko\n---\n\n# A model\n")
    (folder / "config.json").write_text("{}")
    (folder / "all_results.json").write_text('{"eval_accuracy": 50.0}')
    (folder / ".eval_results" / "klue.yaml").write_text("[]\n")
    (folder / "model.safetensors").write_bytes(str(tmp_path).encode().ljust(1_000))  # known to no Hub
    return folder


def commits(hub: HubServer, kind: str, name: str) -> int:
    """How many commits a repository has after its first, which has nothing of ours."""
    return len(hub.store.repos[kind, name].commits) - 1


LOAD_DATA = """
import datasets
ynat = datasets.load_dataset("klue/klue", "ynat")
print({split: rows.num_rows for split, rows in ynat.items()})
print(ynat["train"].features["label"].names[:2], ynat["train"][0]["title"])
print(next(iter(datasets.load_dataset("klue/klue", "sts", split="validation", streaming=True)))["guid"])
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


LOAD_MODELS = """
import sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
for name in sys.argv[1:]:
    model = AutoModelForSequenceClassification.from_pretrained(name, trust_remote_code=name.endswith("mean"))
    answer = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(name))
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
        assert {"README.md", "model.safetensors", "all_results.json", ".eval_results/klue.yaml"} <= set(files)
        assert not any(path.startswith("checkpoint-") or path == "training_args.bin" for path in files)
        assert "training_args.bin" in done.stdout.split("Left out")[1]
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
        assert f'evaluate.load("{name}"' in hub.files("space", name)["app.py"].decode()
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
    assert "-> datasets/me/dry: 3 files" in capsys.readouterr().out
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


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("notes.txt", f"login {TOKEN}", "notes.txt holds a Hugging Face token"),
        ("setup.sh", "key AKIA" + "ABCDEFGH12345678", "setup.sh holds an AWS access key"),
        ("id.txt", "-----BEGIN OPENSSH " + "PRIVATE KEY-----", "id.txt holds a private key"),
        (".env", "DEBUG=1", ".env is a file for secrets, by its name"),
        ("config/credentials.json", "{}", "config/credentials.json is a file for secrets"),
        (".git/config", "", "it has a folder .git (config)"),
    ],
)
def test_a_folder_with_a_secret_is_refused(
    small: Path, hub: HubServer, here: list[float], capsys: pytest.CaptureFixture[str], name: str, text: str,
    problem: str,
) -> None:  # fmt: skip
    (small / name).parent.mkdir(exist_ok=True)
    (small / name).write_text(text)
    assert main(["model", "--folder", str(small), "--repo_id", "me/secret"]) == 1
    error = capsys.readouterr().err
    assert problem in error
    assert TOKEN not in error
    assert hub.requests == []


def test_a_secret_across_two_blocks_is_found(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recipes.engine import publishable

    monkeypatch.setattr(publishable, "BLOCK", 250)
    (small / "long.txt").write_text("x " * 115 + TOKEN + " x" * 500)
    assert publishable.secrets_in(small / "long.txt") == ["a Hugging Face token"]


def test_large_files_and_links_out_of_the_folder_are_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (small / "model.safetensors").open("wb") as file:
        file.truncate(3_000_000)
    (tmp_path / "diary.txt").write_text("dear diary")
    (small / "link.txt").symlink_to(tmp_path / "diary.txt")
    assert (
        main(["model", "--folder", str(small), "--repo_id", "me/x", "--dry_run", "--max_file_mb", "2"]) == 1
    )
    error = capsys.readouterr().err
    assert "model.safetensors has 3 MB, with 2 allowed (--max_file_mb)" in error
    assert "link.txt is a link that leads out of the folder" in error


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("all_results.json", "has no all_results.json"),
        (".eval_results/klue.yaml", "has no .eval_results/klue.yaml"),
        ("README.md", "has no README.md"),
        ("model.safetensors", "has no weights (*.safetensors)"),
    ],
)
def test_a_run_without_results_is_refused(
    small: Path, capsys: pytest.CaptureFixture[str], missing: str, said: str
) -> None:
    (small / missing).unlink()
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert said in capsys.readouterr().err


def test_a_run_that_was_only_trained_is_refused(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small / "all_results.json").write_text('{"train_loss": 0.1, "eval_accuracy": null}')
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "has no scores in all_results.json" in capsys.readouterr().err


def test_a_folder_that_is_no_export_is_no_data_set(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "was not written by `klue_datasets export`" in capsys.readouterr().err
    assert main(["dataset", "--folder", str(small), "--mini", "--repo_id", "me/x"]) == 1
    assert "expected one or the other" in capsys.readouterr().err


FAULTS = {
    "401": (Fault("create", 401), "the Hub does not know who you are (401)"),
    "403": (Fault("commit", 403), "your token may not write there (403)"),
    "409": (Fault("commit", 409), "something else is changing the repository at this moment (409)"),
    "412": (Fault("commit", 412), "someone else has changed the repository during the upload (412)"),
    "429": (
        Fault("commit", 429, {"Retry-After": "42"}),
        "the Hub was asked too often (429): wait 42 seconds",
    ),
    "429-before": (Fault("preupload", 429, {"Retry-After": "7"}), "(429): wait 7 seconds"),
    "500": (Fault("commit", 500), "the Hub failed (500); it says: This went wrong on purpose"),
    "500-mid-upload": (Fault("large", 500), "the Hub failed (500)"),
    "cut": (Fault("commit"), "the connection to the Hub failed ("),
    "cut-mid-upload": (Fault("large"), "the connection to the Hub failed ("),
    "cut-at-once": (Fault("create"), "the connection to the Hub failed ("),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_sentence_publishes_nothing_and_the_next_run_succeeds(
    hub: HubServer, here: list[float], small: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    fault, said = FAULTS[name]
    repo = f"me/fault-{name}"
    words = ["model", "--folder", str(small), "--repo_id", repo]
    hub.faults.append(fault)
    assert main(words) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"publish: {repo}: ")
    assert said in error
    assert error.endswith("so the same command can safely be run again.")
    assert TOKEN not in error
    assert ("model", repo) not in hub.store.repos or commits(hub, "model", repo) == 0
    if name == "429-before":
        assert 8.0 in here  # huggingface_hub had waited as it was told, and a second
    hub.faults.clear()
    assert main(words) == 0
    assert commits(hub, "model", repo) == 1


def test_a_fault_that_passes_is_not_even_seen(hub: HubServer, here: list[float], small: Path) -> None:
    hub.faults.append(Fault("large", 500, times=2))
    assert main(["model", "--folder", str(small), "--repo_id", "me/patient"]) == 0
    assert len(here) == 2


def test_a_commit_whose_answer_is_lost_is_there_and_a_second_run_adds_nothing(
    hub: HubServer, here: list[float], small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model", "--folder", str(small), "--repo_id", "me/lost"]
    hub.faults.append(Fault("commit", late=True))
    assert main(words) == 1
    assert commits(hub, "model", "me/lost") == 1
    hub.faults.clear()
    assert main(words) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert commits(hub, "model", "me/lost") == 1


def test_a_foreign_namespace_is_refused_and_what_went_before_is_named(
    hub: HubServer, here: list[float], small: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert main(["model", "--folder", str(small), "--repo_id", "stranger/x"]) == 1
    assert "your token may not write there (403)" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "the Hub does not know who you are (401)" in capsys.readouterr().err


def test_metrics_that_went_before_a_fault_are_named(
    hub: HubServer, here: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klue_metrics.export.MODULES", ("klue_nli", "klue_sts"))
    monkeypatch.setitem(hub.store.users, TOKEN, ["other"])
    original = type(hub.store).commit
    monkeypatch.setattr(
        hub.store, "commit", lambda repo, lines: original(hub.store, _only_nli(hub, repo), lines)
    )
    assert main(["metrics", "--repo_id", "other"]) == 1
    assert capsys.readouterr().err.strip().endswith("Published before that: other/klue_nli.")


def _only_nli(hub: HubServer, repo):
    from hub_store import Refused

    if not repo.name.endswith("klue_nli"):
        raise Refused(409, "busy")
    return repo


def test_without_a_network_nothing_hangs_and_it_is_said(
    here: list[float], small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["model", "--folder", str(small), "--repo_id", "me/x"]) == 1
    assert "the Hub was not asked, since HF_HUB_OFFLINE is set" in capsys.readouterr().err


def test_klue_datasets_push_goes_the_same_way(
    hub: HubServer, here: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["push", "--repo_id", "me/klue", "--mini", "--tasks"]
    assert datasets_main([*words, "sts", "nli"]) == 0
    assert datasets_main([*words, "sts"]) == 0
    files = ["README.md", "sts/train-00000-of-00001.parquet", "sts/validation-00000-of-00001.parquet"]
    assert sorted(hub.files("dataset", "me/klue")) == files
    assert commits(hub, "dataset", "me/klue") == 2
    hub.faults.append(Fault("commit", 403))
    with pytest.raises(SystemExit) as ended:
        datasets_main([*words, "nli"])
    assert ended.value.code == 1
    assert "me/klue: your token may not write there (403)" in capsys.readouterr().err
