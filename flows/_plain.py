"""Connections without TLS: what they need not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL, temporary_settings

from qlf.engine.files import replace_file

__all__ = ["spare_certificates"]

_END = b"-----END CERTIFICATE-----\n"


@contextmanager
def spare_certificates(cache: Path) -> Iterator[None]:
    """Inside the block, connections to an API on this machine read one certificate instead of all.

    Each connection of Prefect, of which a run has five, reads the certificates of all authorities, 20 ms of
    CPU, even where the address says plain HTTP. Any other API is trusted as before, and a file of
    certificates that the user chose for Prefect, by variable or profile, is left alone.

    Args:
        cache: Folder that keeps the file.
    """
    address = urlsplit(PREFECT_API_URL.value() or "")
    path = cache / "one-certificate.pem"
    if address.scheme != "http" or address.hostname != "127.0.0.1" or not _written(path):
        yield
        return
    with temporary_settings(set_defaults={PREFECT_API_SSL_CERT_FILE: str(path)}):
        yield


def _written(path: Path) -> bool:
    # Written each time: what lies in a cache is not to be trusted. Without the file a run is slower, no more.
    with suppress(OSError, ImportError, ValueError):
        import certifi

        bundle = Path(certifi.where()).read_bytes()
        begin = bundle.index(b"-----BEGIN")
        replace_file(path, bundle[begin : bundle.index(_END, begin) + len(_END)], durable=False)
        return True
    return False
