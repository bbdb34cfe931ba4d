"""Tests of faults of the Hub: one-sentence errors, no partial uploads, and successful repetition."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import Fault, HubServer
from publishing import TOKEN, commits

from recipes.publish import main

FAULTS = {
    "401": (Fault("create", 401), "the Hub does not know who you are (401)"),
    "403": (Fault("commit", 403), "your token may not write there (403)"),
    "409": (Fault("commit", 409), "something else is changing the repository at this moment (409)"),
    "412": (Fault("commit", 412), "someone else has changed the repository during the upload (412)"),
    "429": (
        Fault("commit", 429, {"Retry-After": "42"}),
        "too many requests to the Hub (429): wait 42 seconds",
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
    assert f": {repo}: " in error
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
    monkeypatch.setattr("recipes.publishing.uploads.MODULES", ("klue_nli", "klue_sts"))
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
