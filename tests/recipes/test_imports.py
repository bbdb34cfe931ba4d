"""Tests of imports without garbage collections."""

from __future__ import annotations

import gc
import weakref

import pytest

from klue_datasets.commands import without_collection


class Cycle:
    def __init__(self) -> None:
        self.me = self


def test_garbage_is_collected_again_afterwards() -> None:
    frozen = gc.get_freeze_count()
    with without_collection():
        assert not gc.isenabled()
        kept = [Cycle() for _ in range(100)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)
    later = Cycle()
    reference = weakref.ref(later)
    del later
    gc.collect()
    assert reference() is None


def test_a_package_that_is_missing_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), without_collection():
        __import__("no_such_package")
    assert gc.isenabled()
