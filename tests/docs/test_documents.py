"""Tests of generated documents: they match their sources, and the check detects changes."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, copy_checkout

import klue_metrics.__main__ as metrics_command
from docs.generator.__main__ import main
from docs.generator.demo import keep
from docs.generator.documents import DEMO, PRESET_RUNS, REAL_RUNS, documents, stale, write
from docs.generator.metric_cards import docstring_parts
from docs.generator.readme_tables import demo_block, dialogue_table, read_real_runs, tasks_table
from docs.generator.regions import fill, share
from hub_cards import __version__
from klue_datasets.tasks import CITATION, TASKS
from klue_metrics.export_modules import REQUIREMENTS
from klue_metrics.functional import METRICS
from recipes.engine.command_line import make_parser, parse
from recipes.tasks import SCRIPTS

REGION = "<!-- a: made by make docs -->\nold\n<!-- end -->\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_checkout(tmp_path / "checkout", "tests", "mini")


def test_everything_is_as_its_sources_have_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert stale() == []
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "Everything is as its sources have it.\n"


def test_all_that_is_made_is_listed() -> None:
    made = set(documents())
    assert {"README.md", "README.ko.md", "CONTRIBUTING.md", "CITATION.cff"} < made
    pages = {f"docs/tasks/{task}.md" for task in TASKS}
    assert pages < made
    for name in ("klue_metric", *(f"klue_{task}" for task in METRICS)):
        assert {f"klue_metrics/{name}/{file}" for file in ("README.md", "app.py", "requirements.txt")} < made
    assert {f"recipes/train_{name}.py" for name in SCRIPTS.values()} < made
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in (
            *ROOT.glob("*.md"),
            *ROOT.glob("klue_*/**/*.md"),
            *ROOT.glob("hub_cards/**/*.md"),
            *ROOT.glob("docs/**/*.md"),
        )
        if "made by make docs -->\n" in path.read_text(encoding="utf-8")
    }
    assert marked == {"README.md", "README.ko.md", "CONTRIBUTING.md", "docs/settings.md", *pages}


# A fact and its new value, in a copy -> the documents that have it.
CHANGES = {
    "task": (
        "klue_datasets/tasks.py", "topic of a headline, 7 classes", "subject of a headline",
        ["README.md", "recipes/train_tc.py"],
    ),
    "column": (
        "klue_datasets/ynat.py", '"title": text', '"headline": text', ["docs/tasks/ynat.md"],
    ),
    "Korean": ("klue_datasets/tasks.py", "기사 제목의 주제, 7개", "기사의 주제", ["README.ko.md"]),
    "metric": (
        "klue_metrics/functional/nli.py", '{"accuracy": "accuracy"}', '{"accuracy": "share"}',
        ["README.md", "README.ko.md", "CONTRIBUTING.md", "docs/settings.md",
         "klue_metrics/klue_nli/README.md", "recipes/train_nli.py"],
    ),
    "definition": (
        "klue_metrics/functional/wos.py", "fraction of turns whose", "share of turns whose",
        ["klue_metrics/klue_wos/README.md"],
    ),
    "paper": ("hub_cards/published_scores.yaml", "81.55", "81.56", ["klue_metrics/klue_ynat/README.md"]),
    "version": ("hub_cards/__init__.py", '"0.1.0"', '"0.2.0"', ["CITATION.cff"]),
    "demo": (DEMO, '"eval_macro_f1": 8', '"eval_macro_f1": 7', ["README.md", "README.ko.md"]),
    "preset run": (PRESET_RUNS, '"eval_f1": 7', '"eval_f1": 6', ["docs/settings.md"]),
    "real run": (REAL_RUNS, "69.93", "69.94", ["CONTRIBUTING.md"]),
    "block": ("README.md", "klue tasks\nklue train", "klue tasks --json\nklue train", ["README.ko.md"]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_fact_is_seen_and_written(
    change: str, checkout: Path, python: Callable[..., object]
) -> None:
    path, old, new, expected = CHANGES[change]
    text = (checkout / path).read_text(encoding="utf-8")
    assert old in text
    (checkout / path).write_text(text.replace(old, new), encoding="utf-8")
    done = python("-m", "docs.generator", "--check", cwd=checkout, check=False)
    assert done.returncode == 1
    assert re.findall(r"^(\S+) is stale: line \d+ is '", done.stdout, flags=re.MULTILINE) == expected
    assert done.stdout.count("Run `make docs`.") == len(expected)


def test_a_document_changed_by_hand_is_made_again(checkout: Path) -> None:
    card = checkout / "klue_metrics/klue_re/README.md"
    right = card.read_text(encoding="utf-8")
    card.write_text(right.replace("71.13", "99.99"), encoding="utf-8")
    korean = checkout / "README.ko.md"
    korean.write_text(korean.read_text(encoding="utf-8").replace("klue tasks\n", ""), encoding="utf-8")
    (checkout / "klue_metrics/klue_dp/app.py").unlink()
    assert [sentence.split(" is stale")[0] for sentence in stale(checkout)] == write(checkout) == [
        "README.ko.md", "klue_metrics/klue_re/README.md", "klue_metrics/klue_dp/app.py",
    ]  # fmt: skip
    assert card.read_text(encoding="utf-8") == right
    assert stale(checkout) == []


def test_regions_leave_prose_alone_and_a_lost_one_is_a_sentence() -> None:
    assert fill(f"before\n\n{REGION}after\n", {"a": "new"}, "X.md") == (
        "before\n\n<!-- a: made by make docs -->\n\nnew\n\n<!-- end -->\nafter\n"
    )
    with pytest.raises(ValueError, match=r"X\.md has the regions \(none\); expected a, each between"):
        fill("no region", {"a": "new"}, "X.md")
    with pytest.raises(ValueError, match=r"X\.md has the regions a, a; expected a"):
        fill(REGION + REGION, {"a": "new"}, "X.md")


def test_a_translation_takes_blocks_and_pictures_of_the_same_section() -> None:
    source = "# T\n\n```\na\n```\n\n## S\n\n```sh\nb\n```\n\n![x](new.svg)\n\n```\nc\n```\n"
    korean = "# 제\n\n```\n```\n\n## 절\n\n```\nold\n```\n\n![그림](old.svg)\n\n글\n\n```\n```\n"
    expected = "# 제\n\n```\na\n```\n\n## 절\n\n```sh\nb\n```\n\n![그림](new.svg)\n\n글\n\n```\nc\n```\n"
    assert share(korean, source, "K.md") == expected
    with pytest.raises(ValueError, match=r"K\.md has 0 sections; expected 1"):
        share("# 제\n", source, "K.md")
    with pytest.raises(ValueError, match=r"'## 절' does not have .* '## S' has one; expected block, picture"):
        share(korean.replace("![그림](old.svg)", ""), source, "K.md")


def test_the_numbers_in_the_summaries_are_those_of_the_labels() -> None:
    entity_types = [label for label in TASKS["ner"].labels if label.startswith("B-")]
    for task, number in (("ynat", 7), ("nli", 3), ("re", 30)):
        assert len(TASKS[task].labels) == number
        assert f"{number} classes" in TASKS[task].summary
        assert f"{number}개" in TASKS[task].summary_ko
    assert f"{len(entity_types)} types" in TASKS["ner"].summary
    assert f"{len(entity_types)}종" in TASKS["ner"].summary_ko
    assert tasks_table("ko").count("`train_") == tasks_table("en").count("`train_") == len(TASKS)


def test_the_demo_block_is_that_of_the_kept_figures(tmp_path: Path) -> None:
    kept = json.loads((ROOT / DEMO).read_text(encoding="utf-8"))
    assert "--seed 42 43 44" in kept["command"]
    assert {"date", "python", "libraries", "device"} < set(kept)
    assert [(run["task"], run["seed"]) for run in kept["runs"]] == [
        (task, seed) for task in TASKS for seed in (42, 43, 44)
    ]
    expected = []
    for start in range(0, len(kept["runs"]), 3):
        runs = kept["runs"][start : start + 3]
        scores = sorted(run["results"][f"eval_{METRICS[runs[0]['task']].primary}"] for run in runs)
        expected.append([f"{sum(scores) / 3:.2f}", f"{scores[0]:.2f} to {scores[2]:.2f}"])
    lines = [line.split(" | ") for line in demo_block(ROOT / DEMO).splitlines()[3:-1]]
    assert [line[3:5] for line in lines] == expected
    assert {line[6] for line in lines} == {"3"}


def test_the_dialogue_part_of_the_demo_is_robust() -> None:
    runs = [run for run in json.loads((ROOT / DEMO).read_text())["runs"] if run["task"] == "wos"]
    scores = [run["results"]["eval_joint_goal_accuracy"] for run in runs]
    assert len(scores) == 3
    assert min(scores) >= 80


def finished_demo(folder: Path) -> Path:
    """Write the runs of a demo with the stored scores."""
    kept = json.loads((ROOT / DEMO).read_text(encoding="utf-8"))
    for run in kept["runs"]:
        place = folder / "tiny" / run["task"] / f"seed-{run['seed']}"
        place.mkdir(parents=True)
        settings = {"model_name_or_path": kept["model"], "seed": run["seed"]}
        results = {**run["results"], "device": kept["device"]}
        (place / "all_results.json").write_text(json.dumps(results), encoding="utf-8")
        (place / "recipe_arguments.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "tiny/dp/seed-42/example.svg").write_text("<svg/>")
    states = [
        {"guid": "wos-mini_dev_00000", "turn": turn, "prediction": row["state"], "reference": row["gold"]}
        for turn, row in enumerate(kept["dialogue"])
    ] + [{"guid": "wos-mini_dev_00001", "turn": 0, "prediction": [], "reference": []}]
    lines = "".join(json.dumps(row) + "\n" for row in states)
    (folder / "tiny/wos/seed-42/predictions_validation.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_the_dialogue_says_what_is_new_and_what_is_wrong(tmp_path: Path) -> None:
    turns = [
        {"user": "가", "state": ["식당-지역-서울"], "gold": ["식당-지역-서울"]},
        {"user": "나", "state": ["식당-지역-서울"], "gold": ["식당-지역-서울"]},
        {"user": "다", "state": ["식당-지역-서울", "a-b-c"], "gold": ["식당-지역-서울", "a-b-d"]},
    ]
    path = tmp_path / "kept.json"
    path.write_text(json.dumps({"dialogue": turns}), encoding="utf-8")
    rows = [line.split(" | ") for line in dialogue_table(path).splitlines()[2:]]
    assert rows == [
        ["| 가", "`식당-지역-서울` |"],
        ["| 나", "– |"],
        ["| 다", "`a-b-c` ✗, missing: `a-b-d` |"],
    ]


def test_the_figures_of_a_finished_demo_are_kept(tmp_path: Path) -> None:
    demo = finished_demo(tmp_path / "demo")
    keep(demo, tmp_path / "kept.json", tmp_path / "kept.svg")
    for made in (demo_block, dialogue_table):
        assert made(tmp_path / "kept.json") == made(ROOT / DEMO)
    assert (tmp_path / "kept.svg").read_text() == "<svg/>"
    shutil.rmtree(demo / "tiny" / "re")
    message = r"holds 21 finished runs .*; expected the same seeds for every task, of one model"
    with pytest.raises(ValueError, match=message):
        keep(demo, tmp_path / "kept.json", tmp_path / "kept.svg")


def test_the_real_runs_have_flags_that_exist() -> None:
    runs = read_real_runs(ROOT / REAL_RUNS)
    assert {run["recipe"] for run in runs} == {*SCRIPTS.values()}
    tasks = {module: task for task, module in SCRIPTS.items()}
    for run in runs:
        task = tasks[run["recipe"]]
        parse(make_parser(task, ""), task, shlex.split(run["flags"]))


def test_a_score_without_a_constant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("- {recipe: nli, flags: '', scores: {accuracy: 1.0}, constants: {}, seconds: 1}\n")
    with pytest.raises(ValueError, match="a run of nli has the scores accuracy and the constants "):
        read_real_runs(path)


def test_docstrings_have_sections_and_every_score_is_in_one() -> None:
    for task, metric in METRICS.items():
        parts = docstring_parts(inspect.getdoc(metric.compute) or "")
        assert list(parts) == ["Args", "Returns", "Raises"]
        given = [re.match(r"`(\w+)`: ", item)[1] for item in parts["Args"]]
        assert sorted(given) == sorted(inspect.signature(metric.compute).parameters)
        assert all(f"`{key}`" in " ".join(parts["Returns"]) for key in metric.names), task


def test_help_names_the_breakdowns_of_the_metrics() -> None:
    score = metrics_command.make_parser()._subparsers._group_actions[0].choices["score"]
    text = next(action.help for action in score._actions if action.dest == "by")
    assert all(f"{' or '.join(metric.breakdowns)} ({task})" in text for task, metric in METRICS.items())


def test_the_citation_has_the_authors_of_the_paper() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    (paper,) = cited["references"]
    names = [f"{author['given-names']} {author['family-names']}" for author in paper["authors"]]
    assert len(names) == 31
    assert " and ".join(names) == re.search(r"author += \{(.*?)\}", " ".join(CITATION.split()))[1]


def test_versions_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'version = { attr = "hub_cards.__version__" }' in project
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changes, flags=re.MULTILINE)[1] == __version__
    needed = re.findall(r'^    "((?:evaluate|numpy)>=[^"]*)",$', project, flags=re.MULTILINE)
    assert sorted(needed) == sorted(REQUIREMENTS.split())


def test_outside_a_checkout_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a checkout of klue-hub"):
        documents(tmp_path)
