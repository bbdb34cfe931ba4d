"""Downloads from a server on this machine: right, wrong, and not at once."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from klue_datasets.download import KlueDownloadError, fetch, git_blob_sha1
from klue_datasets.loading import MINI_DIR
from klue_datasets.tasks import get_task


@dataclasses.dataclass
class Server:
    """What the server says next, and what it was asked."""

    bodies: dict[str, bytes]
    requests: list[str] = dataclasses.field(default_factory=list)
    failures: int = 0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    folder = MINI_DIR / "ynat-v1.1"
    state = Server({path.name: path.read_bytes() for path in folder.glob("*.json")})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(f"{self.command} {self.path}")
            body = state.bodies.get(self.path.rsplit("/", 1)[-1])
            if state.failures > 0 or body is None:
                state.failures -= 1
                self.send_error(503 if body is not None else 404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setenv("KLUE_BASE_URL", f"http://127.0.0.1:{http.server_port}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
        yield state
        http.shutdown()


@pytest.fixture
def task() -> object:
    """ynat, with the hashes of the files that the server has."""
    record = get_task("ynat")
    files = {"train": "ynat-v1.1_train.json", "validation": "ynat-v1.1_dev.json"}
    blobs = {split: git_blob_sha1(MINI_DIR / "ynat-v1.1" / name) for split, name in files.items()}
    return dataclasses.replace(record, blobs={"1.1.0": blobs})


def test_files_are_downloaded_once_and_checked(server: Server, task, tmp_path: Path) -> None:
    files = fetch(task, cache_dir=tmp_path)
    assert Path(files["train"][0]).read_bytes() == server.bodies["ynat-v1.1_train.json"]
    asked = len(server.requests)
    assert fetch(task, cache_dir=tmp_path) == files
    assert len(server.requests) == asked


def test_a_wrong_file_is_refused_and_not_kept(server: Server, task, tmp_path: Path) -> None:
    right = server.bodies["ynat-v1.1_dev.json"]
    server.bodies["ynat-v1.1_dev.json"] = b"[]"
    with pytest.raises(
        KlueDownloadError, match=r"ynat-v1\.1_dev\.json: git blob SHA-1 is [0-9a-f]{40}; expected"
    ):
        fetch(task, cache_dir=tmp_path)
    server.bodies["ynat-v1.1_dev.json"] = right
    assert Path(fetch(task, cache_dir=tmp_path)["validation"][0]).read_bytes() == right


def test_an_absent_file_is_a_clear_error(server: Server, task, tmp_path: Path) -> None:
    server.bodies.clear()
    with pytest.raises(KlueDownloadError, match=r"ynat: could not download http://127\.0\.0\.1"):
        fetch(task, cache_dir=tmp_path)
