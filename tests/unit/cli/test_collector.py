"""Garbage is collected seldom, but collected."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from qlf.cli.collector import relax_collector


@pytest.fixture
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("thresholds")
def test_garbage_is_collected_seldom_and_not_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[object] = []
    monkeypatch.setattr("qlf.cli.collector.atexit.register", at_exit.append)
    relax_collector()
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 10_000
    assert at_exit == [gc.freeze]
