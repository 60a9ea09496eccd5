"""While credentials are in memory no core dump is written and no other process may attach."""

from __future__ import annotations

import ctypes
import resource
import sys

import pytest

from qlf.ledger.keys.process import guarded_memory


def test_core_dumps_are_off_inside_and_as_before_outside():
    before = resource.getrlimit(resource.RLIMIT_CORE)
    with guarded_memory():
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    assert resource.getrlimit(resource.RLIMIT_CORE) == before


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_process_is_not_dumpable_inside_also_after_an_error():
    def dumpable():
        return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)

    before = dumpable()
    seen = []

    def fail():
        with guarded_memory():
            seen.append(dumpable())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [0]
    assert dumpable() == before
