"""What the platform asks: alive, ready, how busy."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.api.responses import problems
from app.core.errors import UnavailableError
from app.core.metrics import CONTENT_TYPE
from app.db.migrations import pending_reason

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The application answers."""

    status: Literal["ok"] = "ok"


@router.get("/health/live")
def live() -> Health:
    """Say that the process works. A failing database must not restart it, so it is not asked."""
    return Health()


@router.get("/health/ready", responses=problems())
def ready(request: Request) -> Health:
    """Say whether requests can be served: not shutting down, database there and up to date."""
    if request.app.state.stopping:
        raise UnavailableError("The application is shutting down.", code="stopping")
    if reason := pending_reason(request.app.state.database.engine):
        raise UnavailableError(reason, code="not_ready")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Return the counters for Prometheus."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)
