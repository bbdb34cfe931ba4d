"""Commands that run side by side, each with a log of its own, and end together with this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

GRACE = 20.0  # seconds that commands have to end after SIGTERM


class Launcher:
    """Runs commands, several at once.

    Args:
        jobs: How many at once; they share the cores: each gets its part as OMP_NUM_THREADS.
        verbose: Whether commands write to standard output and error, and not to their logs.
    """

    def __init__(self, jobs: int = 1, verbose: bool = False) -> None:
        self.jobs = jobs
        self.verbose = verbose
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.has_ended = False

    def run_all(self, tasks: Sequence[Callable[[Launcher], None]]) -> None:
        """Call functions that run commands, ``jobs`` of them at once, in their order.

        Whatever ends this process ends the commands first: Ctrl-C, SIGTERM and SIGHUP.
        """
        with _exit_at(signal.SIGTERM, signal.SIGHUP), ThreadPoolExecutor(self.jobs) as pool:
            try:
                for future in [pool.submit(task, self) for task in tasks]:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._end()
                raise

    def call(self, command: Sequence[str], log: Path) -> int:
        """Run a command to its end; return its status.

        It has a session of its own, so that Ctrl-C reaches this process alone and not also the launcher and
        its children, each of which would print a traceback.
        """
        environment = dict(os.environ)
        if self.jobs > 1:
            environment.setdefault("OMP_NUM_THREADS", str(max(len(os.sched_getaffinity(0)) // self.jobs, 1)))
        with contextlib.ExitStack() as stack:
            streams: dict[str, Any] = {}
            if not self.verbose:
                log.parent.mkdir(parents=True, exist_ok=True)
                streams["stdout"] = streams["stderr"] = stack.enter_context(log.open("wb"))
            with self._lock:
                if self.has_ended:
                    return -signal.SIGTERM
                process = subprocess.Popen(command, env=environment, start_new_session=True, **streams)
                self._running.add(process)
            status = process.wait()
            with self._lock:
                self._running.discard(process)
            return status

    def _end(self) -> None:
        with self._lock:
            self.has_ended = True
            running = list(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in running:
            process.wait()
            while _signal_group(process, 0):  # the launcher has ended; what it started may still be writing
                if time.monotonic() > deadline:
                    _signal_group(process, signal.SIGKILL)
                    break
                time.sleep(0.02)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to a command and what it started; whether any of them is there."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def _exit_at(*signals: signal.Signals) -> Iterator[None]:
    """Turns signals that would kill this process into SystemExit; those that are ignored (nohup) stay so."""
    handled = [one for one in signals if signal.getsignal(one) is signal.SIG_DFL]
    for one in handled:
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for one in handled:
            signal.signal(one, signal.SIG_DFL)
