"""Tests of downloads from a local server, with errors, interruptions and retries."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from klue_datasets.download import (
    KlueDownloadError,
    archive_url,
    fetch,
    git_blob_sha1,
    official_splits,
)
from klue_datasets.loading import MINI_DIR, make_builder
from klue_datasets.tasks import TASKS, Task, get_task

TRAIN, DEV = "ynat-v1.1_train.json", "ynat-v1.1_dev.json"


@dataclasses.dataclass
class Server:
    """Responses of the server, and the requests it received.

    Attributes:
        bodies: File name -> content.
        requests: Method, path and range of every request.
        failures: How many requests are still answered with 503.
        cut: After how many bytes the connection closes; 0 for never.
        cuts: How many answers are still cut.
        stall: Seconds of silence in the middle of an answer.
        stalls: How many answers still have them.
        ranges: Whether a range is honoured.
    """

    bodies: dict[str, bytes]
    requests: list[str] = dataclasses.field(default_factory=list)
    failures: int = 0
    cut: int = 0
    cuts: int = 0
    stall: float = 0
    stalls: int = 0
    ranges: bool = True


class Handler(BaseHTTPRequestHandler):
    state: Server

    def do_GET(self) -> None:
        state = self.state
        wanted = self.headers.get("Range")
        state.requests.append(f"{self.command} {self.path} {wanted or ''}".strip())
        body = state.bodies.get(self.path.rsplit("/", 1)[-1])
        if body is None or state.failures > 0:
            state.failures -= 1
            self.send_error(503 if body is not None else 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        body = body[start:]
        if state.cuts > 0:
            state.cuts -= 1
            self.wfile.write(body[: state.cut])
            self.close_connection = True
            return
        middle = len(body) // 2
        self.wfile.write(body[:middle])
        if state.stalls > 0:
            state.stalls -= 1
            self.wfile.flush()
            threading.Event().wait(state.stall)
        self.wfile.write(body[middle:])

    def log_message(self, *args: object) -> None:
        """Do not log to standard error."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    folder = MINI_DIR / "ynat-v1.1"
    state = Server({path.name: path.read_bytes() for path in folder.glob("*.json")})
    handler = type("OneHandler", (Handler,), {"state": state, "handle_error": None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        http.handle_error = lambda *args: None  # a client that hangs up is part of the test
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("KLUE_BASE_URL", f"http://127.0.0.1:{http.server_port}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", 1)
        monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("klue_datasets.download.WAIT", 0.01)
        yield state
        http.shutdown()


@pytest.fixture
def task() -> Task:
    """Return the record of ynat with the hashes of the server's files."""
    return with_hashes(get_task("ynat"), "1.1.0", {"train": TRAIN, "validation": DEV})


def with_hashes(record: Task, version: str, files: dict[str, str]) -> Task:
    blobs = {split: git_blob_sha1(MINI_DIR / "ynat-v1.1" / name) for split, name in files.items()}
    return dataclasses.replace(record, blobs={version: blobs})


def assert_right(files: dict[str, list[str]], server: Server) -> None:
    for split, name in (("train", TRAIN), ("validation", DEV)):
        assert Path(files[split][0]).read_bytes() == server.bodies[name]


def kept(folder: Path) -> list[str]:
    """Return the files in the cache without locks and metadata of datasets."""
    names = (path.name for path in (folder / "downloads").iterdir())
    return [name for name in names if not name.endswith((".lock", ".json"))]


def test_files_are_downloaded_once_and_checked(server: Server, task: Task, tmp_path: Path) -> None:
    files = fetch(task, cache_dir=tmp_path)
    assert_right(files, server)
    assert official_splits(task, files) == {"train", "validation"}
    asked = len(server.requests)
    assert asked == 2
    assert fetch(task, cache_dir=tmp_path) == files
    assert len(server.requests) == asked
    assert server.requests[0] == (
        "GET /1cc52e64c0e0b6915577244f7439c55a42199a64/klue_benchmark/ynat-v1.1/ynat-v1.1_train.json"
    )


@pytest.mark.parametrize("body", [b"[]", b"truncated"])
def test_a_wrong_file_is_refused_and_not_kept(
    body: bytes, server: Server, task: Task, tmp_path: Path
) -> None:
    right = server.bodies[DEV]
    server.bodies[DEV] = right[:-100] if body == b"truncated" else body
    with pytest.raises(
        KlueDownloadError,
        match=r"ynat-v1\.1_dev\.json: git blob SHA-1 is [0-9a-f]{40}; expected [0-9a-f]{40}",
    ):
        fetch(task, cache_dir=tmp_path)
    assert len(kept(tmp_path)) == 1
    server.bodies[DEV] = right
    assert_right(fetch(task, cache_dir=tmp_path), server)


def test_an_absent_file_is_a_clear_error_at_once(server: Server, task: Task, tmp_path: Path) -> None:
    server.bodies.clear()
    with pytest.raises(
        KlueDownloadError,
        match=r"ynat: could not download http://127\.0\.0\.1.* \(HTTP status 404\).*data_dir",
    ):
        fetch(task, cache_dir=tmp_path)
    assert len(server.requests) == 1
    assert kept(tmp_path) == []


def test_a_server_that_is_unavailable_is_asked_again(server: Server, task: Task, tmp_path: Path) -> None:
    server.failures = 3
    assert_right(fetch(task, cache_dir=tmp_path), server)
    assert len(server.requests) == 5


def test_a_server_that_stays_unavailable_is_given_up(server: Server, task: Task, tmp_path: Path) -> None:
    server.failures = 1_000
    with pytest.raises(KlueDownloadError, match="HTTP status 503"):
        fetch(task, cache_dir=tmp_path)
    assert len(server.requests) == 5


def test_a_cut_connection_is_resumed_where_it_broke(server: Server, task: Task, tmp_path: Path) -> None:
    server.cut, server.cuts = 1_000, 3
    assert_right(fetch(task, cache_dir=tmp_path), server)
    ranges = [request.rsplit(" ", 1)[-1] for request in server.requests[:4]]
    assert ranges[1:] == ["bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_a_server_that_cannot_resume_is_asked_for_all_of_it(
    server: Server, task: Task, tmp_path: Path
) -> None:
    server.cut, server.cuts, server.ranges = 1_000, 2, False
    assert_right(fetch(task, cache_dir=tmp_path), server)


def test_a_server_that_always_cuts_and_cannot_resume_is_given_up(
    server: Server, task: Task, tmp_path: Path
) -> None:
    server.cut, server.cuts, server.ranges = 1_000, 1_000, False
    with pytest.raises(KlueDownloadError, match="peer closed connection"):
        fetch(task, cache_dir=tmp_path)
    assert len(server.requests) == 6  # one, and five that brought nothing new


def test_a_body_that_stalls_is_taken_up_again(server: Server, task: Task, tmp_path: Path) -> None:
    server.stall, server.stalls = 3, 1
    start = time.monotonic()
    assert_right(fetch(task, cache_dir=tmp_path), server)
    assert time.monotonic() - start < 3
    assert len(server.requests) == 3


def partial(folder: Path, name: str) -> Path:
    """Return the path of a partial download."""
    (lock,) = (folder / "downloads").glob("*.lock")
    return lock.with_suffix(".incomplete")


@pytest.mark.parametrize("begun", ["right", "wrong", "whole", "more"])
def test_what_an_interrupted_run_left_is_used_if_it_is_right(
    begun: str, server: Server, task: Task, tmp_path: Path
) -> None:
    right = server.bodies.pop(TRAIN)
    with pytest.raises(KlueDownloadError):
        fetch(task, cache_dir=tmp_path)
    left = {"right": right[:500], "wrong": b"x" * 500, "whole": right, "more": right + b"x"}[begun]
    partial(tmp_path, TRAIN).write_bytes(left)
    server.bodies[TRAIN] = right
    server.requests.clear()
    assert_right(fetch(task, cache_dir=tmp_path), server)
    assert server.requests[0].endswith(f"bytes={len(left)}-")
    assert len(kept(tmp_path)) == 2


def test_a_damaged_copy_in_the_cache_is_replaced(server: Server, task: Task, tmp_path: Path) -> None:
    path = Path(fetch(task, cache_dir=tmp_path)["train"][0])
    path.write_bytes(path.read_bytes()[:-1])
    assert_right(fetch(task, cache_dir=tmp_path), server)


def test_offline_the_cache_is_used_and_what_it_lacks_is_said(
    server: Server, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = fetch(task, cache_dir=tmp_path / "full")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    assert fetch(task, cache_dir=tmp_path / "full") == files
    with pytest.raises(
        KlueDownloadError, match=r"HF_HUB_OFFLINE is set.*no earlier download is in .*data_dir"
    ):
        fetch(task, cache_dir=tmp_path / "empty")
    assert len(server.requests) == 2


def test_without_a_network_the_error_says_what_to_do(
    server: Server, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLUE_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(
        KlueDownloadError, match=r"could not download http://127\.0\.0\.1:9/.*ConnectError.*data_dir"
    ):
        fetch(task, cache_dir=tmp_path)


def test_two_at_once_download_once(server: Server, task: Task, tmp_path: Path) -> None:
    found: list[dict[str, list[str]]] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(task, cache_dir=tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(files == found[0] for files in found)
    assert len(server.requests) == 2


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return file.getvalue()


def v1(server: Server, body: bytes) -> Task:
    """Return ynat of version 1.0.0, with a known hash of the dev file and the train file in an archive."""
    server.bodies["ynat-v1.tar.gz"] = body
    server.bodies["ynat-v1_dev.json"] = server.bodies[DEV]
    record = with_hashes(get_task("ynat"), "1.0.0", {"validation": DEV})
    return dataclasses.replace(record, archive_sha256=hashlib.sha256(body).hexdigest())


def test_version_1_comes_from_the_commit_where_the_hash_is_known_else_from_the_archive(
    server: Server, tmp_path: Path
) -> None:
    outside = tmp_path / "evil"
    members = {
        "ynat-v1/ynat-v1_train.json": b"[1]",
        "ynat-v1/._ynat-v1_train.json": b"resource fork",
        "../../../evil": b"no",
        str(outside): b"no",
    }
    task = v1(server, archive(members))
    files = fetch(task, "1.0.0", cache_dir=tmp_path / "cache")
    assert Path(files["train"][0]).read_bytes() == b"[1]"
    assert Path(files["validation"][0]).read_bytes() == server.bodies[DEV]
    assert sorted(server.requests) == [
        "GET /ab22cd5cfdd6b527a9a4e2d177f9dacb85ddde2c/klue_benchmark/ynat-v1/ynat-v1_dev.json",
        "GET /app/Competitions/000066/data/ynat-v1.tar.gz",
    ]
    assert not outside.exists()
    assert [path.name for path in (tmp_path / "cache/downloads/extracted").rglob("*") if path.is_file()] == [
        "ynat-v1_train.json"
    ]
    assert fetch(task, "1.0.0", cache_dir=tmp_path / "cache") == files
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("members", "links"),
    [
        ({"other.json": b"[]"}, {}),
        ({"a/ynat-v1_train.json": b"[]", "b/ynat-v1_train.json": b"[]"}, {}),
        ({}, {"ynat-v1_train.json": "/etc/passwd"}),
    ],
)
def test_an_archive_without_exactly_the_file_is_refused(
    members: dict[str, bytes], links: dict[str, str], server: Server, tmp_path: Path
) -> None:
    task = v1(server, archive(members, links))
    with pytest.raises(KlueDownloadError, match=r"holds \d files called ynat-v1_train\.json; expected one"):
        fetch(task, "1.0.0", cache_dir=tmp_path)


def test_an_archive_that_is_none_or_another_is_refused(server: Server, tmp_path: Path) -> None:
    task = v1(server, b"no archive")
    with pytest.raises(KlueDownloadError, match="not a readable tar archive"):
        fetch(task, "1.0.0", cache_dir=tmp_path)
    task = v1(server, archive({"ynat-v1_train.json": b"[]"}))
    server.bodies["ynat-v1.tar.gz"] = archive({"ynat-v1_train.json": b"[2]"})
    with pytest.raises(KlueDownloadError, match=r"ynat-v1\.tar\.gz: SHA-256 is [0-9a-f]{64}; expected"):
        fetch(task, "1.0.0", cache_dir=tmp_path / "other")


def test_the_published_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KLUE_BASE_URL", raising=False)
    host = "http://klue-benchmark.com.s3.amazonaws.com/app/Competitions"
    names = ("ynat", "klue-sts", "klue-nli", "klue-ner", "klue-re", "klue-dp", "klue-mrc", "wos")
    assert [archive_url(task) for task in TASKS.values()] == [
        f"{host}/0000{number}/data/{name}-v1.tar.gz" for number, name in enumerate(names, 66)
    ]


def test_version_1_1_without_a_hash_is_refused(server: Server, task: Task, tmp_path: Path) -> None:
    unknown = dataclasses.replace(task, blobs={"1.1.0": {}})
    with pytest.raises(KlueDownloadError, match=r"no published hash of version 1\.1\.0 is known for train"):
        fetch(unknown, cache_dir=tmp_path)


def test_load_says_the_same_and_builds_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(KlueDownloadError, match="git blob SHA-1 is"):
        make_builder("ynat", cache_dir=tmp_path)
