"""What the platform asks: alive, ready, how busy."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from app.api.responses import problems
from app.core.errors import problem_response
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


@router.get("/health/ready", response_model=Health, responses=problems(503))
def ready(request: Request) -> Health | JSONResponse:
    """Say whether requests can be served: not shutting down, database there and up to date."""
    if request.app.state.stopping:
        return problem_response(503, "The application is shutting down.", "stopping")
    if reason := pending_reason(request.app.state.database.engine):
        return problem_response(503, reason, "not_ready")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Return the counters for Prometheus."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)
