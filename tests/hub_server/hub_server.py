"""A small Hub over HTTP for tests, with the requests of huggingface_hub, datasets and evaluate.

    with HubServer({"hf_token": ["me", "klue"]}) as hub:
        ...  # HF_ENDPOINT=hub.url HF_HUB_DISABLE_XET=1 HF_TOKEN=hf_token

Clients can create repositories, upload files as LFS objects or base64 in a commit, list and read them. There
is no Xet storage, so clients must disable it. Faults make requests fail on purpose.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import json
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from hub_store import PLURALS, Commit, File, Refused, Repo, Store

KINDS = {plural: kind for kind, plural in PLURALS.items()}
NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
ROUTES = {
    "whoami": ("GET", r"/api/whoami-v2"),
    "create": ("POST", r"/api/repos/create"),
    "validate": ("POST", r"/api/validate-yaml"),
    "leaderboard": ("GET", rf"/api/datasets/{NAME}/leaderboard"),
    "list": ("GET", r"/api/(?P<plural>models|datasets|spaces)"),
    "info": ("GET", rf"/api/(?P<plural>\w+)/{NAME}(/revision/(?P<revision>[^/]+))?"),
    "tree": ("GET", rf"/api/(?P<plural>\w+)/{NAME}/tree/(?P<revision>[^/]+)(/(?P<path>.*))?"),
    "paths": ("POST", rf"/api/(?P<plural>\w+)/{NAME}/paths-info/(?P<revision>[^/]+)"),
    "preupload": ("POST", rf"/api/(?P<plural>\w+)/{NAME}/preupload/(?P<revision>[^/]+)"),
    "commit": ("POST", rf"/api/(?P<plural>\w+)/{NAME}/commit/(?P<revision>[^/]+)"),
    "batch": ("POST", rf"/((?P<plural>datasets|spaces)/)?{NAME}\.git/info/lfs/objects/batch"),
    "large": ("PUT", r"/large/(?P<oid>[0-9a-f]{64})"),
    "resolve": (
        "GET|HEAD",
        rf"/((?P<plural>datasets|spaces)/)?{NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.*)",
    ),
}


@dataclasses.dataclass
class Fault:
    """A deliberate fault.

    Attributes:
        route: The key of ROUTES that it befalls.
        status: What is answered in place of the right answer; 0 to hang up without one.
        headers: Of that answer.
        times: How often; then all is well again.
        late: The request is carried out, and only its answer is lost.
    """

    route: str
    status: int = 0
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    times: int = 1_000
    late: bool = False


class HubServer:
    """The server, a context manager that runs in a thread.

    Args:
        users: Token -> namespaces that it may write to, the user's own first.

    Attributes:
        store: What it holds.
        faults: What goes wrong next.
        requests: Method and path of everything that was asked.
    """

    def __init__(self, users: dict[str, list[str]]) -> None:
        self.store = Store(users)
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def client(self, home: Path, token: str) -> dict[str, str]:
        """Return the environment of a process that uses this Hub, with its caches in ``home``."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        }

    def files(self, kind: str, name: str) -> dict[str, bytes]:
        """Return the files of the newest commit of a repository, without .gitattributes."""
        files = self.store.repos[kind, name].commits[-1].files
        return {path: file.data for path, file in files.items() if path != ".gitattributes"}

    def fault(self, route: str) -> Fault | None:
        """Return the fault for this request, if any."""
        for fault in self.faults:
            if fault.route == route and fault.times:
                fault.times -= 1
                return fault
        return None


