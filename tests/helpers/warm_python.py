"""Start Python processes in which large libraries have been imported before.

A server imports the libraries, none of which is ours, and forks a process for each command, which saves
several seconds per command. Tests of imports or start-up need a plain process instead.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = ("torch", "datasets", "evaluate", "transformers", "accelerate", "peft", "transformers.trainer")
TIMEOUT = 280


# A command of this environment for a shell: it runs in a fork of the server, and behaves as if it ran itself.
COMMAND = """#!{python} -IS
import json, os, socket, sys

name = os.path.basename(sys.argv[0])
words = sys.argv[1:] if name == "python" else ["{bin}/" + name, *sys.argv[1:]]
if words[:1] == ["-u"]:  # as torchrun says it; output goes straight to the files anyway
    del words[0]
executable = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "python")
job = {{"words": words, "cwd": os.getcwd(), "environment": dict(os.environ), "executable": executable}}
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect({addresses}[os.environ.get("HF_HUB_OFFLINE") == "1"])
socket.send_fds(connection, [json.dumps(job).encode()], [0, 1, 2])
connection.recv(100)  # its process id
status = json.loads(connection.recv(100))
sys.exit(status if status >= 0 else 128 - status)
"""


class WarmProcess:
    """A process forked by the server.

    Attributes:
        pid: Its id, which is that of its session, too.
    """

    def __init__(self, connection: socket.socket, output: Path) -> None:
        self._connection, self._output = connection, output
        self.pid: int = json.loads(connection.recv(100))

    def wait(self) -> int:
        """Wait for the end; return the status, which is negative after a signal."""
        with self._connection:
            return json.loads(self._connection.recv(100))

    def kill(self) -> None:
        """Kill the process and its children with SIGKILL."""
        os.killpg(self.pid, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def finished(self, *, check: bool) -> subprocess.CompletedProcess[str]:
        """Wait for the end; return status and output. With ``check``, a status other than 0 is an error."""
        status = self.wait()
        stdout, stderr = ((self._output / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        if check and status:
            raise AssertionError(f"process {self.pid} ended with {status}:\n{stdout}\n{stderr}")
        return subprocess.CompletedProcess([], status, stdout, stderr)


class WarmPython:
    """Runs Python with command-line arguments in forks of a process that has imported ``LIBRARIES``.

    Args:
        folder: An empty folder.
        environment: That of the server. Variables that a library reads when it is imported have to be here.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._folder, self.address = folder, str(folder / "socket")
        words = [sys.executable, __file__, self.address]
        self._server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(environment))
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n"

    def start(
        self, *words: str | Path, cwd: Path, environment: Mapping[str, str] = os.environ
    ) -> WarmProcess:
        """Start a script, a module (``-m``) or code (``-c``); return its process."""
        output = Path(tempfile.mkdtemp(dir=self._folder))
        job = {"words": [str(word) for word in words], "cwd": str(cwd), "environment": dict(environment)}
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(TIMEOUT)
        connection.connect(self.address)
        with (
            open(os.devnull) as nothing,
            (output / "stdout").open("w") as stdout,
            (output / "stderr").open("w") as stderr,
        ):
            files = [file.fileno() for file in (nothing, stdout, stderr)]
            socket.send_fds(connection, [json.dumps({**job, "executable": sys.executable}).encode()], files)
        return WarmProcess(connection, output)

    def run_ranks(self, number: int, *words: str | Path, cwd: Path) -> None:
        """Run one process per rank in the environment of torchrun; all must succeed."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {**os.environ, "WORLD_SIZE": str(number), "LOCAL_WORLD_SIZE": str(number)}
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        ranks = [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]
        for process in [self.start(*words, cwd=cwd, environment=environment) for environment in ranks]:
            process.finished(check=True)

    def close(self) -> None:
        """Stop the server; running processes finish their work."""
        self._server.terminate()
        self._server.wait()


def write_commands(folder: Path, online: WarmPython, offline: WarmPython, names: Sequence[str]) -> None:
    """Write ``python`` and other commands for a shell, which run in forks of the servers.

    Args:
        folder: Where they go.
        online: The server for what runs without HF_HUB_OFFLINE, which libraries read when they are imported.
        offline: The server for what runs with it.
        names: Of the other commands.
    """
    folder.mkdir(parents=True)
    executable = Path(sys.executable)
    addresses = (online.address, offline.address)
    text = COMMAND.format(python=executable, bin=executable.parent, addresses=addresses)
    for name in ("python", *names):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def serve(address: str) -> tuple[dict[str, Any], Sequence[int]]:
    """Import the libraries and fork a process for each connection.

    Returns:
        In the fork: what to run, and its standard input, output and error.
    """
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # else the first collection in each process would copy all objects
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the system forgets watchers that have ended
    listener.settimeout(5)
    parent = os.getppid()
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if os.getppid() != parent:  # the tests were killed
                os._exit(0)
            continue
        if os.fork():
            connection.close()
            continue
        connection.settimeout(None)
        listener.close()  # this is the watcher of one process
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job, files, *_ = socket.recv_fds(connection, 1 << 20, 3)
        pid = os.fork()
        if not pid:
            connection.close()
            return json.loads(job), files
        for file in files:
            os.close(file)
        with contextlib.suppress(BrokenPipeError):  # a test may end without waiting
            connection.send(str(pid).encode())
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)


def run_job(job: dict[str, Any], files: Sequence[int]) -> None:
    """Turn this fork into the process of a job, and run its arguments like Python."""
    os.setsid()
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.executable = job["executable"]
    sys.path[:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    words = job["words"]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        sys.path[0] = str(Path(words[0]).resolve().parent)
        runpy.run_path(words[0], run_name="__main__")


def end(error: BaseException | None) -> NoReturn:
    """End the process without tearing down the libraries, which takes seconds."""
    code = error.code if isinstance(error, SystemExit) else error and 1
    if error is not None and not isinstance(error, SystemExit):
        traceback.print_exception(error)
    elif isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if isinstance(code, str) else code or 0)


if __name__ == "__main__":
    received = serve(sys.argv[1])
    try:
        run_job(*received)
    except BaseException as raised:
        end(raised)
    end(None)
