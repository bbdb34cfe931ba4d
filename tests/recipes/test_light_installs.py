"""Tests of installations without extras: what works, and messages about missing packages."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from light_installs import canonical, needed_by, requirements, run_in, site_without

from recipes.cli import COMMANDS
from recipes.tasks import SCRIPTS

ROOT = Path(__file__).resolve().parents[2]
# Runs several entry points in one process; none of them changes what another needs.
DRIVER = """
import contextlib, io, json, runpy, sys
done = []
for module, words in json.loads(sys.argv[1]):
    sys.argv = [module, *words]
    output, status = io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            status = ended.code or 0
        except BaseException as error:
            status = f"{type(error).__name__}: {error}"
    done.append((status, output.getvalue()))
print(json.dumps(done))
"""
Words = list[str]


def outcomes(site: Path, calls: list[tuple[str, Words]]) -> list[tuple[int | str, str]]:
    """Return status or exception, and output, of each entry point."""
    done = run_in(site, "-c", DRIVER, json.dumps(calls))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == len(calls)
    return [(status, output) for status, output in found]


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an installation without extras."""
    lists = requirements()
    hidden = lists["all"] - needed_by(lists["dependencies"])
    assert {"torch", "transformers", "accelerate", "jinja2"} <= hidden
    return site_without(hidden, tmp_path_factory.mktemp("light"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a predictions file."""
    path = tmp_path_factory.mktemp("answers") / "predictions.jsonl"
    rows = [{"guid": str(number), "prediction": "neutral", "reference": "neutral"} for number in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_extras_are_those_that_the_documents_name() -> None:
    lists = requirements()
    assert {"train", "report", "publish", "pretrain", "all", "dev"} <= set(lists)
    assert lists["all"] == lists["train"] | lists["report"] | lists["publish"] | lists["pretrain"]
    assert lists["all"] <= lists["dev"]
    assert not lists["all"] & lists["dependencies"]
    assert "'.[dev]'" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_what_needs_no_extra_works_without_any(light: Path, answers: Path) -> None:
    help_of = [[name, "--help"] for name in COMMANDS]
    score = ["--task", "nli", "--predictions", str(answers), "--resamples", "10"]
    words: list[Words] = [
        ["--help"], ["--version"], ["tasks"], ["tasks", "--json"], ["completion", "bash"], *help_of,
        *(["train", name, "--help"] for name in (*SCRIPTS, "all")),
        ["data", "stats", "--mini", "--tasks", "sts"],
        ["data", "validate", "--mini", "--tasks", "sts"], ["score", *score],
        ["compare", "--task", "nli", str(answers), str(answers), "--resamples", "10"],
        ["publish", "metrics", "--repo_id", "me", "--dry_run"],
    ]  # fmt: skip
    found = outcomes(light, [("recipes.cli", one) for one in words])
    for given, (status, output) in zip(words, found, strict=True):
        assert status == 0, (given, status, output)


@pytest.mark.parametrize("by", ["klue", "module"])
def test_what_needs_an_extra_names_it(by: str, light: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    results = {"eval_accuracy": 50.0, "constant_accuracy": 50.0, "eval_samples": 2, "eval_data": "some"}
    (run / "all_results.json").write_text(json.dumps(results))
    quick = ["--mini", "--max_steps", "1", "--output_dir", str(tmp_path / "out")]
    target = ["--output_dir", str(tmp_path / "hub")]
    calls: list[tuple[str, str, Words, str]] = [
        *((f"train {task}", f"recipes.train_{name}", quick, "train") for task, name in SCRIPTS.items()),
        ("train ner", "recipes.train_ner", [*quick, "--logging_steps", "5"], "train"),
        ("train all", "recipes.run_all", quick, "train"),
        ("predict", "recipes.predict", ["--task", "ner", "--model", str(run)], "train"),
        ("report", "recipes.report", [str(run), "--output", str(tmp_path / "report")], "report"),
        ("publish", "recipes.publish", ["dataset", "--mini", "--repo_id", "a/b", "--dry_run"], "publish"),
        ("data", "klue_datasets", ["export", "--mini", "--tasks", "sts", *target], "publish"),
        ("data", "klue_datasets", ["push", "--mini", "--tasks", "sts", "--repo_id", "a/b"], "publish"),
    ]
    given = [
        ("recipes.cli", [*command.split(), *words]) if by == "klue" else (module, words)
        for command, module, words, _ in calls
    ]
    if by == "module":
        calls.append(("", "recipes.tiny_model", target, "train"))
        given.append(("recipes.tiny_model", target))
    for call, (status, output) in zip(calls, outcomes(light, given), strict=True):
        last = output.strip().splitlines()[-1]
        assert status == 1, (call, status, output)
        assert "This needs the package " in last, (call, output)
        assert last.endswith(f"; install it with: pip install 'klue-hub[{call[3]}]'"), (call, last)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_the_report_needs_no_model(tmp_path: Path) -> None:
    lists = requirements()
    site = site_without(
        lists["all"] - needed_by([*lists["dependencies"], *lists["report"]]), tmp_path / "site"
    )
    run = tmp_path / "run"
    run.mkdir()
    results = {"eval_accuracy": 50.0, "constant_accuracy": 50.0, "eval_samples": 2, "eval_data": "some"}
    (run / "all_results.json").write_text(json.dumps(results))
    words = ["report", str(run), "--output", str(tmp_path / "report")]
    ((status, output),) = outcomes(site, [("recipes.cli", words)])
    assert status == 0, output
    assert (tmp_path / "report/index.html").is_file()


def test_metrics_and_their_commands_need_numpy_alone(answers: Path, tmp_path: Path) -> None:
    installed = {canonical(one.metadata["Name"]) for one in metadata.distributions()}
    site = site_without(installed - {"numpy"}, tmp_path)
    program = (
        "import sys, pkgutil, importlib, klue_metrics\n"
        "from klue_metrics import functional\n"
        "for found in pkgutil.iter_modules(functional.__path__):\n"
        "    importlib.import_module(f'klue_metrics.functional.{found.name}')\n"
        "print(functional.compute('nli', ['neutral'], ['neutral'])['accuracy'])\n"
        "print(sum(name.startswith('klue_metrics.functional.') for name in sys.modules))"
    )
    done = run_in(site, "-c", program)
    assert done.stdout.split() == ["100.0", "13"], done.stderr
    calls = [
        ["score", "--task", "nli", "--predictions", str(answers), "--resamples", "10"],
        ["compare", "--task", "nli", str(answers), str(answers), "--resamples", "10"],
    ]
    for words, (status, output) in zip(
        calls, outcomes(site, [("klue_metrics", words) for words in calls]), strict=True
    ):
        assert status == 0, (words, output)
        assert "nli: 3 examples" in output
    assert run_in(site, "-c", "import pyarrow").returncode == 1  # so there was something to see


def test_without_the_packages_of_every_installation_klue_says_so_too(tmp_path: Path) -> None:
    site = site_without({"numpy"}, tmp_path)
    calls: list[tuple[str, Words]] = [("recipes.cli", ["tasks"]), ("recipes.cli", ["completion", "bash"])]
    for status, output in outcomes(site, calls):
        assert status == 1
        assert output.endswith("This needs the package numpy; install it with: pip install klue-hub\n")


def test_a_missing_module_of_ours_is_a_bug_and_stays_an_exception(tmp_path: Path) -> None:
    site = site_without((), tmp_path)
    program = (
        "from klue_datasets.commands import needs\nwith needs('train'):\n    import recipes.no_such_module"
    )
    assert (
        "ModuleNotFoundError: No module named 'recipes.no_such_module'" in run_in(site, "-c", program).stderr
    )