class _HungUp(Exception):
    """The server closes the connection."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_: object) -> None:
        """Do nothing, since ``requests`` records it."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.body = self._read_chunks()
        self.hub.requests.append(f"{self.command} {unquote(self.path)}")
        try:
            self._route(unquote(url.path))
        except Refused as refused:
            headers = {"X-Error-Message": refused.message, **refused.headers}
            if refused.code:
                headers["X-Error-Code"] = refused.code
            self._answer(json.dumps(refused.body).encode(), refused.status, headers)
        except _HungUp:
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_GET

    def _route(self, path: str) -> None:
        for route, (methods, pattern) in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if match is None or self.command not in methods.split("|"):
                continue
            fault = self.hub.fault(route)
            if fault is not None and not fault.late:
                self._fail(fault)
            found = match.groupdict()
            if "plural" in found:
                found["kind"] = KINDS[found.pop("plural") or "models"]
            answer = getattr(self, f"_{route}")(**found)
            if fault is not None:
                self._fail(fault)
            if answer is not None:
                self._answer(json.dumps(answer).encode(), headers={"Content-Type": "application/json"})
            return
        raise Refused(404, f"This test server does not know {self.command} {path}")

    def _fail(self, fault: Fault) -> None:
        if not fault.status:
            raise _HungUp
        raise Refused(fault.status, "This went wrong on purpose", headers=fault.headers)

    @property
    def is_proposal(self) -> bool:
        """Whether the commit is for a pull request."""
        return self.query.get("create_pr") == ["1"]

    @property
    def token(self) -> str | None:
        """Token of the client."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else None

    def _repo(self, kind: str, name: str, *, write: bool = False) -> Repo:
        return self.hub.store.repo(kind, name, self.token, write=write)

    def _whoami(self) -> dict[str, Any]:
        own, *others = self.hub.store.namespaces(self.token)
        return {"type": "user", "name": own, "orgs": [{"name": name} for name in others]}

    def _create(self) -> dict[str, Any]:
        repo = self.hub.store.create(self.token, json.loads(self.body))
        prefix = "" if repo.kind == "model" else f"{PLURALS[repo.kind]}/"
        return {"url": f"{self.hub.url}/{prefix}{repo.name}", "name": repo.name}

    def _validate(self) -> dict[str, Any]:
        starts = json.loads(self.body)["content"].startswith("---\n")
        return {"errors": [] if starts else [{"message": "no metadata"}], "warnings": []}

    def _list(self, kind: str) -> list[dict[str, Any]]:
        repos = [repo for (its_kind, _), repo in self.hub.store.repos.items() if its_kind == kind]
        return [self._described(repo, repo.commits[-1]) for repo in repos if not repo.private]

    def _leaderboard(self, name: str) -> list[dict[str, Any]]:
        """Return the results of models for a data set with leaderboards, best first."""
        benchmark = self._repo("dataset", name).commits[-1].files.get("eval.yaml")
        if benchmark is None:
            raise Refused(404, "This dataset has no leaderboard")
        known = {task["id"] for task in yaml.safe_load(benchmark.data)["tasks"]}
        rows = []
        for (kind, model), repo in self.hub.store.repos.items():
            entries = _eval_results(repo.commits[-1]) if kind == "model" else []
            owner = {"_id": "0" * 24, "type": "user", "name": model.split("/")[0], "avatarUrl": ""}
            rows += [
                {
                    "modelId": model, "value": entry["value"], "filename": ".eval_results/klue.yaml",
                    "verified": False, "author": owner, "notes": entry.get("notes"),
                }
                for entry in entries
                if entry["dataset"]["id"] == name and entry["dataset"]["task_id"] in known
            ]  # fmt: skip
        rows.sort(key=lambda row: -row["value"])
        return [{"rank": rank, **row} for rank, row in enumerate(rows, start=1)]

    def _info(self, kind: str, name: str, revision: str | None) -> dict[str, Any]:
        repo = self._repo(kind, name)
        return self._described(repo, repo.at(revision or "main"))

    def _described(self, repo: Repo, commit: Commit) -> dict[str, Any]:
        found = {
            "_id": hashlib.md5(repo.name.encode()).hexdigest()[:24], "id": repo.name, "sha": commit.oid,
            "private": repo.private, "gated": False, "disabled": False, "tags": [], "downloads": 0,
            "likes": 0, "author": repo.name.split("/")[0], "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": path} for path in commit.files],
        }  # fmt: skip
        if "evalResults" in self.query.get("expand", []):
            found["evalResults"] = [
                {"filename": ".eval_results/klue.yaml", "verified": False, "data": entry}
                for entry in _eval_results(commit)
            ]
        return found | ({"sdk": repo.sdk} if repo.sdk else {})

    def _tree(self, kind: str, name: str, revision: str, path: str | None) -> list[dict[str, Any]]:
        files = self._repo(kind, name).at(revision).files
        prefix = f"{path.rstrip('/')}/" if path else ""
        below = {key: file for key, file in files.items() if key.startswith(prefix)}
        if prefix and not below:
            raise Refused(404, f"{path} does not exist", "EntryNotFound")
        is_deep = self.query.get("recursive", ["false"])[0].lower() == "true"
        folders = {
            prefix + "/".join(parts[: depth + 1])
            for parts in (key[len(prefix) :].split("/") for key in below)
            for depth in range(len(parts) - 1)
            if is_deep or not depth
        }
        entries = [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in folders]
        direct = {key: file for key, file in below.items() if is_deep or "/" not in key[len(prefix) :]}
        return sorted([*entries, *map(_entry, direct, direct.values())], key=lambda entry: entry["path"])

    def _paths(self, kind: str, name: str, revision: str) -> list[dict[str, Any]]:
        files = self._repo(kind, name).at(revision).files
        is_json = "json" in self.headers.get("Content-Type", "")
        wanted = json.loads(self.body)["paths"] if is_json else parse_qs(self.body.decode()).get("paths", [])
        found = []
        for path in [wanted] if isinstance(wanted, str) else wanted:
            if path in files:
                found.append(_entry(path, files[path]))
            elif any(key.startswith(f"{path}/") for key in files):
                found.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return found

    def _preupload(self, kind: str, name: str, revision: str) -> dict[str, Any]:
        repo = self._repo(kind, name, write=not self.is_proposal)
        return {"files": self.hub.store.preupload(repo, json.loads(self.body)["files"])}

    def _batch(self, kind: str, name: str) -> dict[str, Any]:
        self._repo(kind, name, write=True)
        objects = json.loads(self.body)["objects"]
        for item in objects:
            if item["oid"] not in self.hub.store.large:
                item["actions"] = {"upload": {"href": f"{self.hub.url}/large/{item['oid']}"}}
        return {"transfer": "basic", "objects": objects}

    def _large(self, oid: str) -> dict[str, Any]:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, "these are other contents than announced")
        self.hub.store.large[oid] = self.body
        return {}

    def _commit(self, kind: str, name: str, revision: str) -> dict[str, Any]:
        lines = [json.loads(line) for line in self.body.splitlines()]
        if self.is_proposal:  # anyone who is logged in may make one
            self.hub.store.namespaces(self.token)
            repo = self._repo(kind, name)
            commit = self.hub.store.propose(repo, lines)
            more = {"pullRequestUrl": f"{self.hub.url}/{name}/discussions/{len(repo.proposals)}"}
        else:
            commit, more = self.hub.store.commit(self._repo(kind, name, write=True), lines), {}
        url = f"{self.hub.url}/{name}/commit/{commit.oid}"
        return {"success": True, "commitOid": commit.oid, "commitUrl": url, **more}

    def _resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        commit = self._repo(kind, name).at(revision)
        file = commit.files.get(path)
        if file is None:
            raise Refused(404, f"{path} does not exist", "EntryNotFound", {"X-Repo-Commit": commit.oid})
        headers = {
            "ETag": f'"{file.oid}"', "X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }  # fmt: skip
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part is None:
            self._answer(file.data, headers=headers)
            return
        start, end = int(part[1]), min(int(part[2] or len(file.data)), len(file.data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(file.data)}"
        self._answer(file.data[start : end + 1], 206, headers)

    def _answer(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _read_chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


def _eval_results(commit: Commit) -> list[dict[str, Any]]:
    """Return the entries of the files in ``.eval_results`` of a model."""
    files = [file for path, file in commit.files.items() if path.startswith(".eval_results/")]
    return [entry for file in files for entry in yaml.safe_load(file.data) or []]


def _entry(path: str, file: File) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": path, "oid": file.oid, "size": len(file.data)}
    if file.is_large:
        entry["lfs"] = {"oid": file.oid, "size": len(file.data), "pointerSize": 130}
    return entry
