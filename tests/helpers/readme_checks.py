"""Checks of the output and files of the commands in the READMEs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from made_up_records import made_up_record
from newcomer import Newcomer
from readme import TEXTS
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from klue_datasets.tasks import TASKS
from klue_metrics.export_modules import MODULES as METRIC_MODULES
from klue_metrics.functional import METRICS
from recipes.cli.languages import KOREAN
from recipes.pretraining.tiny_encoder import mini_texts

SENTENCE = "박보검 담주에 파리 화보 촬영 간대!"
UTTERANCE = "여행 왔어요. 숙소를 알려 주세요."
RELATION = {
    "sentence": "가수 김하나는 부산에서 태어났다.",
    "subject_entity": {"word": "김하나", "start_idx": 3, "end_idx": 5, "type": "PER"},
    "object_entity": {"word": "부산", "start_idx": 8, "end_idx": 9, "type": "LOC"},
}
# Task -> the command that gives its page's example to recipes.predict.
INPUTS = {
    "ynat": 'echo "국회, 새해 예산안 처리"',
    "sts": r"printf '오늘 비가 오나요?\t오늘 날씨가 흐린가요?\n'",
    "nli": r"printf '그는 서울에 산다.\t그는 부산에 산다.\n'",
    "ner": 'echo "내일 서울역에서 민수를 만난다."',
    "re": f"echo '{json.dumps(RELATION, ensure_ascii=False)}'",
    "dp": 'echo "나는 학교에 간다."',
    "mrc": r"printf '미술관은 언제 문을 열었나?\t미술관은 1997년에 문을 열었다.\n'",
    "wos": r"printf '여행 왔어요. 숙소를 알려 주세요.\n어느 지역을 찾으세요?\n서울 중앙이요.\n'",
}
# Task -> fields of a prediction, as its page lists them; of ner and dp, those of one in a list.
FIELDS = {
    **{key: {"label", "score"} for key in ("ynat", "sts", "nli", "re")},
    "ner": {"entity_group", "score", "word", "start", "end"},
    "mrc": {"answer", "start", "end", "score"},
    "wos": {"turn", "user", "state", "changed", "score"},
}


def demo(new: Newcomer, printed: str) -> None:
    """Check that the table has the lines of the README, and that there is a report."""
    cells = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    shown = re.search(r"^\| model \|.*?(?=^```$)", TEXTS["README.md"], flags=re.DOTALL | re.MULTILINE)[0]
    expected = [line.split(" | ") for line in shown.splitlines() if line.startswith("| ")]
    keys = [row[:3] + row[-1:] for row in cells]
    assert len(expected) == 1 + len(METRICS)
    assert all(row[:3] + row[-1:] in keys for row in expected)
    assert all(re.fullmatch(r"-?\d+\.\d\d|undefined", row[3]) for row in cells[1:])
    assert len(cells) == 1 + sum(len(metric.names) for metric in METRICS.values())
    assert "out/demo/report/index.html" in printed
    assert {"index.html", "report.md", "report.csv"} <= new.files("out/demo/report")


def quick(new: Newcomer, printed: str) -> None:
    assert [line.split(" | ")[1] for line in printed.splitlines() if line.startswith("| ")] == [
        "task",
        "ynat",
    ]
    assert {"index.html", "report.md", "report.csv"} <= new.files("out/quick/report")


def trained(task: str, folder: str, data: str, *files: str) -> Callable[[Newcomer, str], None]:
    """Check that a run has the files listed in the README."""

    def check(new: Newcomer, printed: str) -> None:
        results = new.json(f"{folder}/all_results.json")
        assert all(f"{side}_{key}" in results for side in ("eval", "constant") for key in METRICS[task].names)
        assert results["eval_data"] == data
        sizes = {results["train_samples"], results["eval_samples"]}
        assert min(sizes) > 32 if task == "wos" else sizes == {32}  # 32 dialogues have more turns
        assert len(new.lines(f"{folder}/predictions_validation.jsonl")) == results["eval_samples"]
        assert {"README.md", *files} <= new.files(folder)
        assert new.files(f"{folder}/.eval_results") == {"klue.yaml"}
        assert f"KLUE {TASKS[task].title} ({task})" in "".join(new.lines(f"{folder}/README.md"))

    return check


def all_runs(new: Newcomer, printed: str) -> None:
    rows = [line for line in printed.splitlines() if line.startswith("| klue/")]
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| klue/roberta-base", "nli", "accuracy"],
        ["| klue/bert-base", "nli", "accuracy"],
    ]
    assert all(row.endswith(" | 2 | klue/klue |") for row in rows)
    assert new.files("out/all/roberta-base/nli") == {"seed-42", "seed-43"}


def report(new: Newcomer, printed: str) -> None:
    page = "\n".join(new.lines("report/index.html"))
    assert "roberta-base" in page
    assert "bert-base" in page
    (board,) = new.json("report/report.json")["boards"]
    assert [(row["model"], row["seeds"]) for row in board["rows"]] == [
        ("bert-base", [42, 43]), ("roberta-base", [42, 43]),
    ]  # fmt: skip


def runs_to_score(new: Newcomer) -> None:
    """Provide the runs out/nli, out/a and out/b of the README, copied from run_all."""
    runs = {"out/nli": "roberta-base", "out/a": "roberta-base", "out/b": "bert-base"}
    for folder, model in runs.items():
        shutil.copytree(
            new.checkout / "out/all" / model / "nli/seed-42", new.checkout / folder, dirs_exist_ok=True
        )


def scored(new: Newcomer, printed: str) -> None:
    score = new.json("out/nli/all_results.json")["eval_accuracy"]
    assert re.search(rf"^accuracy +{score:.2f} +[\d.]+ +[\d.]+$", printed, flags=re.MULTILINE)
    assert "nli: 32 examples" in printed
    assert all(label in printed for label in TASKS["nli"].labels)


def compared(new: Newcomer, printed: str) -> None:
    left, right = (new.json(f"out/{name}/all_results.json")["eval_accuracy"] for name in "ab")
    row = next(line.split() for line in printed.splitlines() if line.startswith("accuracy "))
    assert row[1:4] == [f"{left:.2f}", f"{right:.2f}", f"{left - right:.2f}"]
    assert 0 <= float(row[-1]) <= 1


def answered(new: Newcomer, printed: str) -> None:
    (line,) = printed.splitlines()
    answer = json.loads(line)
    assert answer["input"] == SENTENCE
    assert isinstance(answer["prediction"], list)  # of entities, of which two updates may find none
    assert all(answer["input"][one["start"] : one["end"]] == one["word"] for one in answer["prediction"])


def predicted(task: str) -> Callable[[Newcomer, str], None]:
    """Check that predictions have the fields listed on the page of the task."""

    def check(new: Newcomer, printed: str) -> None:
        if task == "dp":
            rows = [line.split("\t") for line in printed.splitlines() if line[:1].isdigit()]
            assert [row[1] for row in rows] == ["나는", "학교에", "간다."]
            return
        lines = [json.loads(line) for line in printed.splitlines()]
        assert len(lines) == (2 if task == "wos" else 1)
        for line in lines:
            found = line if task == "wos" else line["prediction"]
            for one in found if isinstance(found, list) else [found]:
                assert set(one) >= FIELDS[task]

    return check


def tracked_by_tensorboard(new: Newcomer, printed: str) -> None:
    """Check that the official metrics are logged."""
    (folder,) = (new.checkout / "out/tracked/runs").iterdir()
    events = EventAccumulator(str(folder))
    events.Reload()
    curves = set(events.Tags()["scalars"])
    assert {f"eval/{key}" for key in METRICS["ynat"].names} | {"eval/loss"} <= curves
    results = new.json("out/tracked/all_results.json")
    assert events.Scalars("eval/macro_f1")[-1].value == pytest.approx(results["eval_macro_f1"], abs=1e-4)


def submitted(new: Newcomer, printed: str) -> None:
    assert len([line for line in printed.splitlines() if ": finished in " in line]) == 4


def seeds_are_finished(new: Newcomer, printed: str) -> None:
    assert printed.splitlines()[-1] == "4 finished"


def searched(new: Newcomer, printed: str) -> None:
    lines = printed.splitlines()
    assert [line.endswith("| chosen |") for line in lines if "| learning_rate " in line].count(True) == 1
    assert lines[-1].startswith("| out/tiny | nli | accuracy | ")


def payloads(new: Newcomer, printed: str) -> None:
    assert [json.loads(line)["script_args"][:2] for line in printed.splitlines()] == [["sweep", "work"]] * 2


def seeds(new: Newcomer, printed: str) -> None:
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| out/tiny")]
    assert [row[1:2] + row[5:6] for row in rows] == [["sts", "2"], ["sts", "2"], ["nli", "2"]]


def report_of_seeds(new: Newcomer, printed: str) -> None:
    assert {board["task"] for board in new.json("out/seeds/report/report.json")["boards"]} == {"sts", "nli"}


def results_added(new: Newcomer, printed: str) -> None:
    assert printed.strip() == "results/team.jsonl: 4 records, 4 more than before"
    assert len(new.lines("results/team.jsonl")) == 4


def results_listed(new: Newcomer, printed: str) -> None:
    assert [line.split()[1] for line in printed.splitlines()] == ["task", "nli", "nli"]


def results_as_json(new: Newcomer, printed: str) -> None:
    assert [json.loads(line)["schema"] for line in printed.splitlines()] == [1] * 4


def results_valid(new: Newcomer, printed: str) -> None:
    assert printed.strip() == "results/team.jsonl: 4 records"


def board_made(new: Newcomer, printed: str) -> None:
    assert printed.startswith("site/index.html (")
    page = "\n".join(new.lines("site/index.html"))
    assert all(text in page for text in ("KLUE-RoBERTa-large", "preset demo", "not KLUE scores"))


def board_published(new: Newcomer, printed: str) -> None:
    assert {"README.md", "index.html", "board.js"} <= set(new.hub.files("space", "me/klue-board"))


def official_result(new: Newcomer) -> None:
    """Provide the record of an official evaluation."""
    path = new.checkout / "results/official.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made_up_record("nli").to_json()) + "\n")


def scores_proposed(new: Newcomer, printed: str) -> None:
    assert "task_id: nli" in printed
    assert "Nothing was sent" in printed


def tracked(new: Newcomer, printed: str) -> None:
    (line,) = printed.splitlines()
    turn = json.loads(line)
    assert (turn["turn"], turn["user"]) == (0, UTTERANCE)
    assert set(turn["changed"]) == {"-".join(item.split("-")[:2]) for item in turn["state"]}


def exported(new: Newcomer, printed: str) -> None:
    assert printed.endswith("Written to hub/klue\n")
    assert new.files("hub/klue") == {"README.md", "eval.yaml", *TASKS}
    assert new.files("hub/klue/ynat") == {
        f"{split}-00000-of-00001.parquet" for split in ("train", "validation")
    }
    assert not list((new.checkout / "hub").rglob("*.py"))


def validated(new: Newcomer, printed: str) -> None:
    assert printed.endswith("Defects that are not known: 0\n")
    assert "ynat train: 910 rows; the published file has 45,678." in printed


def counted(new: Newcomer, printed: str) -> None:
    assert [line for line in printed.splitlines() if line.startswith("ynat ")] == [
        "ynat train: 910 rows", "ynat validation: 175 rows",
    ]  # fmt: skip
    assert "  label: IT과학 132, " in printed


def not_published(new: Newcomer, printed: str) -> None:
    assert printed.startswith("out/ner -> me/klue-ner: ")
    assert "  model.safetensors: " in printed
    assert "Nothing was sent" in printed
    assert ("model", "me/klue-ner") not in new.hub.store.repos


def data_published(new: Newcomer, printed: str) -> None:
    assert set(new.hub.files("dataset", "me/klue")) == {
        "README.md",
        "eval.yaml",
        *(f"{task}/{split}-00000-of-00001.parquet" for task in TASKS for split in ("train", "validation")),
        "wos/ontology.json",
    }
    assert "Uploaded in one commit: " in printed or "holds exactly these files already" in printed


def metrics_published(new: Newcomer, printed: str) -> None:
    spaces = {name for kind, name in new.hub.store.repos if kind == "space"} - {"me/klue-board"}
    assert spaces == {f"me/{name}" for name in METRIC_MODULES}
    assert printed.count("Uploaded in one commit: ") == len(METRIC_MODULES) == 9
    assert 'evaluate.load("me/klue_dp")' in new.hub.files("space", "me/klue_dp")["README.md"].decode()


def tasks_listed(new: Newcomer, printed: str) -> None:
    assert [line.split()[0] for line in printed.splitlines()[1:]] == list(TASKS)


def texts_to_learn(new: Newcomer) -> None:
    """A corpus: texts.txt."""
    texts = [text.replace("\n", " ") for text in mini_texts() if text.count(" ") > 2][:400]
    (new.checkout / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")


def vocabulary_learned(new: Newcomer, printed: str) -> None:
    assert re.fullmatch(r"out/tokenizer: [\d,]+ tokens\n", printed)
    assert (new.checkout / "out/tokenizer/tokenizer.json").is_file()


def tokens_counted(new: Newcomer, printed: str) -> None:
    header, *rows = printed.splitlines()
    assert header.split()[:5] == ["tokenizer", "task", "tokens", "per", "word"]
    assert [row.split()[1] for row in rows] == list(TASKS)


def configurations_listed(new: Newcomer, printed: str) -> None:
    assert re.search(r"^roberta +small +768 +768 +6 +12 +68\.1 M +68 M ", printed, flags=re.MULTILINE)


def pretrained(new: Newcomer, printed: str) -> None:
    results = new.json("out/small/pretraining_results.json")
    assert f"loss {results['eval_loss']:.3f} on held-out text" in printed
    assert (new.checkout / "out/small/model.safetensors").is_file()


def explained(command: str) -> Callable[[Newcomer, str], None]:
    def check(new: Newcomer, printed: str) -> None:
        assert printed.startswith((f"usage: klue {command}", f"klue {command}: "))

    return check


def in_korean(new: Newcomer, printed: str) -> None:
    assert printed == KOREAN.overview() + "\n"


def completion(shell: str) -> Callable[[Newcomer, str], None]:
    def check(new: Newcomer, printed: str) -> None:
        assert "publish" in printed
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=printed, text=True, check=True)

    return check


def flags_listed(new: Newcomer, printed: str) -> None:
    assert printed.startswith("usage: train_tc.py [flags]")
    assert f"{TASKS['ynat'].summary}." in printed
    assert all(flag in printed for flag in ("--model_name_or_path", "--use_lora", "--resume_from_checkpoint"))
