"""Import large libraries without collecting garbage."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Import modules without garbage collections, and keep what they hold out of later ones.

    Importing torch and transformers makes hundreds of thousands of objects that live as long as the process.
    Collections search them all in vain: a quarter of the time of these imports, and a quarter of a second
    each time that Trainer asks for one. For commands; a library leaves its user's collector alone.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
