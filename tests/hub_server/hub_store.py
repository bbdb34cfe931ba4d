"""Content of the test Hub: repositories with commits, large files by hash, and users."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import threading
from pathlib import Path

PLURALS = {"model": "models", "dataset": "datasets", "space": "spaces"}
# As on the Hub: these endings, and whatever is large, are kept outside git.
LARGE_ENDINGS = (".safetensors", ".parquet", ".bin", ".arrow", ".gz", ".zip")
LARGE_SIZE = 10_000_000


class Refused(Exception):
    """An error response: status, error code and message."""

    def __init__(
        self, status: int, message: str, code: str = "", headers: dict[str, str] | None = None, **body: str
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers or {}
        self.body = {"error": message, **body}


@dataclasses.dataclass(frozen=True)
class File:
    """A file in a commit."""

    data: bytes
    is_large: bool

    @property
    def oid(self) -> str:
        """Git's hash of the content, or the SHA-256 of a large file."""
        if self.is_large:
            return hashlib.sha256(self.data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()


@dataclasses.dataclass(frozen=True)
class Commit:
    """One state of a repository."""

    oid: str
    title: str
    files: dict[str, File]


@dataclasses.dataclass
class Repo:
    """A repository: its commits, oldest first."""

    kind: str
    name: str
    private: bool
    sdk: str | None
    commits: list[Commit]
    proposals: list[Commit] = dataclasses.field(default_factory=list)  # of pull requests

    def at(self, revision: str) -> Commit:
        """Return the commit of a branch or hash."""
        if revision in ("main", "HEAD"):
            return self.commits[-1]
        for commit in self.commits:
            if commit.oid == revision:
                return commit
        raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")


class Store:
    """All repositories, and the permissions of users.

    Args:
        users: Token -> the namespaces that it may write to; the first is the user's own.
    """

    def __init__(self, users: dict[str, list[str]]) -> None:
        self.users = users
        self.repos: dict[tuple[str, str], Repo] = {}
        self.large: dict[str, bytes] = {}
        self.lock = threading.RLock()

    def namespaces(self, token: str | None) -> list[str]:
        """Return the namespaces of the owner of a token; raise 401 for others."""
        if token not in self.users:
            raise Refused(401, "Invalid username or password.")
        return self.users[token]

    def create(self, token: str | None, values: dict) -> Repo:
        """Create a repository with its first commit; raise 409 if it exists."""
        own = self.namespaces(token)
        name = f"{values.get('organization') or own[0]}/{values['name']}"
        if name.split("/")[0] not in own:
            raise Refused(403, "You don't have the rights to create a repo under this namespace")
        kind = values.get("type") or "model"
        with self.lock:
            if (kind, name) in self.repos:
                raise Refused(409, "You already created this repo", url=f"/{name}")
            repo = Repo(kind, name, values.get("visibility") == "private", values.get("sdk"), [])
            repo.commits.append(_commit("initial commit", None, {".gitattributes": File(b"", False)}))
            self.repos[kind, name] = repo
            return repo

    def put(self, kind: str, name: str, folder: Path) -> Commit:
        """Commit the files of a folder, replacing all others, like a push of their owner."""
        files = {
            path.relative_to(folder).as_posix(): File(
                path.read_bytes(), _is_large(path.name, path.stat().st_size)
            )
            for path in folder.rglob("*")
            if path.is_file()
        }
        first = Repo(kind, name, False, None, [_commit("initial commit", None, {})])
        commits = self.repos.setdefault((kind, name), first).commits
        commits.append(_commit("put", commits[-1], files))
        return commits[-1]

    def repo(self, kind: str, name: str, token: str | None, *, write: bool = False) -> Repo:
        """Return a repository that the owner of the token may read or write."""
        repo = self.repos.get((kind, name))
        may_write = name.split("/")[0] in self.users.get(token or "", [])
        if repo is None or (repo.private and not may_write):
            raise Refused(404 if token in self.users else 401, "Repository not found", "RepoNotFound")
        if write and not may_write:
            self.namespaces(token)
            raise Refused(403, "You have read access but not the required permissions for this operation")
        return repo

    def preupload(self, repo: Repo, files: list[dict]) -> list[dict]:
        """Return the files to upload as large files, and those that exist."""
        there = repo.commits[-1].files
        return [
            {
                "path": file["path"],
                "uploadMode": "lfs" if _is_large(file["path"], file["size"]) else "regular",
                "shouldIgnore": False,
                **({"oid": there[file["path"]].oid} if file["path"] in there else {}),
            }
            for file in files
        ]

    def propose(self, repo: Repo, lines: list[dict]) -> Commit:
        """Keep a commit as a pull request; ``merge`` makes it the newest."""
        with self.lock:
            commit = self.commit(repo, lines)
            repo.proposals.append(repo.commits.pop())
            return commit

    def merge(self, kind: str, name: str) -> None:
        """Merge the last pull request of a repository."""
        repo = self.repos[kind, name]
        repo.commits.append(repo.proposals[-1])

    def commit(self, repo: Repo, lines: list[dict]) -> Commit:
        """Apply all operations or none."""
        with self.lock:
            header = next(line["value"] for line in lines if line["key"] == "header")
            parent = repo.commits[-1]
            if header.get("parentCommit") not in (None, parent.oid):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            files = dict(parent.files)
            for line in lines:
                path = line["value"].get("path")
                if line["key"] == "file":
                    files[path] = File(base64.b64decode(line["value"]["content"]), False)
                elif line["key"] == "lfsFile":
                    if line["value"]["oid"] not in self.large:
                        raise Refused(400, f"{path}: its contents were never uploaded")
                    files[path] = File(self.large[line["value"]["oid"]], True)
                elif line["key"] == "deletedFile" and files.pop(path, None) is None:
                    raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            repo.commits.append(_commit(header["summary"], parent, files))
            return repo.commits[-1]


def _commit(title: str, parent: Commit | None, files: dict[str, File]) -> Commit:
    named = {path: file.oid for path, file in files.items()}
    text = json.dumps([title, parent.oid if parent else None, named])
    return Commit(hashlib.sha1(text.encode()).hexdigest(), title, files)


def _is_large(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LARGE_ENDINGS) or size > LARGE_SIZE)
