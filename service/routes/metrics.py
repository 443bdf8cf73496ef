"""The route that Prometheus reads."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from service.routes.schemas import documented_errors

router = APIRouter(tags=["status"])


@router.get(
    "/metrics",
    summary="Counters and latencies for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "the metrics in text format 0.0.4", "content": {"text/plain": {}}},
        **documented_errors(401, 403, 429),
    },
)
async def metrics(request: Request) -> Response:
    """What docs/OPERATIONS.md describes; counted from the start of the process."""
    # In a thread, as it reads /proc and waits for the gallery's lock.
    text = await to_thread.run_sync(request.app.state.metrics.exposition)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
