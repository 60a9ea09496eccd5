"""What a run is spared, and that the user's own settings are left alone."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from qlf.cli.lean import relax_collector, spare_certificates
from qlf.settings import PrefectApi

NAME = "PREFECT_API_SSL_CERT_FILE"
OWN = PrefectApi("http://127.0.0.1:4200/api", origin="qlf up", explicit=False)


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set first, so that whatever a test leaves behind is taken back.
    monkeypatch.setenv(NAME, "")
    monkeypatch.delenv(NAME)


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_garbage_is_collected_seldom_but_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    at_exit: list[object] = []
    monkeypatch.setattr("qlf.cli.lean.atexit.register", at_exit.append)
    relax_collector()
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 10_000
    assert at_exit == [gc.freeze]


def test_our_own_server_needs_one_certificate(tmp_path: Path) -> None:
    (tmp_path / "one-certificate.pem").write_text("damaged")
    spare_certificates(OWN, tmp_path)
    context = ssl.create_default_context(cafile=os.environ[NAME])
    assert context.cert_store_stats()["x509"] == 1
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_an_api_of_the_user_keeps_all_certificates(tmp_path: Path) -> None:
    spare_certificates(PrefectApi("https://prefect.example/api", origin="PREFECT_API_URL"), tmp_path)
    assert NAME not in os.environ


def test_the_certificates_that_the_user_chose_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(NAME, "/own/bundle.pem")
    spare_certificates(OWN, tmp_path)
    assert os.environ[NAME] == "/own/bundle.pem"


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    spare_certificates(OWN, tmp_path / "cache")
    assert NAME not in os.environ
