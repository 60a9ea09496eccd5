"""Which addresses a key may be sent to: encrypted ones, or this machine itself."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["endpoint_problem", "is_loopback"]

_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
_METADATA_ADDRESSES = frozenset(
    {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")}
)
_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_MAX_LENGTH = 500


def endpoint_problem(address: str) -> str | None:
    """Why no request may go to this address, as the end of a sentence; `None` if it may.

    Cloud metadata services and link-local addresses are refused, in every notation, because an answer from
    there can hold credentials of the machine. What a name resolves to is not looked up here.
    """
    if len(address) > _MAX_LENGTH or any(
        ord(character) <= 32 or ord(character) == 127 for character in address
    ):
        return "is no address"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in ("http", "https") or not host:
        return "is no http or https address"
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        return "holds credentials, which belong in the key store"
    if parts.query or parts.fragment or "?" in address or "#" in address:
        return "has a query or fragment, which a base address must not have"
    if port == 0:
        return "has port 0"
    host = host.lower().removesuffix(".")
    problem = _host_problem(host)
    if problem is None and parts.scheme == "http" and not _loopback_host(host):
        return "is not encrypted; use https, or http on this machine only"
    return problem


def is_loopback(address: str | None) -> bool:
    """Whether it names this machine itself."""
    if address is None:
        return False
    try:
        return _loopback_host((urlsplit(address).hostname or "").lower())
    except ValueError:
        return False


def _host_problem(host: str) -> str | None:
    found = _ip(host)
    if found is None:
        # Resolvers read 0xA9FEA9FE and 2852039166 as IPv4 addresses, so what ends like a number must be one.
        if re.fullmatch(r"\d+|0x[0-9a-f]*", host.rpartition(".")[2]):
            return "is no address"
        if host in _METADATA_NAMES:
            return "is a metadata service of the machine"
        return None if _NAME.fullmatch(host) else "is no address"
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    address = mapped or found
    if address.is_link_local or address in _METADATA_ADDRESSES:
        return "is a link-local or metadata address"
    if address.is_unspecified or address.is_multicast:
        return "is the address of no server"
    return None


def _loopback_host(host: str) -> bool:
    found = _ip(host)
    return found.is_loopback if found is not None else host == "localhost"


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
