"""Tests of the ontology of WoS for all sources of data."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

import klue_datasets
from klue_datasets.export import export
from klue_datasets.loading import MINI_DIR
from klue_datasets.ontology import FILE, load_ontology, read_ontology
from recipes.arguments import RecipeArguments
from recipes.tasks.wos.dialogue_state_tracking import RECIPE
from recipes.tasks.wos.dialogues import known_values

RAW = json.loads((MINI_DIR / "wos-v1.1" / FILE).read_text(encoding="utf-8"))


@pytest.mark.parametrize("hub_compatible", [False, True])
def test_slots_and_values_are_the_same_from_raw_files_and_from_an_exported_folder(
    hub_compatible: bool, tmp_path: Path
) -> None:
    export(tmp_path / "klue", tasks=["wos"], mini=True, hub_compatible=hub_compatible)
    assert load_ontology(mini=True) == load_ontology(data_dir=MINI_DIR) == RAW
    assert load_ontology(dataset_name=str(tmp_path / "klue")) == RAW
    splits = {name: RECIPE.prepare(rows) for name, rows in klue_datasets.load("wos", mini=True).items()}
    given, exported = (
        known_values(arguments, splits)
        for arguments in (RecipeArguments(mini=True), RecipeArguments(dataset_name=str(tmp_path / "klue")))
    )
    assert given == exported
    assert len(known_values(RecipeArguments(train_file="mine.json"), splits)) <= len(given)


def test_a_data_set_on_the_hub_may_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[tuple] = []

    def download(name: str, path: str, **options: str | None) -> str:
        asked.append((name, path, options))
        if name == "me/offline":
            raise LocalEntryNotFoundError("not cached")
        if name == "me/none":
            raise RemoteEntryNotFoundError.__new__(RemoteEntryNotFoundError)
        return str(MINI_DIR / "wos-v1.1" / FILE)

    monkeypatch.setattr("klue_datasets.ontology.hf_hub_download", download)
    with caplog.at_level(logging.WARNING):
        assert load_ontology(dataset_name="me/klue", revision="v1") == RAW
        assert load_ontology(dataset_name="me/none") == {}
        assert caplog.text == ""
        assert load_ontology(dataset_name="me/offline") == {}
    assert "me/offline is read without an ontology" in caplog.text
    assert asked[0] == ("me/klue", "wos/ontology.json", {"repo_type": "dataset", "revision": "v1"})
    assert load_ontology() == {}


@pytest.mark.parametrize("text", ["[]", '{"숙소-지역": "서울"}', "{", '{"숙소-지역": [1]}'])
def test_a_file_that_is_no_ontology_is_named(text: str, tmp_path: Path) -> None:
    assert read_ontology(tmp_path) is None
    (tmp_path / FILE).write_text(text)
    with pytest.raises(klue_datasets.KlueDataError, match=r"ontology\.json: "):
        read_ontology(tmp_path)
