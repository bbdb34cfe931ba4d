"""Import large libraries without collecting garbage."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Import modules without garbage collections, and keep what they hold out of later ones.

    Importing torch and transformers makes hundreds of thousands of objects that live as long as the process.
    Collections search them all in vain, while they are imported and each time that Trainer asks for one;
    tests/benchmarks/bench_startup.py times it. For commands; a library leaves its user's collector alone.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
