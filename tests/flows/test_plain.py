"""What connections to a server on this machine are spared, and that the user's own settings win."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings

from flows._plain import spare_certificates

OWN = "http://127.0.0.1:4200/api"


@contextmanager
def chosen(url: str, cache: Path, file: str | None = None) -> Iterator[str | None]:
    """The file of certificates inside the block, for a user with these settings."""
    users = {PREFECT_API_URL: url} | ({PREFECT_API_SSL_CERT_FILE: file} if file else {})
    with temporary_settings(users), spare_certificates(cache):
        yield PREFECT_API_SSL_CERT_FILE.value()


def test_a_server_on_this_machine_needs_one_certificate(tmp_path: Path) -> None:
    (tmp_path / "one-certificate.pem").write_text("damaged")
    with chosen(OWN, tmp_path) as file:
        context = ssl.create_default_context(cafile=file)
        assert context.cert_store_stats()["x509"] == 1
        assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:4200/api", "http://prefect.example/api", "https://api.prefect.cloud/api"]
)
def test_any_other_server_keeps_all_of_them(url: str, tmp_path: Path) -> None:
    usual = PREFECT_API_SSL_CERT_FILE.value()
    with chosen(url, tmp_path) as file:
        assert file == usual
    assert list(tmp_path.iterdir()) == []


def test_the_certificates_that_the_user_chose_stay(tmp_path: Path) -> None:
    with chosen(OWN, tmp_path, "/own/bundle.pem") as file:
        assert file == "/own/bundle.pem"


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    usual = PREFECT_API_SSL_CERT_FILE.value()
    with chosen(OWN, tmp_path / "cache") as file:
        assert file == usual


def test_the_setting_ends_with_the_block(tmp_path: Path) -> None:
    before = PREFECT_API_SSL_CERT_FILE.value()
    with chosen(OWN, tmp_path):
        pass
    assert PREFECT_API_SSL_CERT_FILE.value() == before
