"""What a response stands for that is an error in place of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qlf.llm.adapters.failures import failed
from qlf.llm.adapters.headers import rate_report, request_id, retry_after_seconds
from qlf.llm.adapters.openai_errors import error_in, meaning
from qlf.llm.adapters.openai_transport import HEADERS
from qlf.llm.deployment import Deployment
from qlf.llm.failure import Failure

if TYPE_CHECKING:
    import httpx2

__all__ = ["headers_of", "refused"]


def headers_of(response: httpx2.Response) -> Mapping[str, str]:
    """The headers as our transport read them."""
    headers: Mapping[str, str] = response.extensions.get(HEADERS, {})
    return headers


def refused(deployment: Deployment, response: httpx2.Response, *, begun: bool = False) -> Failure:
    """The failure that a response with an error status, or an error in place of an answer, stands for."""
    status = None if begun else response.status_code
    means = meaning(status, error_in(response.content))
    headers = headers_of(response)
    return failed(
        means.kind,
        deployment,
        means.what,
        hint=means.hint,
        status=response.status_code,
        sent=begun,
        retry_after_seconds=retry_after_seconds(headers),
        request_id=request_id(headers),
        rates=rate_report(headers),
    )
