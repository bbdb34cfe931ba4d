"""Tests of adapters and their base models on the Hub, at a revision, or in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hub_server import HubServer
from publishing import commits
from runs import predictions, read
from runs import run as train_or_evaluate

from recipes.engine.inference import load_pipeline
from recipes.pretraining.tiny_encoder import make_tiny_model
from recipes.publish import main

LORA = ["--use_lora", "--learning_rate", "1e-2"]


def run(task: str, model: Path, output_dir: Path, *words: str) -> None:
    quick = ("--max_train_samples", "32", "--max_eval_samples", "20", "--max_steps", "2")
    train_or_evaluate(task, model, output_dir, *quick, *words)


def scores(folder: Path) -> list[float]:
    return [row["score"] for row in predictions(folder)]


@pytest.mark.parametrize("revision", ["named", "main"])
def test_an_adapter_keeps_the_revision_of_its_base_model(
    revision: str, hub: HubServer, here: list[float], tiny: Path, tmp_path: Path
) -> None:
    """Even if main changes before or after training, and for folders and Hub ids."""
    base, adapter = f"me/base-{revision}", f"me/adapter-{revision}"
    make_tiny_model(tmp_path / "moved", seed=7)
    wanted = hub.store.put("model", base, tiny).oid
    if revision == "named":
        hub.store.put("model", base, tmp_path / "moved")
    words = ["--model_revision", wanted] if revision == "named" else []
    run("re", Path(base), tmp_path / "run", *LORA, *words)
    config = read(tmp_path / "run" / "adapter_config.json")
    assert (config["base_model_name_or_path"], config["revision"]) == (base, wanted)
    if revision == "main":
        hub.store.put("model", base, tmp_path / "moved")
    run("re", tmp_path / "run", tmp_path / "again", "--do_eval")
    assert scores(tmp_path / "again") == pytest.approx(scores(tmp_path / "run"), abs=1e-5)

    assert main(["model", "--folder", str(tmp_path / "run"), "--repo_id", adapter]) == 0
    assert commits(hub, "model", adapter) == 1
    run("re", Path(adapter), tmp_path / "by id", "--do_eval")
    assert scores(tmp_path / "by id") == pytest.approx(scores(tmp_path / "run"), abs=1e-5)
    assert set(load_pipeline("re", adapter).loaded.model.peft_config) == {"default"}
    run("re", Path(adapter), tmp_path / "further", "--use_lora", "--do_train", "--max_steps", "1")
    config = read(tmp_path / "further" / "adapter_config.json")
    assert (config["base_model_name_or_path"], config["revision"]) == (base, wanted)

    (tmp_path / "run" / "adapter_config.json").write_text(json.dumps(config | {"revision": "main"}))
    run("re", tmp_path / "run", tmp_path / "moved on", "--do_eval")
    assert scores(tmp_path / "moved on") != pytest.approx(scores(tmp_path / "run"), abs=1e-5)


def test_an_adapter_for_a_local_base_model_moves_with_it_and_is_not_published(
    hub: HubServer, here: list[float], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny, first / "base")
    run("re", first / "base", first / "runs" / "re", *LORA)
    for folder in (first / "runs" / "re", *(first / "runs" / "re").glob("checkpoint-*")):
        text = (folder / "adapter_config.json").read_text()
        assert str(tmp_path) not in text
        assert (folder / json.loads(text)["base_model_name_or_path"]).resolve() == first / "base"
    assert str(tmp_path) not in (first / "runs" / "re" / "config.json").read_text()

    first.rename(second)
    folder = second / "runs" / "re"
    run("re", folder, second / "again", "--do_eval")
    assert scores(second / "again") == pytest.approx(scores(folder), abs=1e-5)
    run("re", folder, second / "further", "--use_lora", "--do_train", "--max_steps", "1")
    assert read(second / "further" / "adapter_config.json")["base_model_name_or_path"] == "../base"

    words = ["model", "--folder", str(folder), "--repo_id", "me/local-base"]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "is an adapter for the local base model ../../base, which others cannot load" in error
    assert "publish that one first, and put its Hub id into adapter_config.json" in error
    assert ("model", "me/local-base") not in hub.store.repos

    (second / "base").rename(second / "elsewhere")
    with pytest.raises(
        ValueError, match=rf"for the base model ../../base, but there is no folder {second}/base"
    ):
        run("re", folder, second / "lost", "--do_eval")
    assert not (second / "lost").exists()

    config = read(folder / "adapter_config.json") | {"base_model_name_or_path": str(second / "elsewhere")}
    (folder / "adapter_config.json").write_text(json.dumps(config))  # as earlier versions wrote it
    run("re", folder, second / "found", "--do_eval")
    assert scores(second / "found") == pytest.approx(scores(folder), abs=1e-5)
    hub.store.put("model", "me/base-at-last", second / "elsewhere")
    config = read(folder / "adapter_config.json") | {"base_model_name_or_path": "me/base-at-last"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    assert main(words) == 0
    run("re", Path("me/local-base"), second / "by id", "--do_eval")
    assert scores(second / "by id") == pytest.approx(scores(folder), abs=1e-5)


@pytest.mark.parametrize("base", ["/home/me/base", "../base", "models/of/mine", "beside"])
def test_an_adapter_with_any_local_path_is_refused(
    base: str,
    small: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Absolute and relative paths, of existing or missing folders."""
    (tmp_path / "beside").mkdir()
    monkeypatch.chdir(tmp_path)
    (small / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    assert main(["model", "--folder", str(small), "--repo_id", "me/x", "--dry_run"]) == 1
    assert f"adapter for the local base model {base}, which others cannot" in capsys.readouterr().err
